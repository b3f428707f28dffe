"""One caller's connection: the head of a request is small and arrives soon, or the connection ends.

The parser refuses what two servers could read differently: both lengths, a length twice, folded headers, bare
line feeds. What it leaves open is how long a head may be and how long it may take; and what becomes of a body
that nobody reads any more, because the request is answered (404, 401): it has the same time to end. And
a caller who takes nothing of the answers that wait has a minute.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Bytes of request line and headers; also of trailers, and of what stands between two chunks of a body.
MOST_HEAD = 65_536
#: Bytes that a caller takes, at least, of answers that wait, and the seconds for it. Long ones, because the
#: system's own buffer says that there is room only when much of it has gone.
LEAST_TAKEN, PATIENCE_TAKING = 16_384, 60.0
#: Seconds for a head to arrive, from the connection, from its first byte, or from the end of a body that was
#: answered before; and for the rest of such a body, from its answer.
PATIENCE = 10.0


class Connection(HttpToolsProtocol):
    """Uvicorn's protocol with limits on the head."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._timer: asyncio.TimerHandle | None = None
        self._untaken: asyncio.TimerHandle | None = None
        """Ends the connection, unless the caller takes some of what waits for it."""
        self._in_body = False
        self._begun = False
        """A part of a head is there."""
        self._moved = False
        """The newest bytes ended a head, or brought a part of a body."""
        self._size = 0
        """Bytes since something last moved."""
        self._status = HTTPStatus.BAD_REQUEST

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the first head its time."""
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers."""
        self._disarm()
        self._taken()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, and stop a head that grows beyond its limit."""
        self._moved = False
        self._size += len(data)
        super().data_received(data)
        if self._moved:
            self._size = 0
        if self.transport.is_closing():
            return
        if self._size > MOST_HEAD:
            self._end(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._timer is None and not self._in_body and (self._begun or not self._moved or self._answered):
            self._arm()

    def pause_writing(self) -> None:
        """Answers wait to be taken: not for ever."""
        super().pause_writing()
        self._arm_untaken()

    def resume_writing(self) -> None:
        """They were taken."""
        self._taken()
        super().resume_writing()

    def on_message_begin(self) -> None:
        """A head begins."""
        self._begun = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is there: refuse it when it is too long."""
        self._disarm()
        self._moved, self._begun, self._in_body = True, False, True
        if self._size > MOST_HEAD and self._head_size() > MOST_HEAD:
            self._status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise ValueError(self._status.phrase)  # the parser stops, and send_400_response answers
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of a body."""
        self._moved = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """What follows is the next head."""
        self._disarm()
        self._moved, self._in_body = True, False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait no longer for a body than for a head, once its answer is sent: nobody else waits for it."""
        super().on_response_complete()
        if self._in_body and self._answered and self._timer is None:
            self._arm()

    def send_400_response(self, msg: str) -> None:
        """Refuse as the application does, in JSON, and close."""
        body = orjson.dumps({"error": msg if self._status == 400 else f"{self._status.phrase}."})
        head = (
            f"HTTP/1.1 {self._status.value} {self._status.phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    @property
    def _answered(self) -> bool:
        """The newest request has its answer."""
        return self.cycle is not None and self.cycle.response_complete

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _arm(self) -> None:
        self._timer = self.loop.call_later(PATIENCE, self._too_slow)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm_untaken(self) -> None:
        waiting = self.transport.get_write_buffer_size()
        self._untaken = self.loop.call_later(PATIENCE_TAKING, self._not_taken, waiting)

    def _not_taken(self, waited: int) -> None:
        """End the connection, or wait on while enough of the bytes that waited is taken."""
        if waited - self.transport.get_write_buffer_size() < LEAST_TAKEN:
            self._untaken = None
            self.transport.abort()
        else:
            self._arm_untaken()

    def _taken(self) -> None:
        if self._untaken is not None:
            self._untaken.cancel()
            self._untaken = None

    def _too_slow(self) -> None:
        """End the connection, or wait on while an answer to an earlier request is under way."""
        self._timer = None
        if self.cycle is not None and not self.cycle.response_complete:
            self._arm()
        elif self._begun:
            self._end(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.close()

    def _end(self, status: HTTPStatus) -> None:
        self._disarm()
        self._status = status
        self.send_400_response(status.phrase)
