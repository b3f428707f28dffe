"""What ends a request early, with its HTTP status. The only place where a status is chosen for a cause."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.core.errors import WorkbenchError


class Problem(WorkbenchError):
    """Ends a request. The answer is ``{"error": str(problem)}`` with ``status``."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        remedy: str = "",
        field: str = "",
        retry_after: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy, field=field)
        self.status = status
        self.retry_after = retry_after
        self.headers = headers or {}


def malformed(message: str, *, remedy: str = "") -> Problem:
    """400: the request cannot be read."""
    return Problem(message, status=400, remedy=remedy)


def unknown_caller(message: str, *, shown: bool) -> Problem:
    """401: nobody we know. ``shown``: a key or token was sent, and does not hold (RFC 6750, section 3)."""
    asked = 'Bearer error="invalid_token"' if shown else "Bearer"
    return Problem(message, status=401, headers={"WWW-Authenticate": asked})


def forbidden(message: str, *, remedy: str = "") -> Problem:
    """403: it is known who asks, and they may not."""
    return Problem(message, status=403, remedy=remedy)


def lacks_scope(scope: str) -> Problem:
    """403: the key or token was given for something else."""
    return Problem(
        f"This needs the scope {scope!r}, which the caller does not have.",
        status=403,
        headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
    )


def misdirected(host: str) -> Problem:
    """421: the request names another host than this one."""
    return Problem(
        f"There is no host {shown(host)} here.",
        status=421,
        remedy="Whoever runs the gateway lists its names in gateway_hosts.",
    )


def too_often(message: str, wait: int, headers: Mapping[str, str] | None = None) -> Problem:
    """429: the quota is used up for ``wait`` seconds."""
    return Problem(message, status=429, retry_after=wait, headers=headers)


def too_large(limit: int) -> Problem:
    """413: the body, as sent or unpacked, is over the limit."""
    return Problem(
        f"The body is larger than {limit} bytes.", status=413, remedy="Send fewer rows in one request."
    )


def too_many(what: str, setting: str) -> Problem:
    """413: the rows, or their cells, are over the limit of a setting."""
    return Problem(
        f"The request has more than {what} ({setting}).", status=413, remedy="Send fewer rows in one request."
    )


def unsupported(message: str, *, remedy: str = "") -> Problem:
    """415: a content type or encoding that is not read here."""
    return Problem(message, status=415, remedy=remedy)


def wrong_column(name: str, message: str, *, remedy: str = "") -> Problem:
    """422: the request is read, and a column is not what the model expects."""
    return Problem(f"column {shown(name)}: {message}", status=422, remedy=remedy, field=str(name))


def unprocessable(message: str, *, remedy: str = "") -> Problem:
    """422: the request is read, and asks for what the model cannot do."""
    return Problem(message, status=422, remedy=remedy)


def not_here(message: str, *, remedy: str = "") -> Problem:
    """404: no such model or version on this gateway."""
    return Problem(message, status=404, remedy=remedy)


def not_serving(message: str, *, remedy: str = "", retry_after: int | None = None) -> Problem:
    """503: nobody can answer now."""
    return Problem(message, status=503, remedy=remedy, retry_after=retry_after)


def overloaded() -> Problem:
    """503 with Retry-After: too many calls wait already."""
    return Problem("Too many requests wait for the model.", status=503, retry_after=1)


def shown(value: object) -> str:
    """A name somebody sent, quoted, and cut where it is long."""
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"
