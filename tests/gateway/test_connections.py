"""Heads that are too long or take too long, over raw sockets at a real server."""

from __future__ import annotations

import asyncio
import itertools
import socket
import threading

import pytest
import uvicorn

from workbench.gateway import connections
from workbench.testing.sockets import send_raw

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"
MIB = 2**20
LARGE = 16 * MIB


async def echo(scope, receive, send):
    """Answer how many bytes came, after the seconds that the path says; of ``/unread`` none is read."""
    size, more = 0, scope["path"] != "/unread"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, more = size + len(message["body"]), message.get("more_body", False)
    await asyncio.sleep(float(scope["path"].removeprefix("/unread")[1:] or 0))
    body = b'{"size": %d}' % size
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def app(scope, receive, send):
    """``echo``, and of ``/large`` more than the buffers between hold."""
    if scope["path"] != "/large":
        await echo(scope, receive, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(LARGE // MIB):
        await send({"type": "http.response.body", "body": bytes(MIB), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def url(monkeypatch):
    monkeypatch.setattr(connections, "PATIENCE", 0.5)
    monkeypatch.setattr(connections, "PATIENCE_TAKING", 0.8)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, http=connections.Connection, lifespan="off", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(20)
    listener.close()


def test_ordinary_requests_are_answered_also_several_on_one_connection(url):
    one = HEAD + b"Content-Length: 3\r\n\r\nabc"
    last = HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
    for pieces in ((one, one, last), (one + one + last,), [bytes([byte]) for byte in one + one + last]):
        answer = send_raw(url, *pieces)
        assert answer.closed
        assert answer.raw.count(b'{"size": 3}') == 2
        assert answer.raw.endswith(b'{"size": 2}')


def test_a_body_may_be_longer_than_a_head_and_take_longer(url):
    head = HEAD + b"Connection: close\r\nContent-Length: 300000\r\n\r\n"
    answer = send_raw(url, head, *itertools.repeat(b"a" * 100_000, 3), pause=0.3)
    assert answer.body == {"size": 300_000}


@pytest.mark.parametrize(
    "request_",
    [
        HEAD + b"X-Long: " + b"a" * 1_000_000 + b"\r\n\r\n",
        HEAD + b"X-Long: " + b"a" * 70_000 + b"\r\n\r\n",
        HEAD + b"".join(b"X-%d: a\r\n" % i for i in range(50_000)) + b"\r\n",
    ],
)
def test_a_long_head_is_431_or_cut_off(url, request_):
    answer = send_raw(url, request_)
    assert answer.status in (431, None)
    assert answer.closed
    assert answer.seconds < 3


@pytest.mark.parametrize(
    "start",
    [
        HEAD + b"X-Long: ",
        HEAD,
        b"GET /",
        b"\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-Trailer: ",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;extension=",
    ],
)
def test_an_endless_head_trailer_or_extension_is_cut_off(url, start):
    piece = b"X-H: a\r\n" * 1000 if start.endswith(b"\r\n") and len(start) > 2 else b"a" * 10_000
    answer = send_raw(url, start, *itertools.repeat(piece, 10_000))
    assert answer.closed
    assert answer.status in (400, 431, None)
    assert answer.sent < 20 * MIB


@pytest.mark.parametrize("head", [b"", b"\r\n", b"GET", HEAD, HEAD + b"X-Slow: a"])
def test_a_head_that_does_not_come_ends_the_connection(url, head):
    answer = send_raw(url, *([head] if head else []))
    assert answer.closed
    assert answer.status in (408, None)
    assert 0.4 < answer.seconds < 3


def test_a_head_that_drips_ends_the_connection_also_the_second(url):
    one = HEAD + b"Content-Length: 0\r\n\r\n"
    for before in ((), (one,)):
        answer = send_raw(url, *before, *itertools.repeat(b"a", 30), pause=0.1)
        assert answer.closed
        assert answer.sent < len(b"".join(before)) + 30
        assert answer.seconds < 5


def test_a_slow_answer_is_waited_for_with_half_a_head_behind_it(url):
    slow = b"GET /1.2 HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = send_raw(url, slow + b"GET /")
    assert answer.status == 200
    assert answer.raw.count(b'{"size": 0}') == 1
    assert answer.closed


UNREAD = b"POST /unread HTTP/1.1\r\nHost: x\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        (UNREAD + b"Content-Length: 1000\r\n\r\n", b"a"),
        (UNREAD + b"Content-Length: 1000\r\n\r\n", *[b"a"] * 60),
        (UNREAD + b"Content-Length: 1000\r\n\r\na",),
        (UNREAD + CHUNKED, b"1\r\na\r\n"),
        (UNREAD + CHUNKED, *[b"1\r\na\r\n"] * 60),
        (UNREAD + CHUNKED, b"1\r\na\r\n0\r\n", b"X-Trailer: "),
        (UNREAD + b"Content-Length: 1\r\n\r\n", b"a"),
        (UNREAD + CHUNKED, b"0\r\n\r\n"),
    ],
    ids=["stops", "drips", "nothing", "chunk-stops", "chunks-drip", "trailer-stops", "ends", "chunks-end"],
)
def test_a_body_that_was_answered_unread_keeps_no_connection_open(url, pieces):
    answer = send_raw(url, *pieces, pause=0.1, wait=3)
    assert answer.raw.count(b'{"size": 0}') == 1
    assert answer.closed
    assert answer.seconds < 2


def test_the_rest_of_a_body_that_was_answered_unread_may_come_and_then_another_request(url):
    late = [b"a" * 100_000] * 3
    last = HEAD + b"Connection: close\r\nContent-Length: 3\r\n\r\nabc"
    answer = send_raw(url, UNREAD + b"Content-Length: 300000\r\n\r\n", *late, last, pause=0.05)
    assert answer.raw.count(b'{"size": 0}') == 1
    assert answer.raw.endswith(b'{"size": 3}')
    assert answer.closed


@pytest.mark.parametrize(("pause", "taken"), [(2.0, False), (0.3, True)], ids=["not-taken", "taken"])
def test_an_answer_that_is_not_taken_ends_the_connection(url, pause, taken):
    answer = send_raw(url, b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", pause=pause)
    assert answer.closed
    assert (len(answer.raw) > LARGE) is taken
