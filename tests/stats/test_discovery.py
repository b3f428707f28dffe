import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from workbench.stats.discovery import benjamini_hochberg, benjamini_yekutieli

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=60)


@given(p_values)
def test_q_values_are_scipys(p):
    assert benjamini_hochberg(p) == pytest.approx(false_discovery_control(p, method="bh"), abs=1e-12)
    assert benjamini_yekutieli(p) == pytest.approx(false_discovery_control(p, method="by"), abs=1e-12)


@given(p_values)
def test_a_q_value_is_never_below_its_p_value_and_keeps_the_order(p):
    q = benjamini_hochberg(p)
    assert (q >= np.asarray(p) - 1e-15).all()
    order = np.argsort(p, kind="stable")
    assert (np.diff(q[order]) >= 0).all()


def test_a_test_not_done_stays_so_and_does_not_count():
    q = benjamini_hochberg([0.01, np.nan, 0.04])
    assert np.isnan(q[1])
    assert q[[0, 2]] == pytest.approx(benjamini_hochberg([0.01, 0.04]))
    q = benjamini_yekutieli([0.01, np.nan, 0.04])
    assert q[[0, 2]] == pytest.approx(benjamini_yekutieli([0.01, 0.04]))


def test_nothing_tested_is_nothing_found():
    assert benjamini_hochberg([]).shape == benjamini_yekutieli([]).shape == (0,)


def test_the_worked_example_of_the_paper():
    """Benjamini and Hochberg 1995, section 3.2: of 15 p-values their procedure rejects the first four at 0.05."""
    p = [
        *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344),
        *(0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000),
    ]
    assert (benjamini_hochberg(p) <= 0.05).sum() == 4


def test_the_share_of_false_reports_is_held():
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(400):
        z = rng.normal(size=50)
        z[:10] += 3
        p = np.array([0.5 * (1 - np.tanh(0.7978845608 * (v + 0.044715 * v**3))) for v in z])
        found = benjamini_hochberg(p) <= 0.1
        shares.append(found[10:].sum() / max(found.sum(), 1))
    assert np.mean(shares) <= 0.1
