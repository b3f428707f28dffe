"""From what a caller shows to who it is: a key, a token, or nobody where nobody is asked."""

from __future__ import annotations

from typing import Literal

from workbench.core.errors import InvalidInput, Refused, Unavailable
from workbench.gateway.door.callers import Caller
from workbench.gateway.door.credentials import Heads
from workbench.gateway.door.keyring import KeyRing
from workbench.gateway.door.quota import Attempts
from workbench.gateway.door.tokens import Tokens
from workbench.gateway.problems import not_serving, unknown_caller

Way = Literal["none", "keys", "oidc", "both"]


class Authentication:
    """Says who a caller is.

    Args:
        keys: whose keys are taken; None: nobody's.
        tokens: whose tokens are taken; None: nobody's.
        anybody: who a caller is where neither is asked for.
    """

    def __init__(self, *, keys: KeyRing | None, tokens: Tokens | None, anybody: Caller) -> None:
        self._keys, self._tokens, self._anybody = keys, tokens, anybody
        self._attempts = Attempts()

    async def caller(self, heads: Heads, address: str) -> Caller:
        """Return who asks.

        Args:
            heads: of the request.
            address: where it comes from, for whoever fails too often.

        Raises:
            Problem: 401 nobody we know, 429 too many attempts, 503 it cannot be found out.
        """
        if self._keys is None and self._tokens is None:
            return self._anybody
        credential = heads.credential
        try:
            caller = await self._find(credential, address)
        except Refused as error:
            self._attempts.check(address)
            self._attempts.failed(address)
            raise unknown_caller(error.message, shown=bool(credential)) from None
        except (Unavailable, InvalidInput) as error:
            raise not_serving(error.message, retry_after=5) from None  # the remedy is for its operator
        self._attempts.succeeded(caller, address)
        return caller

    async def _find(self, credential: str, address: str) -> Caller:
        if not credential:
            raise Refused("A key or a token is needed here: Authorization: Bearer … or X-Api-Key.")
        caller = self._keys.find(credential) if self._keys else None
        if caller is None and self._tokens and not credential.startswith("wbk_"):
            caller = self._tokens.known(credential)
            if caller is None:
                self._attempts.check(address)  # before work that a stranger could order
                caller = await self._tokens.find(credential)
        if caller is None:
            raise Refused("The key is not valid here: unknown, revoked, or its time is over.")
        return caller
