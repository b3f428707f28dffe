"""Fairlearn and the literature beside ours on the public data sets: Adult, ACSIncome, diabetes 130-US, COMPAS.

The answers audited are simple rules of one or two columns: what is compared is the counting, not a model.
"""

import warnings

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as flm
from sklearn.metrics import roc_auc_score

from workbench.audits.base import Subject
from workbench.audits.fairness import Fairness
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of

_RACES = [
    "White",
    "Black",
    "American Indian",
    "Alaska Native",
    "tribes",
    "Asian",
    "Pacific",
    "other",
    "two or more",
]

#: Fairlearn's cost grows with rates × groups × rows: the quick tests ask for these, a slow one for all.
FEW = ("selection_rate", "false_positive_rate", "precision_score")


def audited(frame, sensitive, *, depth=2, score=None):
    data = Dataset.of(frame, target="y", prediction="p", sensitive=sensitive, score=score)
    finding = Fairness(depth=depth).measure(Subject(predictor_of(None, data=data), data))
    return {(m.metric, m.slice): m for m in finding.measurements}


@pytest.fixture(scope="module")
def adult(read_adult):
    """All 48,842 rows as they are; a ``?`` is a missing value, and so a group of its own."""
    frame = pd.concat([read_adult("test"), read_adult("data")], ignore_index=True)
    frame["y"] = frame.income.str.startswith(">50K").astype(int)
    frame["p"] = ((frame["education-num"] >= 13) | (frame["capital-gain"] > 5000)).astype(int)
    return frame


@pytest.fixture(scope="module")
def acs(shared_data):
    frame = pd.read_parquet(shared_data / "acs_income" / "ACSIncome.test.parquet")
    return pd.DataFrame(
        {
            "race": frame.RAC1P.map(dict(enumerate(_RACES))),
            "sex": frame.SEX.map({1: "male", 2: "female"}),
            "married": frame.MAR.astype(int).astype(str),
            "y": frame.PINCP,
            "p": ((frame.SCHL >= 20) & (frame.WKHP >= 35)).astype(int),
        }
    )


@pytest.fixture(scope="module")
def diabetes(shared_data):
    columns = ["race", "gender", "age", "readmitted", "number_inpatient", "time_in_hospital"]
    frame = pd.read_csv(shared_data / "diabetes_130" / "diabetic_data.csv.gz", na_values="?", usecols=columns)
    frame["y"] = (frame.readmitted == "<30").astype(int)
    frame["p"] = (frame.number_inpatient >= 2).astype(int)
    return frame


def named(frame, columns):
    """As Fairlearn needs it: missing values named."""
    return frame.assign(**{c: frame[c].astype(object).fillna("missing") for c in columns})


@pytest.mark.parametrize("columns", [["workclass"], ["native-country"], ["race", "sex"]])
def test_adult_equals_fairlearn_with_missing_values_as_a_group(adult, columns, assert_equals_fairlearn):
    found = audited(adult, columns)
    assert_equals_fairlearn(found, named(adult, columns), columns, FEW)
    if columns == ["workclass"]:
        assert found["count", "workclass=missing"].n == 2799


def test_adult_has_the_figures_that_are_in_its_literature(adult):
    """adult.names: 23.93 % earn more than 50,000. Kamiran and Calders, 2012: the sexes differ by 19.45 points."""
    found = audited(adult, ["sex"])
    train = audited(adult.iloc[16_281:], ["sex"])
    assert round(100 * found["base_rate", ""].value, 2) == 23.93
    assert round(100 * found["base_rate_difference", "sex"].value, 2) == 19.45
    percent = [round(100 * train["base_rate", f"sex={sex}"].value, 1) for sex in ("Male", "Female")]
    assert percent == [30.6, 10.9]


def test_acs_equals_fairlearn_where_three_columns_cross(acs, assert_equals_fairlearn):
    columns = ["race", "sex", "married"]
    found = audited(acs, columns, depth=3)
    assert_equals_fairlearn(found, acs, columns, FEW[:1])
    crossings = [m for (metric, name), m in found.items() if metric == "count" and name.count(" & ") == 2]
    assert sum(m.n for m in crossings) == 332_900


