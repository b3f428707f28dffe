"""What the traffic of a release says: counts in, verdicts out. Pure.

One kernel tests everything (``workbench.stats.sequential.log_e_ratio``), so evidence may be looked at
whenever one likes and carries over from stage to stage:

* **errors**, canary: bad requests by the arm the coin chose, ρ the share of the step.
* **errors**, shadow: requests on which only the candidate failed, against those on which the champion did,
  ρ = ½ (sequential McNemar). A request that the champion failed is not copied, so whether the candidate would
  have failed it too is not known: all of them are counted for the champion, which keeps "worse" honest and
  leaves "no worse" to the canary.
* **disagreement**: shadow pairs that differ, against the plan's greatest share, ρ = that share.

Each metric spends an equal part of α. A verdict that fired stays: the bound on false alarms is on the
greatest evidence ever seen, not on the last.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from functools import partial, reduce
from typing import TypeVar

from workbench.core.values import Outcome
from workbench.gates.records import Verdict
from workbench.releases import sentences
from workbench.releases.plan import Metric, Plan
from workbench.releases.records import EvidencePoint, StageVerdict
from workbench.stats.sequential import log_e_objective, log_e_ratio, log_e_sample_ratio, requests_needed

#: Level of the test that the coin gave the shares it promised. When it fires, nothing else counts.
MISMATCH_ALPHA = 0.001

#: A look is written down when its counts grew by this part, so that looks grow with the logarithm of the
#: traffic. A verdict that changed is always written down.
_WORTH = 0.05


@dataclass(frozen=True)
class ShadowTally:
    """One shadow stage: the champion answers, the candidate gets a copy."""

    requests: int = 0
    champion_bad: int = 0
    """Requests the champion failed."""
    pairs: int = 0
    """Requests the champion answered and the candidate was given too."""
    candidate_bad: int = 0
    """Pairs the candidate failed."""
    differ: int = 0
    """Pairs both answered, differently."""

    @property
    def exposure(self) -> int:
        """Pairs."""
        return self.pairs

    @property
    def compared(self) -> int:
        """Pairs both answered."""
        return self.pairs - self.candidate_bad


@dataclass(frozen=True)
class CanaryTally:
    """One canary stage, by the arm the coin chose."""

    candidate_n: int = 0
    candidate_bad: int = 0
    champion_n: int = 0
    champion_bad: int = 0

    @property
    def exposure(self) -> int:
        """Requests given to the candidate."""
        return self.candidate_n


Tally = ShadowTally | CanaryTally
Counts = TypeVar("Counts", bound=Tally)


def plus(one: Counts, other: Counts) -> Counts:
    """Add the counts of two tallies of the same kind."""
    return type(one)(*(a + b for a, b in zip(astuple(one), astuple(other), strict=True)))


@dataclass(frozen=True)
class Observations:
    """Everything the controller looks at."""

    tallies: tuple[Tally, ...]
    """One for each stage entered so far, in order; the last is the current one."""
    table_version: int = 0
    """Of the routing table in force; exchanges of a stage entered now will carry a greater one."""
    serving: bool = True
    """False when nothing serves the endpoint, so that no traffic can come."""
    refused: str = ""
    """Why the serving process could not take the candidate; empty when it did."""
    killed: str | None = None
    """Why the kill switch was thrown; None when it is off."""
    permission: Verdict | None = None
    """The gate, asked again at the door to champion; None when it was not asked."""
    approved: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Who has said yes to the next step, by role, as far as it counts now."""
    watched: float = 0.0
    """Seconds of the current stage in which traffic was seen to come (``watching``)."""


@dataclass(frozen=True)
class _Evidence:
    """What one metric has in one stage."""

    metric: Metric
    margin: float
    n: int
    counts: dict[str, int]
    log_e: Callable[[int, float], float]
    """ln E by sign and by a factor on this stage's counts: +1 "worse", -1 "no worse than the margin"."""
    carried: bool
    """True when earlier stages hold a part of it."""
    ways: tuple[int, ...] = (+1, -1)
    """Signs that more requests like those so far may settle."""


def judge(
    plan: Plan, alpha: float, tallies: Sequence[Tally], before: Sequence[StageVerdict]
) -> list[StageVerdict]:
    """Judge the current stage by every metric that can be seen in it.

    Args:
        plan: the plan that is followed.
        alpha: error budget of the whole release.
        tallies: counts of the stages entered, the current one last.
        before: the verdicts so far.

    Returns:
        One verdict a metric, each with one look: the newest.
    """
    part = alpha / len(plan.metrics.names)
    found = []
    if plan.metrics.errors is not None:
        found.append(_errors(plan, tallies, plan.metrics.errors.margin))
    if plan.metrics.disagreement is not None and isinstance(tallies[-1], ShadowTally):
        found.append(_disagreement(tallies, plan.metrics.disagreement.at_most))
    return [_verdict(evidence, plan, len(tallies) - 1, part, before) for evidence in found]


def mismatch(plan: Plan, tallies: Sequence[Tally]) -> str:
    """Return the sentence that voids the evidence, when the coin did not give what it promised."""
    tally, share = tallies[-1], plan.steps[len(tallies) - 1].share
    if isinstance(tally, ShadowTally):
        return ""
    log_e = log_e_sample_ratio([tally.candidate_n, tally.champion_n], [share, 1 - share])
    if log_e < math.log(1 / MISMATCH_ALPHA):
        return ""
    return sentences.mismatch(tally.candidate_n, tally.champion_n, share, log_e, MISMATCH_ALPHA)


