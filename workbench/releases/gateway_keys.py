"""The room of the gateway's keys: made, listed and taken back, with a record of it in the journal.

A gateway reads the file of keys and never the journal, so that taking a key back works whatever else is down.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path

from workbench.core.clock import Clock
from workbench.core.errors import Conflict, InvalidInput, NotFound, Unavailable, WorkbenchError, nearest
from workbench.gateway import routed
from workbench.gateway.door import secret
from workbench.gateway.door.callers import SCOPES, Scope
from workbench.gateway.door.keys import ANY, Kept, Key, Keys, change_keys, read_keys
from workbench.journal import Event, Journal
from workbench.models.known import require_model
from workbench.models.references import require_name

ADDED, REVOKED = "gateway.key.added", "gateway.key.revoked"
STREAM = "gateway-keys"
_LONGEST_DAYS = 3660


class GatewayKeys:
    """The keys of a project's gateways.

    Args:
        state: ``.workbench``.
        actor: who makes them, asked when it is needed.
        clock: says when they end.
        journal: opened when there is something to write.
    """

    def __init__(
        self, state: Path, clock: Clock, *, actor: Callable[[], str], journal: Callable[[], Journal]
    ) -> None:
        self._state, self._clock = state, clock
        self._actor, self._journal = actor, journal

    def list(self) -> tuple[Key, ...]:
        """Return every key that was not revoked, also those that have ended.

        Raises:
            Unavailable: the file of keys cannot be read.
        """
        return tuple(kept.key for kept in read_keys(self._state).keys)

    def add(
        self,
        endpoint: str,
        *,
        name: str,
        scopes: Iterable[str] = ("infer",),
        days: int = 90,
        per_minute: int | None = None,
    ) -> tuple[Key, str]:
        """Make a key. It opens a running gateway within a second.

        Args:
            endpoint: the model's name; ``*``: every endpoint of the project.
            name: whose it is, for people. A name has one key.
            scopes: what it is good for: ``infer``, ``label``, ``metrics``, ``admin``.
            days: for so long.
            per_minute: requests a minute. None: ``gateway_per_minute`` of the settings.

        Returns:
            The key, and its secret, which nobody can be shown again.

        Raises:
            InvalidInput: a name, scope or number cannot be used.
            NotFound: nothing was released to the endpoint, and no model of its name was registered.
            Conflict: there is a key of that name.
            Unavailable: the file of keys or the journal cannot be written; there is no such key then.
        """
        made, now, salt = secret.new(), self._clock.now(), secrets.token_bytes(16)
        key = Key(
            id=made.id,
            name=require_name(name),
            endpoint=endpoint if endpoint == ANY else require_name(endpoint, field="endpoint"),
            scopes=_scopes(scopes),
            created=now,
            expires=now + timedelta(days=_between(days, 1, _LONGEST_DAYS, "days")),
            per_minute=None if per_minute is None else _between(per_minute, 1, 1_000_000, "per_minute"),
            by=self._actor(),
        )
        if endpoint != ANY and endpoint not in routed(self._state):
            require_model(self._journal(), endpoint, field="endpoint")
        kept = Kept(key=key, salt=salt.hex(), digest=secret.digest(made, salt).hex())

        def add(keys: Keys) -> Keys:
            if any(other.key.name == name for other in keys.keys):
                raise Conflict(
                    f"There is a key called {name}.",
                    remedy=f"Give another --name, or take that one back: workbench gateway-key revoke {name}",
                    field="name",
                )
            # First the record: a key that nobody knows of is worse than a record of one that never was.
            self._journal().append(STREAM, Event(kind=ADDED, payload=key.model_dump(mode="json")))
            return Keys(keys=(*keys.keys, kept))

        change_keys(self._state, add)
        return key, str(made)

    def revoke(self, key: str, *, reason: str = "") -> Key:
        """Take a key back. A running gateway refuses it within a second.

        Args:
            key: its name or id.
            reason: why; the journal keeps it.

        Raises:
            NotFound: there is no such key.
            Unavailable: the key is taken back, and the journal does not take the record.
        """
        found = [kept for kept in read_keys(self._state).keys if key in (kept.key.name, kept.key.id)]
        if not found:
            names = [kept.key.name for kept in read_keys(self._state).keys]
            raise NotFound(f"There is no key {key!r}.", remedy=nearest(key, names), field="key")
        gone = found[0]
        change_keys(self._state, lambda keys: Keys(keys=tuple(k for k in keys.keys if k != gone)))
        payload = {"id": gone.key.id, "name": gone.key.name, "endpoint": gone.key.endpoint, "reason": reason}
        try:
            self._journal().append(STREAM, Event(kind=REVOKED, payload=payload))
        except WorkbenchError as error:
            raise Unavailable(
                f"The key {gone.key.name} is taken back; the journal has no record of it: {error.message}",
                remedy="Write down who did it, and put the journal right.",
                field="journal",
            ) from error
        return gone.key


def _scopes(given: Iterable[str]) -> tuple[Scope, ...]:
    asked = set(given)
    for scope in sorted(asked.difference(SCOPES)):
        raise InvalidInput(f"scope: there is no {scope!r}.", remedy=nearest(scope, SCOPES), field="scope")
    if not asked:
        raise InvalidInput(
            "scope: the key would be good for nothing.",
            remedy=f"Give one of {', '.join(SCOPES)}.",
            field="scope",
        )
    return tuple(scope for scope in SCOPES if scope in asked)


def _between(number: int, low: int, high: int, field: str) -> int:
    if not low <= number <= high:
        raise InvalidInput(
            f"{field}: {number} cannot be used.", remedy=f"Give a number from {low} to {high}.", field=field
        )
    return number
