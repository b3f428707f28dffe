"""Makes an open journal's checkpoints, asked or by itself: signs, keeps and hands them out."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.core.errors import Tampered, Unavailable, WorkbenchError
from workbench.journal import handing
from workbench.journal.checkpoints import Checkpoint, sign
from workbench.journal.due import CheckpointPolicy, due
from workbench.journal.records import Entry
from workbench.journal.signers import Signer

if TYPE_CHECKING:
    from workbench.journal.store import Journal

#: Who gets each checkpoint: a place as ``hand_out`` takes it, or a function of it and its newest entry.
Receiver = Path | Callable[[Checkpoint, Entry], object]

_BY_ITSELF = "by itself"

_log = logging.getLogger(__name__)


class Checkpointing:
    """The checkpoints of one journal.

    What it does by itself follows a commit, so a failure undoes nothing: it is logged, once until it works
    again. The journal's lock is not held meanwhile, for a signer or a receiver may be far away.

    Args:
        journal: Whose checkpoints.
        policy: When one is due.
        handed_to: Who gets each one that is made here.
    """

    def __init__(self, journal: Journal, policy: CheckpointPolicy, handed_to: Iterable[Receiver]) -> None:
        self._journal: Journal = weakref.proxy(journal)  # a circle would keep a forgotten journal open
        self._policy = policy
        self._handed_to = tuple(handed_to)
        self._covered: int | None = None
        """Entries under the newest checkpoint kept here; None: to be looked up."""
        self._waiting: Entry | None = None
        """The entry after those, as far as it was read."""
        self._failing: set[str] = set()

    def make(self, signer: Signer) -> Checkpoint:
        """Sign size and root as they are now, keep that beside the journal, and hand it out."""
        made = sign(*self._journal.head(), signer)
        if kept := self._journal.place.kept:
            handing.hand_out(made, kept)
        self._covered = made.size
        for receiver in self._handed_to:
            with self._logged("A checkpoint was not handed out", repr(receiver)):
                self._give(made, receiver)
                self._failing.discard(repr(receiver))
        return made

    def make_if_due(self, now: datetime, appended: Sequence[Entry] = ()) -> Checkpoint | None:
        """Make one when the policy asks for it, after these entries were appended."""
        signer = self._journal.signer
        if signer is None:
            return None
        with self._logged("No checkpoint could be made", _BY_ITSELF):
            if self.is_due(now, appended):
                made = self.make(signer)
                self._failing.discard(_BY_ITSELF)
                return made
        return None

    def is_due(self, now: datetime, appended: Sequence[Entry] = ()) -> bool:
        """True when the policy asks for one."""
        if not self._asked_for(now, appended):
            return False
        self._covered = None  # another process may have made it: look again
        return self._asked_for(now, appended)

    def kept(self) -> list[Checkpoint]:
        """Return those kept beside the journal, oldest first."""
        kept = self._journal.place.kept
        found = handing.handed_out(kept) if kept and kept.is_dir() else ()
        return [checkpoint for _, checkpoint in found if isinstance(checkpoint, Checkpoint)]

    def holders(self, checkpoint: Checkpoint) -> list[str]:
        """Return the places, of those that get each one, where this one lies now."""
        places = [place for place in self._handed_to if isinstance(place, Path)]
        return [str(place) for place in places if _holds(place, checkpoint)]

    def hand_out(self, checkpoint: Checkpoint, to: Path) -> Path:
        """Give one to somebody outside, unless it contradicts the newest that was given there before."""
        earlier = handing.earlier(to, checkpoint.origin)
        newest = max((given.size for _, given in earlier), default=0)
        for name, given in earlier:
            if given.size == newest:  # those before were held against their newest in turn
                self._require_growth(name, given, checkpoint)
        return handing.hand_out(checkpoint, to)

    def _give(self, made: Checkpoint, receiver: Receiver) -> None:
        if isinstance(receiver, Path):
            self.hand_out(made, receiver)
        elif newest := self._journal.entry(made.size - 1):
            receiver(made, newest)

    def _asked_for(self, now: datetime, appended: Sequence[Entry]) -> bool:
        waiting = self._first_uncovered(appended)
        return waiting is not None and due([waiting, *appended], now, self._policy)

    def _first_uncovered(self, appended: Sequence[Entry]) -> Entry | None:
        if self._covered is None:
            kept = self._journal.place.kept
            self._covered = handing.newest(kept) if kept else 0
        if appended and appended[0].seq == self._covered:
            self._waiting = appended[0]
        elif self._waiting is None or self._waiting.seq != self._covered:
            self._waiting = self._journal.entry(self._covered)
        return self._waiting

    def _require_growth(self, name: str, earlier: Checkpoint, now: Checkpoint) -> None:
        first, second = sorted((earlier, now), key=lambda checkpoint: checkpoint.size)
        grown = first.size == 0 or (
            second.size <= self._journal.size()
            and (proof := self._journal.consistency(first.size, second.size)).first_root == first.root
            and proof.second_root == second.root
        )
        if not grown:
            raise Tampered(
                f"The journal does not go on from the checkpoint {name} that was handed out earlier.",
                remedy="Run: workbench verify. Keep both checkpoints: together they show what happened.",
                field="checkpoint",
            )

    @contextmanager
    def _logged(self, what: str, which: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - a signer or a receiver is anybody's code
            if which not in self._failing:
                self._failing.add(which)
                _log.warning("%s: %s", what, " ".join(_why(error).split()))


def _holds(place: Path, checkpoint: Checkpoint) -> bool:
    try:
        return any(given == checkpoint for _, given in handing.earlier(place, checkpoint.origin))
    except Unavailable:
        return False


def _why(error: Exception) -> str:
    if isinstance(error, WorkbenchError):
        return str(error)
    return f"{type(error).__name__}: {error}. To try again: workbench checkpoint"
