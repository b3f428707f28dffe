"""Recompute the journal from its database: every leaf, link, place, root and subtree, and the checkpoints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from workbench.core.errors import InvalidInput, NotFound, WorkbenchError
from workbench.journal import witness
from workbench.journal.checkpoints import Checkpoint, origin_of
from workbench.journal.handing import handed_out
from workbench.journal.leaves import GENESIS, Row
from workbench.journal.merkle import EMPTY_ROOT, Frontier, to_text
from workbench.journal.places import Place, is_url
from workbench.journal.records import Compared, Problem, Verification
from workbench.journal.signers import VerifierKey, verifier_keys
from workbench.journal.snapshots import Snapshot

_MOST_PROBLEMS = 100


def verify(
    place: Path | str,
    *,
    beside: Path | None = None,
    checkpoints: Iterable[Path] = (),
    keys: Iterable[VerifierKey] = (),
) -> Verification:
    """Verify the journal at ``place``; needs no open journal, so it also works on one that cannot be opened.

    Checked: the database's structure, schema and triggers; places in journal and stream without gaps; the
    link to the entry before; the leaf hash, which covers every column; the Merkle root after each entry and
    the subtrees that proofs read; size, root and frontier as stored; the witness and the checkpoints kept
    beside it, which tell when the tail is gone or history was written anew; and checkpoints handed in.

    Args:
        place: The SQLite file, or a PostgreSQL URL.
        beside: Folder of witness, ``checkpoints`` and ``keys``. Default: the file's own; a URL has none.
        checkpoints: Files, folders or git repositories of checkpoints that others hold.
        keys: Keys they must be signed with, one of them at least. Without any, those of ``keys`` beside the
            journal are used for what they fit, and a checkpoint by another key is compared unsigned.

    Raises:
        NotFound: there is no journal.
        Unavailable: the server does not answer.
    """
    where = Place.of(place, beside)
    if where.file and not where.file.is_file():
        raise NotFound(
            f"There is no journal at {where.file}.", remedy="Open a project first: wb.open()", field="path"
        )
    check = _Check()
    marks = _Marks(check)
    # Read before the snapshot: entries appended meanwhile are no loss.
    marks.add_witness(where.stem)
    marks.add_kept(where.kept, where.keys)
    for source in checkpoints:
        marks.add_handed_in(source, tuple(keys))
    check.wanted = marks.sizes()
    with _snapshot(place) as snapshot:
        _check_snapshot(check, snapshot)
    compared = marks.compare()
    return Verification(
        ok=check.found == 0,
        size=check.frontier.size,
        root=check.frontier.root(),
        problems=tuple(check.problems),
        first_bad=check.first_bad,
        checkpoints=tuple(compared),
    )


def _snapshot(place: Path | str) -> Snapshot:
    if is_url(place):
        from workbench.journal.postgres_snapshot import PostgresSnapshot

        return PostgresSnapshot(str(place))
    from workbench.journal.sqlite_snapshot import SQLiteSnapshot

    return SQLiteSnapshot(Path(place))


class _Check:
    """What was recomputed so far, and what did not hold. Its size does not grow with the log."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.found = 0
        self.first_bad: int | None = None
        self.wanted: set[int] = set()
        self.roots = {0: EMPTY_ROOT}
        """Recomputed root at each wanted size."""
        self.origin = ""
        self.frontier = Frontier()
        self.subtrees = 0
        self.next_seq = 0
        self.lengths: dict[str, int] = {}
        self.last_hash = GENESIS
        self.roots_hold = True

    def problem(self, seq: int | None, sentence: str) -> None:
        self.found += 1
        if seq is not None:
            self.first_bad = seq if self.first_bad is None else min(seq, self.first_bad)
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(Problem(seq=seq, sentence=sentence))

    def add(self, row: Row, subtrees: object) -> None:
        """Take the next row in order of ``seq``, with the subtrees stored under it."""
        leaf = row.leaf()
        for seq, sentence in self._contradictions(row, leaf.hex()):
            self.problem(seq, f"Entry {row.seq} {sentence}.")
        self.next_seq = row.seq + 1
        self.lengths[row.stream] = row.position + 1
        self.last_hash = row.hash
        self._grow(row, leaf, subtrees)

    def _contradictions(self, row: Row, leaf: str) -> Iterator[tuple[int, str]]:
        if row.seq != self.next_seq:
            first = min(self.next_seq, row.seq)
            yield first, f"follows entry {self.next_seq - 1}: what lay between is gone"
        if row.position != (expected := self.lengths.get(row.stream, 0)):
            yield row.seq, f"is number {row.position} of {row.stream}, but {expected} is next"
        if row.previous != self.last_hash:
            yield row.seq, "does not link to the entry before it"
        if leaf != row.hash:
            yield row.seq, "was changed after it was written: its bytes do not give its hash"

    def _grow(self, row: Row, leaf: bytes, subtrees: object) -> None:
        self.frontier, completed = self.frontier.grow(leaf)
        self.origin = self.origin or origin_of(leaf.hex())
        root = self.frontier.root()
        if self.frontier.size in self.wanted:
            self.roots[self.frontier.size] = root
        if not self.roots_hold:
            return  # every later root and many a subtree differ too; once is enough
        self.subtrees += bool(completed)
        if row.root != root:
            self.roots_hold = False
            self.problem(
                row.seq, f"From entry {row.seq} on, the stored Merkle roots are not those of the entries."
            )
        elif subtrees is not Snapshot.NOT_KEPT and subtrees != (to_text(completed) or None):
            self.problem(row.seq, f"The hashes that entry {row.seq} completes are not those of the entries.")


