"""The router of one endpoint: the gateway's front door inside Serve.

Reading, checking, coin, fallback, shadow, capture and metrics are ``workbench.gateway``'s. Two things differ:
the table comes from Serve (``reconfigure``) instead of a file, and a version is asked on Ray. The kill switch
is the same file, looked at by the router itself: it needs neither Serve's controller nor Ray's head.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import IO, Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workbench.core.errors import Conflict
from workbench.core.settings import load
from workbench.gateway.app import make_app
from workbench.gateway.dataplane import DataPlane
from workbench.gateway.door.front import Front
from workbench.gateway.labels import LabelDesk
from workbench.gateway.metrics import Metrics
from workbench.gateway.ray.remote import Handles
from workbench.gateway.recorder import Recorder
from workbench.gateway.routing import RoutingTable, folder_of
from workbench.gateway.status import only_gateway, remove_status
from workbench.gateway.watcher import Watcher, new_status, objection
from workbench.traffic import CaptureWriter

#: Seconds to wait for the router before this one to end.
_PATIENCE = 30.0
_REQUEST_ID = b"x-request-id"


class Router:
    """One endpoint.

    Args:
        root: the project folder; its settings are read when the router starts.
        endpoint: the model's name.
    """

    async def __init__(self, root: str, endpoint: str) -> None:  # type: ignore[misc]
        # Serve awaits it, on the loop on which requests are answered.
        settings = await asyncio.to_thread(load, Path(root))
        self._state, self._endpoint = settings.state, endpoint
        self._lock = await _only_one(settings.state, endpoint)
        self._capture = CaptureWriter.of(settings, endpoint)
        metrics = Metrics(lost=lambda: self._capture.lost)
        self._plane = DataPlane(
            endpoint,
            capture=self._capture,
            metrics=metrics,
            deadline=settings.gateway_deadline_seconds,
            most=settings.gateway_max_waiting,
        )
        front = Front.of(settings, endpoint, settings.gateway_host)
        desk = LabelDesk(settings, self._plane)
        app = make_app(self._plane, metrics, desk, max_body=settings.gateway_max_body_bytes, front=front)
        self._app = _behind_serve(app)
        self._record = Recorder(folder_of(settings.state, endpoint), captured=lambda: self._capture.written)
        self._watcher = Steered(
            settings.state,
            self._plane,
            Handles(settings),
            new_status(endpoint, os.getpid(), ""),
            self._record,
            losses=lambda: (self._capture.lost, metrics.dropped),
        )
        self._watcher.note("started")
        self._watching = asyncio.get_running_loop().create_task(self._watcher.run())

    def __serve_build_asgi_app__(self) -> ASGIApp:
        """What Serve puts behind the door."""
        return self._app

    async def reconfigure(self, config: dict[str, Any]) -> None:
        """Follow what is declared. Serve calls it at the start, and whenever only the table has changed."""
        self._watcher.steer(config["url"], RoutingTable.model_validate(config["table"]))

    async def __del__(self) -> None:
        """Answer what has begun, write all captures; Serve awaits it when it retires the router."""
        if not hasattr(self, "_watching"):
            return
        self._plane.draining = True
        self._watching.cancel()
        await self._plane.drain()
        await asyncio.to_thread(self._capture.close)
        self._watcher.note("stopped")
        await asyncio.to_thread(self._record.close)
        remove_status(self._state, self._endpoint)
        self._lock.close()


class Steered(Watcher):
    """A watcher that is told its table. It looks at the kill switch as every watcher does."""

    def steer(self, url: str, table: RoutingTable) -> None:
        """Take a table, or refuse it and say why: raising would make Serve replace the router."""
        self._status = self._status.model_copy(update={"url": url})
        if reason := objection(table, self._plane.live.table if self._plane.live else None):
            self._refuse(table.version, reason)
            return
        try:
            live = self._shelf.live(table)
            assert live is not None  # noqa: S101 - there is nothing to load
        except Exception as error:  # noqa: BLE001 - Ray's: no such application, no controller
            self._refuse(table.version, f"{type(error).__name__}: {error}")
        else:
            self._take(live)
        self.publish()

    def _changed(self) -> None:
        """The file of the table is the target's; this one is told by Serve."""


def _behind_serve(app: ASGIApp) -> ASGIApp:
    """Undo what Serve's door does to a request.

    It mounts the endpoint under a path: who may ask for what is decided by path. It names every request, in
    the same header as the gateway, and adds that to the answer: with the gateway's own it would stand twice.
    """

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        prefix, path = scope.get("root_path", ""), scope["path"]
        if prefix and path.startswith(prefix):
            scope = {**scope, "path": path[len(prefix) :] or "/", "root_path": ""}
        named = [pair for pair in scope["headers"] if pair[0] == _REQUEST_ID]

        async def once(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [
                    (name, value) for name, value in message["headers"] if (name.lower(), value) not in named
                ]
                message = {**message, "headers": kept}
            await send(message)

        await app(scope, receive, once)

    return inner


async def _only_one(state: Path, endpoint: str) -> IO[bytes]:
    """Hold the endpoint's lock, as a gateway does: captures have one writer.

    Raises:
        Conflict: another process serves the endpoint, and goes on doing so.
    """
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            return only_gateway(state, endpoint)
        except Conflict:
            if time.monotonic() > until:
                raise
        await asyncio.sleep(0.1)
