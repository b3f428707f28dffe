"""What a caller shows: read from the headers once, with the host name and the origin."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import NamedTuple

_WANTED = frozenset({b"host", b"origin", b"authorization", b"x-api-key"})


class Heads(NamedTuple):
    """The headers that the door reads. None: not sent; several of one name are joined, and fit nothing."""

    host: str | None
    origin: str | None
    authorization: str | None
    api_key: str | None

    @classmethod
    def of(cls, headers: Iterable[tuple[bytes, bytes]]) -> Heads:
        """Read them from an ASGI scope."""
        found: dict[bytes, str] = {}
        for name, value in headers:
            if name in _WANTED:
                text = value.decode("latin-1")
                found[name] = f"{found[name]}, {text}" if name in found else text
        return cls(*(found.get(name) for name in (b"host", b"origin", b"authorization", b"x-api-key")))

    @property
    def credential(self) -> str:
        """The key or token: of ``X-Api-Key``, else of ``Authorization``; empty where there is none."""
        if self.api_key is not None:
            return self.api_key.strip()
        scheme, _, rest = (self.authorization or "").partition(" ")
        if scheme.lower() == "bearer":
            return rest.strip()
        return _password(rest) if scheme.lower() == "basic" else ""


def _password(basic: str) -> str:
    """The password of ``Basic``: clients that can send no header of ours can send one, from ``.netrc``."""
    try:
        return base64.b64decode(basic, validate=True).decode("latin-1").partition(":")[2]
    except ValueError:  # no base64, or no ASCII
        return ""
