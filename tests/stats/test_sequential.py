"""Evidence that holds whenever one looks: published values, exact identities, and simulated peeking."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from workbench.stats.sequential import (
    log_e_objective,
    log_e_ratio,
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
