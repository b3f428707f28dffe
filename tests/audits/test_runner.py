from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import ClassVar

import pytest

from workbench.audits.base import Finding, Subject
from workbench.audits.records import Evidence, Measurement
from workbench.audits.runner import AuditsInterrupted, Step, run
from workbench.audits.suite import Suite, load_suite
from workbench.core.clock import SystemClock
from workbench.core.errors import InvalidInput
from workbench.core.values import Outcome
from workbench.testing import subjects


class Ticking:
    """A clock on which every look takes a second."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        self.seconds += 1
        return self.seconds


@dataclass(frozen=True)
class Rows:
    name: ClassVar[str] = "rows"
    at_most: int = 10_000
    reason: str = ""

    def applies(self, subject: Subject) -> str:
        return self.reason

    def measure(self, subject: Subject) -> Finding:
        n = len(subject.data)
        return Finding(
            [
                Measurement(metric="rows", value=n, n=n),
                Measurement(metric="nothing", value=float("nan"), n=0),
            ],
            outcome=Outcome.PASS if n <= self.at_most else Outcome.FAIL,
            libraries=("numpy", "no-such-distribution"),
        )


@dataclass(frozen=True)
class Broken:
    name: ClassVar[str] = "broken"

    def applies(self, subject: Subject) -> str:
        return ""

    def measure(self, subject: Subject) -> Finding:
        raise ZeroDivisionError("first line\nsecond line")


@dataclass(frozen=True)
class Slow:
    name: ClassVar[str] = "slow"

    def applies(self, subject: Subject) -> str:
        return ""

    def measure(self, subject: Subject) -> Finding:
        raise KeyboardInterrupt


@dataclass(frozen=True)
class Peeping:
    name: ClassVar[str] = "peeping"

    def reads(self, subject: Subject) -> list[str]:
        return ["age"]

    def applies(self, subject: Subject) -> str:
        return ""

    def measure(self, subject: Subject) -> Finding:
        regions = subject.data.frame["region"].nunique()
        return Finding([Measurement(metric="regions", value=regions, n=len(subject.data))])


@pytest.fixture(scope="module")
def subject() -> Subject:
    return subjects.subject(60)


def evidence_of(subject: Subject, *audits: object) -> list[Evidence]:
    return run(subject, audits, made_by="ada", clock=Ticking())


def test_evidence_says_what_was_measured_on_what_with_what_and_by_whom(subject: Subject):
    [evidence] = evidence_of(replace(subject, seed=7), Rows(at_most=50))
    assert evidence.audit == "rows"
    assert evidence.spec == {"at_most": 50, "reason": ""}
    assert evidence.outcome is Outcome.FAIL
    assert evidence.data_digest == subject.data.digest
    assert evidence.reference_digest == subject.reference.digest
    assert evidence.model_digest == ""
    assert evidence.made_by == "ada"
    assert evidence.started == datetime(2026, 1, 1, tzinfo=UTC)
    assert evidence.seconds == 1
    assert evidence.seed == 7
    assert evidence.libraries["numpy"]
    assert "no-such-distribution" not in evidence.libraries


def test_what_json_cannot_hold_becomes_not_computable(subject: Subject):
    [evidence] = evidence_of(subject, Rows())
    assert evidence.measurements[1].value is None
    assert Evidence.from_json(evidence.to_json()) == evidence


def test_an_audit_that_raises_is_evidence_and_stops_no_other(subject: Subject):
    broken, rows = evidence_of(subject, Broken(), Rows())
    assert broken.outcome is Outcome.ERROR
    assert broken.error == "ZeroDivisionError: first line"
    assert broken.measurements == ()
    assert rows.outcome is Outcome.PASS


def test_an_audit_asked_for_that_cannot_be_done_says_why(subject: Subject):
    [evidence] = evidence_of(subject, Rows(reason="No rows here."))
    assert evidence.outcome is Outcome.INCONCLUSIVE
    assert evidence.notes == ("No rows here.",)


def test_an_audit_of_the_default_suite_that_cannot_be_done_is_left_out(subject: Subject):
    suite = Suite((Rows(reason="No rows here."), Rows()), asked=False)
    [evidence] = run(subject, suite, made_by="", clock=Ticking())
    assert evidence.outcome is Outcome.PASS


def test_stopping_keeps_what_is_finished(subject: Subject):
    with pytest.raises(KeyboardInterrupt) as stopped:
        evidence_of(subject, Rows(), Slow(), Rows())
    assert isinstance(stopped.value, AuditsInterrupted)
    assert [(e.audit, e.outcome) for e in stopped.value.evidence] == [
        ("rows", Outcome.PASS),
        ("slow", Outcome.INCONCLUSIVE),
    ]
    assert stopped.value.evidence[-1].notes[0].endswith("Not finished either: rows.")


def test_side_by_side_the_evidence_is_the_same_and_in_the_same_order():
    loans = subjects.subject(200)
    audits = load_suite(["performance", "fairness", {"drift": {}}])
    alone = run(loans, audits, made_by="", clock=SystemClock())
    beside = run(subjects.subject(200), audits, made_by="", clock=SystemClock(), n_jobs=2)
    assert [e.audit for e in beside] == ["performance", "fairness", "drift"]
    assert [e.measurements for e in beside] == [e.measurements for e in alone]


def test_a_model_that_no_other_process_can_take_is_refused_with_the_way_out(subject: Subject):
    class Held:
        def __reduce__(self) -> object:
            raise TypeError("cannot pickle a lock")

    predictor = replace(subject.predictor, model=Held())
    with pytest.raises(InvalidInput, match="n_jobs") as refused:
        run(
            replace(subject, predictor=predictor), [Rows(), Rows()], made_by="", clock=SystemClock(), n_jobs=2
        )
    assert "n_jobs=1" in refused.value.remedy


def test_no_process_at_all_is_refused(subject: Subject):
    with pytest.raises(InvalidInput, match="n_jobs"):
        run(subject, [Rows()], made_by="", clock=SystemClock(), n_jobs=0)


def test_an_audit_is_shown_only_what_it_says_it_reads(subject: Subject):
    [evidence] = evidence_of(subject, Peeping())
    assert evidence.outcome is Outcome.ERROR
    assert "region" in evidence.error


def test_progress_is_told_when_an_audit_starts_and_when_it_has_finished(subject: Subject):
    told: list[Step] = []
    run(subject, [Rows(), Broken()], made_by="", clock=Ticking(), progress=told.append)
    assert [(step.audit, step.state, step.done, step.total) for step in told] == [
        ("rows", "started", 0, 2),
        ("rows", "finished", 1, 2),
        ("broken", "started", 1, 2),
        ("broken", "finished", 2, 2),
    ]
    assert [step.seconds_left for step in told] == [None, 1, 1, 0]  # the second is taken to be as the first
