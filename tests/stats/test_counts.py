import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as skm
from fairlearn import metrics as flm
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.stats import counts

FAIRLEARN = {
    "selection_rate": flm.selection_rate,
    "accuracy_score": skm.accuracy_score,
    "true_positive_rate": flm.true_positive_rate,
    "false_positive_rate": flm.false_positive_rate,
    "true_negative_rate": flm.true_negative_rate,
    "false_negative_rate": flm.false_negative_rate,
    "precision_score": skm.precision_score,
    "balanced_accuracy_score": skm.balanced_accuracy_score,
}
AGGREGATES = (
    flm.demographic_parity_difference,
    flm.demographic_parity_ratio,
    flm.equalized_odds_difference,
    flm.equalized_odds_ratio,
    flm.equal_opportunity_difference,
    flm.equal_opportunity_ratio,
)


def table_of(group, y, p):
    codes, names = pd.factorize(np.asarray(group), sort=True)
    return counts.count_table(codes, np.asarray(y) == 1, np.asarray(p) == 1, len(names)), list(names)


def metric_frame(group, y, p, **options):
    return flm.MetricFrame(metrics=FAIRLEARN, y_true=y, y_pred=p, sensitive_features=group, **options)


@pytest.fixture(autouse=True)
def fairlearn_may_warn_of_zero_divisions():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@st.composite
def rows(draw):
    """Group, truth and prediction of a few rows: groups without positives, without negatives, of one row."""
    n = draw(st.integers(2, 40))  # Fairlearn itself fails on one row
    bits = st.lists(st.integers(0, 1), min_size=n, max_size=n)
    group = draw(st.lists(st.sampled_from("abcd"), min_size=n, max_size=n))
    return np.array(group), np.array(draw(bits)), np.array(draw(bits))


@given(rows())
@settings(max_examples=30, deadline=None)
def test_every_rate_and_every_spread_equals_fairlearns_also_where_it_is_0_of_0(drawn):
    group, y, p = drawn
    table, names = table_of(group, y, p)
    found = counts.rates(table, undefined=0.0)
    spreads = counts.spreads(found)
    theirs = metric_frame(group, y, p)
    for metric in FAIRLEARN:
        assert found[metric] == pytest.approx(theirs.by_group[metric][names].to_numpy(float), abs=1e-12)
        overall = counts.rates(table.sum(axis=0), undefined=0.0)[metric]
        assert overall == pytest.approx(theirs.overall[metric], abs=1e-12)
        for kind, value in (
            ("difference", theirs.difference()),
            ("ratio", theirs.ratio()),
            ("group_min", theirs.group_min()),
            ("group_max", theirs.group_max()),
        ):
            assert spreads[f"{metric}_{kind}"] == pytest.approx(float(value[metric]), abs=1e-12, nan_ok=True)
    for metric in AGGREGATES:
        assert spreads[metric.__name__] == pytest.approx(
            float(metric(y, p, sensitive_features=group)), abs=1e-12, nan_ok=True
        )


@given(rows())
@settings(max_examples=60, deadline=None)
def test_f1_equals_scikit_learns(drawn):
    _, y, p = drawn
    table, _ = table_of(np.zeros(len(y)), y, p)
    assert counts.f1_score(table[0], undefined=0.0) == pytest.approx(skm.f1_score(y, p), abs=1e-12)


def test_a_rate_of_nothing_is_nan_unless_the_convention_is_asked_for():
    table = np.array([[[3, 1], [0, 0]], [[0, 0], [0, 0]]])
    honest, convention = counts.rates(table), counts.rates(table, undefined=0.0)
    assert np.isnan(honest["true_positive_rate"]).all()
    assert convention["true_positive_rate"][0] == 0.0
    assert np.isnan(convention["true_positive_rate"][1])  # nobody there at all
    assert honest["false_positive_rate"][0] == 0.25
    assert honest["balanced_accuracy_score"][0] == 0.75


