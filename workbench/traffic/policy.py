"""What of an exchange reaches the disk: a share of the rows, without what must not be kept.

Every exchange keeps its line: releases and reconciliation count requests. Sampling leaves out rows, and
redaction takes values out of rows, before anything is encoded. Of the column that names subjects a keyed
digest is written, so that all of one person can still be found and erased by whoever knows whom they mean.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.core.digests import canonical_json
from workbench.core.errors import Unavailable
from workbench.traffic.files import lock
from workbench.traffic.records import Exchange

if TYPE_CHECKING:
    from workbench.core.settings import Settings

KEY = "capture.key"

#: What the digest of a subject begins with.
DIGEST = "hmac-sha256:"


@dataclass(frozen=True)
class CapturePolicy:
    """Says what is kept. The same request id is always kept, or never: replays agree."""

    sample: float = 1.0
    """Share of the exchanges whose rows are kept."""
    redact: frozenset[str] = frozenset()
    """Columns that are left out of rows."""
    subject: str = ""
    """The column of which a digest is written."""
    key: bytes = b""
    """Of the digests."""

    @classmethod
    def of(cls, settings: Settings) -> CapturePolicy:
        """Return a project's policy; makes its key where a subject is named.

        Raises:
            Unavailable: the key cannot be kept.
        """
        return cls(
            sample=settings.capture_sample,
            redact=frozenset(settings.capture_redact),
            subject=settings.capture_subject,
            key=_key(settings.state) if settings.capture_subject else b"",
        )

    def kept(self, exchange: Exchange) -> Exchange:
        """Return what of an exchange may be written."""
        if not self._drawn(exchange.request_id):
            # What a shadow answered is judged beside what was answered, so both stay: no input is in them.
            pair = exchange.shadow_outputs is not None
            left: dict[str, Any] = {
                "kept": False,
                "inputs": [{} for _ in exchange.inputs],
                "outputs": exchange.outputs if pair else None,
            }
            return exchange.model_copy(update=left | self._sayings(exchange))
        closed = self.redact | {self.subject}
        found = tuple(sorted(closed & set().union(*exchange.inputs)))
        if not found:
            return exchange.model_copy(update=self._sayings(exchange))
        rows = {"inputs": [self._closed(row) for row in exchange.inputs], "redacted": found}
        return exchange.model_copy(update=rows | self._sayings(exchange))

    def _drawn(self, request_id: str) -> bool:
        if self.sample >= 1.0:
            return True
        drawn = hashlib.sha256(request_id.encode()).digest()[:8]
        return int.from_bytes(drawn) < self.sample * 2**64

    def _closed(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: digest(self.key, name, value) if name == self.subject else value
            for name, value in row.items()
            if name == self.subject or name not in self.redact
        }

    def _sayings(self, exchange: Exchange) -> dict[str, Any]:
        """What a model said when it failed may quote a row: of that only the kind is left."""
        if not (self.redact or self.subject):
            return {}
        return {
            name: getattr(exchange, name).partition(":")[0]
            for name in ("error", "shadow_error")
            if getattr(exchange, name)
        }


def digest(key: bytes, column: str, value: Any) -> Any:
    """Return what stands for a subject: the same for 7, 7.0 and "7". None stays: it names nobody."""
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    said = canonical_json([column, str(value)])
    return DIGEST + hmac.new(key, said, hashlib.sha256).hexdigest()


def known_key(state: Path) -> bytes:
    """Return the key of a project's digests; empty when it has none."""
    try:
        return bytes.fromhex((state / KEY).read_text())
    except FileNotFoundError:
        return b""


def _key(state: Path) -> bytes:
    """The key, made when there is none. Nobody else on the machine may read it."""
    try:
        with lock(state / f".{KEY}.lock"):
            if not (found := known_key(state)):
                found = secrets.token_bytes(32)
                handle = os.open(state / KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(handle, "w") as file:
                    file.write(found.hex())
                    file.flush()
                    os.fsync(file.fileno())
    except (OSError, ValueError) as error:
        raise Unavailable(
            f"The key of captured subjects cannot be kept ({error}).",
            remedy=f"Make room for {KEY} in the state folder, or restore it from a backup.",
            field="capture_subject",
        ) from error
    return found
