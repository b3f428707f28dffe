"""The controller's decision: a state, what was seen and the time, in; a state and actions, out. Pure.

Who carries the actions out is ``workbench.releases.driver``. Nothing here promotes without a releasable
verdict for these very bytes in ``Observations.permission``, nor enters a stage before those people have said
yes whom the plan asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from workbench.core.values import Outcome
from workbench.gates.records import Verdict
from workbench.journal.records import Event
from workbench.releases import analysis, losses, people, sentences, watching
from workbench.releases.analysis import Observations
from workbench.releases.records import Release, Stage, StageVerdict, Status
from workbench.releases.state import ABORTED, JUDGED, KILLED, PROMOTED, STAGE_ENTERED, State, follow


class Wait(NamedTuple):
    """One thing the current stage lacks."""

    what: str
    """``exposure``, ``entities`` (those that came were counted), ``gateway``, ``time``, ``captures``
    (too many were lost), the name of a metric, ``approval`` or ``permission``."""
    sentence: str


class Append(NamedTuple):
    """Write this into the stream of the release."""

    event: Event


class MoveTraffic(NamedTuple):
    """Let traffic follow what was written; ``routes.wanted`` says to whom."""

    weight: float
    """Share of requests that the candidate has from now on."""


class Step(NamedTuple):
    """What follows from one look."""

    state: State
    """The release after the actions."""
    actions: tuple[Append | MoveTraffic, ...] = ()
    """To be carried out in this order. One that was carried out before does nothing."""

    @property
    def events(self) -> list[Event]:
        """What is to be written."""
        return [action.event for action in self.actions if isinstance(action, Append)]

    @property
    def moves(self) -> bool:
        """True when traffic must follow."""
        return any(isinstance(action, MoveTraffic) for action in self.actions)


def step(state: State, seen: Observations, now: datetime) -> Step:
    """Decide what follows from one look at a release.

    Args:
        state: the release as folded from its stream.
        seen: counts of every stage entered, the kill switch, who has approved the next stage, and at the door
            to champion the gate's answer.
        now: the time, for deadlines.

    Returns:
        At most one look that is worth writing down and one transition, in order, with the traffic that moves
        with it. No actions when nothing changed.
    """
    return _carried(state, _events(state, seen, now), now)


def _carried(state: State, events: Sequence[Event], now: datetime) -> Step:
    """The events as actions, and the state that they lead to."""
    after = state
    for event in events:
        after = follow(after, event, time=now, actor="")
    writes = tuple(Append(event) for event in events)
    if all(event.kind == JUDGED for event in events):
        return Step(after, writes)
    return Step(after, (*writes, MoveTraffic(after.release.weight)))


def _events(state: State, seen: Observations, now: datetime) -> list[Event]:
    release = state.release
    if release.status.final:
        return []
    if seen.killed is not None:
        return [_event(KILLED, release, reason=f"Killed: {seen.killed}.")]
    verdicts = analysis.judge(state.plan, state.alpha, seen.tallies, release.verdicts, state.yardsticks)
    waits = _waits(state, seen, verdicts)
    looked = _look(state, seen, verdicts, waits)
    move = _move(state, seen, verdicts, waits, now)
    return [*looked, move] if move else looked


def at_the_door(state: State, seen: Observations) -> bool:
    """Return True when only the gate's answer stands between the candidate and the championship."""
    if state.release.status is not Status.RUNNING or seen.killed is not None or not _is_last(state):
        return False
    verdicts = analysis.judge(state.plan, state.alpha, seen.tallies, state.release.verdicts, state.yardsticks)
    return [wait.what for wait in _waits(state, seen, verdicts)] == ["permission"]


def _is_last(state: State) -> bool:
    return _following(state).kind == "champion"


def _waits(state: State, seen: Observations, verdicts: Sequence[StageVerdict]) -> list[Wait]:
    """What the stage lacks, in the order a reader asks. People are asked once all else is there."""
    waits = [*_lacks_exposure(state, seen), *_lacks_time(state, seen), *_lacks_captures(seen)]
    waits += _lacks_proof(state, verdicts)
    if not waits and (missing := people.lacking(_following(state), seen.approved)):
        waits.append(Wait("approval", sentences.waiting_for_people(_following(state).name, missing)))
    if not waits and _is_last(state) and not _permits(seen.permission, state.release):
        waits.append(Wait("permission", _refusal(seen.permission, state.release)))
    return waits


