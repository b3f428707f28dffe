"""Where a gateway listens, and the server that does."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import ssl
from collections.abc import Iterator

import uvicorn

from workbench.core.errors import Unavailable
from workbench.core.settings import Settings
from workbench.gateway.connections import Connection


class Server(uvicorn.Server):
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


def config_of(settings: Settings, tls: ssl.SSLContext | None = None) -> uvicorn.Config:
    """Return how a server reads and answers; its application is still to be put in.

    Args:
        settings: of the project.
        tls: what connections are made with; None: plain HTTP.
    """
    return uvicorn.Config(
        _not_yet,
        http=Connection,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=math.ceil(2 * settings.gateway_deadline_seconds) + 3,
        ssl_context_factory=(lambda *_: tls) if tls else None,
    )


async def _not_yet(*_: object) -> None:
    """Stands where the application will be: uvicorn wants one before it tells its event loop."""


def listen(
    host: str, port: int, *, setting: str = "--port, or gateway_port in workbench.toml"
) -> socket.socket:
    """Bind before anything is loaded, so that a taken port is said at once.

    Args:
        host: address to listen on.
        port: port to listen on; 0 picks a free one.
        setting: where the port is given, for whoever must give another.

    Raises:
        Unavailable: the port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise Unavailable(
            f"The gateway cannot listen on {host}:{port}: {error.strerror or error}.",
            remedy=f"Give another port ({setting}; 0 picks a free one), or end who holds this one.",
            field="port",
        ) from error


def listen_for_admin(port: int | None) -> contextlib.AbstractContextManager[socket.socket | None]:
    """Bind the administration port, on loopback alone, where there is to be one.

    Raises:
        Unavailable: it is taken.
    """
    return (
        contextlib.nullcontext()
        if port is None
        else listen("127.0.0.1", port, setting="gateway_admin_port in workbench.toml")
    )


def url_of(listener: socket.socket, *, tls: bool = False) -> str:
    """Return where a socket listens, as others write it."""
    host, port, *_ = listener.getsockname()
    scheme = "https" if tls else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
