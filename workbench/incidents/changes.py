"""What differs between two versions: what they were trained on, from which code, with which packages.

A column whose training range became a hundredth of what it was is the commonest answer to "what happened?",
so columns come first.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from workbench.core.digests import short
from workbench.models.records import Column, ModelVersion

#: A range is worth a line when it became this many times as wide or as narrow; extremes of a few rows more or
#: less move less.
_WIDTH = 2.0
#: A factor within this part of a power of ten is taken for one: the two training sets are not the same rows.
_NEAR = 0.3
_NAMED = 5


def changes(before: ModelVersion, after: ModelVersion) -> tuple[str, ...]:
    """Return one sentence for every difference, the most telling first."""
    return (*_columns(before, after), *_model(before, after), *_lineage(before, after))


def _columns(before: ModelVersion, after: ModelVersion) -> Iterator[str]:
    old, new = ({c.name: c for c in v.columns} for v in (before, after))
    ranges = [(c, new[c.name]) for c in before.columns if c.name in new]
    yield from (said for a, b in sorted(ranges, key=_size, reverse=True) if (said := _range(a, b)))
    yield from _gone_and_new("column", old, new)
    for a, b in ranges:
        if a.type != b.type:
            yield f"{a.name}: type {a.type} became {b.type}"
        elif a.integer and not b.integer:
            yield f"{a.name}: whole numbers in training became fractions"
        if a.required != b.required:
            yield f"{a.name}: training rows {'now lack' if a.required else 'no longer lack'} values"
        if a.categories is not None and b.categories is not None:
            yield from _gone_and_new(f"{a.name}: value", a.categories, b.categories)


def _range(before: Column, after: Column) -> str:
    """What became of a numeric column's training range; empty when nothing worth a line."""
    if before.low is None or before.high is None or after.low is None or after.high is None:
        return ""
    old, new = f"{before.low:g} to {before.high:g}", f"{after.low:g} to {after.high:g}"
    said = f"{before.name}: training range {old} became {new}"
    factor = _factor(before, after)
    if factor is not None and not 1 / _WIDTH < factor < _WIDTH:
        return f"{said} ({_times(factor)})"
    apart = after.low > before.high or after.high < before.low
    return f"{said} (no value in common)" if apart else ""


def _factor(before: Column, after: Column) -> float | None:
    """How many times greater the greatest training value is, by size; None where that says nothing."""
    sizes = [max(abs(c.low or 0.0), abs(c.high or 0.0)) for c in (before, after)]
    return sizes[1] / sizes[0] if all(sizes) else None


def _size(pair: tuple[Column, Column]) -> float:
    factor = _factor(*pair)
    return abs(math.log(factor)) if factor else 0.0


def _times(factor: float) -> str:
    power = 10.0 ** round(math.log10(factor))
    if power != 1.0 and abs(factor / power - 1) <= _NEAR:
        about = "" if math.isclose(factor, power, rel_tol=1e-6) else "about "
        return f"{about}×{power:g}: another unit?"
    return f"×{factor:.2g}"


def _model(before: ModelVersion, after: ModelVersion) -> Iterator[str]:
    for name in ("task", "target", "positive", "classes", "flavor", "format"):
        a, b = getattr(before, name), getattr(after, name)
        if a != b:
            yield f"{name}: {a} became {b}"
    if before.author != after.author:
        yield f"author: {before.author} became {after.author}"


def _lineage(before: ModelVersion, after: ModelVersion) -> Iterator[str]:
    a, b = before.lineage, after.lineage
    if a.data_digest != b.data_digest:
        yield (
            f"training data: {short(a.data_digest)} ({a.data_rows:,} rows) became "
            f"{short(b.data_digest)} ({b.data_rows:,} rows)"
        )
    if a.git_commit != b.git_commit:
        yield f"commit: {a.git_commit[:8] or 'not known'} became {b.git_commit[:8] or 'not known'}"
    if b.git_dirty:
        yield f"{after.ref} was trained in a working tree with changes that its commit does not hold"
    if a.python != b.python:
        yield f"python: {a.python} became {b.python}"
    for name in sorted({*a.packages, *b.packages}):
        old, new = a.packages.get(name, "not there"), b.packages.get(name, "not there")
        if old != new:
            yield f"{name}: {old} became {new}"


def _gone_and_new(what: str, before: Iterable[str], after: Iterable[str]) -> Iterator[str]:
    old, new = list(before), list(after)
    gone, added = [x for x in old if x not in new], [x for x in new if x not in old]
    if gone:
        yield f"{what} no longer there: {_listed(gone)}"
    if added:
        yield f"{what} new: {_listed(added)}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
