"""``workbench release`` by hand: a first word that is no command is the model; one look, one step, one word."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def running(project):
    """``limits-1`` made champion and ``limits-2`` opened, by the command as people write it."""
    from workbench.interfaces.cli.main import main

    given = ["--policy", "easy", "--plan", "quick", "--no-watch", "-C", str(project), "--as", "ada"]
    assert main(["release", "limits/1", *given]) == 0
    assert main(["release", "start", "limits/2", *given]) == 2
    return project


def test_releases_are_listed_and_one_is_shown_with_its_page(running, run_in, tmp_path):
    code, out, _ = run_in(running, "release", "list")
    assert code == 0
    assert [line.split()[:3] for line in out.splitlines()] == [
        ["limits-1", "limits/1", "promoted"],
        ["limits-2", "limits/2", "running"],
    ]
    assert [r["id"] for r in json.loads(run_in(running, "release", "list", "--json")[1])] == [
        "limits-1",
        "limits-2",
    ]
    code, out, err = run_in(running, "release", "show", "limits-2", "--html", str(tmp_path / "r.html"))
    assert (code, "Release limits-2: limits/2 running" in out, "page:" in err) == (0, True, True)
    assert (tmp_path / "r.html").read_text("utf-8").startswith("<!doctype html>")
    code, _, err = run_in(running, "release", "show", "limits-7")
    assert (code, "Did you mean" in err) == (3, True)


def test_a_release_is_paused_and_goes_on(running, run_in):
    code, out, _ = run_in(running, "release", "pause", "limits-2", "--reason", "holiday", "--json")
    assert (code, json.loads(out)["status"]) == (0, "paused")
    code, out, _ = run_in(running, "release", "resume", "limits-2", "--reason", "back", "--json")
    assert (code, json.loads(out)["status"]) == (0, "running")


def test_start_goes_on_with_the_release_under_way_by_its_own_plan_and_says_so(running, run_in):
    told = "limits-2 of limits/2 is under way, and goes on by its own plan quick and policy easy."
    for given in ([], ["--plan", "quick"], ["--plan", "quick", "--policy", "easy", "--supersede"]):
        code, out, err = run_in(running, "release", "limits/2", "--no-watch", "--json", *given)
        assert (code, json.loads(out)["id"], told in err) == (2, "limits-2", True)


@pytest.mark.parametrize(("option", "other", "own"), [("plan", "hurry", "quick"), ("policy", "hard", "easy")])
def test_start_refuses_another_plan_or_policy_than_that_of_the_release_under_way(
    running, run_in, option, other, own
):
    code, _, err = run_in(running, "release", "limits/2", "--no-watch", f"--{option}", other)
    assert code == 3
    assert f"limits-2 of limits/2 is under way by the {option} {own}, not {other}" in err
    assert f"Leave out --{option} to go on with it. To begin anew: workbench release abort limits-2" in err


def test_start_refuses_the_plan_of_the_release_under_way_once_it_says_something_else(running, run_in):
    file = running / "plans" / "quick.yaml"
    before = file.read_text("utf-8")
    file.write_text(before.replace("0.05", "0.06"), "utf-8")
    try:
        code, _, err = run_in(running, "release", "limits/2", "--no-watch", "--plan", "quick")
    finally:
        file.write_text(before, "utf-8")
    assert (code, "by the plan quick as it was when it opened" in err) == (3, True)


def test_a_plan_that_is_not_there_is_refused_with_those_of_the_project(running, run_in):
    for given in (["release", "limits/3", "--plan"], ["release", "plan", "--model", "limits/3"]):
        code, _, err = run_in(running, *given, "qiuck")
        assert (code, "Did you mean 'quick'?" in err) == (3, True)


def test_a_second_release_is_refused_and_supersedes_where_that_was_said(running, run_in):
    given = ["release", "limits/3", "--policy", "easy", "--plan", "hurry", "--no-watch"]
    code, _, err = run_in(running, *given)
    assert (code, "active release: limits-2" in err) == (3, True)
    code, out, _ = run_in(running, *given, "--supersede", "--json")
    assert (code, json.loads(out)["id"]) == (2, "limits-3")
    code, out, _ = run_in(running, "release", "show", "limits-2", "--json")
    assert json.loads(out)["status"] not in ("running", "promoted")
    code, out, _ = run_in(running, "release", "abort", "limits-3", "--reason", "enough", "--json")
    assert (code, json.loads(out)["status"]) == (0, "aborted")
    code, out, _ = run_in(running, "release", "retry", "limits-3", "--json")
    assert (code, json.loads(out)["id"]) == (0, "limits-4")


def test_nobody_is_asked_between_stages_of_a_plan_that_asks_nobody(running, run_in):
    code, _, err = run_in(running, "release", "approve", "limits-4", "--note", "looked", actor="grace")
    assert code == 3
    assert "→" in err


def test_a_plan_is_tried_dry(running, run_in):
    code, out, _ = run_in(running, "release", "plan", "quick", "--model", "limits/2", "--rate", "100")
    assert (code, "quick" in out) == (0, True)
    code, _, err = run_in(running, "release", "plan", "quick", "--model", "limits/2", "--rate", "-5")
    assert (code, "rate:" in err) == (3, True)
    assert len(json.loads(run_in(running, "release", "list", "--json")[1])) == 4


def test_one_step_for_cron_says_what_it_saw(running, run_in):
    code, out, _ = run_in(running, "release", "tick")
    assert (code, "limits-4: running" in out) == (0, True)
    code, _, err = run_in(running, "drill", "limits")
    assert (code, "active release: limits-4" in err) == (3, True)


def test_the_controller_runs_until_it_is_told_to_end(running):
    command = [sys.executable, "-m", "workbench.interfaces.cli.main", "release", "run", "-C", str(running)]
    with subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, text=True) as process:
        first = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert first["sentence"].startswith("limits-4: running")


def test_status_tells_of_the_endpoint(running, run_in):
    code, out, _ = run_in(running, "status")
    assert code == 0
    assert "endpoint limits: champion limits/1, not served here" in out
    assert "limits-4: limits/3 in shadow" in out
    assert "nobody drives releases now" in out
    [endpoint] = json.loads(run_in(running, "status", "--json")[1])["endpoints"]
    assert (endpoint["name"], endpoint["release"], endpoint["answers"]) == ("limits", "limits-4", [])


def test_an_approval_of_the_next_stage_is_given_and_taken_back(running, run_in):
    quick = (running / "plans" / "quick.yaml").read_text()
    asking = quick.replace("kind: champion}", "kind: champion, approvals: {model-risk: 1}}")
    (running / "plans" / "asking.yaml").write_text(asking)
    given = ["--policy", "easy", "--plan", "asking", "--no-watch", "--supersede"]
    assert run_in(running, "release", "limits/2", *given)[0] == 2
    said = ["limits-5", "--note", "looked"]
    assert run_in(running, "release", "approve", *said, actor="grace")[0] == 0
    code, out, _ = run_in(running, "release", "revoke", *said, actor="grace")
    assert (code, out) == (0, "grace took back the approval of champion of limits-5: looked\n")
    assert "✕ grace approved champion" in run_in(running, "release", "show", "limits-5")[1]
    code, _, err = run_in(running, "release", "revoke", *said, "--given-by", "grace", actor="ada")
    assert (code, "No approval of champion by grace stands" in err) == (3, True)


def test_a_word_that_is_neither_command_nor_model_is_an_error(running, run_in):
    code, _, err = run_in(running, "release", "lst")
    assert (code, "lst" in err) == (3, True)