def _check_snapshot(check: _Check, snapshot: Snapshot) -> None:
    """Look at all three parts, each even when another cannot be read."""
    try:
        for sentence in snapshot.flaws():
            check.problem(None, sentence)
    except snapshot.errors as error:
        check.problem(None, f"{snapshot.name} cannot read the journal: {error}.")
    try:
        for row, subtrees in snapshot.rows():
            if row.well_typed():
                check.add(row, subtrees)
            else:
                seq = row.seq if type(row.seq) is int else check.next_seq
                check.problem(seq, f"Entry {seq} was changed: it holds what is neither a count nor text.")
        kept = snapshot.subtrees()
        if check.roots_hold and kept is not None and kept != check.subtrees:
            check.problem(
                None, f"Hashes are kept for {kept} subtrees, and the entries have {check.subtrees}."
            )
    except snapshot.errors as error:
        last = check.frontier.size - 1
        check.problem(last + 1, f"{snapshot.name} cannot read the file beyond entry {last}: {error}.")
    try:
        _check_head(check, snapshot)
    except snapshot.errors as error:
        check.problem(None, f"{snapshot.name} cannot read the journal's head: {error}.")


def _check_head(check: _Check, snapshot: Snapshot) -> None:
    heads = snapshot.heads()
    if len(heads) != 1:
        check.problem(None, f"The journal has {len(heads)} heads, not one.")
        return
    size, root, frontier = heads[0]
    if size != check.frontier.size:
        check.problem(
            check.next_seq,
            f"The head says {size} entries, and {check.frontier.size} are there: the tail was cut.",
        )
    elif root != check.frontier.root():
        check.problem(None, "The stored Merkle root is not that of the entries.")
    elif frontier != check.frontier.to_text():
        check.problem(None, "The stored frontier is not that of the entries.")


class _Mark:
    """A size and root that somebody noted: the witness (``checkpoint`` is None) or a signed checkpoint."""

    def __init__(self, source: str, size: int, root: str, checkpoint: Checkpoint | None = None) -> None:
        self.source = source
        self.size = size
        self.root = root
        self.checkpoint = checkpoint
        self.signers: tuple[str, ...] = ()
        self.holds = True

    @property
    def who(self) -> str:
        return f"checkpoint {self.source}" if self.checkpoint else "witness"


class _Marks:
    """What others have seen of the log."""

    def __init__(self, check: _Check) -> None:
        self._check = check
        self._marks: list[_Mark] = []

    def add_witness(self, stem: Path | None) -> None:
        try:
            seen = witness.read(stem) if stem else None
        except (ValueError, OSError) as error:
            self._check.problem(None, f"The witness beside the journal cannot be read: {error}.")
        else:
            if seen:
                self._marks.append(_Mark("", seen.size, seen.root))

    def add_kept(self, folder: Path | None, keys: Path | None) -> None:
        if folder and folder.is_dir():
            try:
                known = verifier_keys(keys) if keys else []
            except (WorkbenchError, OSError, UnicodeDecodeError) as error:
                self._check.problem(None, f"The keys beside the journal cannot be read: {error}")
                known = []
            self._add(folder, known, signed=False)

    def add_handed_in(self, place: Path, keys: tuple[VerifierKey, ...]) -> None:
        if not place.exists():
            raise NotFound(f"There is no checkpoint at {place}.", field="checkpoint")
        if not self._add(place, keys, signed=bool(keys)):
            self._check.problem(
                None, f"There is no checkpoint in {place}: nothing was compared with the log."
            )

    def sizes(self) -> set[int]:
        return {mark.size for mark in self._marks}

    def compare(self) -> list[Compared]:
        """Hold every mark against the recomputed log, from the smallest on."""
        agreed = 0
        for mark in sorted(self._marks, key=lambda mark: mark.size):
            if flaw := self._flaw(mark, agreed):
                mark.holds = False
                self._check.problem(*flaw)
            else:
                agreed = mark.size
        return [
            Compared(source=mark.source, size=mark.size, root=mark.root, signers=mark.signers, ok=mark.holds)
            for mark in self._marks
            if mark.checkpoint
        ]

    def _add(self, place: Path, keys: Iterable[VerifierKey], *, signed: bool) -> int:
        """Take what lies in a place, and return how many checkpoints those are, good or bad."""
        lying = list(handed_out(place))
        for source, found in lying:
            try:
                if isinstance(found, WorkbenchError):
                    raise found
                mark = _Mark(source, found.size, found.root, found)
                mark.signers = found.signed_by(keys)
                if signed and not mark.signers:
                    raise InvalidInput("None of the keys given has signed it.")
            except WorkbenchError as error:
                self._check.problem(None, f"Checkpoint {source}: {error.message}")
            else:
                self._marks.append(mark)
        return len(lying)

    def _flaw(self, mark: _Mark, agreed: int) -> tuple[int | None, str] | None:
        check = self._check
        if mark.checkpoint and check.origin and mark.checkpoint.origin != check.origin:
            return 0, (
                f"The {mark.who} is of the log {mark.checkpoint.origin}, and this is {check.origin}: "
                "another journal, or one that was written anew from its first entry."
            )
        if mark.size > check.frontier.size:
            return check.frontier.size, (
                f"The {mark.who} has seen {mark.size} entries, and {check.frontier.size} are there: "
                "the tail was lost, or an older copy was put in place."
            )
        if check.roots[mark.size] != mark.root:
            named = check.first_bad
            earlier = named if named is not None and named < mark.size else agreed
            return earlier, f"The first {mark.size} entries are not those the {mark.who} has seen."
        return None
