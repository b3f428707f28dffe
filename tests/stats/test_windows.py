import numpy as np
import pytest
from scipy import stats

from workbench.stats.divergence import pearson, same_p
from workbench.stats.windows import look, watch

SHARES = np.array([0.3, 0.1, 0.1, 0.5])


def alarms(windows, **options):
    found = watch(([w] for w in windows), **{"margin": 0.0, "horizon": len(windows)} | options)
    return [i for i, looks in enumerate(found) if looks[0].alarm]


def test_the_statistic_and_its_p_value_are_pearsons():
    before, now = np.array([300, 90, 110, 500]), np.array([180, 70, 50, 150])
    theirs = stats.chi2_contingency(np.array([before, now]), correction=False)
    distance, rows, df = pearson(before, now)
    assert distance * rows == pytest.approx(theirs.statistic)
    assert df == theirs.dof
    assert same_p(before, now) == pytest.approx(theirs.pvalue)


@pytest.mark.parametrize("tail", [0.01, 1e-4])
@pytest.mark.parametrize("size", [1, 50])
def test_the_ends_invert_the_noncentral_chi_square(size, tail):
    before, now = size * np.array([300, 90, 110, 500]), size * np.array([180, 70, 50, 150])
    distance, rows, df = pearson(before, now)
    found = look(before, now, margin=0.0, tail=tail)
    above = stats.ncx2.sf(distance * rows, df, found.low * rows)
    assert above == pytest.approx(tail, rel=0.1)
    assert stats.ncx2.cdf(distance * rows, df, found.high * rows) == pytest.approx(0.025, rel=0.1)


@pytest.mark.parametrize("tail", [0.05, 0.001])
def test_a_margin_of_zero_alarms_exactly_when_pearsons_test_rejects(tail):
    rng = np.random.default_rng(0)
    for _ in range(60):
        before, now = rng.multinomial(900, SHARES), rng.multinomial(400, [0.33, 0.1, 0.12, 0.45])
        assert look(before, now, margin=0.0, tail=tail).alarm == (same_p(before, now) <= tail)


def test_a_stream_without_change_raises_any_alarm_at_most_at_the_stated_rate():
    rng = np.random.default_rng(0)
    for n in (60, 500):
        any_alarm = [
            bool(alarms(rng.multinomial(n, SHARES, size=20), restart=True, false_alarms=0.05))
            for _ in range(600)
        ]
        assert np.mean(any_alarm) <= 0.05 + 2 * (0.05 * 0.95 / 600) ** 0.5
        assert np.mean(any_alarm) >= 0.01  # and the rate is not bought with blindness


def test_with_a_margin_a_change_that_small_raises_fewer_alarms_still():
    rng = np.random.default_rng(0)
    moved = SHARES + np.array([0.01, -0.01, 0.005, -0.005])  # a distance of 0.0017
    windows = [rng.multinomial(100_000, SHARES), *rng.multinomial(100_000, moved, size=19)]
    assert alarms(windows) == list(range(1, 20))
    assert alarms(windows, margin=0.01) == []
    assert all(
        looks[0].still
        for looks in watch(([w] for w in windows[1:]), margin=0.01, horizon=20, reference=[windows[0]])
    )


def test_after_an_alarm_the_next_change_is_found_too():
    rng = np.random.default_rng(0)
    shares = [SHARES] * 5 + [SHARES[::-1]] * 5 + [SHARES] * 5
    windows = [rng.multinomial(400, p) for p in shares]
    assert alarms(windows, restart=True) == [5, 10]
    assert alarms(windows, reference=[rng.multinomial(5000, SHARES)]) == [5, 6, 7, 8, 9]


def test_what_is_known_adds_up_so_later_windows_are_compared_with_more():
    rng = np.random.default_rng(0)
    windows = rng.multinomial(300, SHARES, size=30)
    looks = [found[0] for found in watch(([w] for w in windows), margin=0.0, horizon=30, restart=True)]
    assert np.isnan(looks[0].value)
    assert [found.since for found in looks[1:]] == [0] * 29
    assert np.mean([f.high for f in looks[20:]]) < np.mean([f.high for f in looks[1:4]])


@pytest.mark.parametrize(
    ("before", "now"),
    [([50, 50], [0, 1]), ([50, 50], [0, 0]), ([2, 1], [300, 200]), ([40] * 10, [3] * 10)],
)
def test_too_few_rows_are_neither_alarm_nor_all_clear(before, now):
    found = look(np.array(before), np.array(now), margin=0.1, tail=0.05)
    assert (found.alarm, found.still) == (False, False)


def test_a_column_that_was_and_stays_constant_is_still():
    found = look(np.array([500, 0]), np.array([80, 0]), margin=0.0, tail=0.05)
    assert (found.value, found.alarm, found.still) == (0.0, False, True)


def test_it_looks_at_windows_as_they_come():
    given = iter([[np.array([50, 50])], [np.array([52, 48])]])
    looks = watch(given, margin=0.1, horizon=100)
    next(looks)
    assert next(given)[0].tolist() == [52, 48]
