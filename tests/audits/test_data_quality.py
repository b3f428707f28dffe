from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from workbench.audits.base import Finding, Subject
from workbench.audits.data_quality import DataQuality
from workbench.audits.parts.data_quality.column_kinds import kind_of, wrong_type
from workbench.audits.parts.data_quality.contract import contract_of, infer_contract, read_contract
from workbench.audits.parts.data_quality.contract_checks import contract_measurements, schema_of
from workbench.audits.parts.data_quality.personal_data import kind_by_name, personal_data
from workbench.audits.parts.data_quality.row_hashes import hash_rows, overlap, repeats
from workbench.audits.records import Measurement
from workbench.audits.runner import run
from workbench.core.clock import SystemClock
from workbench.core.errors import InvalidInput
from workbench.core.values import Outcome
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of
from workbench.testing import subjects
from workbench.testing.audits import AuditContract

TARGET = subjects.TARGET


class TestDataQuality(AuditContract):
    audit = DataQuality(duplicates_at_most=0.05, leakage_at_most=0.95, depth=2)
    refused = {
        "contract": {"contract": "no such file.yaml"},
        "contract 2": {"contract": ""},
        "contract 3": {"contract": "columns:\n  age: {type: whole}"},
        "columns.age.minimun": {"contract": "columns:\n  age: {type: integer, minimun: 3}"},
        "contract 4": {"contract": "columns:\n  age: {type: integer, minimum: 3, maximum: 2}"},
        "contract 5": {"contract": "columns:\n  sex: {type: text, minimum: 3}"},
        "contract 6": {"contract": "- age\n- sex"},
        "contract 7": {"contract": "columns:\n  age: {type: number, categories: [a]}"},
        "violations_at_most": {"violations_at_most": -0.1},
        "overlap_at_most": {"overlap_at_most": 1},
        "overlap_at_most 2": {"overlap_at_most": "few"},
        "duplicates_at_most": {"duplicates_at_most": 2},
        "leakage_at_most": {"leakage_at_most": 1.0},
        "depth": {"depth": 0},
        "confidence": {"confidence": 95},
    }


def by(finding: Finding, metric: str) -> dict[str, Measurement]:
    return {m.slice: m for m in finding.measurements if m.metric == metric}


def with_columns(subject: Subject, **columns: object) -> Subject:
    frame = subject.data.frame.assign(**columns)
    return replace(subject, data=replace(subject.data, frame=frame))


def of(frame: pd.DataFrame, reference: pd.DataFrame | None = None, **roles: object) -> Subject:
    roles = {"target": "y", **roles}
    data = Dataset.of(frame, **roles)
    first = next(name for name in frame.columns if name != "y")
    answers = (
        (lambda f: np.zeros(len(f))) if data.task == "regression" else (lambda f: data.classes[:1] * len(f))
    )
    assert first
    known = None if reference is None else Dataset.of(reference, **roles)
    return Subject(predictor_of(answers, data=data), data, known)


# The contract


def test_rows_of_the_same_kind_keep_the_contract_of_their_reference():
    """Held-out rows leave a range and bring a rare category now and then: that must raise no alarm."""
    failed = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        n, m = int(rng.integers(50, 400)), int(rng.integers(20, 800))
        frame = pd.DataFrame(
            {
                "normal": rng.normal(size=n + m),
                "heavy": rng.standard_cauchy(n + m),
                "count": rng.poisson(2, n + m),
                "rare": rng.zipf(1.6, n + m).clip(max=300).astype(str),
                "gaps": np.where(rng.random(n + m) < 0.03, np.nan, rng.normal(size=n + m)),
                "y": rng.integers(0, 2, n + m),
            }
        )
        contract = contract_of(Dataset.of(frame[:n], target="y"))
        found, _ = contract_measurements(contract, frame[n:], confidence=0.95, at_most=0.0, inferred=True)
        failed += any(measured.outcome is not Outcome.PASS for measured in found[1:])
    assert failed <= 3


