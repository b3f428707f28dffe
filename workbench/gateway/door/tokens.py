"""Bearer tokens of the project's OpenID Connect provider, checked once and then remembered.

Checking takes a public-key operation, and now and then a question to the provider: a thread does it, four
at once at most. What was found is kept under a hash of the token until the token ends, and for an hour at
most, as long as the provider's keys are believed.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import Any

from cachetools import TLRUCache

from workbench.core.errors import Refused
from workbench.core.oidc import bearer_claims
from workbench.core.settings import Settings
from workbench.gateway.door.callers import SCOPES, Caller

#: What stands before a scope in a token: providers have scopes called ``admin`` that mean something else.
PREFIX = "gateway:"
_KEPT = 3600.0


class Tokens:
    """Tokens that a provider has issued for this project.

    Args:
        settings: say whose tokens are believed, and which claim lists scopes.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._few = asyncio.Semaphore(4)
        self._known: TLRUCache[bytes, Caller] = TLRUCache(4096, ttu=_end, timer=time.time)

    def known(self, token: str) -> Caller | None:
        """Return whose token it is, where that was found out before."""
        return self._known.get(_name(token))

    async def find(self, token: str) -> Caller:
        """Find out whose token it is.

        Raises:
            Refused: it does not hold.
            Unavailable: the provider does not answer.
            InvalidInput: the provider's address in the settings cannot be used.
        """
        async with self._few:
            caller = self.known(token)  # others may have asked with it meanwhile
            if caller is None:
                caller = self._caller(await asyncio.to_thread(bearer_claims, token, self._settings))
                self._known[_name(token)] = caller
        return caller

    def _caller(self, claims: dict[str, Any]) -> Caller:
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:
            raise Refused("The token does not say whose it is: it has no claim 'sub'.")
        told = claims.get(self._settings.gateway_scopes_claim, "")
        listed = told.split() if isinstance(told, str) else told if isinstance(told, list) else []
        scopes = frozenset(scope for scope in SCOPES if PREFIX + scope in listed)
        return Caller(
            f"token {subject}", f"The holder of the token {subject!r}", scopes, float(claims["exp"])
        )


def _name(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _end(_name: bytes, caller: Caller, now: float) -> float:
    return min(caller.until, now + _KEPT)
