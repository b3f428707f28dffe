"""A thousand seeded releases looked at after every request: how often a good candidate is stopped by anything.

The looks are taken all at once, by the same kernels that ``judge`` uses one look at a time; that both say the
same is checked here, on whole releases.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from workbench.core.values import Outcome
from workbench.releases.analysis import judge
from workbench.releases.tallies import Arms, CanaryTally, ShadowTally
from workbench.releases.yardsticks import OTHER, Yardsticks
from workbench.stats.sequential import log_e_ratios
from workbench.testing.releases import plan

RUNS = 1000
SHADOW, PER_STEP, SHARES = 400, 400, (0.1, 0.3, 0.5)
BAD, DIFFER = 0.02, 0.2
LIMITS = tuple(float(x) for x in -np.log([0.5, 0.25, 0.1, 0.05, 0.01]))  # of an exponential of mean 1
FROZEN = Yardsticks(latency_ms=LIMITS, latency_requests=900, groups=("0", "1", "2", OTHER))
PLAN = plan(
    alpha=0.05,
    metrics={
        "errors": {"alpha_share": 2.0},
        "disagreement": {"at_most": DIFFER},
        "latency": {},
        "objective": {"at_most": BAD},
        "guardrails": {"column": "g", "min_requests": 50},
    },
    stages=[
        {"name": "shadow", "kind": "shadow", "min_requests": 100},
        {"name": "ramp", "kind": "progressive", "weights": list(SHARES), "min_requests": 20},
        {"name": "champion", "kind": "champion"},
    ],
)


@dataclass(frozen=True)
class Run:
    """Every request of one release, in order: the shadow stage, then those under a coin."""

    first: np.ndarray
    """In shadow: the champion failed (0), the candidate alone failed (1), both answered (2)."""
    differ: np.ndarray
    mine: np.ndarray
    bad: np.ndarray
    slow: np.ndarray
    group: np.ndarray

    @property
    def step(self) -> np.ndarray:
        return np.repeat(np.arange(len(SHARES)), PER_STEP)


def drawn(seed: int, *, ratio: float = 1.0, bad: float = BAD) -> Run:
    rng = np.random.default_rng(seed)
    n = PER_STEP * len(SHARES)
    mine = rng.random(n) < np.repeat(SHARES, PER_STEP)
    failed = rng.random((SHADOW, 2)) < (bad, bad * ratio)
    return Run(
        first=np.where(failed[:, 0], 0, np.where(failed[:, 1], 1, 2)),
        differ=rng.random(SHADOW) < DIFFER,
        mine=mine,
        bad=rng.random(n) < np.where(mine, bad * ratio, bad),
        slow=rng.exponential(size=n)[:, None] > LIMITS,
        group=rng.choice(3, size=n, p=(0.7, 0.2, 0.1)),
    )


def counted(flags: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Counts by step after every request, shape (requests, steps)."""
    one = np.zeros((len(flags), len(SHARES)))
    one[np.arange(len(flags)), step] = flags
    return one.cumsum(axis=0)


def evidence(c: np.ndarray, s: np.ndarray, shares) -> np.ndarray:
    """ln E after every request: it moves only where a count did."""
    moved = np.r_[True, (np.diff(c + s, axis=0) != 0).any(axis=1)]
    return log_e_ratios(c[moved], s[moved], np.asarray(shares))[np.cumsum(moved) - 1]


def paths(run: Run) -> Iterator[tuple[str, str, np.ndarray]]:
    """ln E of "worse" after every request, for each metric and group."""
    alone, ahead = np.cumsum(run.first == 1), np.cumsum(run.first == 0)
    pairs = np.concatenate(
        [np.stack([alone, ahead], axis=1), np.tile([alone[-1], ahead[-1]], (len(run.mine), 1))]
    )
    c, s = (counted(run.bad & arm, run.step) for arm in (run.mine, ~run.mine))
    c, s = (np.concatenate([np.zeros((SHADOW, 3)), counts]) for counts in (c, s))
    yield "errors", "", evidence(np.c_[pairs[:, :1], c], np.c_[pairs[:, 1:], s], np.r_[0.5, SHARES])
    both = run.first == 2
    differ, same = np.cumsum(both & run.differ), np.cumsum(both & ~run.differ)
    yield "disagreement", "", evidence(differ[:, None], same[:, None], [DIFFER])
    kernels = [
        evidence(*(counted(slow & arm, run.step) for arm in (run.mine, ~run.mine)), SHARES)
        for slow in run.slow.T
    ]
    yield "latency", "", np.logaddexp.reduce(kernels, axis=0) - math.log(len(kernels))
    bad, good = np.cumsum(run.mine & run.bad), np.cumsum(run.mine & ~run.bad)
    yield "objective", "", evidence(bad[:, None], good[:, None], [BAD])
    for group in range(3):
        those = run.group == group
        path = evidence(*(counted(run.bad & those & arm, run.step) for arm in (run.mine, ~run.mine)), SHARES)
        yield "guardrail", str(group), np.where(np.cumsum(those) >= 50, path, -np.inf)