def test_what_breaks_the_contract_is_counted_by_column_and_clause():
    subject = subjects.subject(1000)
    age = subject.data.frame["age"].where(np.arange(1000) >= 100, 150)
    region = subject.data.frame["region"].where(np.arange(1000) >= 50, "east")
    late = subject.data.frame["late_payments"].astype(object).where(np.arange(1000) >= 30, "two")
    income = subject.data.frame["income"].where(np.arange(1000) >= 200)
    unread = predictor_of(lambda f: np.where(f["owner"] > 0, "yes", "no"), data=subject.data)
    changed = with_columns(
        replace(subject, predictor=unread), age=age, region=region, late_payments=late, income=income
    )
    finding = DataQuality().measure(changed)
    assert finding.outcome is Outcome.FAIL
    for metric, column, count in (
        ("range_violation_share", "age", 100),
        ("category_violation_share", "region", 50),
        ("type_violation_share", "late_payments", 30),
    ):
        found = by(finding, metric)[column]
        assert (found.outcome, round(found.value * found.n)) == (Outcome.FAIL, count)
        assert found.low < found.value < found.high
    assert by(finding, "missing_share")["income"].outcome is Outcome.FAIL
    assert by(finding, "range_violation_share")["late_payments"].n == 970
    summary = by(finding, "contract_violated_column_count")[""]
    assert summary.value == 4
    assert "broken by: age" in summary.note
    assert any(f.title == "What breaks the contract" for f in finding.figures)


def test_a_contract_is_written_read_and_kept_beside_the_code(tmp_path: Path):
    subject = subjects.subject()
    text = infer_contract(subject.reference)
    file = tmp_path / "loans.yaml"
    file.write_text(text)
    by_file, by_text = DataQuality(contract=str(file)), DataQuality(contract=text)
    assert by_file == by_text  # the text is kept, so that evidence holds what was agreed
    alone = replace(subject, reference=None)
    assert by_file.measure(alone).outcome is Outcome.PASS
    spec = yaml.safe_load(text)
    assert spec["columns"]["sex"]["categories"] == ["female", "male"]
    assert spec["columns"]["age"]["type"] == "integer"
    assert spec["rows"] == 400


def test_a_written_contract_fails_at_the_first_value_unless_a_share_is_allowed():
    subject = replace(subjects.subject(1000), reference=None)
    text = "columns:\n  age: {type: integer, minimum: 18, maximum: 78}\n  fee: {type: number}"
    finding = DataQuality(contract=text).measure(subject)
    above = int((subject.data.frame["age"] > 78).sum())
    found = by(finding, "range_violation_share")["age"]
    assert 0 < above < 30
    assert (found.outcome, found.value) == (Outcome.FAIL, above / 1000)
    assert by(finding, "missing_column")["fee"].outcome is Outcome.FAIL
    one = text.splitlines()
    lenient = DataQuality(contract="\n".join(one[:2]), violations_at_most=0.05).measure(subject)
    assert lenient.outcome is Outcome.PASS
    unsure = DataQuality(contract="\n".join(one[:2]), violations_at_most=above / 1000 - 0.001).measure(
        subject
    )
    assert unsure.outcome is Outcome.INCONCLUSIVE


def test_pandera_finds_the_same_rows_outside():
    import pandera.pandas as pa

    reference, frame = subjects.loans(500, seed=1), subjects.loans(800, seed=2, income_shift=0.4)
    frame.loc[:39, "region"] = "east"
    contract = read_contract(infer_contract(Dataset.of(reference, target=TARGET)))
    with pytest.raises(pa.errors.SchemaErrors) as refused:
        schema_of(contract).validate(frame, lazy=True)
    theirs = refused.value.failure_cases.groupby(["column", "check"]).size()
    finding = DataQuality().measure(of_loans(frame, reference))
    ours = by(finding, "category_violation_share")["region"]
    assert round(ours.value * ours.n) == 40
    assert theirs["region"].sum() == 40
    income = by(finding, "range_violation_share")["income"]
    assert round(income.value * income.n) == theirs["income"].sum() > 0


