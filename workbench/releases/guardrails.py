"""Harm to a few that is lost among the many: errors compared within each group of a column.

Each group has its own kernel, from all steps that have a coin. Group g is flagged when its evidence ever
reaches 1/(α w_g); the weights are equal over groups that were known before the release (``yardsticks``) and
sum to 1, so the chance that any group is flagged wrongly is at most α, however the groups depend on each
other. A flag is never cleared, and ends the release.

A request counts for a group when all its rows agree on it, and for none when they do not: its answer is one,
and cannot be bad for one row only. Values that training did not show are one group together. Rows that were
not captured, or without this column, say nothing of groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

from workbench.releases.evidence import Evidence
from workbench.releases.plan import Plan
from workbench.releases.plan_metrics import Guardrails
from workbench.releases.tallies import Arms, CanaryTally, Tally, plus
from workbench.releases.yardsticks import OTHER, group_of
from workbench.stats.sequential import log_e_ratio

if TYPE_CHECKING:
    import pandas as pd


def group_counts(
    candidate: pd.DataFrame, champion: pd.DataFrame, column: str, known: Sequence[str]
) -> dict[str, Arms]:
    """Count requests and failures of each arm within each group.

    Args:
        candidate: exchanges of its arm.
        champion: of its arm.
        column: names the groups.
        known: the groups that were frozen.
    """
    found: dict[str, list[int]] = {}
    for place, exchanges in ((0, candidate), (2, champion)):
        for rows, error, redacted in zip(
            exchanges["inputs"], exchanges["error"], exchanges["redacted"], strict=True
        ):
            group = None if column in redacted else _of_request(rows, column, known)
            if group is not None:
                counts = found.setdefault(group, [0, 0, 0, 0])
                counts[place] += 1
                counts[place + 1] += error != ""
    return {group: Arms(*counts) for group, counts in sorted(found.items())}


def _of_request(rows: Sequence[dict[str, Any]], column: str, known: Sequence[str]) -> str | None:
    """The group of all rows; None when they differ, or the column was not kept."""
    if not all(column in row for row in rows):
        return None
    groups = {group_of(row[column]) for row in rows}
    if len(groups) != 1:
        return None
    [group] = groups
    return group if group in known else OTHER


def guardrails(
    plan: Plan, tallies: Sequence[Tally], asked: Guardrails, known: Sequence[str]
) -> list[Evidence]:
    """Return the evidence of each group that was met, its counts over all steps that have a coin."""
    steps = [
        (plan.steps[index].share, tally)
        for index, tally in enumerate(tallies)
        if isinstance(tally, CanaryTally) and plan.steps[index].share < 1
    ]
    met = reduce(plus, (tally for _, tally in steps), CanaryTally()).groups
    return [_of_group(group, steps, met[group], asked, len(known)) for group in known if group in met]


def _of_group(
    group: str, steps: Sequence[tuple[float, CanaryTally]], counts: Arms, asked: Guardrails, groups: int
) -> Evidence:
    shares = [share for share, _ in steps]
    mine = [tally.groups.get(group, Arms()) for _, tally in steps]

    def log_e(sign: int, factor: float) -> float:
        if sign < 0:
            return 0.0
        bad = [arms.candidate_bad * factor for arms in mine]
        return log_e_ratio(bad, [arms.champion_bad * factor for arms in mine], shares)

    return Evidence(
        "guardrail",
        margin=1.0,
        n=counts.n,
        counts=counts,
        log_e=log_e,
        carried=any(arms.n for arms in mine[:-1]),
        ways=(+1,) if log_e(+1, 1.0) > 0 else (),
        group=group,
        weight=1 / groups,
        least=asked.min_requests,
        about=asked.column,
    )
