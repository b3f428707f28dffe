"""The gateway as a process: its lock, its socket, its signals, its end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress

import uvicorn

from workbench.core.errors import WorkbenchError
from workbench.core.settings import Settings
from workbench.gateway.app import make_app
from workbench.gateway.dataplane import DataPlane
from workbench.gateway.door.admin import make_admin
from workbench.gateway.door.front import Front
from workbench.gateway.labels import LabelDesk
from workbench.gateway.listening import Server, config_of, listen, listen_for_admin, url_of
from workbench.gateway.live import Shelf
from workbench.gateway.metrics import Metrics
from workbench.gateway.openapi import document
from workbench.gateway.recorder import Recorder
from workbench.gateway.refusals import Refusals
from workbench.gateway.routing import folder_of, read_table
from workbench.gateway.status import only_gateway, remove_status
from workbench.gateway.watcher import Watcher, new_status
from workbench.traffic import CaptureWriter

#: Workers share the cores: each is given one thread for numbers, unless the environment says otherwise.
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

Announce = Callable[[str, str, str], None]
"""Called once when it serves, with the endpoint, the URL and the champion (empty: none yet)."""


def say(endpoint: str, url: str, champion: str) -> None:
    """Announce in one line for people."""
    who = f"champion {champion}" if champion else f"no champion yet: workbench release {endpoint}/1"
    sys.stdout.write(f"serving {endpoint} on {url} ({who})\n")
    sys.stdout.flush()


def _say_loading(settings: Settings, endpoint: str, url: str) -> None:
    """Say at once what comes, on standard error: loading a model takes seconds, and nobody answers before."""
    with suppress(WorkbenchError):  # a table that cannot be read is refused, and told of, by the watcher
        table = read_table(settings.state, endpoint)
        if table is not None and table.champion is not None:
            sys.stderr.write(f"loading {table.champion.model.ref}, which will answer on {url}\n")
            sys.stderr.flush()


def serve(settings: Settings, endpoint: str, *, host: str, port: int, announce: Announce = say) -> None:
    """Serve an endpoint until SIGTERM or SIGINT; then answer what has begun, write all captures, return.

    A model that hangs at the end is killed with its worker.

    Args:
        settings: of the project.
        endpoint: the model's name.
        host: address to listen on.
        port: port to listen on; 0 picks a free one, which ``status.json`` and the announcement tell.
        announce: says that it serves, and where.

    Raises:
        Conflict: another process serves this endpoint.
        InvalidInput: a setting of its front door is missing or cannot be used.
        Refused: everybody who reaches the address could ask, and nobody says that something else asks them.
        Unavailable: the port is taken, or the address is not this machine's.
    """
    front = Front.of(settings, endpoint, host)
    for name in _ONE_THREAD:
        os.environ.setdefault(name, "1")
    with (
        only_gateway(settings.state, endpoint),
        listen(host, port) as listener,
        listen_for_admin(settings.gateway_admin_port) as admin,
    ):
        config = config_of(settings, front.tls.context if front.tls else None)
        _say_loading(settings, endpoint, url_of(listener, tls=config.is_ssl))
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            gateway = _Gateway(
                settings, endpoint, front, listeners=(listener, admin), config=config, announce=announce
            )
            runner.run(gateway.run())


class _Gateway:
    """The parts of one process, wired."""

    def __init__(
        self,
        settings: Settings,
        endpoint: str,
        front: Front,
        *,
        listeners: tuple[socket.socket, socket.socket | None],
        config: uvicorn.Config,
        announce: Announce,
    ) -> None:
        self._say = announce
        self._state = settings.state
        self._endpoint = endpoint
        self._tls = front.tls
        self._listener, self._admin_listener = listeners
        self._url = url_of(self._listener, tls=config.is_ssl)
        self._capture = CaptureWriter.of(settings, endpoint)
        metrics = Metrics(lost=lambda: self._capture.lost)
        self._plane = DataPlane(
            endpoint,
            capture=self._capture,
            metrics=metrics,
            deadline=settings.gateway_deadline_seconds,
            most=settings.gateway_max_waiting,
        )
        config.app = make_app(
            self._plane,
            metrics,
            LabelDesk(settings, self._plane),
            max_body=settings.gateway_max_body_bytes,
            front=front,
        )
        self._server = Server(config)
        self._admin = self._make_admin(settings, front, metrics) if self._admin_listener else None
        self._shelf = Shelf(settings)
        self._record = Recorder(folder_of(settings.state, endpoint), captured=lambda: self._capture.written)
        self._watcher = Watcher(
            settings.state,
            self._plane,
            self._shelf,
            new_status(
                endpoint,
                os.getpid(),
                self._url,
                admin=url_of(self._admin_listener) if self._admin_listener else "",
            ),
            self._record,
            losses=lambda: (self._capture.lost, metrics.dropped),
        )

    def _make_admin(self, settings: Settings, front: Front, metrics: Metrics) -> Server:
        config = config_of(settings)
        config.app = make_admin(
            self._state,
            self._endpoint,
            rules=front.admin,
            metrics=metrics,
            document=lambda: document(
                self._endpoint, self._plane.live, settings.gateway_max_body_bytes, front.way
            ),
            refuse=Refusals(metrics).problem,
        )
        return Server(config)

    async def run(self) -> None:
        """Serve until told to stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        self._watcher.note("started")
        beside = [loop.create_task(self._watcher.run()), loop.create_task(self._announce())]
        if self._tls:
            beside.append(loop.create_task(self._tls.follow()))
        try:
            async with asyncio.TaskGroup() as serving:
                serving.create_task(self._server.serve(sockets=[self._listener]))
                if self._admin and self._admin_listener:
                    serving.create_task(self._admin.serve(sockets=[self._admin_listener]))
        finally:
            for task in beside:
                task.cancel()
            await self._plane.drain()
            await self._shelf.close()
            await asyncio.to_thread(self._capture.close)
            self._watcher.note("stopped")
            await asyncio.to_thread(self._record.close)
            remove_status(self._state, self._endpoint)

    def _stop(self) -> None:
        """Readiness off, no new connections; requests that have begun are answered."""
        self._plane.draining = True
        self._server.should_exit = True
        if self._admin:
            self._admin.should_exit = True
        self._watcher.publish()

    async def _announce(self) -> None:
        """Say where it serves, once it does."""
        await self._server.listening.wait()
        await self._watcher.settled.wait()
        champion = self._plane.live.champion if self._plane.live else None
        self._say(self._endpoint, self._url, champion.model.ref if champion else "")