def of_loans(frame: pd.DataFrame, reference: pd.DataFrame) -> Subject:
    data = Dataset.of(frame, target=TARGET, sensitive=["sex"])
    return Subject(
        predictor_of(lambda f: np.where(f["age"] > 40, "yes", "no"), data=data),
        data,
        Dataset.of(reference, target=TARGET),
    )


def test_a_contract_lists_no_value_that_may_name_somebody():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "contact": [f"person{i % 5}@mail.example" for i in range(500)],
            "surname": rng.choice([f"Name{i}" for i in range(40)], 500),
            "note": [f"free text number {i}" for i in range(500)],
            "customer_id": rng.permutation(10_000)[:500],
            "y": rng.integers(0, 2, 500),
        }
    )
    spec = yaml.safe_load(infer_contract(Dataset.of(frame, target="y")))
    for column in ("contact", "surname", "note"):
        assert set(spec["columns"][column]) == {"type", "tolerated", "missing_at_most"}
    assert "minimum" not in spec["columns"]["customer_id"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, None], "integer"),
        ([1.0, 2.5], "number"),
        ([True, False, None], "boolean"),
        (["a", None], "text"),
        ([None, None], "any"),
        ([1, "a"], "any"),
        (pd.to_datetime(["2026-01-01", None]), "time"),
        (pd.Categorical(["a", "b"]), "text"),
        (pd.Categorical([1, 2]), "integer"),
        (pd.array([1, None], dtype="Int64"), "integer"),
        (pd.array([True, None], dtype="boolean"), "boolean"),
    ],
)
def test_kinds_are_read_from_values_and_not_from_what_pandas_stores(values, kind):
    assert kind_of(pd.Series(values)) == kind


def test_a_value_of_another_kind_is_found_where_it_stands():
    mixed = pd.Series([1, "two", 3.5, True], dtype=object)
    assert wrong_type(mixed, "integer").tolist() == [False, True, True, False]
    assert wrong_type(mixed, "text").tolist() == [True, False, True, True]
    assert wrong_type(pd.Series([0.0, 1.0, 2.0]), "boolean").tolist() == [False, False, True]
    assert wrong_type(pd.Series(["1"]), "number").tolist() == [True]
    assert wrong_type(pd.Series([True]), "integer").tolist() == [False]
    assert wrong_type(pd.to_datetime(pd.Series(["2026-01-01"])), "text").tolist() == [True]


# Rows


def test_duplicates_and_conflicting_labels_are_those_pandas_finds():
    frame = subjects.loans(300)[["age", "late_payments", "sex", TARGET]].assign(age=lambda f: f["age"] // 20)
    features = ["age", "late_payments", "sex"]
    found = repeats(frame, features, TARGET)
    assert (found.duplicate == frame.duplicated().to_numpy()).all()
    labels = frame.groupby(features)[TARGET].transform("nunique")
    assert (found.conflicting == (labels > 1).to_numpy()).all()


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0.0, -0.0, 1.5, None]), st.sampled_from(["a", "", None])), min_size=1)
)
def test_rows_have_equal_numbers_when_they_are_equal_whatever_the_type(rows):
    frame = pd.DataFrame(rows, columns=["x", "t"]).astype({"x": float})
    numbers = hash_rows(frame, ["x", "t"])
    other = frame.astype({"x": object, "t": "category"}).assign(x=frame["x"].astype("Float64"))
    assert (numbers == hash_rows(other, ["x", "t"])).all()
    keys = [
        (None if pd.isna(x) else x + 0.0, None if pd.isna(t) else t) for x, t in frame.itertuples(index=False)
    ]
    assert len(set(numbers.tolist())) == len(set(keys))


