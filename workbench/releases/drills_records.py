"""What a drill leaves: a mark on the disk while traffic is with the standby, two entries, and its figures."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from workbench.core.records import Record
from workbench.core.values import Outcome
from workbench.gateway.routing import replace
from workbench.releases.lease import folder_of
from workbench.releases.targets.base import Routing

#: Kinds in the stream ``drill/<endpoint>``. Between the two the standby may be the one that answers.
DRILL_BEGAN = "endpoint.drill_began"
DRILLED = "endpoint.drilled"


class Drill(Record):
    """How a switch to the standby went. Seconds count from the decision, by this machine's clock."""

    endpoint: str
    champion: str
    """``name/version``; it answers again."""
    standby: str
    outcome: Outcome
    """``pass``: no request failed, and both switches were seen in answers."""
    reason: str
    compared: int = 0
    """Captured requests that both answered by version, before anything moved."""
    unlike: int = 0
    """Of these, those that the two answered differently. They are two versions: it is no failure."""
    latency_ms: tuple[float, float] | None = None
    """Median answer of champion and standby to these, in milliseconds."""
    requests: int = 0
    """Sent while traffic was switched there and back."""
    failed: int = 0
    """Of these, those without an answer."""
    first_seconds: float | None = None
    """Until the first answer of the standby was there; None: it never answered."""
    last_seconds: float | None = None
    """Until the last answer of the champion was there."""
    back_seconds: float | None = None
    """From the decision to go back, until the last answer of the standby was there."""
    asked_by: str = ""
    """Who asked the controller for it; empty where whoever wrote it did it for themselves."""
    id: str = ""
    """Of the wish, where somebody asked."""

    def __str__(self) -> str:
        asked = f" Asked for by {self.asked_by}." if self.asked_by else ""
        return f"Drill of {self.endpoint}: {self.outcome}. {self.reason}{asked}"


class Mark(Record):
    """Says, without a database, that a drill has put the standby in the champion's place for a moment."""

    champion: str
    standby: str
    by: str
    time: datetime
    asked_by: str = ""
    id: str = ""
    """Of the wish, where somebody asked the controller for it."""


def mark_of(state: Path, endpoint: str) -> Mark | None:
    """Return the mark of a drill that is under way, or that was cut short."""
    try:
        return Mark.from_json(_path(state, endpoint).read_bytes())
    except FileNotFoundError:
        return None


def set_mark(state: Path, endpoint: str, mark: Mark) -> None:
    """Leave the mark; when this returns it is on the disk."""
    path = _path(state, endpoint)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, mark.to_json().encode(), durable=True)


def remove_mark(state: Path, endpoint: str) -> None:
    """Take the mark away: the champion answers again."""
    _path(state, endpoint).unlink(missing_ok=True)


def swapped(now: Routing) -> Routing:
    """Return the routing in which champion and standby have changed places."""
    if now.standby is None:
        return now
    return now.model_copy(update={"champion": now.standby, "standby": now.champion})


def as_released(now: Routing, mark: Mark | None) -> Routing:
    """Return the routing as it is but for a drill."""
    if mark is None or now.standby is None:
        return now
    drilled = (now.champion.model.ref, now.standby.model.ref) == (mark.standby, mark.champion)
    return swapped(now) if drilled else now


def _path(state: Path, endpoint: str) -> Path:
    return folder_of(state) / endpoint / "drill.mark"
