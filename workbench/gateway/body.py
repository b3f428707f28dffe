"""Reading a request body within a limit, as sent and as unpacked."""

from __future__ import annotations

import asyncio
import zlib

from starlette.requests import ClientDisconnect, Request

from workbench.gateway.problems import Problem, malformed, shown, too_large, unsupported

#: Seconds a caller has to send a body.
PATIENCE = 10.0
#: A body over the limit is read on and thrown away up to this many times the limit, so that a caller who is
#: still sending gets the answer instead of a broken connection.
_POLITE = 8


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body, unpacked when it was sent with gzip or deflate.

    Raises:
        Problem: 400 damaged, 408 too slow, 413 over ``limit`` bytes, 415 another encoding.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "deflate"):
        raise unsupported(f"Content-Encoding {shown(encoding)} is not read here.", remedy="Use gzip.")
    try:
        async with asyncio.timeout(PATIENCE):
            body = await _receive(request, limit)
    except TimeoutError:
        raise Problem(f"The body did not arrive within {PATIENCE:g} s.", status=408) from None
    except ClientDisconnect:
        raise malformed("The caller went away before the body was whole.") from None
    return body if encoding == "identity" else _unpack(body, limit)


async def _receive(request: Request, limit: int) -> bytes:
    """Collect at most ``limit`` bytes; what is beyond is counted, not kept."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        elif size > limit * _POLITE:
            break
    if size > limit:
        raise too_large(limit)
    return b"".join(chunks)


def _unpack(body: bytes, limit: int) -> bytes:
    """Unpack gzip or zlib data; a bomb is stopped one byte over the limit."""
    unpacker = zlib.decompressobj(wbits=47)  # tells gzip and zlib apart by their first bytes
    try:
        plain = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise malformed("The compressed body is damaged.") from error
    if len(plain) > limit:
        raise too_large(limit)
    if not unpacker.eof or unpacker.unused_data:
        raise malformed("The compressed body is damaged.")
    return plain
