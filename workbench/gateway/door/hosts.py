"""By which name the gateway is asked, and by which page.

A page in a browser may send requests to an address on the machine it runs on. Two things stop it: a name
that the page's own server has pointed here is not on the list of names (DNS rebinding), and a request that
a page of another origin has made is refused, with no CORS header in any answer. Programs send no origin.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from workbench.gateway.door.credentials import Heads
from workbench.gateway.problems import Problem, forbidden, malformed, misdirected, shown

LOOPBACK = ("localhost", "127.0.0.1", "::1")
#: Addresses that mean: every one of this machine.
_EVERY = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]@/,\s]+))(?::[0-9]{1,5})?")


class Hosts:
    """The names by which the gateway may be asked.

    Args:
        names: host names and addresses, without a port. None: the loopback names, and the address at which
            the request has arrived where that is one of ``listening``.
        listening: the address that the gateway listens on.
    """

    def __init__(self, names: Iterable[str] | None, listening: str) -> None:
        own = (*LOOPBACK, listening) if names is None else tuple(names)
        self._names = frozenset(name.lower().strip("[]") for name in own)
        # An address in the header names the machine that it reached: no rebinding has led here.
        self._by_address = names is None and listening in _EVERY
        self._allowed = lru_cache(maxsize=256)(self._is_allowed)

    def check(self, heads: Heads, arrived_at: str) -> None:
        """Let a request pass, or say why not.

        Args:
            heads: of the request.
            arrived_at: the address of this machine that it came to.

        Raises:
            Problem: 400 no host or several, 403 another page's, 421 another host's.
        """
        if heads.host is None:
            raise malformed("The request does not say to which host it goes.")
        if not self._allowed(heads.host, arrived_at):
            raise misdirected(heads.host)
        if heads.origin is not None and heads.origin.partition("://")[2] != heads.host:
            raise another_page(heads.origin)

    def _is_allowed(self, host: str, arrived_at: str) -> bool:
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = (match[1] or match[2]).lower().removesuffix(".")
        return name in self._names or (self._by_address and name == arrived_at.lower())


def another_page(origin: str) -> Problem:
    """403: a page in somebody's browser has made this request."""
    return forbidden(
        f"A page of {shown(origin)} may not ask here.",
        remedy="Ask from a program, or through the page's own server.",
    )
