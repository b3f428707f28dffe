"""The endpoints of a project at a glance: who answers, what a release says of it, who drives, what stands by.

The journal is one half of it. The other half stands beside the journal (``Beside``): what gateways say of
themselves, who holds a lease, what was captured of late.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from workbench.core.records import Record
from workbench.core.settings import Settings
from workbench.core.values import Outcome
from workbench.gateway import is_killed
from workbench.gateway.status import Status, running
from workbench.journal.records import Entry
from workbench.releases.records import Release
from workbench.views.formats import count, moment

if TYPE_CHECKING:
    from workbench.traffic.store import TrafficStore

#: Segments that are read for a glance at the last hour.
_SEGMENTS = 400


class AnswersGlance(Record):
    """Requests that one version answered of late."""

    version: int | None = None
    """None: nobody did, or the declared fallback."""
    minute: int = 0
    """In the last minute."""
    hour: int = 0
    """In the last hour, or since ``EndpointGlance.counted_since`` where that is later."""


class DrillGlance(Record):
    """The last drill of an endpoint."""

    outcome: Outcome
    reason: str
    time: datetime
    first_seconds: float | None = None
    """Until the standby gave its first answer."""
    last_seconds: float | None = None
    """Until the champion gave its last one."""


class EndpointGlance(Record):
    """One endpoint."""

    name: str
    champion: str = ""
    """``name/version`` that answers whatever no other does, by the journal."""
    release: str = ""
    """Id of the release under way; empty when there is none."""
    candidate: str = ""
    stage: str = ""
    weight: float = 0.0
    verdicts: tuple[str, ...] = ()
    """What each metric of the stage says, in a sentence."""
    standby: str = ""
    """``name/version`` that going back leads to; empty when there is nobody."""
    standby_loaded: bool = False
    """It is in the gateway's memory."""
    gateway: str = ""
    """Where it is served; empty: nowhere on this machine."""
    ready: bool = False
    """The gateway answers with the champion."""
    killed: bool = False
    breakers: dict[str, str] = {}
    """Versions that the gateway leaves alone because they keep failing, and how."""
    lost: int = 0
    """Exchanges that the gateway could not keep since it started."""
    controller: str = ""
    """Who drives releases here now; empty: nobody."""
    answers: tuple[AnswersGlance, ...] = ()
    """Captured requests of late, by the version that answered."""
    counted_since: datetime | None = None
    """From when on ``hour`` counts all of them; None: they were not counted."""
    whole_hour: bool = False
    """That is an hour ago, and not later, as under much traffic."""
    drill: DrillGlance | None = None


class Answered(NamedTuple):
    """Requests of late."""

    answers: tuple[AnswersGlance, ...]
    since: datetime
    whole: bool = False
    """``since`` is an hour ago."""


class Beside(NamedTuple):
    """What stands in no journal."""

    gateways: Sequence[Status] = ()
    """What those that run say of themselves."""
    killed: frozenset[str] = frozenset()
    drivers: Mapping[str, str] = {}
    """Who holds the lease, by endpoint."""
    answered: Mapping[str, Answered] = {}


NOTHING = Beside()


def look_beside(
    settings: Settings, endpoints: Iterable[str], traffic: TrafficStore | None = None, *, now: datetime
) -> Beside:
    """Read what stands beside the journal. Needs no database.

    Args:
        settings: of the project.
        endpoints: those to look at.
        traffic: count what was captured of late, too; it takes a moment.
        now: the time.
    """
    from workbench.releases.lease import holder

    names, state = sorted(set(endpoints)), settings.state
    drivers = {name: str(found) for name in names if (found := holder(state, name))}
    counted = {name: answered_lately(traffic, name, now) for name in names} if traffic else {}
    killed = frozenset(name for name in names if is_killed(state, name))
    return Beside(running(state), killed, drivers, counted)


def endpoints_of(entries: Iterable[Entry]) -> set[str]:
    """Names of the endpoints that something was released to."""
    streams = {entry.stream for entry in entries if entry.stream.startswith("release/")}
    return {stream.removeprefix("release/").rpartition("-")[0] for stream in streams}


