"""Drills that are asked of the controller: it drives the endpoint, so nobody else may move its traffic.

A wish is a file beside the intents of those who went back by hand. It is renamed by whoever takes it and
removed by whoever withdraws it, and only one of them can be first: nothing is drilled that was withdrawn, and
nothing twice. The drill that was done is in the journal under the id of its wish; why none was done is in the
file itself.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from enum import Enum
from pathlib import Path
from uuid import uuid4

from pydantic import Field, ValidationError

from workbench.core.errors import Conflict, NotFound, Refused, Tampered, Unavailable, WorkbenchError
from workbench.core.records import Record
from workbench.gateway.routing import replace
from workbench.releases.lease import folder_of

#: Seconds without a sign of life of whoever asked, after which a wish is nobody's any more.
STALE = 60.0

_KINDS = {kind.__name__: kind for kind in (Conflict, NotFound, Refused, Tampered, Unavailable)}


class Wish(Record):
    """Somebody asks for a drill."""

    id: str = Field(pattern=r"^[0-9]{20}-[0-9a-f]{8}$")
    by: str
    time: datetime


class Declined(Record):
    """Why no drill was done."""

    kind: str
    message: str
    remedy: str = ""
    field: str = ""

    @property
    def error(self) -> WorkbenchError:
        """As whoever asked is to meet it."""
        kind = _KINDS.get(self.kind, Unavailable)
        return kind(self.message, remedy=self.remedy, field=self.field)


class Standing(Enum):
    """How a wish stands; it is also how its file's name ends. A wish never goes back to an earlier one."""

    WAITS = "ask"
    TAKEN = "taken"
    DECLINED = "declined"
    GONE = ""


def new_wish(by: str, now: datetime) -> Wish:
    """Return a wish with an id of its own; ids sort by time."""
    return Wish(id=f"{time.time_ns():020d}-{uuid4().hex[:8]}", by=by, time=now)


class Wishes:
    """The wishes for one endpoint.

    Args:
        state: folder of the project's stores.
        endpoint: which is to be drilled.
    """

    def __init__(self, state: Path, endpoint: str) -> None:
        self._folder = folder_of(state) / endpoint

    # Of whoever asks

    def write(self, wish: Wish) -> None:
        """Ask; when this returns it is on the disk."""
        self._folder.mkdir(parents=True, exist_ok=True)
        replace(self._path(wish, Standing.WAITS), wish.to_json().encode(), durable=True)

    def standing(self, wish: Wish) -> Standing:
        """Return how a wish stands, and show a sign of life of whoever asked."""
        with suppress(FileNotFoundError):
            os.utime(self._path(wish, Standing.WAITS))
            return Standing.WAITS
        later = (Standing.TAKEN, Standing.DECLINED)  # in this order: none is missed while it moves on
        return next((one for one in later if self._path(wish, one).exists()), Standing.GONE)

    def declined(self, wish: Wish) -> WorkbenchError:
        """Return why no drill was done, once the wish stands so, and remove its file."""
        path = self._path(wish, Standing.DECLINED)
        error = Declined.from_json(path.read_bytes()).error
        path.unlink(missing_ok=True)
        return error

    def withdraw(self, wish: Wish) -> bool:
        """Take a wish back; False when somebody has taken it."""
        try:
            self._path(wish, Standing.WAITS).unlink()
        except FileNotFoundError:
            return False
        return True

    # Of the controller

    def waiting(self) -> bool:
        """Whether there is anything to look at."""
        return any(self._files(one) for one in (Standing.WAITS, Standing.TAKEN, Standing.DECLINED))

    def take(self) -> Iterator[Wish]:
        """Take one wish after the other, the oldest first, but those whose asker shows no sign of life.

        What an earlier controller had taken and not ended is declined: it may have moved traffic for it.
        """
        for path in self._files(Standing.TAKEN):
            self._decline(path, _CUT_SHORT)
        for path in filter(_is_stale, self._files(Standing.DECLINED)):
            path.unlink(missing_ok=True)
        for path in self._files(Standing.WAITS):
            wish = None if _is_stale(path) else _read(path)
            if wish is None or path != self._path(wish, Standing.WAITS):
                path.unlink(missing_ok=True)
            elif self._take(wish):
                yield wish

    def done(self, wish: Wish) -> None:
        """Remove a wish whose drill is in the journal."""
        self._path(wish, Standing.TAKEN).unlink(missing_ok=True)

    def decline(self, wish: Wish, error: Exception) -> None:
        """Tell whoever asked why no drill was done."""
        self._decline(self._path(wish, Standing.TAKEN), error)

    def _take(self, wish: Wish) -> bool:
        try:
            self._path(wish, Standing.WAITS).rename(self._path(wish, Standing.TAKEN))
        except FileNotFoundError:  # withdrawn meanwhile
            return False
        return True

    def _decline(self, path: Path, error: Exception) -> None:
        if not isinstance(error, WorkbenchError):
            remedy = "The log of the controller tells more."
            error = Unavailable(f"{type(error).__name__}: {error}", remedy=remedy)
        kind, message = type(error).__name__, error.message
        why = Declined(kind=kind, message=message, remedy=error.remedy, field=error.field)
        replace(path.with_suffix(f".{Standing.DECLINED.value}"), why.to_json().encode())
        path.unlink(missing_ok=True)

    def _files(self, standing: Standing) -> list[Path]:
        return sorted(self._folder.glob(f"drill-*.{standing.value}"))

    def _path(self, wish: Wish, standing: Standing) -> Path:
        return self._folder / f"drill-{wish.id}.{standing.value}"


_CUT_SHORT = Unavailable(
    "The controller ended in the middle of the drill; the next one lets the champion answer again.",
    remedy="Look at workbench status, then drill again.",
    field="lease",
)


def _is_stale(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > STALE
    except FileNotFoundError:
        return True


def _read(path: Path) -> Wish | None:
    """The wish in a file; None when it is none, or was withdrawn meanwhile."""
    try:
        return Wish.from_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
