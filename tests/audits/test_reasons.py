import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression

from workbench.audits.base import Subject
from workbench.audits.explanation_records import ReasonCodes
from workbench.audits.reasons import reason_codes
from workbench.core.errors import InvalidInput
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of
from workbench.testing import subjects


def poor(subject, **changes):
    row = subject.data.frame[subject.features].iloc[0].to_dict()
    return {**row, "income": 60_000.0, "late_payments": 5, **changes}


def test_reasons_read_as_a_person_would_say_them():
    subject = subjects.subject()
    codes = reason_codes(subject, poor(subject))
    assert codes.answer == "yes"
    assert codes.reasons[0].column == "late_payments"
    assert (
        codes.reasons[0].text == "late_payments is very high (5; typical 1): pushed the answer towards 'yes'"
    )
    against = {r.column: r.text for r in codes.against}
    assert against["income"].startswith("income is very high (60,000; typical 2")
    assert against["income"].endswith("pushed the answer towards 'no'")


def test_base_and_all_contributions_are_the_output():
    subject = subjects.subject()
    codes = reason_codes(subject, 3, most=2)
    listed = sum(r.contribution for r in (*codes.reasons, *codes.against))
    assert codes.base + listed + codes.rest == pytest.approx(codes.output)
    margin = subject.predictor.model.decision_function(subject.data.frame[subject.features].iloc[[3]])[0]
    assert codes.output == pytest.approx(margin)
    assert codes.unit == "log-odds"
    assert len(codes.reasons) <= 2


def test_every_reason_pushes_the_way_it_says():
    subject = subjects.subject(model=HistGradientBoostingClassifier(max_iter=20, max_depth=3))
    for i in range(6):
        codes = reason_codes(subject, i, background=20)
        sign = 1 if codes.answer == "yes" else -1
        assert all(sign * r.contribution > 0 for r in codes.reasons)
        assert all(sign * r.contribution < 0 for r in codes.against)
        assert [abs(r.contribution) for r in codes.reasons] == sorted(
            (abs(r.contribution) for r in codes.reasons), reverse=True
        )


def test_a_category_and_a_missing_value_are_told_as_such():
    subject = subjects.subject()
    codes = reason_codes(subject, poor(subject, income=None, region="south"), most=6)
    told = {r.column: r for r in (*codes.reasons, *codes.against)}
    assert "region is 'south' (" in told["region"].text
    assert "most often 'north'" in told["region"].text
    if "income" in told:
        assert told["income"].value is None
        assert "income is missing (typical" in told["income"].text


def test_a_regression_says_by_how_much():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=200), "b": rng.normal(size=200)})
    frame["y"] = 3 * frame.a - frame.b
    data = Dataset.of(frame, target="y")
    subject = Subject(predictor_of(LinearRegression().fit(frame[["a", "b"]], frame["y"]), data=data), data)
    codes = reason_codes(subject, {"a": 2.0, "b": 0.0}, background=200)
    expected = 3 * (2 - frame.a.mean())
    assert codes.reasons[0].contribution == pytest.approx(expected)
    assert codes.reasons[0].text.endswith(f"pushed the prediction up by {expected:.3g}")
    lower = reason_codes(subject, {"a": -2.0, "b": 0.0}, background=200)
    assert "pushed the prediction down by" in lower.reasons[0].text


def test_three_labels_are_pushed_towards_the_one_given():
    subject = subjects.messy_subject()
    codes = reason_codes(subject, 0)
    assert codes.about == "probability of the label given"
    assert f"towards {codes.answer!r}" in codes.reasons[0].text
    assert all(f"away from {codes.answer!r}" in r.text for r in codes.against)


def test_the_same_row_in_any_form_has_the_same_reasons_and_survives_json():
    subject = subjects.subject()
    row = subject.data.frame.iloc[[5]]
    codes = reason_codes(subject, 5)
    for form in (np.int64(5), row, row.iloc[0], row.iloc[0].to_dict()):
        assert reason_codes(subject, form) == codes
    assert ReasonCodes.from_json(codes.to_json()) == codes


def test_a_dataset_of_a_few_columns_more_than_the_model_reads_is_no_matter():
    subject = subjects.subject()
    assert {r.column for r in reason_codes(subject, 0, most=9).reasons} <= set(subject.features)


@pytest.mark.parametrize(
    ("row", "options", "field"),
    [
        (10**6, {}, "row"),
        (-1, {}, "row"),
        (True, {}, "row"),
        ("first", {}, "row"),
        ({"age": 30}, {}, "row"),
        (None, {}, "row"),
        (0, {"most": 0}, "most"),
        (0, {"background": 0}, "background"),
    ],
)
def test_what_is_no_row_is_refused_by_name(row, options, field):
    with pytest.raises(InvalidInput) as refusal:
        reason_codes(subjects.subject(), row, **options)
    assert refusal.value.field == field
    assert refusal.value.remedy


def test_two_rows_and_a_value_its_column_cannot_hold_are_refused():
    subject = subjects.subject()
    for row in (subject.data.frame.head(2), poor(subject, age="old")):
        with pytest.raises(InvalidInput) as refusal:
            reason_codes(subject, row)
        assert refusal.value.field == "row"


def test_a_column_of_predictions_has_no_reasons():
    frame = subjects.loans().assign(p="no")
    data = Dataset.of(frame, target="defaulted", prediction="p", positive="yes")
    with pytest.raises(InvalidInput, match="predictions are a column"):
        reason_codes(Subject(predictor_of(None, data=data), data), 0)