def test_rows_that_were_trained_on_are_found_and_fail():
    subject = subjects.subject(600)
    frame = pd.concat([subject.data.frame[:570], subject.reference.frame[:30]], ignore_index=True)
    leaked = replace(subject, data=replace(subject.data, frame=frame))
    finding = DataQuality().measure(leaked)
    beyond = by(finding, "train_test_overlap_share_difference")[""]
    assert (beyond.value, beyond.outcome) == (30 / 600, Outcome.FAIL)
    assert by(DataQuality().measure(subject), "train_test_overlap_share")[""].value == 0
    same = DataQuality().measure(replace(subject, data=subject.reference))
    assert by(same, "train_test_overlap_share")[""].value == 1
    assert same.outcome is Outcome.FAIL


@pytest.mark.parametrize("values", [4, 20, 200, 5000])
def test_rows_alike_by_chance_are_no_overlap(values):
    missed = 0
    for seed in range(15):
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame({"a": rng.integers(0, values, 3000), "y": rng.integers(0, 2, 3000)})
        finding = DataQuality().measure(of(frame[:1000], frame[1000:]))
        beyond = by(finding, "train_test_overlap_share_difference")[""]
        assert beyond.outcome is not Outcome.FAIL
        missed += not beyond.low <= 0 <= beyond.high
    assert missed <= 3


def test_a_number_of_its_own_does_not_hide_a_repeated_row():
    frame = subjects.loans(200)
    doubled = pd.concat([frame, frame[:20]], ignore_index=True).assign(loan_id=np.arange(220) + 10_000)
    subject = of_loans(doubled, frame)
    finding = DataQuality(duplicates_at_most=0.02).measure(subject)
    found = by(finding, "duplicate_share")[""]
    assert (found.value, found.outcome) == (20 / 220, Outcome.FAIL)
    assert by(finding, "near_identifier_column_count")[""].value == 1
    assert "loan_id" in by(finding, "distinct_share")


def test_overlap_counts_each_side():
    frame, reference = pd.DataFrame({"a": [1, 2, 3]}), pd.DataFrame({"a": [3.0, 3.0, 4.0]})
    found = overlap(frame, reference, ["a"])
    assert (found.there, found.rows, found.twice, found.reference_rows) == (1, 3, 2, 3)


# Leaks


def test_a_feature_that_is_the_target_is_named():
    subject = subjects.subject(500)
    coded = np.where(subject.data.y == "yes", "bad", "good")
    leaky = with_columns(subject, outcome=coded)
    reads_it = predictor_of(lambda f: np.where(f["outcome"] == "bad", "yes", "no"), data=leaky.data)
    finding = DataQuality().measure(replace(leaky, predictor=reads_it))
    assert by(finding, "target_copy")["outcome"].outcome is Outcome.FAIL
    alone = by(finding, "single_feature_roc_auc_score")["outcome"]
    assert alone.value == 1
    assert alone.low > 0.98
    assert any("Foretell the target nearly alone: outcome." in note for note in finding.notes)


def test_a_column_of_predictions_says_nothing_of_what_was_read_so_a_copy_is_no_failure():
    frame = subjects.loans(300).assign(said="no", label=lambda f: f[TARGET] == "yes")
    data = Dataset.of(frame, target=TARGET, prediction="said")
    finding = DataQuality().measure(Subject(predictor_of(None, data=data), data))
    assert by(finding, "target_copy")["label"].outcome is Outcome.MEASURED


