"""The controller's decision: a state and what was seen, in; the events to append, out. Pure.

Who appends them, and who moves the traffic, is ``workbench.releases.driver``. Nothing here promotes without a
releasable verdict for these very bytes in ``Observations.permission``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from workbench.core.values import Outcome
from workbench.gates.records import Verdict
from workbench.journal.records import Event
from workbench.releases import analysis, sentences
from workbench.releases.analysis import Observations
from workbench.releases.records import Release, StageVerdict, Status
from workbench.releases.state import ABORTED, JUDGED, KILLED, PROMOTED, STAGE_ENTERED, State


class Wait(NamedTuple):
    """One thing the current stage lacks."""

    what: str
    """``exposure``, ``gateway``, the name of a metric, or ``permission``."""
    sentence: str


def step(state: State, seen: Observations, now: datetime) -> list[Event]:
    """Decide what follows from one look at a release.

    Args:
        state: the release as folded from its stream.
        seen: counts of every stage entered, the kill switch, and at the door to champion the gate's answer.
        now: the time, for deadlines.

    Returns:
        At most one look that is worth writing down and one transition, in order. Nothing when nothing
        changed.
    """
    release = state.release
    if release.status.final:
        return []
    if seen.killed is not None:
        return [_event(KILLED, release, reason=f"Killed: {seen.killed}.")]
    verdicts = analysis.judge(state.plan, state.alpha, seen.tallies, release.verdicts)
    waits = _waits(state, seen, verdicts)
    looked = _look(state, verdicts, waits)
    move = _move(state, seen, verdicts, waits, now)
    return [*looked, move] if move else looked


def at_the_door(state: State, seen: Observations) -> bool:
    """Return True when only the gate's answer stands between the candidate and the championship."""
    if state.release.status is not Status.RUNNING or seen.killed is not None or not _is_last(state):
        return False
    verdicts = analysis.judge(state.plan, state.alpha, seen.tallies, state.release.verdicts)
    return [wait.what for wait in _waits(state, seen, verdicts)] == ["permission"]


def _is_last(state: State) -> bool:
    return state.plan.steps[state.release.stage + 1].kind == "champion"


def _waits(state: State, seen: Observations, verdicts: Sequence[StageVerdict]) -> list[Wait]:
    """What the stage lacks, in the order a reader asks."""
    stage, exposure = state.release.current, seen.tallies[-1].exposure
    waits = []
    if exposure < stage.min_requests:
        sentence = sentences.waiting_for_exposure(exposure, stage.min_requests, stage.kind)
        waits.append(Wait("exposure", sentence))
        if not seen.serving:
            waits.append(Wait("gateway", f"no gateway serves {state.release.endpoint}"))
    required = state.plan.required(state.release.stage)
    waits += [
        Wait(v.metric, sentences.waiting_for_proof(v))
        for v in verdicts
        if v.metric in required and v.outcome is not Outcome.PASS
    ]
    if not waits and _is_last(state) and not _permits(seen.permission, state.release):
        waits.append(Wait("permission", _refusal(seen.permission, state.release)))
    return waits


def _permits(verdict: Verdict | None, release: Release) -> bool:
    return verdict is not None and verdict.releasable and verdict.model_digest == release.candidate_digest


def _refusal(verdict: Verdict | None, release: Release) -> str:
    if verdict is None:
        return "the gate has not been asked again"
    if verdict.model_digest != release.candidate_digest:
        return "the gate's verdict is about other bytes"
    if verdict.missing_approvals:
        roles = ", ".join(f"{n} by {role}" for role, n in verdict.missing_approvals.items())
        return f"the gate asks for approvals again: {roles}"
    return f"the gate no longer lets it through: {verdict.reason.rstrip('.')}"


def _harm(state: State, seen: Observations, verdicts: Sequence[StageVerdict]) -> str:
    """Return why the release must end now; empty when there is no reason."""
    if seen.refused:
        return f"The gateway could not take the candidate: {seen.refused}"
    if void := analysis.mismatch(state.plan, seen.tallies):
        return void
    for verdict in verdicts:
        if verdict.outcome is Outcome.FAIL:
            return verdict.sentence
    gate = seen.permission
    if gate is not None and gate.outcome in (Outcome.FAIL, Outcome.ERROR):
        return f"At the door to champion {_refusal(gate, state.release)}."
    return ""


def _look(state: State, verdicts: Sequence[StageVerdict], waits: Sequence[Wait]) -> list[Event]:
    """The look as an event, when a verdict says enough that is new or the stage waits for something else."""
    release = state.release
    new = [
        v
        for v in verdicts
        if analysis.worth_writing(v, state.verdict(v.metric, release.current.name, v.group))
    ]
    waits_for = [wait.what for wait in waits]
    if not new and tuple(waits_for) == state.waits_for:
        return []
    reason = (
        f"{release.current.name}: {'; '.join(wait.sentence for wait in waits)}." if waits else release.reason
    )
    return [
        _event(
            JUDGED,
            release,
            stage=release.stage,
            verdicts=[v.model_dump(mode="json") for v in new],
            waits_for=waits_for,
            reason=reason,
        )
    ]


def _move(
    state: State, seen: Observations, verdicts: Sequence[StageVerdict], waits: Sequence[Wait], now: datetime
) -> Event | None:
    """The transition that follows: harm comes first, and who is paused does not move on."""
    release = state.release
    if harm := _harm(state, seen, verdicts):
        return _event(ABORTED, release, reason=harm)
    if release.status is Status.PAUSED:
        return None
    if not waits:
        return _next(state, seen, verdicts)
    if now >= state.deadline:
        return _event(ABORTED, release, reason=_too_late(release, waits))
    return None


def _next(state: State, seen: Observations, verdicts: Sequence[StageVerdict]) -> Event:
    release, index = state.release, state.release.stage
    because = sentences.passed(
        release.current.name, verdicts, seen.tallies[-1].exposure, release.current.kind
    )
    if _is_last(state):
        return _event(PROMOTED, release, reason=because)
    stage = release.stages[index + 1]
    return _event(
        STAGE_ENTERED,
        release,
        stage=index + 1,
        name=stage.name,
        weight=stage.weight,
        since_table=seen.table_version,
        reason=because,
    )


def _too_late(release: Release, waits: Sequence[Wait]) -> str:
    lacking = "; ".join(wait.sentence for wait in waits)
    return (
        f"Deadline: {release.current.name} did not pass within {release.current.deadline_minutes:g} minutes "
        f"({lacking})."
    )


def _event(kind: str, release: Release, **payload: object) -> Event:
    return Event(kind=kind, payload=payload, subjects=(release.candidate_digest,))