def worth_writing(new: StageVerdict, before: StageVerdict | None) -> bool:
    """Return True when a look says enough that is new to be kept."""
    if before is None or new.outcome is not before.outcome:
        return True
    grown = _seen(new) - _seen(before)
    return grown > 0 and grown >= _WORTH * _seen(before)


def _seen(verdict: StageVerdict) -> int:
    return verdict.candidate_n + verdict.champion_n


def _errors(plan: Plan, tallies: Sequence[Tally], margin: float) -> _Evidence:
    now = tallies[-1]
    steps = [_step(plan, index, tally) for index, tally in enumerate(tallies)]

    def log_e(sign: int, factor: float) -> float:
        told = [
            (bad, good, share)
            for tally, (bad, good, share) in zip(tallies, steps, strict=True)
            if sign > 0 or isinstance(tally, CanaryTally)
        ]
        if not told:
            return 0.0
        bad, good, shares = (list(column) for column in zip(*told, strict=True))
        bad[-1], good[-1] = bad[-1] * factor, good[-1] * factor
        return log_e_ratio(bad, good, shares, 0.0 if sign > 0 else math.log(margin), sign)

    champion_n = now.requests if isinstance(now, ShadowTally) else now.champion_n
    counts = {
        "candidate_n": now.exposure,
        "candidate_bad": now.candidate_bad,
        "champion_n": champion_n,
        "champion_bad": now.champion_bad,
    }
    n = champion_n if isinstance(now, ShadowTally) else champion_n + now.candidate_n
    carried = any(bad + good for bad, good, _ in steps[:-1])
    if isinstance(now, CanaryTally):
        return _Evidence("errors", margin, n, counts, log_e, carried)
    return _Evidence("errors", margin, n, counts, log_e, carried, ways=(+1,) if log_e(+1, 1.0) > 0 else ())


def _step(plan: Plan, index: int, tally: Tally) -> tuple[float, float, float]:
    """Events of the candidate, of the champion, and ρ of one step."""
    share = 0.5 if isinstance(tally, ShadowTally) else plan.steps[index].share
    return tally.candidate_bad, tally.champion_bad, share


def _disagreement(tallies: Sequence[Tally], limit: float) -> _Evidence:
    shadows = [tally for tally in tallies if isinstance(tally, ShadowTally)]
    earlier, now = reduce(plus, shadows[:-1], ShadowTally()), shadows[-1]

    def log_e(sign: int, factor: float) -> float:
        differ = earlier.differ + now.differ * factor
        same = earlier.compared - earlier.differ + (now.compared - now.differ) * factor
        return log_e_objective(differ, same, limit, sign)

    counts = {"candidate_n": now.compared, "candidate_bad": now.differ}
    return _Evidence("disagreement", limit, now.compared, counts, log_e, earlier.compared > 0)


def _verdict(
    evidence: _Evidence, plan: Plan, index: int, alpha: float, before: Sequence[StageVerdict]
) -> StageVerdict:
    stage, mine = plan.steps[index], [v for v in before if v.metric == evidence.metric]
    worse, no_worse = evidence.log_e(+1, 1.0), evidence.log_e(-1, 1.0)
    look = EvidencePoint(n=evidence.n, log_e_worse=worse, log_e_no_worse=no_worse)
    highest = _highest(look, mine)
    outcome = _outcome(highest, math.log(1 / alpha), {v.outcome for v in mine})
    undecided = outcome is Outcome.INCONCLUSIVE
    verdict = StageVerdict(
        stage=stage.name,
        metric=evidence.metric,
        outcome=outcome,
        sentence="",
        alpha=alpha,
        margin=evidence.margin,
        still_needed=_still_needed(evidence, alpha) if undecided else None,
        points=(look,),
        **evidence.counts,
    )
    sentence = sentences.of_verdict(verdict, stage.stage().kind, highest, carried=evidence.carried)
    return verdict.model_copy(update={"sentence": sentence})


def _highest(look: EvidencePoint, before: Sequence[StageVerdict]) -> EvidencePoint:
    """The greatest evidence either way at any look of the release."""
    looks = [look, *(point for verdict in before for point in verdict.points)]
    return EvidencePoint(
        n=look.n,
        log_e_worse=max(point.log_e_worse for point in looks),
        log_e_no_worse=max(point.log_e_no_worse for point in looks),
    )


def _outcome(highest: EvidencePoint, threshold: float, decided: set[Outcome]) -> Outcome:
    """Fail when harm was ever proved, else pass when its absence was: neither is taken back."""
    if highest.log_e_worse >= threshold or Outcome.FAIL in decided:
        return Outcome.FAIL
    if highest.log_e_no_worse >= threshold or Outcome.PASS in decided:
        return Outcome.PASS
    return Outcome.INCONCLUSIVE


def _still_needed(evidence: _Evidence, alpha: float) -> int | None:
    """About how many more requests settle it one way or the other, if they are like those so far."""
    ways = [requests_needed(partial(evidence.log_e, sign), evidence.n, alpha) for sign in evidence.ways]
    return min((way for way in ways if way is not None), default=None)