@pytest.mark.parametrize("task", ["binary", "many", "regression"])
def test_a_leak_fails_the_stated_limit_and_an_honest_feature_does_not(task):
    rng = np.random.default_rng(0)
    z = rng.normal(size=3000)
    noise = {"honest": z + rng.normal(size=3000) * 2, "leak": z + rng.normal(size=3000) * 0.005}
    y = {"binary": (z > 0) + 0, "many": np.digitize(z, [-0.5, 0.5]), "regression": z}[task]
    frame = pd.DataFrame({**noise, "noise": rng.choice(list("abcd"), 3000), "y": y})
    metric = {"binary": "roc_auc", "many": "balanced_accuracy", "regression": "r2"}[task]
    roles = {"task": "regression" if task == "regression" else "classification"}
    finding = DataQuality(leakage_at_most=0.93).measure(of(frame, **roles))
    found = by(finding, f"single_feature_{metric}_score")
    assert found["leak"].outcome is Outcome.FAIL
    assert found["honest"].outcome is Outcome.PASS
    assert next(iter(found)) == "leak"
    chance = {"binary": 0.5, "many": 1 / 3, "regression": 0}[task]
    assert found["noise"].value == pytest.approx(chance, abs=0.06)


def test_the_score_of_one_feature_is_near_scikit_learns_of_the_feature_itself():
    rng = np.random.default_rng(1)
    x = rng.normal(size=5000)
    y = (rng.random(5000) < 1 / (1 + np.exp(-2 * x))) + 0
    found = by(DataQuality().measure(of(pd.DataFrame({"x": x, "y": y}))), "single_feature_roc_auc_score")["x"]
    assert found.value == pytest.approx(roc_auc_score(y, x), abs=0.015)
    assert found.low < roc_auc_score(y, x) < found.high + 0.01


def test_an_identifier_foretells_nothing():
    frame = subjects.loans(400).assign(code=[f"k{i}" for i in range(400)])
    finding = DataQuality().measure(of_loans(frame, frame))
    assert by(finding, "single_feature_roc_auc_score")["code"].value <= 0.5


def test_a_straight_line_from_a_feature_to_a_regression_target_is_named():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=200)}).assign(y=lambda f: 3 * f.x + 1)
    finding = DataQuality().measure(of(frame, task="regression"))
    assert "straight line" in by(finding, "target_copy")["x"].note


# Personal data


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("email", "anna.lee+news@mail.example.org"),
        ("email", "please write to bo@firm.example, thanks"),
        ("iban", "DE89370400440532013000"),
        ("iban", "GB82 WEST 1234 5698 7654 32"),
        ("credit_card", "4111 1111 1111 1111"),
        ("credit_card", "5500005555555559"),
        ("phone", "+49 30 901820"),
        ("phone", "(212) 555-0123"),
        ("ip_address", "192.168.10.7"),
        ("ip_address", "2001:db8::8a2e:370:7334"),
        ("national_id", "078-05-1120"),
        ("national_id", "QQ123456C".replace("QQ", "AB")),
        ("national_id", "RSSMRA85T10A562S"),
        ("national_id", "X1234567L"),
    ],
)
def test_personal_data_is_known_by_its_form(kind, value):
    column = pd.DataFrame({"c": ["nothing here", None, value, value]})
    found = {m.metric: m for m in personal_data(column)}
    assert found[f"personal_data_{kind}"].value == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "value",
    [
        "DE89370400440532013001",
        "4111 1111 1111 1112",
        "2026-01-31",
        "12:30:45",
        "300.1.2.3",
        "1.234.567,89",
        "666-12-3456",
        "a @ b",
        "order 12345678",
        "1234567890",
    ],
)
def test_what_only_looks_like_it_is_not_reported(value):
    assert personal_data(pd.DataFrame({"c": [value] * 20})) == []


def test_card_numbers_stored_as_numbers_are_found_and_random_ones_are_not():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"n": rng.integers(4 * 10**15, 5 * 10**15, 500), "card": [4111111111111111] * 500})
    assert {(m.metric, m.slice) for m in personal_data(frame)} == {("personal_data_credit_card", "card")}


