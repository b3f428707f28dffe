"""The door as ASGI middleware: what it lets pass goes on to the application, with headers on the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workbench.gateway.door import callers
from workbench.gateway.door.authentication import Authentication
from workbench.gateway.door.credentials import Heads
from workbench.gateway.door.hosts import Hosts
from workbench.gateway.door.quota import Quotas
from workbench.gateway.problems import Problem, lacks_scope

CALLER = "workbench.caller"
"""Where in the ASGI scope the ``Caller`` is."""

Refuse = Callable[[Request, Exception], Awaitable[Response]]
"""Makes an answer of a ``Problem``."""

#: On every answer: it is data, never a page, and about somebody, so that nothing on the way keeps it.
_ALWAYS = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
]
#: Over TLS: ask this host over TLS only, for a year.
_STRICT = (b"strict-transport-security", b"max-age=31536000")


@dataclass(frozen=True)
class Rules:
    """Who may pass."""

    hosts: Hosts
    authentication: Authentication
    quotas: Quotas
    needed: Callable[[str], callers.Scope | None]
    """The scope that a path needs; None: nobody is asked."""
    probes: frozenset[str] = frozenset()
    """Paths that answer everybody, by whatever name the host is called."""


class Door:
    """Stands before ``app``."""

    def __init__(self, app: ASGIApp, *, rules: Rules, refuse: Refuse) -> None:
        self._app, self._rules, self._refuse = app, rules, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let it pass. Of one that is refused no body is read."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        app = self._app
        headers = [*_ALWAYS, _STRICT] if scope["scheme"] == "https" else [*_ALWAYS]
        try:
            headers += await self._admit(scope)
        except Problem as problem:
            app = await self._refuse(Request(scope), problem)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        await app(scope, receive, sending)

    async def _admit(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """Return the headers that tell of the quota, or raise the problem."""
        rules, path = self._rules, scope["path"]
        if path in rules.probes:
            return []
        heads = Heads.of(scope["headers"])
        rules.hosts.check(heads, scope["server"][0])
        scope_needed = rules.needed(path)
        if scope_needed is None:
            return []
        address = scope["client"][0] if scope["client"] else ""
        caller = await rules.authentication.caller(heads, address)
        headers = rules.quotas.take(caller)
        if scope_needed not in caller.scopes:
            raise lacks_scope(scope_needed)
        scope[CALLER] = caller
        return headers
