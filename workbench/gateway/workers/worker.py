"""One worker as the event loop sees it: a process, a channel, and the call it is at."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Self, cast

import psutil

from workbench.core.errors import Unavailable
from workbench.gateway.workers import wire
from workbench.gateway.workers.growth import Growth
from workbench.gateway.workers.nursery import Nursery
from workbench.gateway.workers.program import Order

#: Seconds a version may take to be read and to answer its example.
OPENING_SECONDS = 120.0

Done = Callable[[Any], None]
"""Called with the worker's message, or with None when its process has ended."""


class Worker(asyncio.Protocol):
    """A process that answers one call at a time. All of it happens on the event loop."""

    def __init__(self, nursery: Nursery) -> None:
        self._nursery = nursery
        self._reader = wire.Reader()
        self._done: Done | None = None
        self._transport: asyncio.Transport | None = None
        self._limit: asyncio.TimerHandle | None = None
        self._ended = asyncio.Event()
        self.pid = 0
        """The process."""
        self.gone: Callable[[Worker], None] | None = None
        """Called when its process has ended, after whoever waited for an answer."""
        self.retiring = False
        """It is to end after the call it is at."""
        self.note = ""
        """Why it could not answer the version's own example; empty when it could."""
        self.growth = Growth(sys.maxsize)
        """When it is too large; set by its crew."""
        self.compiled = ""
        """Whether a compiled copy answers, and why."""

    @classmethod
    async def start(cls, order: Order, nursery: Nursery) -> Self:
        """Have a process made, and wait until it has opened the version.

        Raises:
            Unavailable: it could not, with what it said; or it took too long, or died.
        """
        worker = cls(nursery)
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            raise Unavailable(f"no worker can be started: {error.strerror or error}.") from error
        try:
            with theirs:
                nursery.fork(order, theirs)
            await asyncio.get_running_loop().create_unix_connection(lambda: worker, sock=ours)
            await worker._open(order)
        except BaseException:
            ours.close()
            await worker.end()
            raise
        return worker

    async def _open(self, order: Order) -> None:
        hello: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._expect(partial(_tell, hello), OPENING_SECONDS)
        message = await hello
        if message is None or "error" in message:
            why = message["error"] if message else "its process ended, or took too long"
            raise Unavailable(f"{order.model.ref} cannot be served: {why}", field="model")
        self.note, self.compiled = str(message["note"]), str(message["compiled"])
        self._nursery.learn(message["imported"])

    @property
    def idle(self) -> bool:
        """Whether it is at no call."""
        return self._done is None

    @property
    def memory(self) -> int:
        """Resident bytes; 0 when it has gone, or nothing can be read."""
        try:
            return int(psutil.Process(self.pid).memory_info().rss)
        except (psutil.Error, OSError):
            return 0

    def ask(self, question: bytes, done: Done, seconds: float) -> None:
        """Send a frame; ``done`` gets what comes of it. Killed when nothing has come after ``seconds``."""
        self._expect(done, seconds)
        cast("asyncio.Transport", self._transport).write(question)

    def kill(self) -> None:
        """End the process at once."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        elif self._transport is not None:
            self._transport.abort()

    def leave(self) -> None:
        """Let the process end: it is at no call."""
        if self._transport is not None:
            self._transport.close()

    async def end(self) -> None:
        """End the process, at once where it is at a call, and wait until nothing of it is left here."""
        if not self.idle:
            self.kill()
        if self._transport is not None:
            self._transport.close()
            await self._ended.wait()

    async def ending(self) -> int | None:
        """Wait for the end of the process, and return how it ended; as ``Nursery.ending``."""
        return await self._nursery.ending(self.pid)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The channel is open."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """A piece of what it says: first which process it is, then its hello, then answers."""
        try:
            for message in self._reader.each(data):
                if self.pid:
                    self._settle(message)
                else:
                    self.pid = int(message["pid"])
        except (ValueError, TypeError, LookupError):
            self.kill()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The process has ended, or was let go."""
        self.retiring = True
        self._ended.set()
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