def test_a_name_announces_what_a_column_holds():
    kinds = {
        "customerEmail": "email",
        "date_of_birth": "birth_date",
        "SSN": "national_id",
        "Last Name": "person_name",
    }
    assert {name: kind_by_name(name) for name in kinds} == kinds
    assert [kind_by_name(name) for name in ("hotel", "shipping", "description", "age", "relationship")] == [
        ""
    ] * 5
    by_name = personal_data(
        pd.DataFrame({"date_of_birth": [f"x{i}" for i in range(30)], "country_of_birth": 1})
    )
    assert [(m.metric, m.slice) for m in by_name] == [("personal_data_column_name", "date_of_birth")]


def test_no_value_of_a_cell_is_in_the_evidence():
    subject = subjects.subject(200)
    secret = [f"secret{i}@hidden.example" for i in range(200)]
    told = with_columns(subject, contact=secret, phone=[f"+49 30 90182{i:03d}" for i in range(200)])
    [evidence] = run(told, [DataQuality()], made_by="test", clock=SystemClock())
    assert {"personal_data_email", "personal_data_phone"} <= {m.metric for m in evidence.measurements}
    assert not any(part in evidence.to_json() for part in ("secret1", "hidden.example", "90182"))


# Groups


def test_values_missing_more_often_in_one_group_are_found():
    subject = subjects.subject(1500)
    women = subject.data.frame["sex"] == "female"
    gaps = subject.data.frame["age"].astype(float).mask(women & (np.arange(1500) % 5 == 0))
    finding = DataQuality().measure(with_columns(subject, age=gaps))
    assert by(finding, "missing_share")["age: sex=male"].value == 0
    assert by(finding, "missing_share")["age: sex=female"].value == pytest.approx(0.2, abs=0.03)
    difference = by(finding, "missing_share_difference")
    assert difference["age: sex"].low > 0.1
    assert difference["income: sex"].low == 0


def test_labels_flipped_in_one_group_show_as_disagreement():
    rng = np.random.default_rng(0)
    n = 3000
    frame = pd.DataFrame({"x": rng.normal(size=n), "g": rng.choice(["a", "b"], n)})
    y = (frame["x"] > 0).to_numpy()
    flipped = (frame["g"] == "b").to_numpy() & (rng.random(n) < 0.2)
    frame["y"] = np.where(flipped, ~y, y) + 0
    finding = DataQuality().measure(of(frame, sensitive=["g"]))
    found = by(finding, "label_disagreement_share")
    assert found["g=b"].low > 0.12
    assert found["g=a"].high < 0.05
    assert by(finding, "label_disagreement_share_difference")["g"].low > 0.08


# Any data


def test_constant_columns_are_named():
    subject = with_columns(subjects.subject(100), source="web", nothing=np.nan)
    finding = DataQuality().measure(subject)
    assert by(finding, "constant_column_count")[""].value == 2
    assert set(by(finding, "most_frequent_share")) == {"source", "nothing"}


@pytest.mark.parametrize("rows", [2, 5, 30])
def test_a_few_rows_get_an_answer_and_no_failure(rows):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=2 * rows), "g": list("ab") * rows, "y": [0, 1] * rows})
    finding = DataQuality().measure(of(frame[:rows], frame[rows:], sensitive=["g"]))
    assert finding.outcome is not Outcome.FAIL or rows == 30  # g is y under another name
    alone = DataQuality().measure(of(frame[:rows].drop(columns="g")))
    assert alone.outcome is Outcome.MEASURED
    assert any("neither a contract nor a reference" in note for note in alone.notes)


