"""The gateway as a process: its lock, its socket, its signals, its end."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator

import uvicorn

from workbench.core.errors import Unavailable
from workbench.core.settings import Settings
from workbench.gateway.app import make_app
from workbench.gateway.connections import Connection
from workbench.gateway.dataplane import DataPlane
from workbench.gateway.live import Shelf
from workbench.gateway.metrics import Metrics
from workbench.gateway.recorder import Recorder
from workbench.gateway.routing import folder_of
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
        Unavailable: the port is taken, or the address is not this machine's.
    """
    for name in _ONE_THREAD:
        os.environ.setdefault(name, "1")
    with only_gateway(settings.state, endpoint), _listen(host, port) as listener:
        config = uvicorn.Config(
            _not_yet,
            http=Connection,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=math.ceil(2 * settings.gateway_deadline_seconds) + 3,
        )
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(_Gateway(settings, endpoint, listener, config, announce).run())


class _Gateway:
    """The parts of one process, wired."""

    def __init__(
        self,
        settings: Settings,
        endpoint: str,
        listener: socket.socket,
        config: uvicorn.Config,
        announce: Announce,
    ) -> None:
        self._say = announce
        self._state = settings.state
        self._endpoint = endpoint
        self._listener = listener
        self._url = _url(listener)
        self._capture = CaptureWriter(settings.state / "traffic")
        metrics = Metrics(lost=lambda: self._capture.lost)
        self._plane = DataPlane(
            endpoint,
            capture=self._capture,
            metrics=metrics,
            deadline=settings.gateway_deadline_seconds,
            most=settings.gateway_max_waiting,
        )
        config.app = make_app(self._plane, metrics, max_body=settings.gateway_max_body_bytes)
        self._server = _Server(config)
        self._shelf = Shelf(settings)
        self._record = Recorder(folder_of(settings.state, endpoint))
        self._watcher = Watcher(
            settings.state,
            self._plane,
            self._shelf,
            new_status(endpoint, os.getpid(), self._url),
            self._record,
            losses=lambda: (self._capture.lost, metrics.dropped),
        )

    async def run(self) -> None:
        """Serve until told to stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        self._watcher.note("started")
        watching = loop.create_task(self._watcher.run())
        announcing = loop.create_task(self._announce())
        try:
            await self._server.serve(sockets=[self._listener])
        finally:
            announcing.cancel()
            watching.cancel()
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
        self._watcher.publish()

    async def _announce(self) -> None:
        """Say where it serves, once it does."""
        await self._server.listening.wait()
        await self._watcher.settled.wait()
        champion = self._plane.live.champion if self._plane.live else None
        self._say(self._endpoint, self._url, champion.model.ref if champion else "")


class _Server(uvicorn.Server):
    """Uvicorn without its signal handling, which ends a process by the signal, not with exit code 0."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none: the gateway has handlers of its own."""
        yield


async def _not_yet(*_: object) -> None:
    """Stands where the application will be: uvicorn wants one before it tells its event loop."""


def _listen(host: str, port: int) -> socket.socket:
    """Bind before anything is loaded, so that a taken port is said at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise Unavailable(
            f"The gateway cannot listen on {host}:{port}: {error.strerror or error}.",
            remedy="Give another --port (0 picks a free one), or end the process that holds this one.",
            field="port",
        ) from error


def _url(listener: socket.socket) -> str:
    host, port, *_ = listener.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
