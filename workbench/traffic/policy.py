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

import orjson

from workbench.core.digests import canonical_json
from workbench.core.errors import Tampered, Unavailable
from workbench.traffic import segments
from workbench.traffic.files import lock
from workbench.traffic.records import Exchange
from workbench.traffic.storage import Storage, storage_of

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
    """Of the digests, of subjects and of entities."""

    @classmethod
    def of(cls, settings: Settings) -> CapturePolicy:
        """Return a project's policy; makes its key where there is a column to hide.

        Raises:
            Unavailable: the key cannot be kept, or what was captured rests on one that is gone.
        """
        return cls(
            sample=settings.capture_sample,
            redact=frozenset(settings.capture_redact),
            subject=settings.capture_subject,
            key=_key(settings) if settings.capture_subject or settings.capture_redact else b"",
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
            return exchange.model_copy(update=left | self._told_less(exchange))
        closed = self.redact | {self.subject}
        found = tuple(sorted(closed & set().union(*exchange.inputs)))
        if not found:
            return exchange.model_copy(update=self._told_less(exchange))
        rows = {"inputs": [self._closed(row) for row in exchange.inputs], "redacted": found}
        return exchange.model_copy(update=rows | self._told_less(exchange))

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

    def _told_less(self, exchange: Exchange) -> dict[str, Any]:
        """What else would tell of a value that must not be kept.

        What a model said when it failed may quote a row: of that only the kind is left. Coin and unit of an
        entity are hashes of its name under the release's id, which everybody may know: whoever tries all
        names finds whose they are. The unit is hashed again, so that entities still count once each; the
        coin goes.
        """
        if not (self.redact or self.subject):
            return {}
        less: dict[str, Any] = {
            name: getattr(exchange, name).partition(":")[0]
            for name in ("error", "shadow_error")
            if getattr(exchange, name)
        }
        if exchange.unit:
            less["unit"] = hmac.new(self.key, exchange.unit.encode(), hashlib.sha256).hexdigest()[:32]
            less["coin"] = None
        return less


def digest(key: bytes, column: str, value: Any) -> Any:
    """Return what stands for a subject: the same for 7, 7.0 and "7". None stays: it names nobody."""
    if value is None:
        return None
    said = canonical_json([column, written(value)])
    return DIGEST + hmac.new(key, said, hashlib.sha256).hexdigest()


def written(value: Any) -> str:
    """Return a value as text, a whole number without its ".0": so captured JSON and whoever asks agree."""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def known_key(state: Path) -> bytes:
    """Return the key of a project's digests; empty when it has none.

    Raises:
        Unavailable: it cannot be read.
    """
    try:
        return bytes.fromhex((state / KEY).read_text())
    except FileNotFoundError:
        return b""
    except (OSError, ValueError) as error:
        raise Unavailable(
            f"The key of captured subjects cannot be read ({error}).",
            remedy=f"Restore {KEY} in the state folder from a backup.",
            field="capture_subject",
        ) from error


def _key(settings: Settings) -> bytes:
    """The key, made when there is none. Nobody else on the machine may read it."""
    state = settings.state
    try:
        with lock(state / f".{KEY}.lock"):
            if found := known_key(state):
                return found
            _refuse_a_second_key(storage_of(settings))
            made = secrets.token_bytes(32)
            handle = os.open(state / KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(made.hex())
                file.flush()
                os.fsync(file.fileno())
            return made
    except OSError as error:
        raise Unavailable(
            f"The key of captured subjects cannot be kept ({error}).",
            remedy=f"Make room for {KEY} in the state folder, or restore it from a backup.",
            field="capture_subject",
        ) from error


def _refuse_a_second_key(storage: Storage) -> None:
    """Under a new key nobody would find the subjects again whose digests are there already.

    Only a project without a key comes here, once: every segment may have to be read.
    """
    for endpoint in storage.endpoints():
        for name in reversed(storage.names(endpoint)):
            if _has_digests(storage, endpoint, name):
                raise Unavailable(
                    f"The traffic of {endpoint} holds digests of subjects under a key that is gone.",
                    remedy=f"Restore {KEY} in the state folder from a backup, or from the machine that "
                    "captured them. Where it is lost for good those subjects cannot be found again: to go on "
                    "nevertheless, write 64 hex digits of your own into that file.",
                    field="capture_subject",
                )


def _has_digests(storage: Storage, endpoint: str, name: str) -> bool:
    try:
        table = segments.decoded(storage.read(endpoint, name), name, ("inputs", "redacted"))
    except (FileNotFoundError, Tampered):
        return False  # gone, or damaged: nobody can look for a subject in it whatever the key
    return any(
        is_digest(row.get(column))
        for rows, left_out in zip(*(table.column(of).to_pylist() for of in table.column_names), strict=True)
        for column in orjson.loads(left_out)
        for row in orjson.loads(rows)
    )


def is_digest(cell: Any) -> bool:
    """Whether a cell reads as what stands for a subject."""
    return isinstance(cell, str) and cell.startswith(DIGEST)
