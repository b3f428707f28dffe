"""Recompute the journal from its file: every leaf, link, place and root, and SQLite's own structure."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from workbench.core.errors import NotFound
from workbench.journal import witness
from workbench.journal.database import APPLICATION_ID, SCHEMA
from workbench.journal.leaves import GENESIS, Row
from workbench.journal.merkle import EMPTY_ROOT, Frontier
from workbench.journal.records import Problem, Verification

_MOST_PROBLEMS = 100


class _Text(bytes):
    """Text as it lies in the file, kept apart from a blob of the same bytes."""

    __slots__ = ()


def verify(path: Path) -> Verification:
    """Verify the journal at ``path``; needs no open journal, so it also works on one that cannot be opened.

    Checked: the file's structure, its schema and triggers; places in journal and stream without gaps; the
    link to the entry before; the leaf hash, which covers every column; the Merkle root after each entry;
    size, root and frontier as stored; and the witness beside the file, which tells when the tail is gone.

    Raises:
        NotFound: there is no file.
    """
    if not path.is_file():
        raise NotFound(
            f"There is no journal at {path}.", remedy="Open a project first: wb.open()", field="path"
        )
    check = _Check()
    try:
        seen = witness.read(path)  # before the snapshot: entries appended meanwhile are no loss
    except ValueError as error:
        check.problem(None, f"The witness beside the journal cannot be read: {error}.")
        seen = None
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.text_factory = _Text
            connection.execute("BEGIN")
            _check_file(check, connection)
            _check_entries(check, connection)
            _check_head(check, connection)
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter: a message quotes damaged text
        check.problem(None, f"SQLite cannot read the file beyond entry {check.frontier.size - 1}: {error}.")
    _check_witness(check, seen)
    return Verification(
        ok=not check.problems,
        size=check.frontier.size,
        root=check.frontier.root(),
        problems=tuple(check.problems[:_MOST_PROBLEMS]),
    )


class _Check:
    """What was recomputed so far, and what did not hold."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.frontier = Frontier()
        self.roots = [EMPTY_ROOT]
        """Recomputed root by size."""
        self.next_seq = 0
        self.lengths: dict[str, int] = {}
        self.last_hash = GENESIS
        self.roots_hold = True

    def problem(self, seq: int | None, sentence: str) -> None:
        self.problems.append(Problem(seq=seq, sentence=sentence))

    def add(self, row: Row) -> None:
        """Take the next row in order of ``seq``."""
        for sentence in self._contradictions(row):
            self.problem(row.seq, f"Entry {row.seq} {sentence}.")
        self.next_seq = row.seq + 1
        self.lengths[row.stream] = row.position + 1
        self.last_hash = row.hash
        self._grow(row)

    def _contradictions(self, row: Row) -> Iterator[str]:
        if row.seq != self.next_seq:
            yield f"follows entry {self.next_seq - 1}: what lay between is gone"
        if row.position != self.lengths.get(row.stream, 0):
            yield f"is number {row.position} of {row.stream}, but {self.lengths.get(row.stream, 0)} is next"
        if row.previous != self.last_hash:
            yield "does not link to the entry before it"
        if row.leaf().hex() != row.hash:
            yield "was changed after it was written: its bytes do not give its hash"

    def _grow(self, row: Row) -> None:
        self.frontier = self.frontier.append(row.leaf())
        self.roots.append(self.frontier.root())
        if self.roots_hold and row.root != self.roots[-1]:
            self.roots_hold = False  # every later root differs too; once is enough
            self.problem(
                row.seq, f"From entry {row.seq} on, the stored Merkle roots are not those of the entries."
            )


def _check_file(check: _Check, connection: sqlite3.Connection) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application != APPLICATION_ID:
        check.problem(None, "The file's header does not say that it is a journal.")
    for (line,) in connection.execute("PRAGMA integrity_check(10)"):
        if line != b"ok":
            check.problem(None, f"SQLite finds the file damaged: {line.decode(errors='replace')}.")
    found = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
    for name, sql in SCHEMA.items():
        if found.pop(name.encode(), None) != sql.encode():
            check.problem(None, f"The schema's {name!r} is missing or was changed.")
    for name in found:
        check.problem(None, f"The schema has {name.decode(errors='replace')!r}, which is not the journal's.")


def _check_entries(check: _Check, connection: sqlite3.Connection) -> None:
    columns = ", ".join(Row._fields)
    for raw in connection.execute(f"SELECT {columns} FROM entries ORDER BY seq"):  # noqa: S608 - our own names
        decoded: list[Any] = [_decoded(value) for value in raw]
        row = Row(*decoded)
        if row.well_typed():
            check.add(row)
        else:
            check.problem(row.seq, f"Entry {row.seq} was changed: it holds what is neither a count nor text.")


def _decoded(value: object) -> object:
    """Return text as str; what is not UTF-8 stays as it is, for ``well_typed`` to find."""
    if isinstance(value, _Text) and value.decode(errors="replace").encode() == value:
        return value.decode()
    return value


def _check_head(check: _Check, connection: sqlite3.Connection) -> None:
    heads = connection.execute("SELECT size, root, frontier FROM head").fetchall()
    if len(heads) != 1:
        check.problem(None, f"The journal has {len(heads)} heads, not one.")
        return
    size, root, frontier = heads[0]
    if size != check.frontier.size:
        check.problem(
            check.next_seq,
            f"The head says {size} entries, and {check.frontier.size} are there: the tail was cut.",
        )
    elif root != check.frontier.root().encode():
        check.problem(None, "The stored Merkle root is not that of the entries.")
    elif frontier != check.frontier.to_text().encode():
        check.problem(None, "The stored frontier is not that of the entries.")


def _check_witness(check: _Check, seen: witness.Witness | None) -> None:
    if seen is None:
        return
    if seen.size > check.frontier.size:
        check.problem(
            check.frontier.size,
            f"The witness has seen {seen.size} entries, and {check.frontier.size} are there: "
            "the tail was lost, or an older copy was put in place.",
        )
    elif check.roots[seen.size] != seen.root:
        check.problem(None, f"The first {seen.size} entries are not those the witness has seen.")