def answered_lately(traffic: TrafficStore, endpoint: str, now: datetime) -> Answered:
    """Count the requests of the last hour by the version that answered."""
    start = now - timedelta(hours=1)
    requests, since = traffic.recent(endpoint, start, most=_SEGMENTS)
    hour = Counter(one.served_by for one in requests)
    minute = Counter(one.served_by for one in requests if one.time >= now - timedelta(minutes=1))
    versions = sorted(hour, key=lambda version: (version is None, version))
    found = tuple(AnswersGlance(version=v, minute=minute[v], hour=hour[v]) for v in versions)
    return Answered(found, since, whole=since <= start)


def endpoints(
    releases: Sequence[Release], by_stream: Mapping[str, Sequence[Entry]], beside: Beside
) -> tuple[EndpointGlance, ...]:
    """Put both halves together, in order of name."""
    gateways = {status.endpoint: status for status in beside.gateways}
    names = {release.endpoint for release in releases} | gateways.keys()
    return tuple(_endpoint(name, releases, by_stream, gateways.get(name), beside) for name in sorted(names))


def told(one: EndpointGlance) -> list[str]:
    """The state of an endpoint in a line, and a line for each thing that is to be said of it."""
    served = one.gateway if one.ready else f"{one.gateway} (not ready)" if one.gateway else "not served here"
    found = [
        f"endpoint {one.name}: champion {one.champion or 'none'}, {'KILLED' if one.killed else served}",
        *_answers(one),
    ]
    if one.release:
        found.append(f"    {one.release}: {one.candidate} in {one.stage}, {one.weight:.0%} of requests")
        found += [f"    {sentence}" for sentence in one.verdicts]
    if one.standby:
        found.append(f"    standby {one.standby}: {'loaded' if one.standby_loaded else 'NOT loaded'}")
    if one.drill:
        found.append(f"    last drill {moment(one.drill.time)}: {one.drill.outcome}. {one.drill.reason}")
    found += [f"    {ref} is left alone: {state}" for ref, state in one.breakers.items()]
    if one.lost:
        found.append(f"    {count(one.lost)} exchanges could not be kept: its log says why")
    return [*found, f"    driven by {one.controller}" if one.controller else "    nobody drives releases now"]


def _answers(one: EndpointGlance) -> list[str]:
    if one.counted_since is None:
        return []
    minute = ", ".join(
        f"{count(a.minute)} by {f'version {a.version}' if a.version else 'nobody'}"
        for a in one.answers
        if a.minute
    )
    total = count(sum(a.hour for a in one.answers))
    since = "in the last hour" if one.whole_hour else f"since {moment(one.counted_since)}"
    return [f"    last minute: {minute or 'no request'}; {total} {since}"]


def _endpoint(
    name: str,
    releases: Sequence[Release],
    by_stream: Mapping[str, Sequence[Entry]],
    gateway: Status | None,
    beside: Beside,
) -> EndpointGlance:
    from workbench.releases import routes

    own = [release for release in releases if release.endpoint == name]
    who, active, counted = routes.wanted(own), routes.active(own), beside.answered.get(name)
    standby = who.standby if who else ""
    return EndpointGlance(
        name=name,
        champion=who.champion if who else "",
        standby=standby,
        standby_loaded=bool(gateway and standby in gateway.loaded),
        gateway=gateway.url if gateway else "",
        ready=bool(gateway and gateway.ready),
        killed=name in beside.killed or bool(gateway and gateway.killed),
        breakers={ref: str(state) for ref, state in gateway.breakers.items()} if gateway else {},
        lost=gateway.lost if gateway else 0,
        controller=beside.drivers.get(name, ""),
        answers=counted.answers if counted else (),
        counted_since=counted.since if counted else None,
        whole_hour=bool(counted and counted.whole),
        drill=_drill(by_stream.get(f"drill/{name}", ())),
        **(_release(active) if active else {}),
    )


def _release(active: Release) -> dict[str, object]:
    stage = active.current.name
    return {
        "release": active.id,
        "candidate": active.candidate,
        "stage": stage,
        "weight": active.weight,
        "verdicts": tuple(v.sentence for v in active.verdicts if v.stage == stage),
    }


def _drill(entries: Sequence[Entry]) -> DrillGlance | None:
    done = [entry for entry in entries if entry.kind == "endpoint.drilled"]
    if not done:
        return None
    known = ("outcome", "reason", "first_seconds", "last_seconds")
    return DrillGlance(time=done[-1].time, **{key: done[-1].payload[key] for key in known})
