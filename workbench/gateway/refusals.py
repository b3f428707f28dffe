"""Errors as answers: JSON, the caller's request id, and a count of each."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from workbench.gateway.metrics import Metrics
from workbench.gateway.problems import Problem

REQUEST_ID = "X-Request-Id"

_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class Refusals:
    """Makes answers of problems.

    Args:
        metrics: counts those that ended before any model was asked.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def problem(self, request: Request, error: Exception) -> Response:
        """A ``Problem`` as an answer."""
        assert isinstance(error, Problem)  # noqa: S101 - registered for it
        headers = {REQUEST_ID: request_id(request), **error.headers}
        if error.retry_after is not None:
            headers["Retry-After"] = str(error.retry_after)
        if error.status in (408, 413):
            headers["Connection"] = "close"  # the rest of the body is not read
        if error.status < 500:
            self._metrics.refused(error.status)
        return as_json({"error": str(error)}, status=error.status, headers=headers)


def as_json(content: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer in JSON."""
    return Response(orjson.dumps(content), status_code=status, headers=headers, media_type="application/json")


def request_id(request: Request, given: str = "") -> str:
    """The caller's id where it is harmless in logs and files, else a new one."""
    for candidate in (request.headers.get(REQUEST_ID, ""), given):
        if _SANE_ID.fullmatch(candidate):
            return candidate
    return uuid.uuid4().hex
