"""The administration port, on loopback: what the gateway counts and says of itself, and the kill switch.

What only tells is open to whoever is on this machine. Stopping takes a key or token with the scope
``admin``; the journal learns of it at the next tick or command, as of any kill whose record could not be
written at once. Letting an endpoint answer again is decided with the journal at hand: ``workbench revive``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workbench.gateway.body import read_body
from workbench.gateway.door.middleware import CALLER, Door, Refuse, Rules
from workbench.gateway.json_body import parse
from workbench.gateway.metrics import Metrics
from workbench.gateway.problems import Problem, malformed, not_serving
from workbench.gateway.routing import kill
from workbench.gateway.status import read_status

_MOST = 10_000
_JSON = "application/json"


def make_admin(
    state: Path,
    endpoint: str,
    *,
    rules: Rules,
    metrics: Metrics,
    document: Callable[[], dict[str, Any]],
    refuse: Refuse,
) -> Starlette:
    """Return the ASGI application of the administration port.

    Args:
        state: ``.workbench``.
        endpoint: what the gateway serves.
        rules: who may pass.
        metrics: what it counts.
        document: makes the OpenAPI document of the public port.
        refuse: makes an answer of a ``Problem``.
    """

    async def tell_metrics(_: Request) -> Response:
        return Response(metrics.text(), media_type=metrics.content_type)

    async def tell_status(_: Request) -> Response:
        status = read_status(state, endpoint)
        if status is None:
            raise not_serving("There is no status yet.", retry_after=1)
        return Response(status.to_json(), media_type=_JSON)

    async def tell_document(_: Request) -> Response:
        return Response(orjson.dumps(document()), media_type=_JSON)

    async def stop(request: Request) -> Response:
        reason = _reason(await read_body(request, _MOST))
        kill(state, endpoint, f"{reason} (by {request.scope[CALLER].name}, at the gateway)")
        return Response(orjson.dumps({"endpoint": endpoint, "killed": True}), media_type=_JSON)

    app = Starlette(
        routes=[
            Route("/metrics", tell_metrics),
            Route("/status", tell_status),
            Route("/openapi.json", tell_document),
            Route("/kill", stop, methods=["POST"]),
        ],
        middleware=[Middleware(Door, rules=rules, refuse=refuse)],
        exception_handlers={Problem: refuse},
    )
    app.router.redirect_slashes = False
    return app


def _reason(body: bytes) -> str:
    """Why, from ``{"reason": "…"}``; the journal keeps it."""
    given = parse(body)
    reason = given.get("reason") if isinstance(given, dict) and set(given) == {"reason"} else None
    if not isinstance(reason, str) or not reason.strip() or not reason.isprintable() or len(reason) > 1000:
        raise malformed('Say why: {"reason": "…"}, in one line.')
    return reason.strip()
