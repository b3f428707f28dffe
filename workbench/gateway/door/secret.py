"""The secret of a key: made once, shown once, kept as a salted hash.

It is 256 random bits, which nobody tries out, however fast the hash. A slow one such as scrypt guards
passwords, which people choose, and would cost every request its time; one keyed BLAKE2b shows as little of
a random secret, in a microsecond. The salt keeps a hash in one project from being recognised in another.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import NamedTuple

_FORM = re.compile(r"wbk_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


class Secret(NamedTuple):
    """What the holder of a key sends."""

    id: str
    """Which key it is. Not secret: it stands in lists and in the journal."""
    text: str
    """The secret part."""

    def __str__(self) -> str:
        return f"wbk_{self.id}_{self.text}"


def new() -> Secret:
    """Make one, of 256 bits from the operating system."""
    return Secret(secrets.token_hex(6), secrets.token_urlsafe(32))


def parse(text: str) -> Secret | None:
    """Read what somebody sent; None where it has another form."""
    match = _FORM.fullmatch(text)
    return Secret(match[1], match[2]) if match else None


def digest(secret: Secret, salt: bytes) -> bytes:
    """Return the 32 bytes that are kept of it."""
    return hashlib.blake2b(secret.text.encode(), key=salt, digest_size=32, person=b"gateway key").digest()


def holds(secret: Secret, salt: bytes, kept: bytes) -> bool:
    """Whether it is the one of which ``kept`` is kept, in a time that does not tell how much of it fits."""
    return hmac.compare_digest(digest(secret, salt), kept)
