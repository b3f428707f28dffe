"""Requests sent and labels told by commands, and an erasure that reconciliation does not stumble over."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pandas as pd
import pytest

import workbench as wb
from workbench.core.project import open_settings
from workbench.gateway.routing import folder_of
from workbench.gateway.status import Status, write_status


def test_no_load_is_sent_where_no_gateway_runs(project, run_in):
    code, _, err = run_in(project, "traffic", "send", "limits", "--data", str(project / "train.csv"))
    assert code == 3
    assert "workbench gateway limits" in err


def test_another_address_than_loopback_is_asked_only_when_somebody_says_so(project, run_in):
    import os

    state = open_settings(project).state
    folder_of(state, "far").mkdir(parents=True)
    started = pd.Timestamp.now("UTC")
    write_status(
        state,
        Status(
            endpoint="far",
            pid=os.getpid(),
            url="http://192.0.2.1:80",
            started=started,
            ready=True,
            table_version=1,
        ),
    )
    code, _, err = run_in(project, "traffic", "send", "far", "--data", str(project / "train.csv"))
    assert code == 3
    assert "--url http://192.0.2.1:80" in err
    code, _, err = run_in(project, "traffic", "send", "farr", "--data", str(project / "train.csv"))
    assert code == 3
    assert "No gateway of farr runs here.\n  → Did you mean 'far'?" in err
    (folder_of(state, "far") / "status.json").unlink()


def test_labels_from_a_file_that_do_not_fit_are_refused_whole(project, run_in, tmp_path):
    told = tmp_path / "labels.csv"
    told.write_text("request_id,label\nr1,1\n,0\n")
    code, out, _ = run_in(project, "traffic", "label", "--from", str(told), "--json")
    assert (code, json.loads(out)["field"]) == (3, "request_id")
    told.write_text("request_id,outcome\nr1,1\n")
    code, out, _ = run_in(project, "traffic", "label", "--from", str(told), "--json")
    assert (code, json.loads(out)["field"]) == (3, "label")


@pytest.mark.slow
def test_a_load_is_sent_labelled_and_erased_and_everything_still_agrees(project, run_in, gateway, tmp_path):
    def run(*arguments):
        return run_in(project, *arguments)

    assert run("release", "limits/1", "--policy", "easy", "--plan", "quick", "--timeout", "60")[0] == 0
    data = ["--data", str(project / "train.csv")]
    with gateway(project, "limits") as url:
        code, out, err = run("traffic", "send", "limits", *data, "--rate", "40", "--seconds", "2", "--json")
        load = json.loads(out)
        assert code == 0, out + err
        assert (load["sent"], load["answered"], load["versions"], load["url"]) == (80, 80, {"1": 80}, url)
        assert 0 < load["p50_ms"] <= load["p95_ms"] <= load["p99_ms"]
        assert "80 of 80 requests, 0 failed" in err

        command = ["traffic", "send", "limits", *data, "--rate", "20", "--seconds", "500", "-C", str(project)]
        running = subprocess.Popen(
            [sys.executable, "-m", "workbench.interfaces.cli.main", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert "requests" in running.stderr.readline()
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)
        assert running.returncode == 130, err
        assert "stopped early" in out
        assert "latency: p50" in out

    bench = wb.open(project)
    frame = bench.traffic.frame("limits")
    assert len(frame) >= 81
    told = tmp_path / "labels.csv"
    pd.DataFrame({"request_id": frame["request_id"][:50], "label": 1}).to_csv(told, index=False)
    code, out, _ = run("traffic", "label", "--from", str(told))
    assert (code, out.strip()) == (0, "50 labels kept")
    labels = bench.traffic.frame("limits", labels=True)["labels"]
    assert labels.tolist() == [[1]] * 50 + [[None]] * (len(frame) - 50)
    told.write_text("request_id,label\nlater,0\n")
    code, out, _ = run("traffic", "label", "--from", str(told), "--json")
    assert json.loads(out) == {"labels": 1, "waiting": 1}
    told.write_text("request_id,label\nlater,maybe\n")
    code, _, err = run("traffic", "label", "--from", str(told))
    assert (code, "'maybe' is none of its labels" in err) == (3, True)

    assert run("verify")[0] == 0
    person = frame["inputs"][0][0]["x1"]
    removal = bench.traffic.erase("x1", person)
    assert removal.exchanges >= 1
    [part] = removal.endpoints.values()
    assert [count.version for count in part.decided] == [1]
    bench.journal.close()
    code, out, _ = run("verify")
    assert code == 0, out
    left = wb.open(project).traffic.frame("limits")
    assert len(left) == len(frame) - removal.exchanges
