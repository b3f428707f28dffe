"""The file of keys: ``.workbench/gateway/_keys.json``, replaced whole, readable by its owner alone.

No endpoint can have that name. Revoked keys leave the file; the journal remembers them.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, Field, ValidationError

from workbench.core.errors import Unavailable
from workbench.core.records import Record
from workbench.gateway.door.callers import Scope
from workbench.gateway.routing import sync_folder

FILE = "_keys.json"
ANY = "*"
"""The endpoint of a key that opens every endpoint of the project."""


class Key(Record):
    """A key, as people see it."""

    id: str = Field(pattern=r"^[0-9a-f]{12}$")
    name: str
    endpoint: str
    """The endpoint it opens; ``*``: every one."""
    scopes: tuple[Scope, ...] = Field(min_length=1)
    created: AwareDatetime
    expires: AwareDatetime
    per_minute: int | None = Field(default=None, ge=1)
    """Requests a minute; None: ``gateway_per_minute`` of the settings."""
    by: str
    """Who made it."""

    def __str__(self) -> str:
        quota = f", {self.per_minute} requests a minute" if self.per_minute else ""
        return (
            f"{self.name} ({self.id}): {', '.join(self.scopes)} at {self.endpoint}{quota}, "
            f"until {self.expires:%Y-%m-%d %H:%M} UTC, made by {self.by}"
        )

    def ended(self, now: datetime) -> bool:
        """Whether its time is over."""
        return now >= self.expires


class Kept(Record):
    """A key with what is kept of its secret, in hexadecimal digits."""

    key: Key
    salt: str = Field(pattern=r"^[0-9a-f]{32}$")
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")


class Keys(Record):
    """All keys of a project."""

    keys: tuple[Kept, ...] = ()


def file_of(state: Path) -> Path:
    """Where the keys of a project are."""
    return state / "gateway" / FILE


def read_keys(state: Path) -> Keys:
    """Return the keys there are.

    Raises:
        Unavailable: the file cannot be read, or is no file of keys.
    """
    try:
        return Keys.from_json(file_of(state).read_bytes())
    except FileNotFoundError:
        return Keys()
    except (OSError, ValidationError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is damaged"
        raise Unavailable(
            f"The gateway's keys cannot be read: {why}.",
            remedy=f"Put {FILE} right, or move it away and make new keys: workbench gateway-key add",
            field="key",
        ) from error


def change_keys(state: Path, change: Callable[[Keys], Keys]) -> Keys:
    """Replace the keys by what ``change`` makes of them, one writer after the other.

    Raises:
        Unavailable: the file cannot be read.
    """
    file = file_of(state)
    file.parent.mkdir(parents=True, exist_ok=True)
    with (file.parent / ".keys.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        changed = change(read_keys(state))
        _replace(file, changed.to_json(indent=1).encode())
    return changed


def _replace(path: Path, body: bytes) -> None:
    """Put ``body`` in place of ``path`` at once, in a file that was its owner's alone from the beginning."""
    part = path.with_name(f".{path.name}.tmp")
    part.unlink(missing_ok=True)  # of a writer that was killed
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)
