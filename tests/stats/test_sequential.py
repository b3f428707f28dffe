"""Evidence that holds whenever one looks: published values, exact identities, and simulated peeking."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betaln, xlog1py, xlogy
from scipy.stats import binom

from workbench.stats.sequential import (
    log_e_objective,
    log_e_order,
    log_e_ratio,
    log_e_ratios,
    log_e_sample_ratio,
    rate_interval,
    requests_needed,
)

counts = st.integers(0, 500)
shares = st.floats(0.01, 0.99)


@pytest.mark.parametrize(
    ("log_e", "published"),
    [
        (log_e_ratio(12, 40, 0.1), 17.939254437957473),
        (log_e_ratio(6, 54, 0.1), 0.3581357657679013),
        (log_e_ratio([3, 9], [60, 50], [0.01, 0.1]), 3.8620978183532175),
        (log_e_objective(25, 975, 0.01), 831.8517628436582),
        (log_e_ratio(18, 4, 0.5), 47.43582244949447),  # discordant pairs: McNemar
    ],
)
def test_evidence_equals_the_published_values(log_e, published):
    assert math.exp(log_e) == pytest.approx(published, rel=1e-10)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("log_ratio", [0.0, math.log(1.25)])
@pytest.mark.parametrize("sign", [1, -1])
def test_under_the_null_the_expected_evidence_is_exactly_one(share, log_ratio, sign):
    n = 40
    null = share * math.exp(log_ratio) / (1 - share + share * math.exp(log_ratio))
    c = np.arange(n + 1)
    evidence = [math.exp(log_e_ratio(k, n - k, share, log_ratio, sign)) for k in c]
    assert binom.pmf(c, n, null) @ evidence == pytest.approx(1.0, abs=1e-12)


def test_the_kernel_is_the_mixture_that_is_specified():
    d = np.linspace(0.05, 3.0, 60)
    weights = np.exp(-(d**2) / 2) / np.exp(-(d**2) / 2).sum()
    odds = 0.2 * np.exp(math.log(1.25) - d)
    theta, null = odds / (0.8 + odds), 0.2 * 1.25 / (0.8 + 0.2 * 1.25)
    expected = weights @ ((theta / null) ** 7 * ((1 - theta) / (1 - null)) ** 90)
    assert math.exp(log_e_ratio(7, 90, 0.2, math.log(1.25), -1)) == pytest.approx(expected, rel=1e-12)


@given(st.lists(st.tuples(counts, counts), min_size=1, max_size=8), shares, st.sampled_from([1, -1]))
def test_many_looks_at_once_are_the_same_as_one_by_one(looks, share, sign):
    c, s = (np.array(column)[:, None] for column in zip(*looks, strict=True))
    one_by_one = [log_e_ratio(a, b, share, 0.1, sign) for a, b in looks]
    assert log_e_ratios(c, s, [share], 0.1, sign) == pytest.approx(one_by_one)


def test_evidence_about_an_order_is_the_mean_over_the_thresholds():
    slow, fast = [[3.0, 30.0], [1.0, 9.0]], [[40.0, 28.0], [7.0, 12.0]]
    kernels = [math.exp(log_e_ratio(c, s, [0.1, 0.5])) for c, s in zip(slow, fast, strict=True)]
    assert math.exp(log_e_order(slow, fast, [0.1, 0.5])) == pytest.approx(np.mean(kernels))


def test_a_candidate_with_the_champions_latencies_is_rarely_called_slower_whatever_their_shape():
    rng = np.random.default_rng(3)
    runs, alpha, share = 300, 0.05, 0.2
    blamed = 0
    for _ in range(runs):
        latency, mine = rng.pareto(1.1, 400), rng.random(400) < share  # no mean to speak of
        over = latency[:, None] > np.quantile(rng.pareto(1.1, 500), [0.5, 0.75, 0.9, 0.95, 0.99])
        c, s = np.cumsum(over & mine[:, None], axis=0), np.cumsum(over & ~mine[:, None], axis=0)
        kernels = np.exp(log_e_ratios(c.reshape(-1, 1), s.reshape(-1, 1), [share])).reshape(c.shape)
        blamed += kernels.mean(axis=1).max() >= 1 / alpha
    assert blamed / runs <= alpha


@given(st.lists(st.tuples(counts, counts, shares), min_size=1, max_size=6), st.randoms())
def test_the_order_of_the_weight_steps_does_not_matter(steps, random):
    shuffled = list(steps)
    random.shuffle(shuffled)
    assert log_e_ratio(*zip(*steps, strict=True)) == pytest.approx(log_e_ratio(*zip(*shuffled, strict=True)))


@given(shares)
def test_no_events_are_no_evidence(share):
    assert log_e_ratio(0, 0, share) == 0.0


@given(shares, st.sampled_from([1, -1]))
def test_ten_million_events_stay_finite(share, sign):
    assert math.isfinite(log_e_ratio(10**7, 10**7, share, 0.0, sign))


@given(counts, counts, shares)
def test_one_more_bad_candidate_never_lowers_the_evidence_that_it_is_worse_than_equal(c, s, share):
    assert log_e_ratio(c + 1, s, share) >= log_e_ratio(c, s, share) or c / (c + s + 1) < share


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, 1, 0.0), "share"),
        ((1, 1, 1.0), "share"),
        ((-1, 1, 0.5), "negative"),
        ((1, 1, 0.5, 0.0, 0), "sign"),
    ],
)
def test_impossible_counts_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        log_e_ratio(*arguments)


def test_a_healthy_candidate_looked_at_after_every_event_is_rarely_blamed():
    rng = np.random.default_rng(0)
    blamed, runs, alpha = 0, 200, 0.05
    for _ in range(runs):
        mine = np.cumsum(rng.random(150) < 0.1)
        looks = (log_e_ratio(c, k + 1 - c, 0.1) for k, c in enumerate(mine))
        blamed += any(look >= math.log(1 / alpha) for look in looks)
    assert blamed / runs <= alpha


def test_a_candidate_that_fails_five_times_as_often_is_found_within_a_few_hundred_requests():
    rng = np.random.default_rng(1)
    needed = []
    for _ in range(50):
        candidate = rng.random(4000) < 0.1
        bad = rng.random(4000) < np.where(candidate, 0.05, 0.01)
        c, s = np.cumsum(bad & candidate), np.cumsum(bad & ~candidate)
        hit = next((k for k in np.flatnonzero(bad) if log_e_ratio(c[k], s[k], 0.1) >= math.log(100)), None)
        needed.append(int(candidate[: hit + 1].sum()) if hit is not None else 4000)
    assert np.median(needed) < 300


@given(st.integers(0, 200), st.integers(0, 200))
def test_a_confidence_sequence_holds_the_estimate(bad, good):
    low, high = rate_interval(bad, bad + good)
    assert 0 <= low <= (bad / (bad + good) if bad + good else 0.5) <= high <= 1


def test_a_confidence_sequence_narrows_with_n():
    widths = [high - low for low, high in (rate_interval(n // 10, n) for n in (100, 1000, 10_000))]
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize(("bad", "n"), [(0, 50), (7, 100), (30, 1000)])
def test_the_ends_of_a_confidence_sequence_are_where_the_evidence_reaches_the_level(bad, n):
    def log_e(p):
        return betaln(0.5 + bad, 0.5 + n - bad) - betaln(0.5, 0.5) - xlogy(bad, p) - xlog1py(n - bad, -p)

    low, high = rate_interval(bad, n, 0.05)
    assert log_e(high) == pytest.approx(math.log(20), rel=1e-6)
    assert low == 0 if bad == 0 else log_e(low) == pytest.approx(math.log(20), rel=1e-6)


def test_a_confidence_sequence_rarely_ever_leaves_the_truth_out():
    rng = np.random.default_rng(5)
    n = np.unique(np.geomspace(1, 3000, 40).astype(int))
    left_out = 0
    for _ in range(200):
        bad = np.cumsum(rng.random(3000) < 0.07)[n - 1]
        ends = [rate_interval(float(k), float(m), 0.05) for k, m in zip(bad, n, strict=True)]
        left_out += not all(low <= 0.07 <= high for low, high in ends)
    assert left_out / 200 <= 0.05


def test_the_expected_evidence_of_a_true_coin_is_exactly_one():
    n = 30
    c = np.arange(n + 1)
    evidence = [math.exp(log_e_sample_ratio([k, n - k], [0.1, 0.9])) for k in c]
    assert binom.pmf(c, n, 0.1) @ evidence == pytest.approx(1.0, abs=1e-10)


def test_three_arms_are_judged_together():
    three = [0.5, 0.3, 0.2]
    assert log_e_sample_ratio([5000, 3000, 2000], three) < 0
    assert log_e_sample_ratio([5000, 2700, 2300], three) > math.log(1000)


def test_arms_that_get_their_share_raise_no_alarm_and_a_broken_coin_does():
    assert log_e_sample_ratio([900, 100], [0.9, 0.1]) < math.log(1000)
    assert log_e_sample_ratio([800, 200], [0.9, 0.1]) > math.log(1000)


def test_about_how_many_more_requests_settle_it_at_the_rates_so_far():
    def log_e(factor):
        return log_e_ratio(8 * factor, 40 * factor, 0.1)

    needed = requests_needed(log_e, 1000, 0.01)
    assert log_e((1000 + needed) / 1000) >= math.log(100)
    assert log_e((1000 + 0.98 * needed) / 1000) < math.log(100)


def test_nothing_more_is_needed_when_it_is_settled_and_nothing_is_foretold_without_a_lean():
    assert requests_needed(lambda m: log_e_ratio(60 * m, 40 * m, 0.1), 1000, 0.01) == 0
    assert requests_needed(lambda m: log_e_ratio(4 * m, 40 * m, 0.1), 440, 0.01) is None
    assert requests_needed(lambda m: log_e_ratio(0 * m, 0 * m, 0.1), 440, 0.01) is None


@given(st.integers(0, 10**7), st.integers(0, 10**7), shares)
def test_evidence_for_worse_and_for_no_worse_than_equal_cannot_both_be_strong(c, s, share):
    assert min(log_e_ratio(c, s, share, 0.0, +1), log_e_ratio(c, s, share, 0.0, -1)) <= math.log(2)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=4))
def test_a_margin_makes_it_easier_to_prove_no_worse(extra):
    c, s = sum(extra), 50
    assert log_e_ratio(c, s, 0.5, math.log(2), -1) >= log_e_ratio(c, s, 0.5, 0.0, -1)


def test_one_look_costs_microseconds():
    import timeit

    seconds = (
        min(timeit.repeat(lambda: log_e_ratio([3, 9], [60, 50], [0.01, 0.1]), number=100, repeat=5)) / 100
    )
    assert seconds < 1e-3  # measured: 30 µs
