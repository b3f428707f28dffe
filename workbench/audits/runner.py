"""Run audits and make evidence of whatever comes of it: recalled, measured, or side by side by joblib."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, Protocol

from workbench.audits.base import Audit, Subject
from workbench.audits.keys import key_of
from workbench.audits.records import Evidence
from workbench.audits.sheet import Sheet
from workbench.audits.suite import Suite
from workbench.core.clock import Clock
from workbench.core.errors import InvalidInput
from workbench.models.records import ModelVersion

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Step:
    """Where a run stands."""

    audit: str
    state: Literal["started", "finished", "recalled"]
    """Side by side, only the end of an audit is told."""
    done: int
    total: int
    seconds_left: float | None = None
    """An estimate: what the audits that are left took last time, else what the finished ones took."""


Progress = Callable[[Step], None]


class Memory(Protocol):
    """What earlier runs left behind."""

    def evidence(self, key: str) -> Evidence | None:
        """Return the evidence of that key, checked against what the journal recorded, or None."""
        ...

    def seconds(self, audit: str) -> float | None:
        """Return how long the audit took when it was last measured, or None."""
        ...


class AuditsInterrupted(KeyboardInterrupt):
    """Somebody stopped the run. ``evidence`` is what was found, the stopped audit last and inconclusive."""

    def __init__(self, evidence: list[Evidence]) -> None:
        super().__init__(f"Stopped after {len(evidence) - 1} finished audits.")
        self.evidence = evidence


def run(
    subject: Subject,
    audits: Sequence[Audit],
    *,
    made_by: str,
    clock: Clock,
    model: ModelVersion | None = None,
    champion: ModelVersion | None = None,
    memory: Memory | None = None,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> list[Evidence]:
    """Run ``audits`` on ``subject``.

    An audit that raises is evidence with outcome ``error``. One that was asked for and cannot be done is
    ``inconclusive`` with the reason; one of the default suite that cannot be done is left out here and named
    by the report (``Report.left_out``). The numbers do not depend on ``n_jobs``.

    Args:
        subject: what is audited.
        audits: from ``load_suite``.
        made_by: who asked, for the record.
        clock: time stamps and durations.
        model: the registered version, whose digest binds the evidence.
        champion: the version behind ``subject.champion``.
        memory: evidence of earlier runs; what rests on the same key is not measured again.
        n_jobs: processes, as joblib counts them (-1: one a core). Inside ``joblib.parallel_config`` another
            backend does the work, ``ray`` for instance.
        progress: told of every step.

    Returns:
        Evidence in the order of ``audits``.

    Raises:
        AuditsInterrupted: stopped from the keyboard; it carries the evidence so far.
        InvalidInput: the model cannot be sent to other processes.
    """
    workers = _workers(n_jobs)
    prepare = _Preparation(subject, made_by, model, champion, clock, keyed=memory is not None)
    sheets = [prepare.sheet(audit) for audit in audits]
    asked = not isinstance(audits, Suite) or audits.asked
    tracker = _Tracker(sheets, memory, progress, workers)
    found: dict[int, Evidence | None] = {}
    try:
        for i, sheet in enumerate(sheets):
            if (known := _recalled(sheet, memory)) is not None:
                found[i] = known
                tracker.recalled(i)
        left = {i: sheet for i, sheet in enumerate(sheets) if i not in found}
        if workers == 1 or len(left) < 2:
            for i, sheet in left.items():
                tracker.started(i)
                found[i] = examine(sheet, asked=asked)
                tracker.finished(i, found[i])
        else:
            for i, evidence in _side_by_side(left, n_jobs, asked=asked):
                found[i] = evidence
                tracker.finished(i, evidence)
    except KeyboardInterrupt:
        raise AuditsInterrupted(_so_far(sheets, found)) from None
    return [evidence for i in range(len(sheets)) if (evidence := found[i]) is not None]


def _workers(n_jobs: int) -> int:
    """How many processes that is."""
    from joblib import effective_n_jobs

    if n_jobs == 0:
        raise InvalidInput("n_jobs: 0 processes do nothing.", remedy="Give 1, or -1: all.", field="n_jobs")
    return int(effective_n_jobs(n_jobs))


@dataclass(frozen=True)
class _Preparation:
    """What the sheets of one run share."""

    subject: Subject
    made_by: str
    model: ModelVersion | None
    champion: ModelVersion | None
    clock: Clock
    keyed: bool

    def sheet(self, audit: Audit) -> Sheet:
        view, key = self.subject, ""
        try:
            view = self.subject.seen_by(audit)
            key = key_of(audit, view, self.model, self.champion) if self.keyed else ""
        except Exception:  # noqa: BLE001 - what an audit raises when asked what it reads is told when it is run
            _log.info("The audit %s cannot say what it reads.", audit.name, exc_info=True)
        reference, champion = self.subject.reference, self.champion if view.champion else None
        return Sheet(
            audit=audit,
            subject=view,
            data_digest=self.subject.data.digest,
            reference_digest=reference.digest if reference else "",
            champion_digest=champion.digest if champion else "",
            made_by=self.made_by,
            model=self.model,
            clock=self.clock,
            key=key,
        )


def _recalled(sheet: Sheet, memory: Memory | None) -> Evidence | None:
    known = memory.evidence(sheet.key) if memory and sheet.key else None
    if known is None:
        return None
    digests = {"data_digest": sheet.data_digest, "reference_digest": sheet.reference_digest}
    return known.model_copy(update={**digests, "recalled": sheet.clock.now()})


_Done = tuple[int, Evidence | None]


def _side_by_side(sheets: dict[int, Sheet], n_jobs: int, *, asked: bool) -> Iterator[_Done]:
    """By joblib: ``loky`` unless a ``parallel_config`` says another backend."""
    from pickle import PicklingError

    from joblib import Parallel, delayed
    from joblib.parallel import get_active_backend

    _ask_once(next(iter(sheets.values())).subject)
    tasks = [delayed(_numbered)(i, sheet, asked) for i, sheet in sheets.items()]
    try:
        if get_active_backend()[0].supports_return_generator:
            yield from Parallel(n_jobs, return_as="generator_unordered")(tasks)
        else:  # ray's hands back everything at once: in batches, so that a stop keeps what was finished
            size = _workers(n_jobs)
            for at in range(0, len(tasks), size):
                yield from Parallel(n_jobs)(tasks[at : at + size])
    except PicklingError as error:
        raise InvalidInput(
            f"n_jobs: the model cannot be sent to other processes: {error}.",
            remedy="Audit it in this one: n_jobs=1.",
            field="n_jobs",
        ) from error


def _numbered(i: int, sheet: Sheet, asked: bool) -> _Done:  # noqa: FBT001 - joblib passes by position
    return i, examine(sheet, asked=asked)


def _ask_once(subject: Subject) -> None:
    """Ask the model before its answers are sent around, so that no process asks for itself."""
    for what in ("answers", "scores", "probabilities", "reference_answers"):
        with suppress(Exception):  # a model that cannot answer: each audit says so
            getattr(subject, what)


def examine(sheet: Sheet, *, asked: bool) -> Evidence | None:
    """Measure, or say why not. None: does not apply and nobody asked for it."""
    begun = sheet.start()
    try:
        reason = sheet.audit.applies(sheet.subject)
        if not reason:
            return begun.found(sheet.audit.measure(sheet.subject))
    except Exception as error:  # noqa: BLE001 - what an audit raises is evidence
        _log.info("The audit %s raised.", sheet.audit.name, exc_info=True)
        return begun.raised(error)
    return begun.cannot(reason) if asked else None


def _so_far(sheets: Sequence[Sheet], found: dict[int, Evidence | None]) -> list[Evidence]:
    """What was finished, then the first that was not, which says what else is missing."""
    stopped, *later = [sheet for i, sheet in enumerate(sheets) if i not in found]
    rest = f" Not finished either: {', '.join(sheet.audit.name for sheet in later)}." if later else ""
    reason = f"Stopped from the keyboard before it was finished.{rest}"
    finished = [evidence for _, evidence in sorted(found.items()) if evidence is not None]
    return [*finished, stopped.start().cannot(reason)]


class _Tracker:
    """Tells where the run stands, and about how long it still takes."""

    def __init__(
        self, sheets: Sequence[Sheet], memory: Memory | None, progress: Progress | None, n_jobs: int
    ) -> None:
        self._names = [sheet.audit.name for sheet in sheets]
        self._last_time = [memory.seconds(name) if memory else None for name in self._names]
        self._left = set(range(len(sheets)))
        self._took: list[float] = []
        self._progress = progress
        self._n_jobs = n_jobs

    def started(self, i: int) -> None:
        self._tell(i, "started")

    def recalled(self, i: int) -> None:
        self._left.discard(i)
        self._tell(i, "recalled")

    def finished(self, i: int, evidence: Evidence | None) -> None:
        self._left.discard(i)
        self._took += [evidence.seconds] if evidence else []
        self._tell(i, "finished")

    def _tell(self, i: int, state: Literal["started", "finished", "recalled"]) -> None:
        if self._progress is None:
            return
        done = len(self._names) - len(self._left)
        self._progress(Step(self._names[i], state, done, len(self._names), self._seconds_left()))

    def _seconds_left(self) -> float | None:
        mean = sum(self._took) / len(self._took) if self._took else None
        expected = [mean if (known := self._last_time[i]) is None else known for i in self._left]
        seconds = [one for one in expected if one is not None]
        if len(seconds) < len(expected):
            return None
        return sum(seconds) / min(self._n_jobs, max(len(seconds), 1))
