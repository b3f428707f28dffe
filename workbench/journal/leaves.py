"""An entry as it lies in the database, and the bytes that are hashed.

The leaf is the RFC 8785 canonical JSON of every field but ``hash``. It is spliced from the stored columns and
not made again from parsed values: canonical JSON writes 1e20 as an integer that it would then refuse, and an
edited byte must change the leaf even where both spellings mean the same number.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain

# In C, and what RFC 8785 asks for text: the short escapes, other controls in small hex, all else as it is.
from json.encoder import encode_basestring as _quoted
from typing import Any, NamedTuple

from workbench.core.digests import canonical_json
from workbench.core.errors import InvalidInput, Tampered
from workbench.journal import merkle
from workbench.journal.records import Entry, Event

#: Columns that hold counts; all others hold text.
INTEGERS = frozenset({"seq", "position"})

#: ``previous`` of the first entry.
GENESIS = "0" * 64

_SAFE_INTEGER = 2**53 - 1
_MAX_DEPTH = 64


class Row(NamedTuple):
    """One row of the table ``entries``, in the order of its columns."""

    seq: int
    stream: str
    position: int
    time: str
    actor: str
    kind: str
    subjects: str
    """Canonical JSON."""
    payload: str
    """Canonical JSON."""
    previous: str
    hash: str = ""
    root: str = ""
    """Merkle root over this entry and all before it. Follows from the leaves, so no leaf covers it."""

    def content(self) -> bytes:
        """Return the canonical JSON that the leaf hash covers: every field but ``hash`` and ``root``."""
        text = (
            f'{{"actor":{_quoted(self.actor)},"kind":{_quoted(self.kind)},"payload":{self.payload},'
            f'"position":{self.position},"previous":{_quoted(self.previous)},"seq":{self.seq},'
            f'"stream":{_quoted(self.stream)},"subjects":{self.subjects},"time":{_quoted(self.time)}}}'
        )
        return text.encode()

    def leaf(self) -> bytes:
        """Return the RFC 6962 leaf hash of this row."""
        return merkle.leaf_hash(self.content())

    def well_typed(self) -> bool:
        """False when a column holds what the journal never writes there; SQLite itself does not mind."""
        return tuple(map(type, self)) == _TYPES

    def entry(self) -> Entry:
        """Return the entry.

        Raises:
            Tampered: the row is not the one that was appended.
        """
        if not self.well_typed() or self.leaf().hex() != self.hash:
            raise Tampered(
                f"Entry {self.seq} of the journal was changed after it was written.",
                remedy="Run: workbench verify",
                field="journal",
            )
        return Entry(
            seq=self.seq,
            stream=self.stream,
            position=self.position,
            time=datetime.fromisoformat(self.time),
            actor=self.actor,
            kind=self.kind,
            subjects=tuple(json.loads(self.subjects)),
            payload=json.loads(self.payload, parse_int=_number),
            previous=self.previous,
            hash=self.hash,
        )


_TYPES = tuple(int if name in INTEGERS else str for name in Row._fields)


def timestamp(moment: datetime) -> str:
    """Return UTC ISO 8601 with microseconds, always 27 characters."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def payload_text(event: Event) -> str:
    """Return the payload as canonical JSON.

    Raises:
        InvalidInput: a value JSON cannot carry exactly, with the path to it.
    """
    flaws = chain(_flaws(event.payload, "payload", 0), _flaws(event.subjects, "subjects", 0))
    for where, why in flaws:
        raise InvalidInput(
            f"{event.kind}: {where} {why}.",
            remedy="The journal keeps JSON: text, true and false, finite numbers, lists, and objects.",
            field=where,
        )
    return canonical_json(event.payload).decode()


def _number(text: str) -> int | float:
    """Read an integer back; one beyond 2^53 was a float when written, since such integers are refused."""
    value = int(text)
    return value if abs(value) <= _SAFE_INTEGER else float(text)


def _flaws(value: Any, where: str, depth: int) -> Iterator[tuple[str, str]]:
    """Yield path and reason of each value that RFC 8785 cannot write or that would come back changed."""
    if isinstance(value, (dict, list, tuple)) and depth >= _MAX_DEPTH:
        yield where, f"is nested more than {_MAX_DEPTH} deep"
    elif isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str) or _flaw(key):
                yield f"{where}[{key!r}]", "is a key that is not text"
            yield from _flaws(inner, f"{where}.{key}", depth + 1)
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from _flaws(inner, f"{where}[{index}]", depth + 1)
    elif flaw := _flaw(value):
        yield where, flaw


def _flaw(value: Any) -> str:
    match value:
        case None | bool():
            return ""
        case str():
            whole = value.isascii() or _is_text(value)
            return "" if whole else "has half of a surrogate pair, which is not text"
        case int():
            too_big = abs(value) > _SAFE_INTEGER
            return f"is {value}, beyond 2^53 - 1 where JSON loses digits: write it as text" if too_big else ""
        case float():
            return "" if math.isfinite(value) else f"is {value}, which JSON cannot write: use None"
        case _:
            return f"is a {type(value).__name__}, which is not JSON"


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
