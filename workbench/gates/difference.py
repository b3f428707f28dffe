"""What an approver looks at: a version beside the champion, in all that was measured or written down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.core.digests import short
from workbench.core.records import Record
from workbench.gates.docket import Rival, newest
from workbench.gates.records import Finding
from workbench.models.records import Lineage, ModelVersion, Waiver

if TYPE_CHECKING:
    from workbench.audits.records import Evidence, Measurement

#: Slices shown, those that moved most first.
MOST_SLICES = 40
#: Columns whose importance is shown.
MOST_COLUMNS = 20

_EXPLAINS = "explainability"
_AGAINST = "against="

Key = tuple[str, str, str]


class Side(Record):
    """One version's figure."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int


class MetricChange(Record):
    """One figure of both versions."""

    audit: str
    metric: str
    slice: str = ""
    unit: str = ""
    candidate: Side
    champion: Side | None = None
    """None where the champion has no such figure on the same data."""
    difference: float | None = None
    """The candidate's less the champion's."""
    apart: bool = False
    """True when the two intervals do not overlap; where they do, nothing is shown either way."""


class Difference(Record):
    """A candidate beside the champion."""

    candidate: str
    """``name/version``."""
    champion: str = ""
    """``name/version``; empty where there is none."""
    metrics: tuple[MetricChange, ...] = ()
    """Over all rows."""
    slices: tuple[MetricChange, ...] = ()
    """Of groups and segments, those that moved most first."""
    slices_left_out: int = 0
    explanations: tuple[MetricChange, ...] = ()
    """What the answers rest on: importance by column."""
    data: tuple[str, ...] = ()
    """What changed in the training data, in sentences."""
    code: tuple[str, ...] = ()
    """What changed in code, parameters and packages."""
    findings: tuple[Finding, ...] = ()
    """Those that stand open against the candidate."""
    waivers: tuple[Waiver, ...] = ()
    """Those that hold for the model now."""
    notes: tuple[str, ...] = ()
    """What could not be compared, and why."""


def difference(
    version: ModelVersion,
    evidence: Sequence[Evidence],
    rival: Rival | None,
    *,
    findings: Sequence[Finding] = (),
    waivers: Sequence[Waiver] = (),
) -> Difference:
    """Put a version beside the champion.

    Args:
        version: the candidate.
        evidence: all evidence there is of it.
        rival: the champion with its evidence; None where there is none, or where the version is it.
        findings: those that stand open.
        waivers: those that hold.
    """
    other = rival if rival and rival.version.digest != version.digest else None
    changes, notes = _changes(version, evidence, other)
    slices = [c for c in changes if c.slice and c.audit != _EXPLAINS]
    slices.sort(key=lambda c: (not c.apart, -abs(c.difference or 0.0)))
    explanations = [c for c in changes if c.audit == _EXPLAINS and c.slice]
    explanations.sort(key=lambda c: -abs(c.candidate.value or 0.0))
    lineage = other.version.lineage if other else None
    return Difference(
        candidate=version.ref,
        champion=other.version.ref if other else "",
        metrics=tuple(c for c in changes if not c.slice),
        slices=tuple(slices[:MOST_SLICES]),
        slices_left_out=max(0, len(slices) - MOST_SLICES),
        explanations=tuple(explanations[:MOST_COLUMNS]),
        data=tuple(_data(version.lineage, lineage)) if lineage else (),
        code=tuple(_code(version.lineage, lineage)) if lineage else (),
        findings=tuple(findings),
        waivers=tuple(waivers),
        notes=tuple(notes) if other else ("There is no champion to compare with.",),
    )


def _changes(
    version: ModelVersion, evidence: Sequence[Evidence], rival: Rival | None
) -> tuple[list[MetricChange], list[str]]:
    theirs = newest(rival.evidence, rival.version.digest) if rival else {}
    changes: list[MetricChange] = []
    notes: list[str] = []
    for audit, ours in newest(evidence, version.digest).items():
        other = theirs.get(audit)
        if rival and other is None:
            notes.append(f"{rival.version.ref} has no evidence of {audit}.")
        elif other and other.data_digest != ours.data_digest:
            notes.append(
                f"{audit} was measured on different data ({short(ours.data_digest)}, "
                f"{short(other.data_digest)}): not compared."
            )
            other = None
        known = {(m.metric, m.slice): m for m in other.measurements} if other else {}
        changes += [_change(audit, m, known) for m in ours.measurements if not m.slice.startswith(_AGAINST)]
    return changes, notes


def _change(audit: str, ours: Measurement, known: Mapping[tuple[str, str], Measurement]) -> MetricChange:
    theirs = known.get((ours.metric, ours.slice))
    now, before = ours.value, theirs.value if theirs else None
    return MetricChange(
        audit=audit,
        metric=ours.metric,
        slice=ours.slice,
        unit=ours.unit,
        candidate=_side(ours),
        champion=_side(theirs) if theirs else None,
        difference=None if now is None or before is None else now - before,
        apart=theirs is not None and _apart(ours, theirs),
    )


def _side(m: Measurement) -> Side:
    return Side(value=m.value, low=m.low, high=m.high, n=m.n)


def _apart(first: Measurement, second: Measurement) -> bool:
    ends = (first.low, first.high, second.low, second.high)
    if any(end is None for end in ends):
        return False
    low, high, other_low, other_high = (float(end) for end in ends if end is not None)
    return low > other_high or high < other_low


def _data(now: Lineage, before: Lineage) -> Iterator[str]:
    if now.data_digest == before.data_digest:
        yield f"The same training data: {now.data_rows:,} rows, {short(now.data_digest)}."
        return
    yield (
        f"Training data: {before.data_rows:,} rows ({short(before.data_digest)}) then, {now.data_rows:,} "
        f"({short(now.data_digest)}) now."
    )
    mine, theirs = ({c.name: c for c in lineage.data_columns} for lineage in (now, before))
    if not (mine and theirs):
        yield "Which columns changed is not known: one was registered before columns were written down."
        return
    yield from _listed("New columns", [name for name in mine if name not in theirs])
    yield from _listed("Columns that are gone", [name for name in theirs if name not in mine])
    both = [name for name in mine if name in theirs]
    yield from _listed("Columns of another type", [n for n in both if mine[n].type != theirs[n].type])
    yield from _listed("Columns with other values", [n for n in both if mine[n].digest != theirs[n].digest])


def _code(now: Lineage, before: Lineage) -> Iterator[str]:
    state = (now.git_commit, now.git_dirty, now.git_diff)
    if state == (before.git_commit, before.git_dirty, before.git_diff):
        yield f"The same code: {_commit(now)}."
    else:
        yield f"Code: {_commit(before)} then, {_commit(now)} now."
    yield from _entries("Parameter", before.parameters, now.parameters)
    packages = {"Python": now.python, **now.packages}
    yield from _entries("", {"Python": before.python, **before.packages}, packages)


def _commit(lineage: Lineage) -> str:
    if not lineage.git_commit:
        return "not in git"
    return lineage.git_commit[:12] + (" with changes that are not committed" if lineage.git_dirty else "")


def _entries(word: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            yield f"{word} {name}: {before.get(name, 'none')} then, {now.get(name, 'none')} now.".strip()


def _listed(what: str, names: Sequence[str]) -> Iterator[str]:
    if names:
        more = f" and {len(names) - 12} more" if len(names) > 12 else ""
        yield f"{what}: {', '.join(names[:12])}{more}."
