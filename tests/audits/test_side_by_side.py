"""Audits side by side: on this machine's cores, and on a cluster by the same call."""

import os
import signal
import threading
import time
from dataclasses import dataclass
from typing import ClassVar

import joblib
import pytest

from workbench.audits.base import Finding, Subject
from workbench.audits.records import Measurement
from workbench.audits.runner import AuditsInterrupted, run
from workbench.audits.suite import load_suite
from workbench.core.clock import SystemClock
from workbench.core.values import Outcome
from workbench.testing import subjects


@dataclass(frozen=True)
class Waiting:
    name: ClassVar[str] = "waiting"
    seconds: float = 0.0

    def applies(self, subject: Subject) -> str:
        return ""

    def measure(self, subject: Subject) -> Finding:
        time.sleep(self.seconds)
        return Finding([Measurement(metric="waited", value=self.seconds, n=1)])


def test_a_stop_keeps_what_other_processes_have_finished():
    def stop() -> None:
        os.kill(os.getpid(), signal.SIGINT)

    def when_the_first_is_done(step) -> None:
        if step.state == "finished":
            threading.Timer(0.2, stop).start()

    audits = [Waiting(0.0), Waiting(300.0), Waiting(301.0)]
    with pytest.raises(AuditsInterrupted) as stopped:
        run(
            subjects.subject(60),
            audits,
            made_by="",
            clock=SystemClock(),
            n_jobs=2,
            progress=when_the_first_is_done,
        )
    found = stopped.value.evidence
    assert [e.outcome for e in found] == [Outcome.MEASURED, Outcome.INCONCLUSIVE]
    assert "Not finished either: waiting" in found[-1].notes[0]


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_on_a_cluster_the_same_call_gives_the_same_evidence(monkeypatch):
    import ray
    from ray.util.joblib import register_ray

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    audits = load_suite(["performance", "fairness", "drift"])
    alone = run(subjects.subject(200), audits, made_by="", clock=SystemClock())
    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", _node_ip_address="127.0.0.1")
    try:
        register_ray()
        with joblib.parallel_config("ray"):
            beside = run(subjects.subject(200), audits, made_by="", clock=SystemClock(), n_jobs=2)
    finally:
        ray.shutdown()
    assert [e.measurements for e in beside] == [e.measurements for e in alone]
