"""The traffic a forecast rests on: the last day of an endpoint, in the few figures that matter to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from workbench.releases.guardrails import group_counts
from workbench.releases.observe import answered_by
from workbench.releases.plan import Plan

if TYPE_CHECKING:
    import pandas as pd

#: Traffic of less than this many minutes counts as that long, or two requests would make thousands an hour.
_SHORTEST = 1.0


@dataclass(frozen=True)
class Today:
    """What was measured."""

    requests: int = 0
    per_minute: float = 0.0
    """Units a minute: requests, of a sticky plan entities, as far as they are known."""
    minutes: float = 0.0
    """Over which it was measured: since the first request of the last day."""
    unnamed: int = 0
    """Of a sticky plan: requests of which the entity was not kept."""
    champion_n: int = 0
    champion_bad: int = 0
    latencies: Sequence[float] = ()
    """Milliseconds of the champion's own answers."""
    groups: dict[str, float] = field(default_factory=dict)
    """Share of the champion's requests in each guarded group that was met."""

    @property
    def risk(self) -> float | None:
        """Share of requests that the champion failed, half a one if it failed none; None where unmeasured."""
        return max(self.champion_bad, 0.5) / self.champion_n if self.champion_n else None


def today(
    exchanges: pd.DataFrame,
    champion: int,
    plan: Plan,
    groups: Sequence[str],
    now: datetime,
) -> Today:
    """Measure the traffic.

    Args:
        exchanges: of the last day.
        champion: its version number.
        plan: says what the unit is and which column names groups.
        groups: of the guardrails.
        now: when the day ends.
    """
    if exchanges.empty:
        return Today()
    minutes = max((now - exchanges["time"].min()).total_seconds() / 60, _SHORTEST)
    asked = exchanges[(exchanges["arm"] == "champion") & (exchanges["version"] == champion)]
    guarded = plan.metrics.guardrails
    met = group_counts(asked.iloc[:0], asked, guarded.column, groups) if guarded else {}
    came = _came(exchanges, plan.sticky)
    return Today(
        requests=len(exchanges),
        per_minute=came.units / minutes,
        minutes=minutes,
        unnamed=came.unnamed,
        champion_n=len(asked),
        champion_bad=int((asked["error"] != "").sum()),
        latencies=answered_by(exchanges, champion),
        groups={group: arms.n / len(asked) for group, arms in met.items()},
    )


class _Came(NamedTuple):
    units: int
    unnamed: int


def _came(exchanges: pd.DataFrame, sticky: str) -> _Came:
    """Requests, or the entities among them: each counts once in a release.

    Whose entity was not kept, by sampling or because the column must not be, is nobody new: how many they
    are cannot be known, and each for itself would be far too many.
    """
    if not sticky:
        return _Came(len(exchanges), 0)
    named, alone, unnamed = set[str](), 0, 0
    for rows, kept, redacted in zip(
        exchanges["inputs"], exchanges["kept"], exchanges["redacted"], strict=True
    ):
        if rows and rows[0].get(sticky) is not None:
            named.add(str(rows[0][sticky]))
        elif kept and sticky not in redacted:
            alone += 1
        else:
            unnamed += 1
    return _Came(len(named) + alone, unnamed)
