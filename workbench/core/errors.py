"""Errors a person can act on.

    WorkbenchError
    ├── InvalidInput       a value somebody gave is wrong: names the field
    ├── NotFound           a model, release, incident … that is not there
    ├── Conflict           somebody else was first (compare-and-set lost, release already active)
    ├── Refused            allowed values, but not by this person or not now (approval, gate)
    ├── Tampered           bytes differ from the digest that was recorded or approved
    ├── Unavailable        a server, file or lock that should answer does not
    └── MissingDependency  an optional package is not installed

Every one carries the remedy: what to do next. ``str(error)`` reads as two sentences.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class WorkbenchError(Exception):
    """Base of all errors raised on purpose. ``field`` names the input, ``remedy`` the next step."""

    def __init__(self, message: str, *, remedy: str = "", field: str = "") -> None:
        self.message = message
        self.remedy = remedy
        self.field = field
        super().__init__(f"{message} {remedy}".strip())


class InvalidInput(WorkbenchError, ValueError):
    """A value somebody gave cannot be used."""


class NotFound(WorkbenchError, LookupError):
    """What was asked for is not there."""


class Conflict(WorkbenchError):
    """Somebody else changed it first."""


class Refused(WorkbenchError, PermissionError):
    """The policy, or who is asking, does not allow it."""


class Tampered(WorkbenchError):
    """Bytes are not those that were recorded."""


class Unavailable(WorkbenchError):
    """A server, file or lock does not answer."""


class MissingDependency(WorkbenchError, ImportError):
    """An optional package is not installed."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``Did you mean 'x'?`` or a short list of what there is, for use as a remedy."""
    known = [str(k) for k in known]
    close = difflib.get_close_matches(str(name), known, n=1)
    if close:
        return f"Did you mean {close[0]!r}?"
    listed = ", ".join(repr(k) for k in known[:12]) + (", …" if len(known) > 12 else "")
    return f"There is: {listed}." if known else "There is none yet."


def unknown(field: str, what: str, name: str, known: Iterable[str]) -> InvalidInput:
    """Build the error for a name that is not among ``known``."""
    return InvalidInput(f"{field}: unknown {what} {name!r}.", remedy=nearest(name, known), field=field)
