"""What Serve's door does to a request is undone; no Serve runs here."""

from __future__ import annotations

import asyncio

import pytest

from workbench.gateway.ray.router import _behind_serve


def answered(scope):
    """What an application saw of a request, and the headers it answered with."""
    seen, sent = {}, []

    async def app(scope, receive, send):
        seen.update(scope)
        headers = [(b"X-Request-Id", b"a"), (b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    async def send(message):
        sent.append(message)

    asyncio.run(_behind_serve(app)(scope, None, send))
    return seen, dict(sent[0]["headers"])


def scope(path, *, prefix="/tiny", request_id=b"a"):
    return {"type": "http", "path": path, "root_path": prefix, "headers": [(b"x-request-id", request_id)]}


@pytest.mark.parametrize(
    ("path", "meant"), [("/tiny/metrics", "/metrics"), ("/tiny", "/"), ("/else", "/else")]
)
def test_the_path_is_the_one_that_permissions_are_decided_by(path, meant):
    assert answered(scope(path))[0]["path"] == meant


def test_the_id_that_serve_adds_to_the_answer_stands_there_once():
    assert b"X-Request-Id" not in answered(scope("/tiny/v2"))[1]
    assert answered(scope("/tiny/v2", request_id=b"b"))[1][b"X-Request-Id"] == b"a"
