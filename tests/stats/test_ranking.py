import numpy as np
import pytest
import sklearn.metrics as skm
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from workbench.stats import ranking


@st.composite
def scored(draw):
    """Scores with ties, and a truth that has both classes."""
    n = draw(st.integers(2, 60))
    scores = draw(hnp.arrays(float, n, elements=st.sampled_from([i / 8 for i in range(9)])))
    truth = draw(hnp.arrays(bool, n).filter(lambda y: y.any() and not y.all()))
    return scores, truth


def sample(rows, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.random(rows) < 0.25
    return rng.normal(size=rows) + 1.1 * truth, truth


@given(scored())
def test_area_and_average_precision_equal_scikit_learns_with_ties(drawn):
    scores, truth = drawn
    _, table = ranking.score_table(scores, truth)
    assert ranking.roc_auc(table)[0] == pytest.approx(skm.roc_auc_score(truth, scores), abs=1e-12)
    theirs = skm.average_precision_score(truth, scores)
    assert ranking.average_precision(table)[0] == pytest.approx(theirs, abs=1e-12)


@given(scored())
def test_an_interval_holds_the_value_within_0_and_1(drawn):
    _, table = ranking.score_table(*drawn)
    for value, low, high in (ranking.roc_auc(table), ranking.average_precision(table)):
        assert 0 <= low <= value <= high <= 1


def test_delongs_standard_error_is_that_of_the_bootstrap():
    scores, truth = sample(400)
    _, table = ranking.score_table(scores, truth)
    _, low, high = ranking.roc_auc(table)
    rng = np.random.default_rng(1)
    areas = [skm.roc_auc_score(truth[i], scores[i]) for i in rng.integers(400, size=(300, 400))]
    assert (high - low) / (2 * 1.96) == pytest.approx(np.std(areas), rel=0.12)


def test_perfect_separation_leaves_doubt_when_rows_are_few():
    _, few = ranking.score_table(np.arange(6.0), np.arange(6) > 2)
    _, many = ranking.score_table(np.arange(600.0), np.arange(600) > 299)
    assert ranking.roc_auc(few)[1] == pytest.approx(0.025 ** (1 / 3))
    assert ranking.roc_auc(few)[2] == 1.0
    assert ranking.roc_auc(many)[1] > 0.98
    assert ranking.average_precision(few)[1:] == (pytest.approx(0.025 ** (1 / 3)), 1.0)


@pytest.mark.parametrize("rows", [150, 1000])
def test_intervals_cover_the_value_of_the_whole_population(rows):
    scores, truth = sample(200_000)
    area, precision = skm.roc_auc_score(truth, scores), skm.average_precision_score(truth, scores)
    rng, covered = np.random.default_rng(0), np.zeros(2)
    for _ in range(100):
        i = rng.integers(len(truth), size=rows)
        _, table = ranking.score_table(scores[i], truth[i])
        _, low, high = ranking.roc_auc(table)
        _, lowest, highest = ranking.average_precision(table)
        covered += low <= area <= high, lowest <= precision <= highest
    assert (covered >= 88).all()  # 95 in the mean, three standard errors less


def test_the_thinned_curve_keeps_its_ends_and_its_area():
    scores, truth = sample(5000)
    _, table = ranking.score_table(scores, truth)
    fpr, tpr = ranking.roc_points(table)
    assert len(fpr) <= 100
    assert (fpr[0], tpr[0], fpr[-1], tpr[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(tpr, fpr) == pytest.approx(ranking.roc_auc(table)[0], abs=2e-3)
