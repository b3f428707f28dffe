"""Drills: go to the standby and come back, on real requests, and measure it, before the day it is needed.

Nothing that fails here harms anybody: first both versions answer captured requests by their version, and
only when the standby answers all that the champion does, traffic moves. The entry comes first, then the
mark on the disk, then the pointer. A drill that is cut short is ended by the next tick: traffic follows the
releases of the journal, and they name the champion.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from workbench.core.clock import Clock
from workbench.core.errors import Conflict, Refused, Unavailable
from workbench.core.settings import Settings
from workbench.core.values import Outcome
from workbench.gateway.status import Status, read_status
from workbench.journal import Event, Journal
from workbench.models.references import require_name
from workbench.releases.drills_asked import Wish
from workbench.releases.drills_records import (
    DRILL_BEGAN,
    DRILLED,
    Drill,
    Mark,
    mark_of,
    remove_mark,
    set_mark,
    swapped,
)
from workbench.releases.lease import Lease
from workbench.releases.targets.base import Deployment, Routing, Target
from workbench.traffic.load import SHUT, inputs_of, refused
from workbench.traffic.sending import Answered, Sender, oip, say_nothing

if TYPE_CHECKING:
    from workbench.traffic import TrafficStore

#: Captured requests that are replayed, the newest ones, and how old they may be.
_REQUESTS, _RECENT = 200, timedelta(days=7)
#: Requests a second while traffic is switched, and seconds before, between and after the two switches.
_RATE, _SECONDS = 100.0, 1.0
_TIMEOUT = 10.0


class Pair(NamedTuple):
    """Who takes part."""

    routing: Routing
    version: int
    """Of the routing, as it was read."""
    champion: Deployment
    standby: Deployment
    gateway: Status


class Drills:
    """Tries the standby of endpoints.

    Args:
        settings: the project.
        journal: where a drill is written.
        traffic: whose captured requests are replayed.
        target: where the pointer is.
        clock: for the age of requests and drills.
    """

    def __init__(
        self, settings: Settings, journal: Journal, traffic: TrafficStore, target: Target, clock: Clock
    ) -> None:
        self._settings = settings
        self._state = settings.state
        self._journal = journal
        self._traffic = traffic
        self._target = target
        self._clock = clock

    def require_possible(self, endpoint: str) -> None:
        """Make sure that there is somebody to drill with and something to replay; asks no gateway.

        Raises:
            Conflict: it is killed.
            Refused: there is no standby, or no captured request to replay.
            Unavailable: no gateway serves it, it is loading, or the standby is not loaded.
        """
        self._bodies(endpoint, self._pair(endpoint))

    def run(self, lease: Lease, wish: Wish | None = None) -> Drill:
        """Drill an endpoint that has no active release.

        Args:
            lease: under which it is done.
            wish: of somebody else, whom this process does it for.

        Raises:
            Conflict: it is killed, or somebody moved its traffic meanwhile.
            Refused: there is no standby, or no captured request to replay.
            Unavailable: no gateway serves it, it lets nobody in without a key, or the standby is not loaded.
        """
        endpoint = lease.endpoint
        asked = {"asked_by": wish.by, "id": wish.id} if wish else {}
        pair = self._pair(endpoint)
        bodies = self._bodies(endpoint, pair)
        inputs_of(pair.gateway.url, endpoint, _TIMEOUT)  # whoever is not let in is told before anything else
        drill, bodies = self._compare(pair, bodies)
        drill = drill.model_copy(update=asked)
        if drill.outcome is not Outcome.PASS:
            self._write(lease, DRILLED, drill)
            return drill
        self._write(lease, DRILL_BEGAN, drill)
        now = self._clock.now()
        mark = Mark(
            champion=drill.champion, standby=drill.standby, by=self._settings.actor, time=now, **asked
        )
        set_mark(self._state, endpoint, mark)
        drill = self._switch(pair, drill, bodies, lease)
        remove_mark(self._state, endpoint)
        self._write(lease, DRILLED, drill)
        return drill

    def tidy(self, lease: Lease) -> None:
        """Write down a drill that was cut short, once traffic is with the champion again."""
        endpoint = lease.endpoint
        mark = mark_of(self._state, endpoint)
        if mark is None:
            return
        reason = f"It was cut short; {mark.champion} answers again."
        drill = Drill(
            endpoint=endpoint,
            champion=mark.champion,
            standby=mark.standby,
            outcome=Outcome.ERROR,
            reason=reason,
            asked_by=mark.asked_by,
            id=mark.id,
        )
        self._write(lease, DRILLED, drill)
        remove_mark(self._state, endpoint)

    def done(self, endpoint: str, id: str) -> Drill | None:
        """Return the drill that was done for a wish, once it is written."""
        written = self._journal.read(stream_of(endpoint))
        ours = [entry for entry in written if entry.kind == DRILLED and entry.payload.get("id") == id]
        return Drill.model_validate(ours[-1].payload) if ours else None

    def due(self, endpoint: str) -> bool:
        """Whether ``drill_hours`` have passed since the last drill, and there is somebody to drill with."""
        if not self._settings.drill_hours:
            return False
        done = [entry for entry in self._journal.read(stream_of(endpoint)) if entry.kind == DRILLED]
        age = self._clock.now() - done[-1].time if done else None
        if age is not None and age < timedelta(hours=self._settings.drill_hours):
            return False
        try:
            self.require_possible(endpoint)
        except (Conflict, Refused, Unavailable):
            return False
        return True

    def _pair(self, endpoint: str) -> Pair:
        now = self._target.status(require_name(endpoint, field="endpoint"))
        if now.killed is not None:
            raise Conflict(
                f"{endpoint} is killed: {now.killed}.",
                remedy=f'First: workbench revive {endpoint} --reason "…"',
                field="endpoint",
            )
        if now.routing is None or now.routing.standby is None:
            raise Refused(
                f"{endpoint} has no standby: nobody was champion before this one.",
                remedy="The second champion brings one.",
                field="endpoint",
            )
        gateway = _serving(endpoint, read_status(self._state, endpoint))
        champion, standby = now.routing.champion, now.routing.standby
        if standby.model.ref not in gateway.loaded:
            raise Unavailable(
                f"{standby.model.ref} stands by for {endpoint} and is not loaded.",
                remedy="Wait a moment; when it stays so, see what the gateway refuses: workbench status",
                field="endpoint",
            )
        return Pair(now.routing, now.version, champion, standby, gateway)

    def _bodies(self, endpoint: str, pair: Pair) -> list[bytes]:
        """Bodies of the newest captured requests, one row each, what was not kept filled from the example."""
        found = self._traffic.frame(endpoint, since=self._clock.now() - _RECENT)
        answered = found[(found["arm"] == "champion") & (found["status"] == 200)].tail(_REQUESTS)
        example: dict[str, Any] = next(iter(pair.champion.model.input_example), {})
        captured = zip(answered["inputs"], answered["redacted"], strict=True)
        rows = [example | _without(batch[0], closed) for batch, closed in captured if batch and batch[0]]
        if not rows:
            raise Refused(
                f"No request of {endpoint} was captured in the last {_RECENT.days} days: none to replay.",
                remedy=f"Send some: workbench traffic send {endpoint} --data rows.csv",
                field="endpoint",
            )
        return [oip(row) for row in rows]

    def _compare(self, pair: Pair, bodies: list[bytes]) -> tuple[Drill, list[bytes]]:
        """Let both answer by version; the requests that count are those that the champion answers."""
        ours, theirs = (self._by_version(pair, one, bodies) for one in (pair.champion, pair.standby))
        for answer in (*ours, *theirs):
            if answer.status in SHUT:
                raise refused(pair.gateway.url, pair.routing.endpoint, answer.status, answer.body)
        both = [(a, b, body) for a, b, body in zip(ours, theirs, bodies, strict=True) if a.status == 200]
        wrong = sum(not _valid(b, a) for a, b, _ in both)
        outcome = Outcome.PASS if both and not wrong else Outcome.FAIL if wrong else Outcome.INCONCLUSIVE
        champion, standby = pair.champion.model.ref, pair.standby.model.ref
        reasons = {
            Outcome.FAIL: f"{standby} gives no valid answer to {wrong} of {len(both)} requests that "
            f"{champion} answers. Traffic was not moved.",
            Outcome.INCONCLUSIVE: f"{champion} answers none of the captured requests. Traffic was not moved.",
        }
        drill = Drill(
            endpoint=pair.routing.endpoint,
            champion=champion,
            standby=standby,
            outcome=outcome,
            reason=reasons.get(outcome, ""),
            compared=len(both),
            unlike=sum(_answer(a) != _answer(b) for a, b, _ in both),
            latency_ms=(_median(ours), _median(theirs)) if both else None,
        )
        return drill, [body for _, _, body in both]

    def _by_version(self, pair: Pair, one: Deployment, bodies: list[bytes]) -> list[Answered]:
        path = f"/v2/models/{pair.routing.endpoint}/versions/{one.model.version}/infer"
        found: dict[int, Answered] = {}
        sender = Sender(pair.gateway.url, path, bodies, rate=None, timeout=_TIMEOUT)
        sender.run(len(bodies), 2, found.__setitem__, say_nothing)
        return [found[at] for at in range(len(bodies))]

    def _switch(self, pair: Pair, drill: Drill, bodies: list[bytes], lease: Lease) -> Drill:
        """Move the pointer to the standby and back while requests go on."""
        endpoint = lease.endpoint
        with _requests(pair.gateway.url, f"/v2/models/{endpoint}/infer", bodies) as answers:
            time.sleep(_SECONDS)
            lease.require()
            there = time.time()
            try:
                self._target.route(swapped(pair.routing), expected=pair.version, token=lease.token)
                time.sleep(_SECONDS)
            finally:
                back = time.time()
                found = self._return(pair, lease)
            _require_ours(found, pair)
            time.sleep(_SECONDS)
        return _measured(drill, answers, pair, there, back)

    def _return(self, pair: Pair, lease: Lease) -> Routing | None:
        """Move the pointer back where it is with the standby, also after a switch that said it had failed.

        Returns:
            The routing that was found.
        """
        now = self._target.status(lease.endpoint)
        if now.routing == swapped(pair.routing):
            self._target.route(pair.routing, expected=now.version, token=lease.token)
        return now.routing

    def _write(self, lease: Lease, kind: str, drill: Drill) -> None:
        fact = Event(kind=kind, payload=drill.model_dump(mode="json"))
        self._journal.append_many([(stream_of(lease.endpoint), fact, None)], unmoved=lease.unmoved)


def _serving(endpoint: str, gateway: Status | None) -> Status:
    """Return what the endpoint's gateway says, when it answers requests.

    Raises:
        Unavailable: there is none, it is loading, or it refuses what it should serve.
    """
    if gateway is None:
        raise Unavailable(
            f"No gateway serves {endpoint}: nothing can be measured.",
            remedy=f"Start one: workbench gateway {endpoint}",
            field="endpoint",
        )
    if gateway.ready:
        return gateway
    where = f"The gateway of {endpoint}, process {gateway.pid},"
    if gateway.refused:
        raise Unavailable(
            f"{where} refuses what it should serve: {gateway.refused}",
            remedy="Mend that first; workbench status tells when it serves.",
            field="endpoint",
        )
    raise Unavailable(
        f"{where} does not answer yet: it is loading.",
        remedy="Wait until workbench status says where it serves, then drill again.",
        field="endpoint",
    )


def _require_ours(found: Routing | None, pair: Pair) -> None:
    """Refuse to go on when traffic was not with the standby any more: that is no switch to measure."""
    if found != swapped(pair.routing):
        raise Conflict(
            f"Somebody moved the traffic of {pair.routing.endpoint} during the drill; it stays so.",
            remedy="Look at what answers now, then drill again.",
            field="endpoint",
        )


def _without(row: dict[str, Any], closed: Sequence[str]) -> dict[str, Any]:
    """A captured row without the columns whose values were never kept: what is there is a digest."""
    return {name: value for name, value in row.items() if name not in closed}


@contextmanager
def _requests(url: str, path: str, bodies: Sequence[bytes]) -> Iterator[list[Answered]]:
    """Keep requests coming while the block runs; all answers are in the list afterwards."""
    stop, answers = threading.Event(), list[Answered]()
    sender = Sender(url, path, bodies, rate=_RATE, timeout=_TIMEOUT, stop=stop)
    most = int(_RATE * 60)
    work = threading.Thread(
        target=sender.run, args=(most, 4, lambda _, answer: answers.append(answer), say_nothing), daemon=True
    )
    work.start()
    try:
        yield answers
    finally:
        stop.set()
        work.join()


def _measured(drill: Drill, answers: Sequence[Answered], pair: Pair, there: float, back: float) -> Drill:
    """What the answers say of both switches."""
    champion, standby = pair.champion.model.version, pair.standby.model.version
    first = [a.done for a in answers if a.version == standby]
    last = [a.done for a in answers if a.version == champion and a.done < back]
    late = [a.done for a in answers if a.version == standby and a.done > back]
    failed = sum(a.status != 200 for a in answers)
    returned = any(a.version == champion and a.done > back for a in answers)
    seconds = {
        "first_seconds": round(min(first) - there, 4) if first else None,
        "last_seconds": round(max(0.0, max(last, default=there) - there), 4),
        "back_seconds": round(max(late, default=back) - back, 4),
    }
    said = (
        f"{drill.standby} gave its first answer after {seconds['first_seconds']} s, {drill.champion} its "
        f"last after {seconds['last_seconds']} s; {failed} of {len(answers)} requests failed."
        if first
        else f"{drill.standby} never answered; {failed} of {len(answers)} requests failed."
    )
    if not returned:
        said = f"{said} {drill.champion} did not answer again after the way back."
    outcome = Outcome.PASS if first and returned and not failed else Outcome.FAIL
    return drill.model_copy(
        update={"outcome": outcome, "reason": said, "requests": len(answers), "failed": failed, **seconds}
    )


def _valid(answer: Answered, like: Answered) -> bool:
    """Whether an answer has the shape of another one."""
    return answer.status == 200 and _shape(answer) == _shape(like)


def _shape(answer: Answered) -> list[tuple[object, ...]]:
    outputs = orjson.loads(answer.body)["outputs"]
    return [(output["name"], output["datatype"], tuple(output["shape"])) for output in outputs]


def _answer(answer: Answered) -> object:
    return orjson.loads(answer.body)["outputs"][0]["data"] if answer.status == 200 else None


def _median(answers: Sequence[Answered]) -> float:
    return round(statistics.median(answer.latency_ms for answer in answers), 2)


def stream_of(endpoint: str) -> str:
    """Where the drills of an endpoint are written."""
    return f"drill/{endpoint}"