def test_acs_has_the_figures_that_are_in_its_literature(acs):
    """Ding et al., "Retiring Adult", 2021: a constant answer is right for 63.1 % in the whole of ACSIncome."""
    found = audited(acs, ["sex"])
    assert found["base_rate", ""].value == pytest.approx(1 - 0.631, abs=5e-4)


def test_diabetes_equals_fairlearn(diabetes, assert_equals_fairlearn):
    columns = ["race", "gender"]
    assert_equals_fairlearn(audited(diabetes, columns), named(diabetes, columns), columns, FEW[:2])


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("adult", ["race"]),
        ("adult", ["workclass", "sex"]),
        ("acs", ["race"]),
        ("acs", ["race", "sex", "married"]),
        ("diabetes", ["age"]),
        ("diabetes", ["race", "gender"]),
    ],
)
def test_every_rate_gap_and_disparity_equals_fairlearns(name, columns, request, assert_equals_fairlearn):
    frame = request.getfixturevalue(name)
    assert_equals_fairlearn(audited(frame, columns, depth=3), named(frame, columns), columns)


def test_diabetes_has_the_figures_that_are_in_its_literature(diabetes):
    """Strack et al., 2014, and UCI: 101,766 encounters, 11,357 of them readmitted within 30 days."""
    found = audited(diabetes, ["race", "gender"])
    assert found["count", ""].n == 101_766
    assert round(found["base_rate", ""].value * 101_766) == 11_357
    assert found["count", "race=Caucasian"].n == 76_099
    assert found["count", "race=missing"].n == 2_273


@pytest.mark.parametrize("metric", ["selection_rate", "true_positive_rate"])
def test_intervals_agree_with_fairlearns_bootstrap_on_diabetes(diabetes, metric):
    """On 6,000 rows and the ends of an 80 % interval, whose Monte-Carlo error is known."""
    frame = diabetes[diabetes.race.isin(["AfricanAmerican", "Caucasian"])].sample(6000, random_state=0)
    replicates = 60
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = flm.MetricFrame(
            metrics=getattr(flm, metric),
            y_true=frame.y,
            y_pred=frame.p,
            sensitive_features=frame[["race"]],
            n_boot=replicates,
            ci_quantiles=[0.1, 0.9],
            random_state=0,
        )
    data = Dataset.of(frame, target="y", prediction="p", sensitive=["race"])
    finding = Fairness(confidence=0.8).measure(Subject(predictor_of(None, data=data), data))
    found = {(m.metric, m.slice): m for m in finding.measurements}
    for group in ("AfricanAmerican", "Caucasian"):
        m = found[metric, f"race={group}"]
        deviation = (m.high - m.low) / (2 * 1.2816)
        error = 4 * np.sqrt(0.09 / replicates) / 0.175 * deviation
        ends = tuple(float(end.loc[group]) for end in theirs.by_group_ci)
        assert (m.low, m.high) == pytest.approx(ends, abs=error)


@pytest.fixture(scope="module")
def scored(compas):
    frame = compas[["race", "sex", "decile_score"]].assign(y=compas.two_year_recid)
    frame = frame.assign(p=(compas.decile_score >= 5).astype(int), s=compas.decile_score / 10)
    return frame, audited(frame, ["race", "sex"], score="s")


def test_compas_ranks_equally_well_in_every_group_that_fairlearn_asks_scikit_learn_about(scored):
    frame, found = scored
    theirs = flm.MetricFrame(
        metrics=roc_auc_score, y_true=frame.y, y_pred=frame.s, sensitive_features=frame[["race", "sex"]]
    )
    for (race, sex), area in theirs.by_group.items():
        m = found["roc_auc_score", f"race={race} & sex={sex}"]
        if m.value is None:
            assert np.isnan(area)
        else:
            assert m.value == pytest.approx(area, abs=1e-12)
            assert m.low <= m.value <= m.high


def test_compas_shows_the_two_sides_of_the_dispute(scored):
    """ProPublica's notebook: precision 0.63 and 0.59, so alike; and base rates that make equal errors impossible."""
    _, found = scored
    pair = ("race=African-American", "race=Caucasian")
    assert [round(found["precision_score", race].value, 2) for race in pair] == [0.63, 0.59]
    assert [round(found["base_rate", race].value, 2) for race in pair] == [0.51, 0.39]
    assert found["false_positive_rate_difference_forced", "race"].low > 0.1
