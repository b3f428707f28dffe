"""What the traffic of a release says: counts in, verdicts out. Pure.

One kernel tests everything (``workbench.stats.sequential.log_e_ratio``), so evidence may be looked at
whenever one likes and carries over from step to step:

* **errors**, with a coin: bad requests by the arm the coin chose, ρ the share of the step.
* **errors**, shadow: requests on which only the candidate failed, against those on which the champion did,
  ρ = ½ (sequential McNemar). A request that the champion failed is not copied, so whether the candidate would
  have failed it too is not known: all of them are counted for the champion, which keeps "worse" honest and
  leaves "no worse" to the canary.
* **disagreement**: shadow pairs that differ, against the plan's greatest share, ρ = that share.
* **objective**: the candidate's own bad requests, against the plan's greatest share, ρ = that share.
* **latency** and **guardrails**: modules of those names. They can only show harm.

Each metric spends its part of α. A verdict that fired stays: the bound on false alarms is on the greatest
evidence ever seen, not on the last.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from workbench.core.values import Outcome
from workbench.gates.records import Verdict
from workbench.releases import evidence, sentences
from workbench.releases.evidence import Evidence
from workbench.releases.guardrails import guardrails
from workbench.releases.latency import latency
from workbench.releases.losses import NOTHING_LOST, Losses
from workbench.releases.plan import Plan
from workbench.releases.records import EvidencePoint, StageVerdict
from workbench.releases.tallies import ShadowTally, Tally
from workbench.releases.watching import NOT_YET, Watched
from workbench.releases.yardsticks import NOTHING_FROZEN, Yardsticks
from workbench.stats.sequential import log_e_sample_ratio, requests_needed

#: Level of the test that the coin gave the shares it promised. When it fires, nothing else counts.
MISMATCH_ALPHA = 0.001

#: A look is written down when its counts grew by this part, so that looks grow with the logarithm of the
#: traffic. A verdict that changed is always written down.
_WORTH = 0.05


@dataclass(frozen=True)
class Observations:
    """Everything the controller looks at."""

    tallies: tuple[Tally, ...]
    """One for each stage entered so far, in order; the last is the current one."""
    again: int = 0
    """Of a sticky plan: entities the candidate got in the current stage that an earlier one had counted."""
    exchanges: int = 0
    """Of the current stage, whether they counted or not."""
    losses: Losses = NOTHING_LOST
    """What of its exchanges could not be kept."""
    table_version: int = 0
    """Of the routing table in force; exchanges of a stage entered now will carry a greater one."""
    serving: bool = True
    """False when nothing serves the endpoint, so that no traffic can come."""
    refused: str = ""
    """Why the serving process could not take the candidate; empty when it did."""
    damaged: str = ""
    """Why the candidate's bytes must not be served; empty when they may, as far as anybody can say."""
    killed: str | None = None
    """Why the kill switch was thrown; None when it is off."""
    permission: Verdict | None = None
    """The gate, asked again at the door to champion; None when it was not asked."""
    approved: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Who has said yes to the next step, by role, as far as it counts now."""
    watched: Watched = NOT_YET
    """How long the current stage was watched."""
    latency_ms: tuple[float, ...] = ()
    """Thresholds to be frozen at the end of this step, where none were; empty while there is too little."""
    latency_requests: int = 0
    """Answers of the champion behind them."""


def judge(
    plan: Plan,
    alpha: float,
    tallies: Sequence[Tally],
    before: Sequence[StageVerdict],
    yardsticks: Yardsticks = NOTHING_FROZEN,
) -> list[StageVerdict]:
    """Judge the current step by every metric that can be seen in it.

    Args:
        plan: the plan that is followed.
        alpha: error budget of the whole release.
        tallies: counts of the steps entered, the current one last.
        before: the verdicts so far.
        yardsticks: thresholds of latency, and groups, as they were frozen.

    Returns:
        One verdict a metric, of guardrails one a group, each with one look: the newest.
    """
    index = len(tallies) - 1
    return [
        _verdict(found, plan, index, _part(found, plan, alpha), before)
        for found in _seen_in(plan, tallies, yardsticks)
    ]


def _part(found: Evidence, plan: Plan, alpha: float) -> float:
    metric = "guardrails" if found.metric == "guardrail" else found.metric
    return plan.alpha_of(metric, alpha) * found.weight


def _seen_in(plan: Plan, tallies: Sequence[Tally], yardsticks: Yardsticks) -> Iterator[Evidence]:
    """What there is to judge by in the current step: pairs, two arms under a coin, or one alone."""
    metrics, shadow = plan.metrics, isinstance(tallies[-1], ShadowTally)
    coin = not shadow and plan.steps[len(tallies) - 1].share < 1
    if metrics.errors is not None and (shadow or coin):
        yield evidence.errors(plan, tallies, metrics.errors.margin)
    if metrics.disagreement is not None and shadow:
        yield evidence.disagreement(tallies, metrics.disagreement.at_most)
    if metrics.latency is not None and coin:
        yield latency(plan, tallies, yardsticks)
    if metrics.objective is not None and not shadow:
        yield evidence.objective(tallies, metrics.objective.at_most)
    if metrics.guardrails is not None and coin:
        yield from guardrails(plan, tallies, metrics.guardrails, yardsticks.groups)


def mismatch(plan: Plan, tallies: Sequence[Tally]) -> str:
    """Return the sentence that voids the evidence, when the coin did not give what it promised."""
    tally, share = tallies[-1], plan.steps[len(tallies) - 1].share
    if isinstance(tally, ShadowTally) or share == 1:
        return ""
    log_e = log_e_sample_ratio([tally.candidate_n, tally.champion_n], [share, 1 - share])
    if log_e < math.log(1 / MISMATCH_ALPHA):
        return ""
    units = "entities" if plan.sticky else "requests"
    return sentences.mismatch(tally.candidate_n, tally.champion_n, share, log_e, MISMATCH_ALPHA, units=units)


def worth_writing(new: StageVerdict, before: StageVerdict | None) -> bool:
    """Return True when a look says enough that is new to be kept."""
    if before is None or new.outcome is not before.outcome:
        return True
    grown = _seen(new) - _seen(before)
    return grown > 0 and grown >= _WORTH * _seen(before)


def _seen(verdict: StageVerdict) -> int:
    return verdict.candidate_n + verdict.champion_n


def _verdict(
    found: Evidence, plan: Plan, index: int, alpha: float, before: Sequence[StageVerdict]
) -> StageVerdict:
    stage = plan.steps[index]
    mine = [v for v in before if (v.metric, v.group) == (found.metric, found.group)]
    worse, no_worse = found.log_e(+1, 1.0), found.log_e(-1, 1.0)
    look = EvidencePoint(n=found.n, log_e_worse=worse, log_e_no_worse=no_worse)
    highest = _highest([look, *(point for verdict in mine for point in verdict.points)], found.least)
    outcome = _outcome(highest, math.log(1 / alpha), {v.outcome for v in mine})
    undecided = outcome is Outcome.INCONCLUSIVE
    verdict = StageVerdict(
        stage=stage.name,
        metric=found.metric,
        group=found.group,
        outcome=outcome,
        sentence="",
        alpha=alpha,
        margin=found.margin,
        still_needed=_still_needed(found, alpha) if undecided else None,
        points=(look,),
        candidate_n=found.counts.candidate_n,
        candidate_bad=found.counts.candidate_bad,
        champion_n=found.counts.champion_n,
        champion_bad=found.counts.champion_bad,
    )
    sentence = sentences.of_verdict(
        verdict,
        stage.stage().kind,
        highest,
        carried=found.carried,
        sticky=bool(plan.sticky),
        about=found.about,
        least=found.least,
    )
    return verdict.model_copy(update={"sentence": sentence})


def _highest(looks: Sequence[EvidencePoint], least: int) -> EvidencePoint:
    """The greatest evidence either way at any look of the release that counted enough."""
    enough = [look for look in looks if look.n >= least]
    return EvidencePoint(
        n=looks[0].n,
        log_e_worse=max((look.log_e_worse for look in enough), default=0.0),
        log_e_no_worse=max((look.log_e_no_worse for look in enough), default=0.0),
    )


def _outcome(highest: EvidencePoint, threshold: float, decided: set[Outcome]) -> Outcome:
    """Fail when harm was ever proved, else pass when its absence was: neither is taken back."""
    if highest.log_e_worse >= threshold or Outcome.FAIL in decided:
        return Outcome.FAIL
    if highest.log_e_no_worse >= threshold or Outcome.PASS in decided:
        return Outcome.PASS
    return Outcome.INCONCLUSIVE


def _still_needed(found: Evidence, alpha: float) -> int | None:
    """About how many more requests settle it one way or the other, if they are like those so far."""
    ways = [requests_needed(partial(found.log_e, sign), found.n, alpha) for sign in found.ways]
    settled = min((way for way in ways if way is not None), default=None)
    return None if settled is None else max(settled, found.least - found.n)
