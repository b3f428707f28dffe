"""Move a report's decision threshold and choose slices; Python sees where both stand.

The drawing is ``extensions/widgets/src/explorer.tsx``. Without a kernel the static table remains.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from workbench.audits.records import Report, ScoreCounts
from workbench.core.errors import InvalidInput, unknown
from workbench.views.formats import count, number

if TYPE_CHECKING:
    import pandas as pd

_STATIC = Path(__file__).parent / "static"

#: The value of ``slice`` that keeps every slice.
ALL = "*"

#: Columns of ``Explorer.rates()``, in order.
RATES = ("selection_rate", "true_positive_rate", "false_positive_rate", "false_negative_rate")


def explore(report: Report) -> Explorer:
    """Return the explorer of a report.

    Raises:
        InvalidInput: the report has no scores to move a threshold over.
    """
    if report.scores is None:
        raise InvalidInput(
            f"The report on {report.subject} has no scores, so there is no threshold to move.",
            remedy="Audit a binary classifier that gives probabilities, or name the column: score=...",
            field="report",
        )
    return Explorer(report.scores, title=f"{report.subject}: decision threshold")


class Explorer(anywidget.AnyWidget):
    """The widget. ``threshold`` and ``slice`` follow the screen, and the screen follows them.

    Example:
        >>> explorer = report.explore()  # doctest: +SKIP
        >>> explorer.threshold = 0.4  # doctest: +SKIP
        >>> explorer.rates()  # doctest: +SKIP
    """

    _esm = _STATIC / "explorer.js"
    _css = _STATIC / "explorer.css"

    title = traitlets.Unicode().tag(sync=True)
    scores = traitlets.Dict().tag(sync=True)
    threshold = traitlets.Float().tag(sync=True)
    """Scores of at least this are taken as positive. It moves to the nearest edge of a score bin."""
    slice = traitlets.Unicode(ALL).tag(sync=True)
    """``*`` for every slice, an attribute (``race``) for its groups, or one slice (``race=Caucasian``)."""

    def __init__(self, scores: ScoreCounts, *, title: str = "") -> None:
        self._counts = scores
        super().__init__(title=title, scores=scores.model_dump(mode="json"), threshold=scores.threshold)

    @traitlets.validate("threshold")
    def _to_an_edge(self, proposal: dict[str, Any]) -> float:
        # Only at an edge are the rates those of the rows themselves.
        starts = self._counts.edges[:-1]
        return min(starts, key=lambda edge: abs(edge - proposal["value"]))

    @traitlets.validate("slice")
    def _known(self, proposal: dict[str, Any]) -> str:
        wanted: str = proposal["value"]
        known = {ALL, *self._counts.slices, *(_family(s) for s in self._counts.slices)}
        if wanted not in known:
            raise unknown("slice", "slice", wanted, sorted(known))
        return wanted

    def rates(self) -> pd.DataFrame:
        """Return the rates of the chosen slices at the threshold.

        One row a slice (``""`` is everyone); columns ``slice``, the four rates (NaN where a slice has no row
        of that label) and ``n``.
        """
        import pandas as pd

        return pd.DataFrame(self._rows(), columns=["slice", *RATES, "n"])

    def _rows(self) -> list[tuple[Any, ...]]:
        first = self._counts.edges.index(self.threshold)
        return [
            (name, *_rates(*table, first))
            for name, table in zip(self._counts.slices, self._counts.counts, strict=True)
            if name == "" or self.slice in (ALL, name, _family(name))
        ]

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Add what a notebook shows when the kernel is gone: the rates as text and as a table."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        data["text/plain"] = self._text()
        data["text/html"] = self._table()
        return data, metadata

    def _cells(self) -> list[list[str]]:
        return [
            [name or "everyone", *(number(rate, "rate") for rate in rates), count(n)]
            for name, *rates, n in self._rows()
        ]

    def _text(self) -> str:
        head = f"{self.title} at {number(self.threshold)}"
        return "\n".join([head, *("  " + "  ".join(cells) for cells in self._cells())])

    def _table(self) -> str:
        names = [name.replace("_", " ") for name in ("slice", *RATES, "n")]
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
            for cells in self._cells()
        )
        caption = escape(f"{self.title} at {number(self.threshold)}")
        return (
            f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )


def _family(name: str) -> str:
    """``race`` for ``race=Caucasian``, ``race & sex`` for an intersection."""
    return " & ".join(part.partition("=")[0] for part in name.split(" & "))


def _rates(negative: tuple[int, ...], positive: tuple[int, ...], first: int) -> tuple[Any, ...]:
    """The four rates and n when bins from ``first`` on are taken as positive."""
    n0, n1 = sum(negative), sum(positive)
    false_positive, true_positive = sum(negative[first:]), sum(positive[first:])
    return (
        _ratio(false_positive + true_positive, n0 + n1),
        _ratio(true_positive, n1),
        _ratio(false_positive, n0),
        _ratio(n1 - true_positive, n1),
        n0 + n1,
    )


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
