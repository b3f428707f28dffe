"""How what was found reads: endpoint, time, version, and what the journal lacks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from workbench.core.digests import short
from workbench.gateway.record import Served
from workbench.releases.intents import Rollback
from workbench.releases.reconciliation.records import InForce
from workbench.releases.reconciliation.shown import Switch, Table
from workbench.traffic import Decided


def moment(time: datetime) -> str:
    """A time, for people."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def version(served: Served) -> str:
    """A version and what its bytes hash to."""
    return f"{served.ref} ({short(served.digest)})"


def in_force(who: InForce) -> str:
    """Everybody who answers, or is shown the requests."""
    parts = [version(who.champion) if who.champion else "nobody"]
    if who.candidate:
        parts.append(f"{version(who.candidate)} on {share(who)} of the requests")
    if who.shadow:
        parts.append(f"{version(who.shadow)} in shadow")
    return ", ".join(parts)


def share(who: InForce) -> str:
    """The candidate's part of the requests."""
    return f"{100 * who.share:.4g} %"


def champion(endpoint: str, table: Table, who: Served, because: str) -> str:
    """A champion that the journal does not explain."""
    since = moment(table.since)
    return f"From {since} the gateway served {version(who)} as champion of {endpoint}; {because}."


def candidate(endpoint: str, table: Table, who: Served, stage: str) -> str:
    """A candidate that no stage explains, or with another share."""
    given = f"{version(who)} {share(table.who)} of the requests of {endpoint}"
    return f"From {moment(table.since)} the gateway gave {given}; {no_stage(stage)}."


def shadow(endpoint: str, table: Table, who: Served, stage: str) -> str:
    """A shadow that no stage explains."""
    shown = f"the requests of {endpoint} to {version(who)} in shadow"
    return f"From {moment(table.since)} the gateway showed {shown}; {no_stage(stage)}."


def no_stage(stage: str) -> str:
    """What the journal says instead of the stage that it lacks."""
    return f"the journal has no release stage that says so{f' ({stage} there)' if stage else ''}"


def absent(endpoint: str, table: Table, missing: Served, stage: str) -> str:
    """A candidate that answers no more, although the journal does not end its release."""
    return (
        f"From {moment(table.since)} the gateway served {endpoint} without {version(missing)}; "
        f"the journal has no end of its release ({stage} there)."
    )


def standby(endpoint: str, table: Table, who: Served) -> str:
    """A version that can be asked for by number, for no reason in the journal."""
    return (
        f"From {moment(table.since)} the gateway of {endpoint} kept {version(who)} ready for whoever asks "
        "for it by number; the journal has no promotion of it."
    )


def disorder(endpoint: str, table: Table) -> str:
    """What the journal says, but at another time."""
    return (
        f"From {moment(table.since)} the gateway served {endpoint} with {in_force(table.who)} again; "
        "the journal has no entry that leads back to it."
    )


def killed(endpoint: str, switch: Switch) -> str:
    """No model answered, and the journal does not say so."""
    span = f"From {moment(switch.since)} " + (f"to {moment(switch.until)}" if switch.until else "on")
    return f"{span} no model of {endpoint} answered: it was killed; the journal has no endpoint.killed."


def revived(endpoint: str, switch: Switch) -> str:
    """Models answered again, and the journal does not say so."""
    since = moment(switch.since)
    return f"From {since} the models of {endpoint} answered again; the journal has no endpoint.revived."


def never_served(endpoint: str, who: Served, promoted: datetime, refused: str) -> str:
    """A promotion that did not happen."""
    return (
        f"The journal promoted {version(who)} to champion of {endpoint} at {moment(promoted)}; "
        f"the gateway ran and never served it as that.{refused}"
    )


def still_served(endpoint: str, table: Table, told: InForce, since: datetime, refused: str) -> str:
    """An entry that the traffic does not follow."""
    return (
        f"The journal says since {moment(since)} that {endpoint} is served by {in_force(told)}; "
        f"the gateway serves {in_force(table.who)}, as before.{refused}"
    )


