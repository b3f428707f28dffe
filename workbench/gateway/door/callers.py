"""Who asks, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Scope = Literal["infer", "label", "metrics", "admin"]
"""``infer``: ask the model, and read what it is. ``label``: say what was true. ``metrics``: read counts.
``admin``: change what is served."""

SCOPES: tuple[Scope, ...] = get_args(Scope)

#: What answers whoever asks whether the gateway lives: an orchestrator has no key, and asks by address.
PROBES = frozenset({"/v2/health/live", "/v2/health/ready", "/ping", "/health"})

_SCOPES: dict[str, Scope] = {"/metrics": "metrics", "/labels": "label"}


@dataclass(frozen=True)
class Caller:
    """Somebody who was let in."""

    id: str
    """Whose quota it is: ``key 3f2a…`` or ``token <subject>``."""
    name: str
    """For people: the key's name, or the token's subject."""
    scopes: frozenset[str]
    until: float = float("inf")
    """When the key or token ends, in seconds since 1970."""
    per_minute: int | None = None
    """Requests a minute; None: as the settings say."""


def needed(path: str) -> Scope:
    """Return the scope that a path of the public port needs; for all that is not named here, ``infer``.

    Routes match a path with a line end after it as well, so that counts as the same path here.
    """
    return _SCOPES.get(path.rstrip("\n"), "infer")


def needed_of_admin(path: str) -> Scope | None:
    """Return the scope that a path of the administration port needs; None for what only tells."""
    return "admin" if path.rstrip("\n") == "/kill" else None
