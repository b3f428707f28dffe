"""One worker as the event loop sees it: a process, a channel, and the call it is at."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable
from functools import partial
from multiprocessing.process import BaseProcess
from typing import Any, Self, cast

import psutil

from workbench.core.errors import Unavailable
from workbench.gateway.workers import wire
from workbench.gateway.workers.program import FORKS, Order, run

#: Seconds a version may take to be read and to answer its example.
OPENING_SECONDS = 120.0

Done = Callable[[Any], None]
"""Called with the worker's message, or with None when its process has ended."""


class Worker(asyncio.Protocol):
    """A process that answers one call at a time. All of it happens on the event loop."""

    def __init__(self, process: BaseProcess) -> None:
        self._process = process
        self._reader = wire.Reader()
        self._done: Done | None = None
        self._transport: asyncio.Transport | None = None
        self._limit: asyncio.TimerHandle | None = None
        self.gone: Callable[[Worker], None] | None = None
        """Called when its process has ended, after whoever waited for an answer."""
        self.retiring = False
        """It is to end after the call it is at."""
        self.note = ""
        """Why it could not answer the version's own example; empty when it could."""

    @classmethod
    async def start(cls, order: Order) -> Self:
        """Start a process and wait until it has opened the version.

        Raises:
            Unavailable: it could not, with what it said; or it took too long, or died.
        """
        ours, theirs = socket.socketpair()
        process = FORKS.Process(
            target=run, args=(theirs, order), daemon=True, name=f"worker {order.model.ref}"
        )
        with theirs:
            await asyncio.to_thread(process.start)
        loop = asyncio.get_running_loop()
        worker = cls(process)
        hello: asyncio.Future[Any] = loop.create_future()
        worker._expect(partial(_tell, hello), OPENING_SECONDS)
        await loop.create_unix_connection(lambda: worker, sock=ours)
        try:
            message = await hello
        except asyncio.CancelledError:
            worker.kill()
            raise
        if message is None or "error" in message:
            worker.kill()
            why = message["error"] if message else f"its process ended ({await worker.ending()})"
            raise Unavailable(f"{order.model.ref} cannot be served: {why}", field="model")
        worker.note = str(message["note"])
        return worker

    @property
    def pid(self) -> int:
        """The process."""
        return cast("int", self._process.pid)

    @property
    def idle(self) -> bool:
        """Whether it is at no call."""
        return self._done is None

    @property
    def memory(self) -> int:
        """Resident bytes; 0 when it has gone."""
        try:
            return int(psutil.Process(self.pid).memory_info().rss)
        except psutil.Error:
            return 0

    def ask(self, question: bytes, done: Done, seconds: float) -> None:
        """Send a frame; ``done`` gets what comes of it. Killed when nothing has come after ``seconds``."""
        self._expect(done, seconds)
        cast("asyncio.Transport", self._transport).write(question)

    def kill(self) -> None:
        """End the process at once."""
        with contextlib.suppress(ProcessLookupError, AttributeError):
            self._process.kill()

    def leave(self) -> None:
        """Let the process end: it is at no call."""
        if self._transport is not None:
            self._transport.close()

    async def ending(self) -> str:
        """Wait for the end of the process, and say how it ended."""
        await asyncio.to_thread(self._process.join, 5.0)
        code = self._process.exitcode
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                return signal.Signals(-code).name
        return f"exit code {code}"

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The channel is open."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """A piece of an answer."""
        try:
            message = self._reader.feed(data)
        except ValueError:
            self.kill()
            return
        if message is not None:
            self._settle(message)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The process has ended, or was let go."""
        self.retiring = True
        self._settle(None)
        if self.gone is not None:
            self.gone(self)

    def _expect(self, done: Done, seconds: float) -> None:
        self._done = done
        self._limit = asyncio.get_running_loop().call_later(seconds, self.kill)

    def _settle(self, message: Any) -> None:
        done, self._done = self._done, None
        if self._limit is not None:
            self._limit.cancel()
        if done is not None:
            done(message)


def _tell(waiting: asyncio.Future[Any], message: Any) -> None:
    if not waiting.done():
        waiting.set_result(message)