def test_slices_are_sums_of_cells_and_are_drawn_together():
    table = np.random.default_rng(0).integers(0, 50, (6, 2, 2))
    members = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]], dtype=bool)
    everyone, one, other = counts.of_slices(table, members)
    assert (everyone == table.sum(axis=0)).all()
    assert (one + other == everyone).all()
    drawn = counts.resample(table, members, 50, seed=1)
    assert drawn.shape == (50, 3, 2, 2)
    assert (drawn[:, 0] == drawn[:, 1] + drawn[:, 2]).all()
    assert (drawn[:, 0].sum(axis=(1, 2)) == table.sum()).all()


def test_the_same_seed_draws_the_same_and_another_does_not():
    table = np.full((3, 2, 2), 20)
    cells = np.eye(3, dtype=bool)
    assert (counts.resample(table, cells, 10, seed=3) == counts.resample(table, cells, 10, seed=3)).all()
    assert (counts.resample(table, cells, 10, seed=3) != counts.resample(table, cells, 10, seed=4)).any()


def test_many_cells_are_drawn_in_parts_with_the_same_result(monkeypatch):
    table, cells = np.full((3, 2, 2), 20), np.eye(3, dtype=bool)
    whole = counts.resample(table, cells, 10, seed=3)
    monkeypatch.setattr(counts, "_AT_ONCE", 36)
    assert (counts.resample(table, cells, 10, seed=3) == whole).all()


def test_a_replicate_has_the_mean_and_spread_of_resampled_rows():
    table, everyone = np.array([[[50, 10], [5, 35]]]), np.array([[True]])
    drawn = counts.resample(table, everyone, 20_000, seed=0)[:, 0]
    share = table[0] / 100
    assert drawn.mean(axis=0) == pytest.approx(table[0], rel=0.01)
    assert drawn.std(axis=0) == pytest.approx(np.sqrt(100 * share * (1 - share)), rel=0.03)


def test_percentiles_are_numpys_and_leave_out_what_is_not_a_number():
    values = np.random.default_rng(0).normal(size=(501, 4))
    values[::3, 1] = np.nan
    values[:, 2] = np.nan
    low, high = counts.percentiles(values, 0.9)
    for column in (0, 1, 3):
        known = values[~np.isnan(values[:, column]), column]
        assert (low[column], high[column]) == pytest.approx(
            tuple(np.quantile(known, [0.05, 0.95])), abs=1e-12
        )
    assert np.isnan(low[2])
    assert np.isnan(high[2])


def test_intervals_agree_with_fairlearns_bootstrap_within_monte_carlo_error():
    rng = np.random.default_rng(7)
    group = rng.choice(["a", "b"], 300, p=[0.3, 0.7])
    y = rng.integers(0, 2, 300)
    p = np.where(rng.random(300) < 0.75, y, 1 - y)
    replicates = 60
    theirs = metric_frame(group, y, p, n_boot=replicates, ci_quantiles=[0.1, 0.9], random_state=0)
    table, names = table_of(group, y, p)
    drawn = counts.rates(counts.resample(table, np.eye(2, dtype=bool), 20_000, seed=0), undefined=0.0)
    spreads = counts.spreads(drawn)
    for metric in FAIRLEARN:
        low, high = counts.percentiles(drawn[metric], 0.8)
        # A decile of m draws has a standard error of √(0.1 · 0.9 / m) / density, and the density of a normal
        # at its decile is 0.175 / sd. Four of them: 32 comparisons that all have to hold.
        error = 4 * np.sqrt(0.09 / replicates) / 0.175 * drawn[metric].std(axis=0)
        for end, ours in zip(theirs.by_group_ci, (low, high), strict=True):
            assert (np.abs(end[metric][names].to_numpy(float) - ours) <= error).all(), metric
        name = f"{metric}_difference"
        ends = np.array(counts.percentiles(spreads[name], 0.8))
        found = np.array([end[metric] for end in theirs.difference_ci()], dtype=float)
        assert (np.abs(found - ends) <= 6 * np.sqrt(0.09 / replicates) / 0.175 * spreads[name].std()).all(), (
            name
        )
