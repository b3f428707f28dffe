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


def test_a_word_that_is_neither_command_nor_model_is_an_error(running, run_in):
    code, _, err = run_in(running, "release", "lst")
    assert (code, "lst" in err) == (3, True)
