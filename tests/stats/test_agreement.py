import numpy as np
import pytest
import sklearn.metrics as skm
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workbench.stats.agreement import cohen_kappa, matthews_corrcoef

tables = st.integers(2, 5).flatmap(lambda k: arrays(np.int64, (k, k), elements=st.integers(0, 20)))
BOTH = [(matthews_corrcoef, skm.matthews_corrcoef), (cohen_kappa, skm.cohen_kappa_score)]


def rows(table):
    truth, answer = np.indices(table.shape)
    return np.repeat(truth.ravel(), table.ravel()), np.repeat(answer.ravel(), table.ravel())


@given(tables)
def test_values_are_scikit_learns_and_lie_in_their_interval(table):
    y, p = rows(table)
    assume(len(set(y)) > 1 and len(set(p)) > 1)
    for ours, theirs in BOTH:
        value, low, high = ours(table)
        assert value == pytest.approx(theirs(y, p), abs=1e-12)
        assert -1 <= low <= value <= high <= 1


def test_kappa_has_the_error_of_fleiss_cohen_and_everitt():
    """Their closed form, written out by cells, for a table of theirs (1969), in shares of 200 rows."""
    p = np.array([[0.53, 0.05, 0.02], [0.11, 0.14, 0.05], [0.01, 0.06, 0.03]])
    value, low, high = cohen_kappa(np.round(p * 200).astype(int))
    assert value == pytest.approx(0.4286, abs=1e-4)  # kappa of that paper's example
    row, column = p.sum(axis=1), p.sum(axis=0)
    o, e = np.trace(p), row @ column
    each = sum(
        p[i, j] * ((1 - e) * (i == j) - (column[i] + row[j]) * (1 - o)) ** 2
        for i in range(3)
        for j in range(3)
    )
    error = ((each - (o * e - 2 * e + o) ** 2) / 200 / (1 - e) ** 4) ** 0.5
    half = (np.arctanh(high) - np.arctanh(low)) / 2
    assert half * (1 - value**2) / 1.959964 == pytest.approx(error, rel=1e-6)


@pytest.mark.parametrize("measure", [matthews_corrcoef, cohen_kappa])
def test_its_error_is_that_of_a_multinomial_bootstrap(measure):
    table = np.array([[300, 30, 20], [40, 150, 10], [15, 25, 60]])
    drawn = np.random.default_rng(0).multinomial(table.sum(), table.ravel() / table.sum(), size=4000)
    values = [measure(one.reshape(3, 3))[0] for one in drawn]
    value, low, high = measure(table)
    half = (np.arctanh(high) - np.arctanh(low)) / 2
    assert half * (1 - value**2) / 1.959964 == pytest.approx(np.std(values), rel=0.03)


@pytest.mark.parametrize("measure", [matthews_corrcoef, cohen_kappa])
def test_intervals_cover_what_the_rows_were_drawn_from(measure):
    """Measured: 92 to 96 of 100 at 50 rows; without Fisher's z 87 to 93."""
    p = np.array([[0.9, 0.02], [0.03, 0.05]])
    truth = measure(p * 1e9)[0]
    found = [measure(one.reshape(2, 2)) for one in np.random.default_rng(0).multinomial(200, p.ravel(), 500)]
    assert np.mean([low <= truth <= high for _, low, high in found]) == pytest.approx(0.95, abs=0.025)


@pytest.mark.parametrize("measure", [matthews_corrcoef, cohen_kappa])
def test_a_perfect_table_of_few_rows_leaves_doubt(measure):
    value, low, high = measure(np.diag([6, 6]))
    assert (value, high) == (1.0, 1.0)
    assert low < 0.6


def test_one_answer_to_everything_has_no_correlation():
    assert matthews_corrcoef(np.array([[5, 0], [3, 0]])) is None
    assert cohen_kappa(np.array([[5, 0], [3, 0]]))[0] == 0
    assert cohen_kappa(np.array([[5, 0], [0, 0]])) is None
