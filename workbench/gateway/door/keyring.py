"""The keys as a running gateway knows them: in memory, with a look at the file every quarter of a second."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import NamedTuple

from workbench.core.errors import Unavailable
from workbench.gateway.door import secret
from workbench.gateway.door.callers import Caller
from workbench.gateway.door.keys import ANY, Kept, file_of, read_keys

#: Seconds between looks at the file: so late a revoked key is refused.
EVERY = 0.25

log = logging.getLogger(__name__)


class _Known(NamedTuple):
    salt: bytes
    digest: bytes
    caller: Caller


class KeyRing:
    """The keys that open one endpoint.

    Args:
        state: ``.workbench``.
        endpoint: the model's name.
    """

    def __init__(self, state: Path, endpoint: str) -> None:
        self._state, self._endpoint, self._file = state, endpoint, file_of(state)
        self._known: dict[str, _Known] = {}
        self._next = 0.0
        self._seen: tuple[int, ...] | None = None
        self._damage: Unavailable | None = None

    def find(self, text: str) -> Caller | None:
        """Return whose key it is; None where it is nobody's, was revoked, or its time is over.

        Raises:
            Unavailable: the file is damaged. Nobody gets in then, because nobody knows who was thrown out.
        """
        given = secret.parse(text)
        if given is None:
            return None
        if time.monotonic() >= self._next or given.id not in self._known:  # it may be new
            self._look()
        if self._damage is not None:
            raise self._damage.with_traceback(None)  # else it would grow with every caller
        known = self._known.get(given.id)
        if known is None or not secret.holds(given, known.salt, known.digest):
            return None
        return known.caller if time.time() < known.caller.until else None

    def _look(self) -> None:
        self._next = time.monotonic() + EVERY
        try:
            found = self._file.stat()
        except FileNotFoundError:
            self._known, self._seen, self._damage = {}, None, None
            return
        except OSError:
            seen = None
        else:
            seen = (found.st_ino, found.st_mtime_ns, found.st_size)
        if seen is None or seen != self._seen:
            self._seen = seen
            self._load()

    def _load(self) -> None:
        try:
            kept = read_keys(self._state).keys
        except Unavailable as error:
            if str(error) != str(self._damage):
                log.error("%s", error)  # noqa: TRY400 - one line says it all
            self._known, self._damage = {}, error
            if isinstance(error.__cause__, OSError):
                self._seen = None  # it may pass without a change of the file: the next look reads again
            return
        fitting = (one for one in kept if one.key.endpoint in (ANY, self._endpoint))
        self._known, self._damage = {one.key.id: _known(one) for one in fitting}, None


def _known(kept: Kept) -> _Known:
    key = kept.key
    caller = Caller(
        id=f"key {key.id}",
        name=key.name,
        scopes=frozenset(key.scopes),
        until=key.expires.timestamp(),
        per_minute=key.per_minute,
    )
    return _Known(bytes.fromhex(kept.salt), bytes.fromhex(kept.digest), caller)
