"""The nursery as the gateway sees it: asked for a worker, it forks one; it says how each of them ended."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence

from workbench.core.errors import Unavailable
from workbench.gateway.workers import wire
from workbench.gateway.workers.program import Order

#: Seconds that it is known how a worker ended.
_KEPT = 10.0


class Nursery:
    """One process that forks workers. All of it happens on the event loop, in the thread that started it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._sender: wire.Sender | None = None
        self._reader = wire.Reader()
        self._known: set[str] = set()
        self._codes: dict[int, int] = {}
        self._news = asyncio.Condition()
        self._telling: set[asyncio.Task[None]] = set()

    def fork(self, order: Order, channel: socket.socket) -> None:
        """Have a worker made that listens on ``channel``; it says hello when it is ready.

        Raises:
            Unavailable: no process can be started.
        """
        if self._process is None or self._process.poll() is not None:
            self._start()
        message = wire.encode({"order": order.model_dump(mode="json")})
        try:
            self._send(message, channel.fileno())
        except OSError as error:
            if isinstance(error, ConnectionError):
                self._forget()
            raise Unavailable(f"no worker can be started: {error.strerror or error}.") from error

    def learn(self, modules: Sequence[str]) -> None:
        """Import what a worker had to import, so that the next one need not."""
        new = [name for name in modules if name not in self._known]
        self._known.update(new)
        if new:
            with contextlib.suppress(OSError):  # it has ended: the next one will learn
                self._send(wire.encode({"import": new}))

    async def ending(self, pid: int) -> int | None:
        """Wait until a worker has ended, and return its exit code; negative is a signal, None not known."""
        async with self._news:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait_for(lambda: pid in self._codes), 2.0)
        return self._codes.pop(pid, None)

    async def close(self) -> None:
        """End it. Workers that are left end with it."""
        process, self._process = self._process, None
        self._forget()
        if process is not None:
            process.kill()  # it may be at an import
            await asyncio.to_thread(process.wait)

    def _start(self) -> None:
        self._forget()
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                handle = theirs.fileno()
                self._process = subprocess.Popen(  # noqa: S603 - our own module
                    [sys.executable, "-m", "workbench.gateway.workers", str(handle)],
                    pass_fds=[handle],
                    stdin=subprocess.DEVNULL,
                )
        except OSError as error:
            ours.close()
            raise Unavailable(f"no worker can be started: {error.strerror or error}.") from error
        self._channel, self._sender = ours, wire.Sender(ours)
        asyncio.get_running_loop().add_reader(ours.fileno(), self._readable, ours)

    def _send(self, message: bytes, handle: int | None = None) -> None:
        if self._sender is None:
            raise BrokenPipeError
        self._sender.put(message, handle)

    def _readable(self, channel: socket.socket) -> None:
        """News of workers that have ended, or the end of the nursery."""
        try:
            data = channel.recv(1 << 16)
        except ConnectionResetError:  # it ended before it had read all
            data = b""
        if not data:
            self._forget()
            return
        ended = [(int(news["ended"]), int(news["code"])) for news in self._reader.each(data)]
        task = asyncio.get_running_loop().create_task(self._tell(ended))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell(self, ended: Sequence[tuple[int, int]]) -> None:
        async with self._news:
            self._codes.update(ended)
            self._news.notify_all()
        for pid, _ in ended:  # whoever wants to know asks at once; the number may come back
            asyncio.get_running_loop().call_later(_KEPT, self._codes.pop, pid, None)

    def _forget(self) -> None:
        if self._sender is not None:
            self._sender.close()
        if self._channel is not None:
            asyncio.get_running_loop().remove_reader(self._channel.fileno())
            self._channel.close()
        self._channel, self._sender, self._reader, self._known = None, None, wire.Reader(), set()


def said(code: int | None) -> str:
    """Return an exit code in words."""
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return "exit code unknown" if code is None else f"exit code {code}"
