"""What a release is measured with: thresholds of latency and groups, frozen before anything is measured.

They are facts of the journal (``release.opened``, and ``release.stage_entered`` where the champion had too
little traffic before), so that a restarted controller measures with the same ones and nobody can choose them
after having seen what they would say.
"""

from __future__ import annotations

from collections.abc import Sequence

from workbench.core.errors import InvalidInput
from workbench.core.records import Record
from workbench.models.records import Column
from workbench.releases.plan_metrics import Guardrails

#: Quantiles of the champion's latency.
QUANTILES = (0.50, 0.75, 0.90, 0.95, 0.99)

#: Answers of the champion from which its quantiles may be frozen: two of them lie above p99. Few make the
#: test blunter and never wrong.
LEAST = 200

#: Whole-number columns with more values than this name no groups.
_MOST_WHOLE = 20

#: The group of all values that training did not show: one for all, so that none escapes and no budget has to
#: be found on the way.
OTHER = "(any other)"


class Yardsticks(Record):
    """Frozen before the step ``latency_from``."""

    latency_ms: tuple[float, ...] = ()
    """The champion's p50, p75, p90, p95 and p99, then the objective where the plan sets one; empty while it
    had too little traffic."""
    latency_requests: int = 0
    """Answers of the champion behind them."""
    latency_from: int = 0
    """Index of the first step they hold in."""
    groups: tuple[str, ...] = ()
    """Groups of the guardrails; ``OTHER`` is one."""

    def latency_in(self, index: int) -> tuple[float, ...]:
        """Thresholds that were frozen before step ``index``."""
        return self.latency_ms if index >= self.latency_from else ()


NOTHING_FROZEN = Yardsticks()


def thresholds(champion_ms: Sequence[float], objective_ms: float | None) -> tuple[float, ...]:
    """Return the quantiles and the objective; empty when there are fewer than ``LEAST`` answers.

    Args:
        champion_ms: latencies of the champion's own answers, milliseconds.
        objective_ms: of the plan.
    """
    if len(champion_ms) < LEAST:
        return ()
    import numpy as np

    found = tuple(float(q) for q in np.quantile(champion_ms, QUANTILES, method="higher"))
    return found if objective_ms is None else (*found, objective_ms)


def named(index: int) -> str:
    """Return what threshold ``index`` is."""
    return f"the champion's p{round(100 * QUANTILES[index])}" if index < len(QUANTILES) else "the objective"


def groups(guardrails: Guardrails, columns: Sequence[Column]) -> tuple[str, ...]:
    """Return the groups of a column: what training showed of it, and ``OTHER``.

    Args:
        guardrails: of the plan.
        columns: of the candidate.

    Raises:
        InvalidInput: the column names no groups.
    """
    values = next((_values(column) for column in columns if column.name == guardrails.column), ())
    if not values:
        raise InvalidInput(
            f"metrics.guardrails.column: the values of {guardrails.column} are no groups.",
            remedy="Name a column of text of at most 50 values, of truth values, or of at most "
            f"{_MOST_WHOLE} whole numbers.",
            field="metrics.guardrails.column",
        )
    return (*values, OTHER)


def group_of(value: object) -> str:
    """Return how a value is called as a group: ``1`` for 1 and 1.0, ``true`` for True."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(float(value))
    return str(value)


def _values(column: Column) -> tuple[str, ...]:
    if column.type == "boolean":
        return ("false", "true")
    if column.categories:
        return column.categories
    if not column.integer or column.low is None or column.high is None:
        return ()
    low, high = int(column.low), int(column.high)
    return tuple(map(group_of, range(low, high + 1))) if high - low < _MOST_WHOLE else ()