def level(metric: str) -> float:
    return (
        PLAN.alpha_of("guardrails", PLAN.alpha) / 4
        if metric == "guardrail"
        else PLAN.alpha_of(metric, PLAN.alpha)
    )


def aborted(run: Run) -> set[str]:
    return {metric for metric, _, path in paths(run) if path.max() >= math.log(1 / level(metric))}


def tallies(run: Run, n: int) -> list[ShadowTally | CanaryTally]:
    """What the controller would be told after ``n`` requests under a coin."""
    answered = run.first == 2
    first = ShadowTally(
        SHADOW,
        int((run.first == 0).sum()),
        int((run.first != 0).sum()),
        int((run.first == 1).sum()),
        int((answered & run.differ).sum()),
    )
    seen = np.arange(len(run.mine)) < n
    entered = range(math.ceil(n / PER_STEP))
    return [first, *(_step(run, seen & (run.step == index)) for index in entered)]


def _step(run: Run, some: np.ndarray) -> CanaryTally:
    def arms(event: np.ndarray, among: np.ndarray) -> Arms:
        sides = (run.mine & among, ~run.mine & among)
        return Arms(*(int(x) for side in sides for x in (side.sum(), (side & event).sum())))

    whole = arms(run.bad, some)
    groups = {str(g): arms(run.bad, some & (run.group == g)) for g in range(3)}
    slow = tuple(arms(slow, some) for slow in run.slow.T)
    return CanaryTally(
        whole.candidate_n, whole.candidate_bad, whole.champion_n, whole.champion_bad, slow=slow, groups=groups
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_looks_taken_at_once_are_those_that_are_taken_one_by_one(seed):
    run = drawn(seed, ratio=2.0)
    at_once = {(metric, group): path for metric, group, path in paths(run)}
    for n in (1, 150, 400, 401, 777, 1200):
        for found in judge(PLAN, PLAN.alpha, tallies(run, n), [], FROZEN):
            path = at_once[found.metric, found.group]
            place = SHADOW + n - 1 if found.metric == "errors" else n - 1
            if np.isfinite(path[place]):  # a guarded group has been met often enough
                assert found.points[-1].log_e_worse == pytest.approx(path[place], abs=1e-9)
            assert found.alpha == pytest.approx(level(found.metric))


def test_a_candidate_as_good_as_the_champion_is_rarely_stopped_by_any_of_five_metrics_at_any_request():
    """Errors equal, disagreement and objective exactly at their limits, the same latency, the same groups."""
    stopped = [aborted(drawn(seed)) for seed in range(RUNS)]
    assert sum(map(bool, stopped)) / RUNS <= PLAN.alpha
    for metric in ("errors", "disagreement", "latency", "objective"):
        chance = level(metric)
        error = 2 * math.sqrt(chance * (1 - chance) / RUNS)
        assert sum(metric in each for each in stopped) / RUNS <= chance + error


def test_harm_to_one_metric_is_found_among_the_five():
    stopped = [aborted(drawn(seed, ratio=4.0, bad=0.02)) for seed in range(40)]
    assert sum("errors" in each for each in stopped) >= 36


def test_a_release_that_one_look_would_stop_is_stopped_by_the_controllers_verdict_at_that_request():
    for seed in range(4):
        run = drawn(seed, ratio=8.0, bad=0.03)
        path = next(path for metric, _, path in paths(run) if metric == "errors")
        hit = int(np.argmax(path >= math.log(1 / level("errors")))) - SHADOW
        if hit < 1:
            continue  # the copies have shown it already
        for n, outcome in ((hit, Outcome.INCONCLUSIVE), (hit + 1, Outcome.FAIL)):
            [errors] = [
                v for v in judge(PLAN, PLAN.alpha, tallies(run, n), [], FROZEN) if v.metric == "errors"
            ]
            assert errors.outcome is outcome
