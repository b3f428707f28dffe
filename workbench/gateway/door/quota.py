"""How often a caller may ask, and how often somebody may fail to say who they are.

Counted in memory, for this process. A caller's minute is a moving one: no burst at its turn. Failed
attempts of an address are counted in fixed minutes, of which nothing is kept afterwards, however many
addresses try.
"""

from __future__ import annotations

import ipaddress
import math
import time
from functools import lru_cache

from cachetools import LRUCache
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter

from workbench.gateway.door.callers import Caller
from workbench.gateway.problems import too_often

#: Failed attempts that an address has a minute.
ATTEMPTS = 30

_each = lru_cache(maxsize=1024)(RateLimitItemPerMinute)


class Quotas:
    """Requests a minute, caller by caller.

    Args:
        default: of callers whose key says nothing; 0: none.
    """

    def __init__(self, default: int) -> None:
        self._default = default
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def take(self, caller: Caller) -> list[tuple[bytes, bytes]]:
        """Count a request; return headers that say what is left (draft-ietf-httpapi-ratelimit-headers).

        Raises:
            Problem: 429, with the seconds until the next one.
        """
        quota = self._default if caller.per_minute is None else caller.per_minute
        if not quota:
            return []
        limit = _each(quota)
        taken = self._limiter.hit(limit, caller.id)
        window = self._limiter.get_window_stats(limit, caller.id)
        wait = max(1, math.ceil(window.reset_time - time.time()))
        headers = [
            (b"ratelimit-policy", b'"minute";q=%d;w=60' % quota),
            (b"ratelimit", b'"minute";r=%d;t=%d' % (window.remaining, wait)),
        ]
        if taken:
            return headers
        raise too_often(
            f"{caller.name} may ask {quota} times a minute.",
            wait,
            {name.decode(): value.decode() for name, value in headers},
        )


class Attempts:
    """Failed attempts by address. Who came in from there before is not held up by a neighbour's mistakes."""

    def __init__(self) -> None:
        self._limit = _each(ATTEMPTS)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._known: LRUCache[tuple[str, str], bool] = LRUCache(4096)

    def failed(self, address: str) -> None:
        """Count one."""
        self._limiter.hit(self._limit, _place(address))

    def check(self, address: str) -> None:
        """Stop an address that has failed too often.

        Raises:
            Problem: 429, with the seconds until it may try again.
        """
        if self._limiter.test(self._limit, _place(address)):
            return
        until = self._limiter.get_window_stats(self._limit, _place(address)).reset_time
        raise too_often(
            "Too many attempts without a valid key or token.", max(1, math.ceil(until - time.time()))
        )

    def succeeded(self, caller: Caller, address: str) -> None:
        """Let somebody in who has shown a valid key, unless it may have been guessed.

        Raises:
            Problem: 429, as ``check``, where this caller has not come from that address before.
        """
        if (caller.id, address) not in self._known:
            self.check(address)
            self._known[caller.id, address] = True


@lru_cache(maxsize=1024)
def _place(address: str) -> str:
    """The address; of version 6 the network that one caller has, which holds 2^64 of them."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address
