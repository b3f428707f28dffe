"""The state of a release: a fold of its journal stream. The one place that says what may follow what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from workbench.core.errors import Conflict, NotFound
from workbench.gates.records import StageApproval, StageRevocation, Verdict
from workbench.journal.records import Entry, Event
from workbench.releases.losses import NOTHING_LOST, Losses
from workbench.releases.plan import Plan
from workbench.releases.records import EvidencePoint, Release, StageVerdict, Status
from workbench.releases.watching import NOT_YET, Watched
from workbench.releases.yardsticks import NOTHING_FROZEN, Yardsticks

OPENED = "release.opened"
STAGE_ENTERED = "release.stage_entered"
JUDGED = "release.judged"
PROMOTED = "release.promoted"
ABORTED = "release.aborted"
ROLLED_BACK = "release.rolled_back"
KILLED = "release.killed"
SUPERSEDED = "release.superseded"
APPROVED = "release.approved"
APPROVAL_REVOKED = "release.approval_revoked"
PAUSED = "release.paused"
RESUMED = "release.resumed"

_ALIVE = frozenset({Status.RUNNING, Status.PAUSED})

#: From which status each event may follow. What is not here is refused.
LEGAL: dict[str, frozenset[Status]] = {
    STAGE_ENTERED: frozenset({Status.RUNNING}),
    JUDGED: _ALIVE,
    APPROVED: _ALIVE,
    APPROVAL_REVOKED: _ALIVE,
    PROMOTED: frozenset({Status.RUNNING}),
    ABORTED: _ALIVE,
    ROLLED_BACK: _ALIVE | {Status.PROMOTED},
    KILLED: _ALIVE,
    SUPERSEDED: _ALIVE,
    PAUSED: frozenset({Status.RUNNING}),
    RESUMED: frozenset({Status.PAUSED}),
}

#: Where an ending event leads, and the share of requests the candidate has then.
_ENDINGS: dict[str, tuple[Status, float]] = {
    PROMOTED: (Status.PROMOTED, 1.0),
    ABORTED: (Status.ABORTED, 0.0),
    ROLLED_BACK: (Status.ROLLED_BACK, 0.0),
    KILLED: (Status.KILLED, 0.0),
    SUPERSEDED: (Status.SUPERSEDED, 0.0),
}

#: Looks kept of one stage and metric, for the picture; older ones are thinned evenly.
MOST_POINTS = 200


@dataclass(frozen=True)
class State:
    """A release with what drives it: the plan it follows and where in the traffic its stages began."""

    release: Release
    plan: Plan
    alpha: float
    """The error budget in force: the plan's, halved for every earlier attempt with the same bytes."""
    since_table: tuple[int, ...]
    """For each stage entered, the routing table version before it: its exchanges carry a greater one."""
    cursor: str
    """Place in the captured traffic when the release opened."""
    allowed: Verdict
    """The gate's verdict that opened it."""
    yardsticks: Yardsticks = NOTHING_FROZEN
    """Thresholds of latency and groups, as they were frozen."""
    waits_for: tuple[str, ...] = ()
    """What the stage lacked at the last look written down."""
    watched: Watched = NOT_YET
    """How long the current stage was watched, as last written down."""
    losses: Losses = NOTHING_LOST
    """What of the current stage could not be kept, as last written down."""
    paused_since: datetime | None = None
    paused_for: timedelta = timedelta()
    """How long the current stage stood still; its deadline moves by as much."""

    @property
    def deadline(self) -> datetime:
        """When the current stage aborts unless it has passed."""
        minutes = timedelta(minutes=self.release.current.deadline_minutes)
        return self.release.stage_since + minutes + self.paused_for

    def verdict(self, metric: str, stage: str | None = None, group: str = "") -> StageVerdict | None:
        """Return the newest verdict on a metric (of a group, for a guardrail), of one stage or of any."""
        about = [v for v in self.release.verdicts if (v.metric, v.group) == (metric, group)]
        found = [v for v in about if stage in (None, v.stage)]
        return found[-1] if found else None


def fold(entries: Iterable[Entry]) -> Release:
    """Return the release as it stands after the entries of its stream, oldest first.

    Raises:
        NotFound: there are no entries.
        Conflict: an entry that may not follow the one before it.
    """
    return fold_state(entries).release


def fold_state(entries: Iterable[Entry]) -> State:
    """Return the whole state after the entries of a stream; raises as ``fold``."""
    state: State | None = None
    for entry in entries:
        event = Event(kind=entry.kind, payload=entry.payload)
        state = follow(state, event, time=entry.time, actor=entry.actor)
    if state is None:
        raise NotFound("There is no such release.", remedy="bench.releases.all() lists those there are.")
    return state


def follow(state: State | None, event: Event, *, time: datetime, actor: str) -> State:
    """Return the state after one event.

    Raises:
        Conflict: the event may not follow the state.
    """
    if state is None:
        if event.kind != OPENED:
            raise Conflict(f"A release begins with {OPENED}, not {event.kind}.")
        return _opened(event.payload, time, actor)
    _require_legal(state.release, event)
    return _after(state, event, time)


