"""What came of the faults: measurements worst first, what throws doubt on them, and one picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from workbench.audits.base import Finding
from workbench.audits.parts.corruption.measures import (
    Asked,
    Tried,
    difference,
    of_faults,
    of_place,
    of_refusal,
    without_fault,
)
from workbench.audits.parts.shared.figures import BLUE, SCHEMA, rows_of, with_interval
from workbench.audits.records import Figure
from workbench.core.values import Outcome, worst

if TYPE_CHECKING:
    from workbench.audits.corruption import Corruption

_SHOWN = 15
"""Places in the picture."""


def finding(tried: Sequence[Tried], asked: Asked, *, audit: Corruption, left_out: int, rows: int) -> Finding:
    """Make the audit's finding.

    Args:
        tried: first the rows without a fault, asked about again.
        asked: these rows.
        audit: its options.
        left_out: faults in places that were not tried, there being too many.
        rows: of the data, of which those asked about are a part.
    """
    floor, found = tried[0], tried[1:]
    answered = sorted(
        (t for t in found if not t.refused),
        key=lambda t: (asked.sign * t.difference.mean(), t.changed.mean()),
        reverse=True,
    )
    level = audit.confidence
    if audit.at_most is not None:  # all hold together (Bonferroni), so that one verdict can rest on many
        level = 1 - (1 - audit.confidence) / max(len(answered), 1)
    single = [m for t in answered for m in of_place(t, asked, level, audit.at_most)]
    judged: list[Outcome] = [m.outcome for m in single if m.outcome is not Outcome.MEASURED]
    doubt = _doubt(floor, answered)
    outcome = Outcome.MEASURED if audit.at_most is None else worst(judged)
    return Finding(
        [
            *without_fault(floor, asked, audit.confidence),
            *of_faults(found, asked, audit.confidence, images=audit.images is not None),
            *single,
            *(m for t in found if t.refused for m in of_refusal(t, asked)),
        ],
        figures=[_figure(answered, asked, level)] if answered else [],
        notes=[*doubt, *_notes(found, asked, audit, left_out, rows)],
        outcome=worst([outcome, Outcome.INCONCLUSIVE]) if doubt else outcome,
        libraries=("numpy", "pandas", "scipy"),
    )


def _doubt(floor: Tried, answered: Sequence[Tried]) -> list[str]:
    """Why the figures say little about the model's robustness."""
    if floor.refused:
        return [f"The model refuses the rows without a fault when it is asked again: {floor.refused}."]
    if floor.changed.any():
        return [_UNSTEADY.format(floor.changed.mean())]
    if answered and not any(t.changed.any() for t in answered):
        return ["No fault changes any answer: a model that ignores its inputs is uninformative, not robust."]
    return []


def _notes(found: Sequence[Tried], asked: Asked, audit: Corruption, left_out: int, rows: int) -> list[str]:
    n, refused = len(asked.y), [t for t in found if t.refused]
    sampled = f"{n} of {rows} rows, drawn at random" if n < rows else f"all {n} rows"
    notes = [_TABLE.format(audit.share, sampled) if audit.images is None else _IMAGES.format(sampled)]
    if left_out:
        notes.append(
            f"There are too many columns: of the places of a fault, {left_out} drawn at random were left out."
        )
    if not found:
        notes.append("No fault changes anything in these columns.")
    if refused:
        kinds = sorted({t.refused.partition(":")[0] for t in refused})
        notes.append(_RAISES.format(len(refused), len(found), ", ".join(kinds)))
    together = "together (Bonferroni)" if audit.at_most is not None else "each for itself"
    kind = _PAIRED_RATES if asked.task == "classification" else "central limit theorem on pairs"
    return [*notes, _INTERVALS.format(100 * audit.confidence, together, kind), _UNKNOWN]


_TABLE = (
    "Each fault strikes {:.0%} of {}, in one column at a time (a swap: two). Columns that the model does not "
    "read are left alone."
)
_IMAGES = "Images: {}, every corruption at severities 1 to 5 with the settings of CIFAR-10-C."
_RAISES = (
    "The model raises on {} of {} ({}): it refuses rather than answer wrongly. Whoever serves it must catch "
    "that."
)
_UNSTEADY = (
    "{:.1%} of the answers change with no fault at all: the model draws at random, or looks at the rows "
    "beside. Faults that change no more than that show nothing."
)
_PAIRED_RATES = "Bonett and Price for paired rates"
_INTERVALS = (
    "Intervals hold at {:g} %, {}: {}; Wilson for changed answers; central limit theorem over rows for a "
    "fault as a whole."
)
_UNKNOWN = "How often such faults happen, and what two at once do, is not known from this."


def _figure(answered: Sequence[Tried], asked: Asked, level: float) -> Figure:
    """The places that cost most."""
    shown = []
    for t in answered[:_SHOWN]:
        value, low, high = (round(float(v), 5) for v in np.nan_to_num(difference(t.difference, asked, level)))
        shown.append({"place": t.slice, "value": value, "low": low, "high": high})
    first = shown[0]
    x = {"type": "quantitative", "title": f"change of {asked.metric}"}
    return Figure(
        title="Faults that cost most",
        description=(
            f"Change of {asked.metric} by fault and column, worst first. The first, {first['place']}: "
            f"{first['value']:+.4g} ({first['low']:+.4g} to {first['high']:+.4g})."
        ),
        spec={
            "$schema": SCHEMA,
            "data": {"values": shown},
            "width": 320,
            "encoding": {"y": rows_of("place", None, label_limit=320)},
            "layer": with_interval("value", x, colour=BLUE),
        },
    )
