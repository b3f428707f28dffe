"""A release and an incident by commands alone, with ``workbench gateway`` in a process of its own."""

from __future__ import annotations

import json

import pytest

#: Versions 1 and 2 answer all of them alike; version 3 answers one in four otherwise.
ROWS = [{"x1": x1 / 10 + 0.05} for x1 in range(-20, 40)]


@pytest.mark.slow
def test_a_release_and_an_incident_by_commands_alone(project, run_in, gateway, traffic, answered_by):
    def run(*arguments):
        return run_in(project, *arguments)

    quick = ["--policy", "easy", "--plan", "quick", "--timeout", "60"]
    code, out, _ = run("release", "limits/1", *quick)  # there is no champion to compare it with
    assert (code, "promoted" in out) == (0, True)
    code, out, _ = run("release", "limits/2", *quick[:-1], "0", "--json")
    assert (code, json.loads(out)["status"]) == (2, "running")  # and no gateway: nothing moves

    with gateway(project, "limits") as url:
        with traffic(url, "limits", ROWS) as sent:
            code, out, err = run("release", "limits/2", *quick)  # goes on with the one that is open
            assert code == 0, out + err
            code, out, err = run("release", "limits/3", *quick, "--json")
            assert (code, json.loads(out)["status"]) == (1, "aborted"), err
            hurry = ["--policy", "easy", "--plan", "hurry", "--timeout", "60"]
            assert run("release", "limits/3", *hurry)[0] == 0
            answered_by(url, "limits", ROWS, version=3)  # an incident can only hold what happened
            code, out, _ = run("rollback", "limits", "--reason", "odd answers", "--json")
            assert (code, json.loads(out)["candidate"]) == (0, "limits/3")
        assert sum(one.failed for one in sent) == 0, [str(one) for one in sent]

        code, out, _ = run(
            "incident", "odd answers", "--endpoint", "limits", "--window", "last 30 minutes", "--json"
        )
        incident = json.loads(out)["id"]
        assert code == 0

    code, out, _ = run("replay", incident, "--against", "limits/1", "--against", "limits/3", "--json")
    assert (code, [c["version"] for c in json.loads(out)["columns"]]) == (0, [1, 3])
    code, out, _ = run("bisect", incident, "--above", "0.1", "--save-case", "odd answers", "--json")
    assert (code, json.loads(out)["first_bad"]) == (0, 3), out
    assert list((project / "cases").glob("*.yaml"))
    code, out, _ = run("bisect", incident, "--failure", "error")
    assert code == 2

    train = str(project / "train.csv")
    code, out, _ = run("audit", "limits/3", "--on", train, "--suite", "performance", "--json")
    assert {e["audit"]: e["outcome"] for e in json.loads(out)["evidence"]}["behaviour"] == "fail"
    assert code == 1
    assert run("audit", "limits/2", "--on", train, "--suite", "performance")[0] == 0
    assert run("verify")[0] == 0
