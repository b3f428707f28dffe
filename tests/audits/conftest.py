"""Fairlearn beside ours: every number of a fairness audit against the library whose names it bears."""

import warnings

import pandas as pd
import pytest
import sklearn.metrics as skm
from fairlearn import metrics as flm

from workbench.audits.parts.shared.slices import escaped
from workbench.core.values import Outcome

_ADULT = [
    "age",
    "workclass",
    "fnlwgt",
    "education",
    "education-num",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital-gain",
    "capital-loss",
    "hours-per-week",
    "native-country",
    "income",
]
_RATES = {
    "selection_rate": flm.selection_rate,
    "accuracy_score": skm.accuracy_score,
    "true_positive_rate": flm.true_positive_rate,
    "false_positive_rate": flm.false_positive_rate,
    "true_negative_rate": flm.true_negative_rate,
    "false_negative_rate": flm.false_negative_rate,
    "precision_score": skm.precision_score,
    "balanced_accuracy_score": skm.balanced_accuracy_score,
    "count": flm.count,
}


def _assert_equals_fairlearn(found, frame, columns, rates):
    """Rates, differences, ratios, minima and maxima over ``columns``; of all rates the named disparities too."""
    family = " & ".join(columns)
    theirs = flm.MetricFrame(
        metrics={rate: _RATES[rate] for rate in rates},
        y_true=frame.y,
        y_pred=frame.p,
        sensitive_features=frame[columns],
    )
    for metric in rates:
        assert found[metric, ""].value == pytest.approx(theirs.overall[metric], abs=1e-12)
        for group, value in theirs.by_group[metric].dropna().items():
            values = group if isinstance(group, tuple) else (group,)
            ours = found[
                metric, " & ".join(f"{c}={escaped(str(v))}" for c, v in zip(columns, values, strict=True))
            ]
            if ours.value is None:
                assert (value, ours.outcome) == (0, Outcome.INCONCLUSIVE)
                assert ours.note.endswith("Fairlearn says 0")
            else:
                assert ours.value == pytest.approx(value, abs=1e-12)
        if metric == "count":
            continue
        for kind, value in (
            ("difference", theirs.difference()),
            ("ratio", theirs.ratio()),
            ("group_min", theirs.group_min()),
            ("group_max", theirs.group_max()),
        ):
            assert found[f"{metric}_{kind}", family].value == pytest.approx(float(value[metric]), abs=1e-12)
    if set(rates) < set(_RATES):
        return  # each of them is Fairlearn's pass over the rows once more
    for disparity in (
        flm.demographic_parity_difference,
        flm.demographic_parity_ratio,
        flm.equalized_odds_difference,
        flm.equalized_odds_ratio,
        flm.equal_opportunity_difference,
        flm.equal_opportunity_ratio,
    ):
        value = disparity(frame.y, frame.p, sensitive_features=frame[columns])
        assert found[disparity.__name__, family].value == pytest.approx(float(value), abs=1e-12)


@pytest.fixture(scope="session")
def read_adult(shared_data):
    """Read a part of Adult, ``data`` or ``test``, as it was published; ``?`` is a missing value."""

    def read(part):
        return pd.read_csv(
            shared_data / "adult" / f"adult.{part}.gz",
            names=_ADULT,
            skipinitialspace=True,
            na_values="?",
            skiprows=int(part == "test"),
        ).dropna(how="all")

    return read


@pytest.fixture
def assert_equals_fairlearn():
    """Compare measurements by metric and slice with Fairlearn on ``frame`` (truth ``y``, answer ``p``)."""

    def compare(found, frame, columns, rates=tuple(_RATES)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it divides by zero in groups of one or two
            _assert_equals_fairlearn(found, frame, columns, rates)

    return compare
