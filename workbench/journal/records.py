"""One entry of the journal."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from workbench.core.records import Record


class Event(Record):
    """A fact to append. ``payload`` is JSON; never a row of somebody's data."""

    kind: str
    """``model.registered``, ``audit.finished``, ``gate.judged``, ``approval.given``, ``release.opened`` …"""
    payload: dict[str, Any] = {}
    subjects: tuple[str, ...] = ()
    """Digests the fact is about: model, data, policy."""


class Entry(Record):
    """An event in its place. The leaf hash covers every field but ``hash`` itself."""

    seq: int
    """Place in the whole journal, from 0, without gaps."""
    stream: str
    """``model/recidivism``, ``release/recidivism-2``, ``endpoint/recidivism``, ``incident/INC-1`` …"""
    position: int
    """Place in the stream, from 0, without gaps."""
    time: datetime
    actor: str
    kind: str
    subjects: tuple[str, ...]
    payload: dict[str, Any]
    previous: str
    """Leaf hash of the entry before; 64 zeros at the start."""
    hash: str
    """RFC 6962 leaf hash of this entry, hex."""


class Problem(Record):
    """One thing that does not hold."""

    seq: int | None
    sentence: str


class Compared(Record):
    """A checkpoint beside the log."""

    source: str
    """The file it lay in."""
    size: int
    root: str
    signers: tuple[str, ...]
    """Who signed it, as far as a key was there to check with."""
    ok: bool


class Verification(Record):
    """What ``verify`` found."""

    ok: bool
    size: int
    root: str
    """Merkle root over all leaves, hex (RFC 6962)."""
    problems: tuple[Problem, ...] = ()
    """At most 100 of them."""
    first_bad: int | None = None
    """The first entry that does not hold; None when all do, or when what is wrong is no entry."""
    checkpoints: tuple[Compared, ...] = ()
    """The checkpoints that were compared with the log."""