def _lacks_exposure(state: State, seen: Observations) -> list[Wait]:
    stage, exposure = state.release.current, seen.tallies[-1].exposure
    if exposure >= stage.min_requests:
        return []
    sticky = bool(state.plan.sticky)
    so_far = sentences.waiting_for_exposure(exposure, stage.min_requests, stage.kind, sticky=sticky)
    waits = [Wait("exposure", so_far)]
    if seen.again:
        waits.append(Wait("entities", sentences.counted_before(seen.again)))
    if not seen.serving:
        waits.append(Wait("gateway", f"no gateway serves {state.release.endpoint}"))
    return waits


def _lacks_time(state: State, seen: Observations) -> list[Wait]:
    least = state.release.current.min_minutes
    if seen.watched.seconds >= 60 * least:
        return []
    return [Wait("time", sentences.waiting_for_time(seen.watched.seconds, least))]


def _lacks_captures(seen: Observations) -> list[Wait]:
    lost = seen.losses.lost
    if not losses.too_many(lost, seen.exchanges):
        return []
    return [Wait("captures", sentences.waiting_for_captures(lost, seen.exchanges, losses.MOST))]


def _lacks_proof(state: State, verdicts: Sequence[StageVerdict]) -> list[Wait]:
    required = state.plan.required(state.release.stage)
    return [
        Wait(v.metric, sentences.waiting_for_proof(v))
        for v in verdicts
        if v.metric in required and v.outcome is not Outcome.PASS
    ]


def _following(state: State) -> Stage:
    return state.release.stages[state.release.stage + 1]


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
    if seen.damaged:
        return f"The candidate's bytes must not be served: {seen.damaged}"
    if void := analysis.mismatch(state.plan, seen.tallies):
        return void
    for verdict in verdicts:
        if verdict.outcome is Outcome.FAIL:
            return verdict.sentence
    gate = seen.permission
    if gate is not None and gate.outcome in (Outcome.FAIL, Outcome.ERROR):
        return f"At the door to champion {_refusal(gate, state.release)}."
    return ""


def _look(
    state: State, seen: Observations, verdicts: Sequence[StageVerdict], waits: Sequence[Wait]
) -> list[Event]:
    """The look as an event, when it says enough that is new or the stage waits for something else."""
    release = state.release
    new = [
        v
        for v in verdicts
        if analysis.worth_writing(v, state.verdict(v.metric, release.current.name, v.group))
    ]
    waits_for = [wait.what for wait in waits]
    timed = watching.worth_writing(seen.watched, state.watched, release.current.min_minutes)
    missed = losses.worth_writing(seen.losses, state.losses)
    if not (new or timed or missed) and tuple(waits_for) == state.waits_for:
        return []
    lacking = "; ".join(wait.sentence for wait in waits) or "nothing is lacking, and it is paused"
    tells = waits or release.status is Status.PAUSED
    reason = f"{release.current.name}: {lacking}." if tells else release.reason
    return [
        _event(
            JUDGED,
            release,
            stage=release.stage,
            verdicts=[v.model_dump(mode="json") for v in new],
            waits_for=waits_for,
            watched=seen.watched.model_dump(mode="json"),
            losses=seen.losses.model_dump(mode="json"),
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
        release.current.name,
        verdicts,
        seen.tallies[-1].exposure,
        release.current.kind,
        sticky=bool(state.plan.sticky),
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
        **_frozen(state, seen),
    )


def _frozen(state: State, seen: Observations) -> dict[str, object]:
    """Thresholds of latency that the champion's traffic allows by now, where it did not before."""
    if not seen.latency_ms or state.yardsticks.latency_ms:
        return {}
    frozen = {
        "latency_ms": seen.latency_ms,
        "latency_requests": seen.latency_requests,
        "latency_from": state.release.stage + 1,
    }
    return {"yardsticks": state.yardsticks.model_copy(update=frozen).model_dump(mode="json")}


def _too_late(release: Release, waits: Sequence[Wait]) -> str:
    lacking = "; ".join(wait.sentence for wait in waits)
    return (
        f"Deadline: {release.current.name} did not pass within {release.current.deadline_minutes:g} minutes "
        f"({lacking})."
    )


def _event(kind: str, release: Release, **payload: object) -> Event:
    return Event(kind=kind, payload=payload, subjects=(release.candidate_digest,))
