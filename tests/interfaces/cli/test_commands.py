"""The command line, by hand: help with an example, JSON, exit codes, errors that say what to do."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys

import joblib
import pytest

import workbench as wb
from workbench.core.project import open_settings
from workbench.interfaces.cli.main import app, main
from workbench.journal import Event

COMMANDS = [
    "register",
    "waive",
    "compile",
    "audit",
    "audits",
    "explain",
    "gate",
    "request",
    "approve",
    "reject",
    "revoke",
    "freshness",
    "batch",
    "rollback",
    "kill",
    "revive",
    "gateway",
    "drill",
    "up",
    "incident",
    "replay",
    "bisect",
    "lineage",
    "history",
    "status",
    "card",
    "pack",
    "verify",
    "lab",
    "checkpoint",
    "key",
    "whoami",
]
GROUPED = [
    "release start",
    "release run",
    "release tick",
    "release list",
    "release show",
    "release pause",
    "release resume",
    "release abort",
    "release retry",
    "release approve",
    "release revoke",
    "release plan",
    "playbook run",
    "playbook list",
    "policy diff",
    "policy list",
    "policy show",
    "finding open",
    "finding accept",
    "finding fix",
    "finding list",
    "gateway-key add",
    "gateway-key list",
    "gateway-key revoke",
    "traffic send",
    "traffic label",
]


def help_of(command, capsys):
    assert main([*command.split(), "--help"]) == 0
    return re.sub(r"\s+", " ", capsys.readouterr().out)


def test_every_command_is_tested_here():
    assert {c.name or c.callback.__name__ for c in app.registered_commands} == set(COMMANDS)
    groups = [(g.name, g.typer_instance.registered_commands) for g in app.registered_groups]
    assert {f"{name} {c.name}" for name, commands in groups for c in commands} == set(GROUPED)


@pytest.mark.parametrize("command", [*COMMANDS, *GROUPED])
def test_every_command_has_help_with_an_example(command, capsys):
    assert re.search(rf"Example: workbench {command}\b", help_of(command, capsys))


@pytest.mark.parametrize("command", [*COMMANDS, *GROUPED])
def test_every_command_can_print_json(command, capsys):
    assert "--json" in help_of(command, capsys)


# Register and audit


def test_the_audits_are_listed_with_what_each_measures_and_the_suites(project, run_in, capsys):
    assert main(["audits"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^fairness +Rates of every group", out, re.MULTILINE)
    assert "suites: credit, default" in out


def test_an_audit_says_what_it_can_be_told_from_where_it_is_written(capsys):
    assert main(["audits", "drift", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    options = {option["name"]: option for option in told["options"]}
    assert options["margin"]["default"] == 0.1
    assert options["margin"]["help"].startswith("The effect that matters.")
    assert '"psi" | ' in options["method"]["type"]
    assert told["json_schema"]["properties"]["margin"]["description"] == options["margin"]["help"]
    assert main(["audits", "drfit"]) == 3
    assert "'drift'" in capsys.readouterr().err


def test_a_model_from_a_file_is_registered_by_whoever_says_so(project, run_in):
    given = ["--model", str(project / "model.skops"), "--train", str(project / "train.csv"), "--target", "y"]
    code, out, _ = run_in(
        project, "register", "again", *given, "--sensitive", "group", "--json", actor="joan"
    )
    version = json.loads(out)
    assert (code, version["version"], version["author"], version["sensitive"]) == (0, 1, "joan", ["group"])


def test_an_audit_measures_and_exits_zero_with_its_progress_beside_the_json(project, run_in):
    code, out, err = run_in(
        project,
        "audit",
        "tiny/1",
        "--on",
        str(project / "train.csv"),
        "--suite",
        "performance, fairness",
        "--json",
    )
    assert code == 0
    assert [e["audit"] for e in json.loads(out)["evidence"]] == ["performance", "fairness"]
    assert "[2/2] fairness" in err


def test_audits_side_by_side_tell_of_their_ends(project, run_in):
    on = ["audit", "tiny/1", "--on", str(project / "train.csv")]
    code, _, err = run_in(project, *on, "--suite", "performance, fairness", "--n-jobs", "2", "--fresh")
    assert code == 0
    assert err.count(": done") == 2
    assert "[2/2]" in err


def test_a_column_of_predictions_without_a_target_is_told_which_option_is_missing(project, run_in):
    code, _, err = run_in(project, "audit", "--on", str(project / "train.csv"), "--prediction", "y")
    assert code == 3
    assert "--target is missing" in err


def test_a_column_of_predictions_is_audited_with_no_model(project, run_in, tmp_path):
    page = tmp_path / "column.html"
    code, out, err = run_in(
        project, "audit", "--on", str(project / "scored.csv"), "--prediction", "predicted", "--score", "probability",
        "--target", "y", "--sensitive", "group", "--suite", "performance", "--html", str(page),
    )  # fmt: skip
    assert code == 0
    assert "accuracy_score 100.0 %" in out
    assert f"page: {page}" in err
    assert page.read_text("utf-8").startswith("<!doctype html>")


def test_an_audit_of_nothing_says_what_may_be_audited(project, run_in):
    code, _, err = run_in(project, "audit", "--on", str(project / "train.csv"))
    assert code == 3
    assert "--prediction" in err


def test_a_page_that_cannot_be_written_is_refused_before_the_audit_runs(project, run_in):
    code, _, err = run_in(
        project,
        "audit",
        "tiny/1",
        "--on",
        str(project / "train.csv"),
        "--html",
        str(project / "no" / "page.html"),
    )
    assert code == 3
    assert "no folder" in err
    assert "[1/" not in err


def test_a_pickle_that_is_no_model_is_refused_with_its_type(tmp_path, run):
    joblib.dump({"not": "a model"}, tmp_path / "thing.pkl")
    (tmp_path / "train.csv").write_text("a,y\n1,0\n2,1\n")
    given = ["--model", str(tmp_path / "thing.pkl"), "--train", str(tmp_path / "train.csv"), "--target", "y"]
    code, _, err = run("register", "x", *given)
    assert code == 3
    assert "workbench waive x --kind pickle" in err
    code, out, _ = run("waive", "x", "--reason", "a test", "--until", "2999-01-01", "--json", actor="joan")
    waiver = json.loads(out)
    assert (code, waiver["by"], waiver["until"]) == (0, "joan", "2999-01-01")
    code, _, err = run("register", "x", *given)
    assert code == 3
    assert "dict" in err
    assert not (tmp_path / ".workbench" / "mlruns").exists()


# Gate and approve


@pytest.mark.parametrize(("policy", "code", "outcome"), [("easy", 0, "pass"), ("hard", 1, "fail")])
def test_the_exit_code_of_a_gate_is_its_outcome(project, run_in, policy, code, outcome):
    given, out, _ = run_in(project, "gate", "tiny/1", "--policy", policy, "--json")
    assert (given, json.loads(out)["outcome"]) == (code, outcome)
    given, out, _ = run_in(project, "gate", "tiny/1", "--policy", policy)
    assert given == code
    assert "accuracy_score" in out


def test_a_gate_without_the_evidence_it_asks_for_is_inconclusive_and_exits_two(project, run_in):
    code, out, _ = run_in(project, "gate", "tiny/1")
    assert code == 2
    assert "inconclusive" in out


def test_the_author_cannot_approve_and_somebody_with_the_role_can(project, run_in):
    code, _, err = run_in(project, "approve", "tiny/1", "--policy", "asked", "--note", "mine", actor="ada")
    assert code == 3
    assert "→" in err
    code, out, _ = run_in(
        project, "approve", "tiny/1", "--policy", "asked", "--note", "reviewed", actor="grace"
    )
    assert code == 0
    assert re.fullmatch(
        r"approval/tiny/1#\d+: grace approved tiny/1 as model-risk, until \d{4}-\d\d-\d\d: reviewed\n", out
    )
    approval = out.partition(":")[0]
    code, out, _ = run_in(project, "freshness", "tiny/1", "--policy", "asked")
    assert approval in out
    code, out, _ = run_in(project, "revoke", approval, "--note", "too early", actor="grace")
    assert (code, out) == (0, f"grace took {approval} back: too early\n")
    code, out, _ = run_in(project, "reject", "tiny/1", "--policy", "asked", "--note", "no", actor="grace")
    assert (code, "rejected tiny/1" in out) == (0, True)


def test_a_request_shows_the_version_beside_the_champion_and_binds_whoever_asks(project, run_in):
    code, out, _ = run_in(
        project, "request", "limits/1", "--policy", "asked", "--note", "please", "--json", actor="grace"
    )
    asked = json.loads(out)
    assert (code, asked["by"], asked["difference"]["candidate"]) == (0, "grace", "limits/1")
    code, _, err = run_in(project, "approve", "limits/1", "--policy", "asked", "--note", "ok", actor="grace")
    assert code == 3
    assert "requested the approval of limits/1 and cannot give it" in err


def test_findings_are_opened_accepted_fixed_and_listed(project, run_in):
    code, out, _ = run_in(project, "finding", "open", "limits/1", "Reads\nlines", "--severity", "high")
    finding = out.partition(" ")[0]
    assert (code, finding) == (0, "finding/limits#0")
    given = ["finding", "accept", finding, "--reason", "rare", "--until", "2099-01-31"]
    assert run_in(project, *given, actor="grace")[0] == 0
    code, out, _ = run_in(
        project, "finding", "fix", finding, "--version", "limits/2", "--note", "gone", actor="ada"
    )
    assert code == 0
    code, out, _ = run_in(project, "finding", "list", "limits")
    assert out == "finding/limits#0 (high, fixed) in limits/1: Reads lines, fixed in limits/2: gone\n"
    assert run_in(project, "finding", "list", "tiny")[1] == "none was written down\n"


def test_a_change_of_a_policy_says_what_it_would_do_and_old_texts_can_be_read(project, run_in, tmp_path):
    run_in(project, "gate", "tiny/1", "--policy", "asked")
    code, out, _ = run_in(project, "policy", "list", "--json")
    (used,) = [ref for ref in json.loads(out)["used"] if ref.startswith("asked@")]
    code, out, _ = run_in(project, "policy", "show", used)
    assert (code, out.startswith("# sha256:")) == (0, True)
    assert run_in(project, "policy", "diff", used, "asked")[0] == 0
    stricter = tmp_path / "asked.yaml"
    stricter.write_text(out + "required_audits: [privacy]\n")
    code, out, _ = run_in(project, "policy", "diff", used, str(stricter))
    assert "+ privacy: evidence is required" in out
    assert code == (1 if "→ inconclusive" in out else 0)


# Look


def test_the_card_is_a_page_and_json(project, run_in, tmp_path):
    code, out, err = run_in(project, "card", "tiny/1", "-o", str(tmp_path / "card.html"), "--json")
    assert code == 0
    assert json.loads(out)["model"]["name"] == "tiny"
    assert "page:" in err
    assert "<script" not in (tmp_path / "card.html").read_text("utf-8")


def test_status_lists_models_in_words_and_as_json(project, run_in):
    code, out, _ = run_in(project, "status")
    assert code == 0
    assert "limits/3" in out
    assert {m["name"] for m in json.loads(run_in(project, "status", "--json")[1])["models"]} >= {
        "tiny",
        "limits",
    }


def test_lineage_is_a_tree_and_events_in_a_file(project, run_in, tmp_path):
    code, out, err = run_in(project, "lineage", "tiny/1", "--openlineage", str(tmp_path / "events.ndjson"))
    assert code == 0
    assert out.startswith("model tiny/1 (")
    assert "column group (" in out
    assert "2 events" in err
    assert len((tmp_path / "events.ndjson").read_text("utf-8").splitlines()) == 2
    assert json.loads(run_in(project, "lineage", "tiny", "--json")[1])["kind"] == "model"


def test_a_model_is_registered_with_the_query_and_the_versions_it_was_made_from(project, run_in):
    given = ["--model", str(project / "model.skops"), "--train", str(project / "train.csv"), "--target", "y"]
    told = ["--source", "SELECT 1", "--parent", "tiny/1", "--parent", "limits/2"]
    code, out, _ = run_in(project, "register", "child", *given, *told, "--json")
    lineage = json.loads(out)["lineage"]
    assert (code, lineage["data_source"], lineage["data_file"]) == (0, "SELECT 1", "train.csv")
    assert [parent["ref"] for parent in lineage["parents"]] == ["tiny/1", "limits/2"]


def test_history_names_the_champion_of_a_moment_and_refuses_what_is_no_time(project, run_in):
    code, out, _ = run_in(project, "history", "limits")
    assert code == 0
    assert "limits/3 registered" in out
    assert (
        json.loads(run_in(project, "history", "limits", "--at", "2020-01-01", "--json")[1])["changes"] == []
    )
    code, _, err = run_in(project, "history", "limits", "--at", "noon")
    assert code == 3
    assert "is no time" in err


def test_verify_holds_and_exits_one_when_a_byte_was_changed(project, run_in, tmp_path):
    code, out, _ = run_in(project, "verify", "--json")
    assert (code, json.loads(out)["ok"]) == (0, True)

    open_settings(tmp_path)
    path = tmp_path / ".workbench" / "journal.db"
    run_in(tmp_path, "kill", "old", "--reason", "hold")
    for file in tmp_path.joinpath(".workbench").glob("journal.db*"):
        file.write_bytes(file.read_bytes().replace(b'"hold"', b'"held"'))
    assert path.exists()
    code, out, _ = run_in(tmp_path, "verify")
    assert code == 1
    assert "holds" not in out


def test_playbooks_are_listed_with_their_parameters(run):
    code, out, _ = run("playbook", "list", "--json")
    assert code == 0
    assert json.loads(out)["release_gate"]["seed"] == "0"
    assert "-p model=" in run("playbook", "list")[1]


# Kill and revive


def test_kill_and_revive_say_what_they_did(project, run_in):
    code, out, _ = run_in(project, "kill", "limits", "--reason", "legal hold")
    assert code == 0
    assert 'workbench revive limits --reason "…"' in out
    code, out, _ = run_in(project, "revive", "limits", "--reason", "lifted", "--json")
    assert (code, json.loads(out)) == (0, {"endpoint": "limits", "killed": False, "reason": "lifted"})
    code, _, err = run_in(project, "revive", "limits", "--reason", "again")
    assert code == 3
    assert "not killed" in err


def test_killing_an_endpoint_that_never_was_warns_of_a_mistyped_name(run, tmp_path):
    open_settings(tmp_path)
    code, out, err = run("kill", "limts", "--reason", "hurry", "--json")
    assert (code, json.loads(out)["killed"]) == (0, True)
    assert "Is that its name?" in err


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (["kill", "limits"], "reason"),
        (["revive", "limits"], "reason"),
        (["rollback", "limits"], "reason"),
        (["release", "abort", "limits-1"], "reason"),
        (["approve", "tiny/1"], "note"),
        (["finding", "accept", "F-1", "--until", "2099-01-01"], "reason"),
    ],
)
def test_where_nobody_can_answer_a_missing_reason_is_an_error_that_names_it(
    project, run_in, monkeypatch, command, option
):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    code, out, err = run_in(project, *command, "--json")
    assert (code, json.loads(out)["field"]) == (3, option)
    assert f'→ Give --{option} "…"' in err


def test_a_reason_that_is_left_out_is_asked_for(project, run_in, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("legal hold\n"))
    code, out, _ = run_in(project, "kill", "tiny", "--json")
    assert (code, json.loads(out)["reason"]) == (0, "legal hold")
    assert run_in(project, "revive", "tiny", "--reason", "lifted")[0] == 0


def test_at_a_terminal_long_lines_are_broken_between_words_and_in_a_pipe_not(project, run_in, monkeypatch):
    _, whole, _ = run_in(project, "history", "limits")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "50")
    _, broken, _ = run_in(project, "history", "limits")
    assert max(map(len, whole.splitlines())) > 50 >= max(map(len, broken.splitlines()))
    assert broken.split() == whole.split()


# Errors


@pytest.mark.parametrize(
    "command", [["status"], ["verify"], ["gate", "x"], ["kill", "x", "--reason", "y"], ["gateway", "x"]]
)
def test_a_mistyped_folder_is_noticed_and_no_project_is_made_there(run, tmp_path, command):
    code, _, err = run(*command)
    assert code == 3
    assert "There is no project" in err
    assert list(tmp_path.iterdir()) == []


def test_an_error_as_json_names_field_and_remedy(run):
    code, out, err = run("gate", "nothing", "--json")
    assert code == 3
    assert set(json.loads(out)) == {"error", "field", "remedy", "type"}
    assert "→" in err


@pytest.mark.parametrize("arguments", [["gate"], ["gate", "x", "--polcy", "y"], ["nope"]])
def test_a_wrong_option_is_an_error_not_inconclusive(arguments, capsys):
    assert main(arguments) == 3
    assert "Error" in capsys.readouterr().err


def test_a_wrong_option_is_json_where_json_was_asked_for(capsys):
    assert main(["gate", "x", "--polcy", "y", "--json"]) == 3
    assert "polcy" in json.loads(capsys.readouterr().out)["error"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["gate", "tiny/9"], "There is: 1"),
        (["gate", "tinny"], "Did you mean 'tiny'?"),
        (["gate", "tiny/1", "--policy", "nope"], "There is"),
        (["release", "limits/1", "--plan", "nope"], "policy|plan|approval|gate"),
        (["rollback", "limts", "--reason", "x"], "Nothing was ever released to 'limts'"),
        (["gateway", "tinny"], "There is no model 'tinny'.\n  → Did you mean 'tiny'?"),
        (["up", "tinny"], "Did you mean 'tiny'?"),
        (["gateway-key", "add", "tinny", "--name", "x"], "Did you mean 'tiny'?"),
        (["replay", "INC-99"], "none yet|Did you mean"),
        (["bisect", "INC-99", "--failure", "nope"], "'disagreement'"),
        (["incident", "x"], "--window|window="),
        (["incident", "x", "--endpoint", "limits", "--window", "yesterday"], "last 30 minutes"),
        (["playbook", "run", "nope"], "release_gate"),
        (["audit", "tiny/1", "--on", "nowhere.csv"], "Check the path"),
        (["card", "tiny/1", "-o", "no/such/folder/card.html"], "no folder"),
    ],
)
def test_every_mistake_exits_three_and_says_what_to_do(project, run_in, arguments, says):
    code, _, err = run_in(project, *arguments)
    assert code == 3
    assert re.search(says, err), err


def test_whatever_is_raised_is_an_error_and_never_reads_as_fail(project, run_in, monkeypatch):
    monkeypatch.setattr("workbench.bench.Workbench.overview", lambda _: 1 / 0)
    code, out, err = run_in(project, "status", "--json")
    assert code == 3
    assert "ZeroDivisionError" in json.loads(out)["error"]
    assert "Traceback" in err


def test_a_file_that_cannot_be_used_is_told_in_one_line(project, run_in, tmp_path):
    code, _, err = run_in(project, "card", "tiny/1", "-o", str(tmp_path))
    assert code == 3
    assert "Traceback" not in err
    assert "directory" in err


def test_stopping_from_the_keyboard_exits_as_shells_expect(project, run_in, monkeypatch):
    def stop(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("workbench.bench.Workbench.overview", stop)
    assert run_in(project, "status")[0] == 130


# Commands that go on running


def _first_json(*arguments):
    """Start a command, read the JSON it prints first, end it; return both the JSON and the exit code."""
    command = [sys.executable, "-m", "workbench.interfaces.cli.main", *arguments, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        text = ""
        for line in process.stdout:
            text += line
            if line.rstrip().endswith("}"):
                break
        process.terminate()
        process.stdout.read()
        return json.loads(text), process.wait(30)


def test_a_gateway_says_as_json_where_it_serves(tmp_path):
    wb.open(tmp_path).journal.append("model/tiny", Event(kind="model.registered"))
    said, code = _first_json("gateway", "tiny", "--port", "0", "-C", str(tmp_path))
    assert (said["endpoint"], said["champion"], code) == ("tiny", "", 0)
    assert said["url"].startswith("http://127.0.0.1:")


def test_lab_says_as_json_what_it_starts(tmp_path):
    said, _ = _first_json("lab", "-C", str(tmp_path))
    assert said["project"] == str(tmp_path)
    assert f"--ServerApp.root_dir={tmp_path}" in said["command"]