def _require_legal(release: Release, event: Event) -> None:
    if release.status not in LEGAL.get(event.kind, frozenset()):
        what = event.kind.removeprefix("release.").replace("_", " ")
        raise Conflict(
            f"Release {release.id} is {str(release.status).replace('_', ' ')}: it cannot be {what} now.",
            remedy="Open a new release." if release.status.final else "Look at it again, then decide.",
            field="release",
        )
    if event.kind == STAGE_ENTERED and event.payload["stage"] != release.stage + 1:
        raise Conflict(f"Release {release.id} is in stage {release.stage}: stages follow one by one.")


def _opened(payload: dict[str, Any], time: datetime, actor: str) -> State:
    plan = Plan.model_validate(payload["plan"])
    stages = tuple(stage.stage() for stage in plan.steps)
    release = Release(
        id=payload["id"],
        endpoint=payload["endpoint"],
        candidate=payload["candidate"],
        candidate_digest=payload["candidate_digest"],
        champion=payload["champion"],
        plan=plan.name,
        plan_digest=payload["plan_digest"],
        stages=stages,
        stage=0,
        status=Status.RUNNING,
        weight=stages[0].weight,
        reason=payload.get("reason", ""),
        opened=time,
        opened_by=actor,
        stage_since=time,
        sticky=plan.sticky,
    )
    return State(
        release,
        plan,
        alpha=payload["alpha"],
        since_table=(payload["since_table"],),
        cursor=payload["cursor"],
        allowed=Verdict.model_validate(payload["verdict"]),
        yardsticks=Yardsticks.model_validate(payload.get("yardsticks", {})),
    )


def _after(state: State, event: Event, time: datetime) -> State:
    if event.kind in _ENDINGS:
        return _ended(state, event.kind, event.payload.get("reason", state.release.reason), time)
    return _FOLDS[event.kind](state, event.payload, time)


def _entered(state: State, payload: dict[str, Any], time: datetime) -> State:
    index = state.release.stage + 1
    return replace(
        _with(state, payload, stage=index, weight=state.release.stages[index].weight, stage_since=time),
        since_table=(*state.since_table, payload["since_table"]),
        yardsticks=Yardsticks.model_validate(payload.get("yardsticks", state.yardsticks)),
        waits_for=(),
        watched=NOT_YET,
        losses=state.losses.model_copy(update={"lost": 0}),
        paused_for=timedelta(),
    )


def _judged(state: State, payload: dict[str, Any], _: datetime) -> State:
    verdicts = _looked(state.release.verdicts, payload["verdicts"])
    return replace(
        _with(state, payload, verdicts=verdicts),
        waits_for=tuple(payload["waits_for"]),
        watched=Watched.model_validate(payload.get("watched", {})),
        losses=Losses.model_validate(payload.get("losses", {})),
    )


def _approved(state: State, payload: dict[str, Any], _: datetime) -> State:
    said = (*state.release.approvals, StageApproval.model_validate(payload))
    return _with(state, payload, approvals=said)


def _approval_revoked(state: State, payload: dict[str, Any], _: datetime) -> State:
    taken = (*state.release.revocations, StageRevocation.model_validate(payload))
    return _with(state, payload, revocations=taken)


def _paused(state: State, payload: dict[str, Any], time: datetime) -> State:
    return replace(_with(state, payload, status=Status.PAUSED), paused_since=time)


def _resumed(state: State, payload: dict[str, Any], time: datetime) -> State:
    stood = max(time - state.paused_since, timedelta()) if state.paused_since else timedelta()
    return replace(
        _with(state, payload, status=Status.RUNNING), paused_since=None, paused_for=state.paused_for + stood
    )


#: How each event that ends nothing changes the state.
_FOLDS: dict[str, Callable[[State, dict[str, Any], datetime], State]] = {
    STAGE_ENTERED: _entered,
    JUDGED: _judged,
    APPROVED: _approved,
    APPROVAL_REVOKED: _approval_revoked,
    PAUSED: _paused,
    RESUMED: _resumed,
}


def _with(state: State, payload: dict[str, Any], **changes: Any) -> State:
    """The state with another release: what changed, and why, where the event says so."""
    changes["reason"] = payload.get("reason", state.release.reason)
    return replace(state, release=state.release.model_copy(update=changes))


def _ended(state: State, kind: str, reason: str, time: datetime) -> State:
    status, weight = _ENDINGS[kind]
    ending = {"status": status, "weight": weight, "reason": reason, "closed": time}
    if status is Status.PROMOTED:
        ending["stage"] = len(state.release.stages) - 1
    return replace(state, release=state.release.model_copy(update=ending))


def _looked(known: Sequence[StageVerdict], looked: list[dict[str, Any]]) -> tuple[StageVerdict, ...]:
    """Put newer verdicts in the place of older ones on the same thing, keeping their looks."""
    verdicts = {(v.stage, v.metric, v.group): v for v in known}
    for found in looked:
        new = StageVerdict.model_validate(found)
        key = (new.stage, new.metric, new.group)
        before = verdicts.get(key)
        points = thinned((before.points if before else ()) + new.points)
        verdicts[key] = new.model_copy(update={"points": points})
    return tuple(verdicts.values())


def thinned(points: tuple[EvidencePoint, ...]) -> tuple[EvidencePoint, ...]:
    """Drop every second look when there are too many; the first and the newest stay."""
    if len(points) <= MOST_POINTS:
        return points
    return (*points[:-1:2], points[-1])
