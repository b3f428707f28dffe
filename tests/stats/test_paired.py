import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from workbench.stats.paired import rate_difference


@given(st.integers(1, 400), st.data())
def test_the_interval_holds_the_difference_and_turns_with_it(n: int, data: st.DataObject):
    gained = data.draw(st.integers(0, n))
    lost = data.draw(st.integers(0, n - gained))
    low, high = rate_difference(gained, lost, n)
    assert -1 <= low <= (gained - lost) / n + 1e-12 <= high + 2e-12 <= 1 + 2e-12
    assert low < high
    assert rate_difference(lost, gained, n) == (pytest.approx(-high), pytest.approx(-low))


def test_it_is_the_adjusted_wald_interval_of_bonett_and_price():
    gained, lost, n = 12, 4, 80
    up, down = 13 / 82, 5 / 82
    half = stats.norm.ppf(0.975) * np.sqrt((up + down - (up - down) ** 2) / 82)
    assert rate_difference(gained, lost, n) == pytest.approx((up - down - half, up - down + half))


@pytest.mark.parametrize(("up", "down"), [(0.02, 0.01), (0.1, 0.1), (0.4, 0.05)])
def test_it_covers_the_truth_about_as_often_as_it_says(up: float, down: float):
    n = 60
    drawn = np.random.default_rng(0).multinomial(n, [up, down, 1 - up - down], size=20_000)
    low, high = rate_difference(drawn[:, 0], drawn[:, 1], n)
    assert np.mean((low <= up - down) & (up - down <= high)) > 0.94