def test_every_kind_of_column_is_taken():
    n = 120
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "when": pd.date_range("2026-01-01", periods=n, freq="D"),
            "zone": pd.date_range("2026-01-01", periods=n, freq="D", tz="Europe/Berlin"),
            "took": pd.to_timedelta(rng.integers(0, 99, n), unit="h"),
            "flag": pd.array(rng.choice([True, False, None], n), dtype="boolean"),
            "whole": pd.array([None, *range(1, n)], dtype="Int64"),
            "kind": pd.Categorical(rng.choice(["a", "b"], n)),
            "code": pd.Categorical(rng.integers(0, 3, n)),
            "list": [[i, 2] for i in range(n)],
            "mixed": [1, "two", None, 4.5] * (n // 4),
            "infinite": np.where(np.arange(n) == 3, np.inf, 1.5),
            "empty": [None] * n,
            "nearly empty": [1.0, *[None] * (n - 1)],
            "y": rng.choice(["u", "v", "w"], n),
        }
    )
    finding = DataQuality().measure(
        of(frame, frame.sample(frac=1, random_state=0), sensitive=["kind", "flag"])
    )
    assert by(finding, "train_test_overlap_share")[""].value == 1
    assert not {m.slice for m in finding.measurements if m.outcome is Outcome.FAIL} - {""}
    assert by(finding, "type_violation_share")["empty"].note == "every value is missing"


def test_columns_of_one_side_only_are_no_failure_of_an_inferred_contract():
    subject = subjects.subject(300)
    reference = replace(subject.reference, frame=subject.reference.frame.assign(split="train"))
    finding = DataQuality().measure(replace(subject, reference=reference))
    assert finding.outcome is Outcome.PASS
    assert any("In the reference only: split." in note for note in finding.notes)


def test_a_missing_pandera_is_told_and_the_rest_is_measured(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "pandera.pandas", None)
    finding = DataQuality().measure(subjects.subject(200))
    assert any("pip install 'model-workbench[audits]'" in note for note in finding.notes)
    assert by(finding, "duplicate_share")


def test_a_contract_that_cannot_be_read_is_refused_with_the_nearest_name(tmp_path: Path):
    (tmp_path / "loans.yaml").write_text("columns: {}")
    with pytest.raises(InvalidInput, match=r"loans\.yaml"):
        DataQuality(contract=str(tmp_path / "loan.yaml"))


# Public data


def test_on_adult_the_published_test_file_keeps_the_contract_of_the_training_file(read_adult):
    train, test = read_adult("data"), read_adult("test")
    dotted = DataQuality().measure(of(test, train, target="income", sensitive=["sex"]))
    label = by(dotted, "category_violation_share")["income"]
    assert (label.value, label.outcome) == (1, Outcome.FAIL)  # the test file writes ">50K." with a dot
    test["income"] = test["income"].str.rstrip(".")
    finding = DataQuality().measure(of(test, train, target="income", sensitive=["sex"]))
    assert finding.outcome is Outcome.PASS
    assert by(finding, "missing_share")["workclass"].value == pytest.approx(963 / 16281)
    assert by(finding, "reference_repeat_share")[""].n == 32561
    assert by(finding, "duplicate_share")[""].value * 16281 == pytest.approx(test.duplicated().sum())
    assert by(finding, "missing_share_difference")["workclass: sex"].low > 0.02


def test_on_compas_columns_written_after_the_outcome_are_the_ones_that_foretell_it(compas):
    data = Dataset.of(
        compas.assign(high=(compas["decile_score"] > 4) + 0), target="two_year_recid", prediction="high"
    )
    finding = DataQuality(leakage_at_most=0.9).measure(Subject(predictor_of(None, data=data), data))
    failed = {
        m.slice for m in by(finding, "single_feature_roc_auc_score").values() if m.outcome is Outcome.FAIL
    }
    assert {"is_recid", "r_charge_degree", "r_offense_date"} <= failed
    assert not failed & {"age", "sex", "race", "priors_count", "decile_score"}
    assert "id" in by(finding, "distinct_share")


def test_on_the_dutch_census_rows_of_codes_repeat_by_nature(shared_data: Path):
    frame = pd.read_csv(shared_data / "dutch_census" / "dutch.csv").sample(frac=1, random_state=0)
    finding = DataQuality().measure(of(frame[:20_000], frame[20_000:], target="occupation"))
    assert by(finding, "train_test_overlap_share")[""].value > 0.7
    assert finding.outcome is Outcome.PASS