def refused(version_: int | None, reason: str) -> str:
    """Why the gateway did not follow."""
    which = f"routing table {version_}" if version_ is not None else "the routing table"
    return f" It refused {which}: {reason}"


def rolled_back(intent: Rollback) -> str:
    """Somebody went back, and the journal could not be told yet."""
    what = f"{intent.by} took {intent.took_out} out of {intent.endpoint} at {moment(intent.time)}"
    return f"Not yet recorded: {what} ({intent.reason}). The next tick or command records it."


def is_killed(endpoint: str, since: datetime | None) -> str:
    """Somebody threw the kill switch, and the journal could not be told yet."""
    when = f" since {moment(since)}" if since else ""
    return f"Not yet recorded: {endpoint} is killed{when}. The next tick or command records it."


def not_running(endpoint: str, who: Served, since: datetime, until: datetime) -> str:
    """A promotion while no gateway ran."""
    return (
        f"Whether {version(who)} was served as champion of {endpoint} between {moment(since)} and "
        f"{moment(until)} is not known: no gateway ran."
    )


def never_ran(endpoint: str) -> str:
    """An endpoint of the journal without a gateway here."""
    return f"What {endpoint} served is not known: no gateway of it has run here."


def vanished(endpoint: str, since: datetime, last: datetime, following: datetime | None) -> str:
    """A process that ended without saying so."""
    span = f"between {moment(last)} and {moment(following)}" if following else f"after {moment(last)}"
    return (
        f"What {endpoint} served {span} is not known: its gateway, started at {moment(since)}, "
        "did not say that it stopped."
    )


def lost(endpoint: str, n: int, since: datetime) -> str:
    """Changes that the disk refused."""
    changes = "1 change" if n == 1 else f"{n:,} changes"
    return f"{changes} of {endpoint} before {moment(since)} cannot be known: the disk did not take them."


def no_record(endpoint: str, exchanges: Sequence[Decided]) -> str:
    """Traffic, and no record at all."""
    return f"The gateway of {endpoint} decided {_requests(exchanges)}, and its record is gone."


def no_table(endpoint: str, exchanges: Sequence[Decided]) -> str:
    """Traffic by tables that the record does not have."""
    tables = sorted({some.table_version for some in exchanges})
    which = ", ".join(map(str, tables[:10])) + (" …" if len(tables) > 10 else "")
    return (
        f"{_requests(exchanges)} of {endpoint} were decided by routing table {which}, "
        "of which the gateway's record says nothing: it was cut."
    )


def other_answer(endpoint: str, some: Decided, what: str) -> str:
    """Traffic that the table in the record cannot have caused."""
    return (
        f"{_requests([some])} of {endpoint} under routing table {some.table_version} show {what}, "
        "which the gateway's record does not have in that table."
    )


def gone(endpoint: str, captured: int, there: int, removed: int) -> str:
    """Exchanges that were written, and are neither there nor told to have been removed."""
    missing = captured - there - removed
    return (
        f"The gateway of {endpoint} recorded that it wrote {captured:,} exchanges; {there:,} are there, and "
        f"the journal tells of {removed:,} that were erased or dropped: {missing:,} are gone "
        "without a traffic.erased or traffic.dropped, or lie where capture_url does not look."
    )


def removing(endpoint: str) -> str:
    """A removal between its plan and its entry."""
    return (
        f"Not yet recorded: exchanges are being removed, so that those of {endpoint} are not counted. Where "
        "nothing removes them any more, the next erase or retain finishes it."
    )


def no_reason(endpoint: str, numbers: Iterable[int], some: Decided) -> str:
    """Versions that neither the record nor the journal explains."""
    which = ", ".join(map(str, numbers))
    return (
        f"{_requests([some])} of {endpoint} were answered by or shown to version {which}; "
        "the journal has no release by which it could."
    )


def _requests(exchanges: Sequence[Decided]) -> str:
    n = sum(some.n for some in exchanges)
    first, last = min(some.first for some in exchanges), max(some.last for some in exchanges)
    return f"{n:,} {'request' if n == 1 else 'requests'} between {moment(first)} and {moment(last)}"
