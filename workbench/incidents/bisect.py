"""Find the first version that shows a failure on the frozen rows.

A trial is judged by its estimate, which on these rows is exact. Its interval says whether it would hold on
more rows like them: where that of the last good or first bad version includes the limit, the report is
inconclusive and says so, with the answer still named. Inconclusive too: versions between the two that cannot
be tested, and versions that are not monotone, where several introduced the failure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from workbench.audits.records import Measurement
from workbench.core.errors import InvalidInput
from workbench.core.values import Outcome
from workbench.incidents import failures
from workbench.incidents.answers import Answers, ask, ask_singly, in_one_line, inputs, missing_columns
from workbench.incidents.changes import changes
from workbench.incidents.findings import Finding, sentence
from workbench.incidents.records import BisectReport, Failure, Incident, Trial
from workbench.incidents.rows import failed_in_production, truth_of
from workbench.incidents.search import Result, Search, search
from workbench.models.records import ModelVersion

if TYPE_CHECKING:
    import pandas as pd

    from workbench.models.registry import Registry


def bisect(
    incident: Incident,
    frame: pd.DataFrame,
    versions: Sequence[ModelVersion],
    failure: Failure,
    *,
    reference: ModelVersion | None,
    registry: Registry,
    now: datetime,
) -> BisectReport:
    """Search ``versions``, oldest first, for the first that shows ``failure``.

    Args:
        incident: whose rows they are.
        frame: the frozen rows.
        versions: the suspects: the first is expected good, the last bad.
        failure: the predicate; without a limit it gets ``failures.with_limit``.
        reference: for a disagreement, the version taken as right. Default: the oldest that can be tested.
        registry: loads versions.
        now: stamps the report.

    Raises:
        InvalidInput: the failure cannot be judged on these rows.
    """
    failures.require(failure, versions[-1], labelled=incident.labelled)
    trials = _Trials(frame, versions, failure, reference, registry)
    found = search(len(versions), trials.test)
    return _report(incident, trials, found, now)


class _Trials:
    """Versions scored on the frozen rows, each once."""

    def __init__(
        self,
        frame: pd.DataFrame,
        versions: Sequence[ModelVersion],
        failure: Failure,
        reference: ModelVersion | None,
        registry: Registry,
    ) -> None:
        self.versions = versions
        self.judged: dict[int, failures.Judged] = {}
        self._frame = frame
        self._asked_for = failure
        self._given_reference = reference
        self._registry = registry
        self._measured: dict[int, Measurement] = {}

    def test(self, at: int) -> Result:
        """Say what the version at a position is."""
        judged = failures.judge(self._measure(at), self.failure, self.reference_ref)
        if self.versions[at].ref == self.reference_ref:
            judged = replace(judged, reason="taken as right", settled=True)
        self.judged[at] = judged
        return self.judged[at].result

    @cached_property
    def failure(self) -> Failure:
        """The failure with its limit, which may rest on what the newest version that can be tested shows."""
        failure = self._asked_for
        if failure.kind == "disagreement" and self._reference is not None:
            failure = failure.model_copy(update={"reference": self._reference[0].version})
        newest = (self._measure(at) for at in reversed(range(len(self.versions))))
        return failures.with_limit(failure, next((m for m in newest if m.value is not None), None))

    @property
    def reference_ref(self) -> str:
        """The reference by name; empty when there is none."""
        return self._reference[0].ref if self._reference is not None else ""

    @cached_property
    def _reference(self) -> tuple[ModelVersion, Answers] | None:
        """For a disagreement, whom the versions are compared with, and its answers."""
        if self._asked_for.kind != "disagreement":
            return None
        suspects = self.versions if self._given_reference is None else [self._given_reference]
        problem = ""
        for version in suspects:
            answers, problem = self._answers(version)
            if answers is not None and answers.answered.any():
                return version, answers
            problem = problem or f"it answers no row: {answers.error if answers else ''}"
        if self._given_reference is None:
            return None
        raise InvalidInput(
            f"reference: {self._given_reference.ref} cannot be asked: {problem}.",
            remedy="Take another version as right.",
            field="reference",
        )

    def _measure(self, at: int) -> Measurement:
        if at not in self._measured:
            self._measured[at] = self._measure_anew(self.versions[at])
        return self._measured[at]

    def _measure_anew(self, version: ModelVersion) -> Measurement:
        reference = self._reference
        if reference is not None and version == reference[0]:
            answers, problem = reference[1], ""
        elif reference is not None and version.task != reference[0].task:
            answers, problem = None, f"it is for {version.task}, {reference[0].ref} for {reference[0].task}"
        else:
            answers, problem = self._answers(version)
        if answers is None:
            return Measurement(metric=self._asked_for.kind, value=None, n=0, note=problem)
        return failures.measure(
            self._asked_for,
            version,
            answers,
            reference=reference[1] if reference else None,
            truth=truth_of(self._frame, version),
        )

    def _answers(self, version: ModelVersion) -> tuple[Answers | None, str]:
        """A version's answers, or why there are none."""
        missing = missing_columns(self._frame, version)
        if missing:
            return None, f"it reads {', '.join(missing)}, which the frozen rows do not have"
        try:
            predictor = self._registry.load(version)
        except Exception as error:  # noqa: BLE001 - like git bisect skip: whatever keeps a version from loading
            return None, in_one_line(error)
        rows = inputs(self._frame, version)
        given = ask(predictor, rows)
        if self._asked_for.kind == "error" and not given.failed.any():
            given = ask_singly(predictor, rows, given, failed_in_production(self._frame))
        return given, ""


def _report(incident: Incident, trials: _Trials, found: Search, now: datetime) -> BisectReport:
    versions = trials.versions
    finding = Finding(
        versions=versions,
        search=found,
        judged=trials.judged,
        failing=failures.phrase(trials.failure, trials.reference_ref),
        rows=incident.rows,
    )
    step = found.introductions[0] if found.introductions else None
    return BisectReport(
        incident=incident.id,
        digest=incident.digest,
        model=incident.model,
        failure=trials.failure,
        trials=tuple(_trial(versions[at], trials.judged[at]) for at in found.results),
        first_bad=versions[step[1]].version if step else None,
        last_good=versions[step[0]].version if step else None,
        monotone=found.monotone,
        outcome=Outcome.PASS if finding.conclusive else Outcome.INCONCLUSIVE,
        sentence=sentence(finding),
        changes=_changes(found, versions),
        time=now,
    )


def _trial(version: ModelVersion, judged: failures.Judged) -> Trial:
    return Trial(version=version.version, outcome=judged.result, value=judged.value, reason=judged.reason)


def _changes(found: Search, versions: Sequence[ModelVersion]) -> tuple[str, ...]:
    """What came with every introduction; each line says with which where there are several."""
    steps = [(versions[a], versions[b]) for a, b in found.introductions]
    lead: Callable[[ModelVersion], str] = lambda v: f"{v.ref}: " if len(steps) > 1 else ""  # noqa: E731
    return tuple(lead(after) + line for before, after in steps for line in changes(before, after))
