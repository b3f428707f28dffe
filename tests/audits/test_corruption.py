import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench.audits.base import Subject
from workbench.audits.corruption import Corruption
from workbench.audits.parts.corruption.faults import FAULTS, places_of, strike
from workbench.audits.parts.corruption.forms import kind_of
from workbench.audits.records import Evidence
from workbench.audits.runner import run
from workbench.core.clock import SystemClock
from workbench.core.values import Outcome
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of
from workbench.testing import subjects
from workbench.testing.audits import AuditContract


class TestCorruption(AuditContract):
    audit = Corruption(rows=100)
    refused = {
        "rows": {"rows": 0},
        "rows 2": {"rows": "many"},
        "share": {"share": 0},
        "share 2": {"share": 1.5},
        "share 3": {"share": 0.5, "images": [28, 28]},
        "faults": {"faults": []},
        "faults 2": {"faults": ["mising"]},
        "faults 3": {"faults": ["gaussian_noise"]},
        "faults 4": {"faults": ["typo"], "images": [28, 28]},
        "images": {"images": [28]},
        "images 2": {"images": [0, 28]},
        "at_most": {"at_most": -0.1},
        "confidence": {"confidence": 1},
    }

    def test_it_reads_what_the_model_reads_and_the_truth(self) -> None:
        assert set(self.audit.reads(self.subject())) == set(subjects.loans(2).columns)


def evidence(subject: Subject, audit: Corruption) -> Evidence:
    [found] = run(subject, [audit], made_by="", clock=SystemClock())
    assert found.outcome is not Outcome.ERROR, found.error
    return found


def by_name(found: Evidence, metric: str) -> dict:
    return {m.slice: m for m in found.measurements if m.metric == metric}


def asked(function, frame: pd.DataFrame, task="classification", target="y") -> Subject:
    data = Dataset.of(frame, target=target, task=task)
    return Subject(predictor_of(function, data=data), data)


@pytest.fixture(scope="module")
def numbers() -> pd.DataFrame:
    x = np.arange(1.0, 201)
    return pd.DataFrame({"x": x, "z": x[::-1], "y": (x > 100).astype(int)})


def test_shares_and_differences_are_those_of_a_count_by_hand(numbers):
    subject = asked(lambda f: (f["x"] > 100).astype(int), numbers)
    found = evidence(subject, Corruption(faults=("unit_error", "sign_flip", "swap")))
    changed, cost = by_name(found, "changed_answers"), by_name(found, "accuracy_score_difference")
    assert by_name(found, "accuracy_score")["fault=none"].value == 1
    assert changed["fault=none"].value == 0
    # x is 1 to 200: times 2.54 puts 40 to 100 above 100; divided, all below; swapped, all change
    assert changed["fault=unit_error ×2.54 & column=x"].value == 61 / 200
    assert cost["fault=unit_error ×2.54 & column=x"].value == -61 / 200
    assert cost["fault=unit_error ÷1000 & column=x"].value == -0.5
    assert cost["fault=swap & columns=x and z"].value == -1
    assert cost["fault=sign_flip & column=z"].value == 0
    assert changed["fault=sign_flip & column=z"].high > 0
    mean = np.mean([m.value for name, m in cost.items() if name.startswith("fault=unit_error ")])
    assert cost["fault=unit_error"].value == pytest.approx(mean)


def test_the_worst_comes_first(numbers):
    subject = asked(lambda f: (f["x"] > 100).astype(int), numbers)
    found = evidence(subject, Corruption())
    places = [m.value for m in found.measurements if "&" in m.slice and m.metric.startswith("accuracy")]
    faults = [m.value for m in found.measurements if "&" not in m.slice and m.metric.endswith("difference")]
    assert places == sorted(places)
    assert faults == sorted(faults)
    assert len(places) > 10
    assert [f.title for f in found.figures] == ["Faults that cost most"]
    assert "swap" in found.figures[0].description


def test_a_regression_is_measured_by_its_absolute_error():
    x = np.arange(1.0, 101)
    subject = asked(lambda f: 2 * f["x"], pd.DataFrame({"x": x, "y": 2 * x + 1}), task="regression")
    cost = by_name(evidence(subject, Corruption()), "mean_absolute_error_difference")
    flipped = cost["fault=sign_flip & column=x"]
    assert flipped.value == pytest.approx(np.mean(4 * x + 1) - 1)
    assert flipped.low < flipped.value < flipped.high
    assert flipped.unit == "target"
    blank = cost["fault=missing & column=x"]
    assert blank.value is None
    assert "raises: WorkbenchError" in blank.note  # the function answers NaN, which is no answer


def test_an_infinite_answer_is_no_number_and_fails_a_verdict():
    x = np.linspace(1, 700, 60)
    subject = asked(lambda f: f["x"] ** 100, pd.DataFrame({"x": x, "y": x}), task="regression")
    found = evidence(subject, Corruption(faults=("unit_error",), at_most=1.0))
    [worst] = [
        m for m in found.measurements if m.slice == "fault=unit_error ×1000 & column=x" and m.unit == "target"
    ]
    assert worst.value is None
    assert worst.note.endswith("an answer is infinite")
    assert found.outcome is Outcome.FAIL


def test_a_model_that_refuses_a_broken_row_is_said_to_raise_and_the_audit_goes_on(numbers):
    def strict(frame):
        if frame["x"].isna().any() or (frame["x"] < 0).any():
            raise ValueError("x: 'Jane Doe' is no number\nsecond line")
        return (frame["x"] > 100).astype(int)

    found = evidence(asked(strict, numbers), Corruption())
    refused = [m for m in found.measurements if m.note.startswith("raises: ") and "&" in m.slice]
    assert {m.slice for m in refused} == {"fault=missing & column=x", "fault=sign_flip & column=x"}
    assert all(m.value is None and m.note == "raises: ValueError: x: '…' is no number" for m in refused)
    assert "Jane" not in found.to_json()
    assert by_name(found, "changed_answers")["fault=missing & column=z"].value == 0
    assert "raises in 1" in by_name(found, "changed_answers")["fault=missing"].note
    assert any("refuses rather than answer wrongly" in note for note in found.notes)


def test_a_model_that_refuses_everything_broken_has_no_verdict(numbers):
    clean = numbers["x"].to_numpy()

    def strict(frame):
        if not np.isin(frame["x"], clean).all() or not np.isin(frame["z"], clean).all():
            raise RuntimeError
        return (frame["x"] > 100).astype(int)

    found = evidence(asked(strict, numbers), Corruption(faults=("missing", "sign_flip"), at_most=0.1))
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "raises in all" in by_name(found, "changed_answers")["fault=missing"].note


def test_a_verdict_is_judged_by_the_interval_of_the_loss(numbers):
    subject = asked(lambda f: (f["x"] > 100).astype(int), numbers)
    one = {"faults": ("unit_error",)}
    assert evidence(subject, Corruption(**one, at_most=0.9)).outcome is Outcome.PASS
    failed = evidence(subject, Corruption(**one, at_most=0.1))
    assert failed.outcome is Outcome.FAIL
    judged = {m.slice: m.outcome for m in failed.measurements if m.outcome is not Outcome.MEASURED}
    assert judged["fault=unit_error ÷1000 & column=x"] is Outcome.FAIL
    assert judged["fault=unit_error ×1000 & column=z"] is Outcome.PASS
    # some cost just half of the accuracy: an interval around the margin settles nothing
    near = evidence(subject, Corruption(**one, at_most=0.5))
    assert near.outcome is Outcome.INCONCLUSIVE


def test_intervals_under_a_verdict_hold_together_and_are_wider(numbers):
    subject = asked(lambda f: (f["x"] > 100).astype(int), numbers)
    alone, together = (evidence(subject, Corruption(at_most=limit)) for limit in (None, 0.5))
    name = "fault=unit_error ×2.54 & column=x"
    a, b = (by_name(e, "accuracy_score_difference")[name] for e in (alone, together))
    assert b.low < a.low < a.high < b.high
    assert any("together (Bonferroni)" in note for note in together.notes)


def test_a_model_that_ignores_its_inputs_is_uninformative_and_not_robust(numbers):
    found = evidence(asked(lambda f: np.ones(len(f), dtype=int), numbers), Corruption(at_most=0.5))
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "uninformative, not robust" in found.notes[0]


def test_a_model_that_draws_at_random_is_told_by_its_floor(numbers):
    rng = np.random.default_rng(0)
    found = evidence(asked(lambda f: rng.integers(0, 2, len(f)), numbers), Corruption())
    assert by_name(found, "changed_answers")["fault=none"].value > 0.3
    assert "with no fault at all" in found.notes[0]
    assert found.outcome is Outcome.INCONCLUSIVE


def test_the_share_of_rows_struck_is_the_severity(numbers):
    subject = asked(lambda f: (f["x"] > 100).astype(int), numbers)
    whole, part = (
        by_name(evidence(subject, Corruption(share=share)), "changed_answers") for share in (1, 0.25)
    )
    name = "fault=swap & columns=x and z"
    assert whole[name].value == 1
    assert part[name].value == 0.25
    assert part[name].note == "it struck 50 of 200 rows"


def test_columns_the_model_does_not_read_are_not_struck():
    subject = replace(subjects.subject())
    frame = subject.data.frame.assign(idle=1.5)
    data = Dataset.of(frame, target=subjects.TARGET, positive="yes")
    found = evidence(replace(subject, data=data), Corruption(rows=50))
    assert not any("idle" in m.slice for m in found.measurements)


def test_a_column_of_predictions_cannot_be_asked():
    data = Dataset.of(subjects.loans(50).assign(said="no"), target=subjects.TARGET, prediction="said")
    assert "no model to ask" in Corruption().applies(Subject(predictor_of(None, data=data), data))


@pytest.mark.parametrize("rows", [2, 3])
def test_two_rows_are_enough_for_an_answer(rows):
    frame = subjects.loans(60)
    few = pd.concat([frame[frame[subjects.TARGET] == label].head(1) for label in ("yes", "no")])
    data = Dataset.of(few, target=subjects.TARGET, positive="yes")
    found = evidence(
        Subject(predictor_of(subjects.pipeline(frame), data=data), data), Corruption(rows=rows, at_most=0.1)
    )
    assert found.outcome in {Outcome.INCONCLUSIVE, Outcome.FAIL}


def test_many_columns_are_sampled_and_a_note_says_so():
    rng = np.random.default_rng(0)
    wide = pd.DataFrame(rng.normal(size=(40, 150)), columns=[f"x{i}" for i in range(150)])
    subject = asked(lambda f: (f.sum(axis=1) > 0).astype(int), wide.assign(y=rng.integers(0, 2, 40)))
    found = evidence(subject, Corruption())
    assert any("were left out" in note for note in found.notes)
    assert len(by_name(found, "changed_answers")) <= 410


# The faults themselves


@pytest.fixture
def everything() -> pd.DataFrame:
    n = 40
    return pd.DataFrame(
        {
            "whole": np.arange(n),
            "byte": np.arange(n, dtype="uint8") + 215,
            "real": np.linspace(0.013, 97.3, n),
            "single": np.linspace(0, 5, n, dtype="float32"),
            "gaps": pd.array([1, None, 2, 3] * (n // 4), dtype="Int64"),
            "switch": [True, False] * (n // 2),
            "maybe": pd.array([True, None] * (n // 2), dtype="boolean"),
            "zero_one": [0, 1] * (n // 2),
            "text": ["north", "", None, "größer"] * (n // 4),
            "category": pd.Categorical(list("abcd") * (n // 4)),
            "mixed": [1, "a", None, 2.5] * (n // 4),
            "when": pd.date_range("2026-01-01", periods=n),
            "empty": np.nan,
            "same": "web",
        }
    )


def struck(frame: pd.DataFrame, *faults: str, share: float = 1.0, seed: int = 0) -> dict:
    made = strike(frame, places_of(frame, list(frame.columns), faults), share=share, seed=seed)
    return {fault.slice: fault for fault in made}


@pytest.mark.parametrize("share", [1.0, 0.3])
def test_every_fault_works_on_every_type_and_writes_to_nothing(everything, share):
    before = everything.copy(deep=True)
    found = struck(everything, *FAULTS, share=share)
    pd.testing.assert_frame_equal(everything, before)
    assert {fault.fault for fault in found.values()} == set(FAULTS)
    for fault in found.values():
        rows = fault.rows(everything)
        assert list(rows.columns) == list(everything.columns)
        assert len(rows) == len(everything)
        assert 0 < fault.struck <= round(share * len(everything))
        touched = fault.columns.columns
        pd.testing.assert_frame_equal(rows.drop(columns=touched), everything.drop(columns=touched))
    assert not any(name.endswith("column=empty") for name in found)  # nothing there that could be broken


def test_the_same_seed_breaks_the_same_way(everything):
    once, again, other = (struck(everything, *FAULTS, share=0.5, seed=seed) for seed in (3, 3, 4))
    assert all(once[name].columns.equals(again[name].columns) for name in once)
    assert not all(name in other and once[name].columns.equals(other[name].columns) for name in once)


def test_each_fault_does_what_its_name_says(everything):
    found = struck(everything, *FAULTS)

    def column(name: str, of: str) -> pd.Series:
        return found[f"fault={name} & column={of}"].columns[of]

    assert column("missing", "switch").isna().all()
    assert column("unit_error ×1000", "byte").tolist() == [v * 1000 for v in range(215, 255)]
    assert column("unit_error ×1000", "whole").dtype == "int64"
    assert column("unit_error ÷100", "whole")[7] == pytest.approx(0.07)
    assert column("sign_flip", "byte")[0] == -215
    assert column("sign_flip", "gaps")[0] == -1
    assert column("rounding to whole numbers", "real").tolist() == everything["real"].round().tolist()
    assert column("rounding to one digit", "real").iloc[[0, -1]].tolist() == pytest.approx([0.01, 100])
    assert column("rounding to one digit", "byte")[39] == 300
    assert column("typo case", "text")[3] == "GRÖSSER"
    assert column("typo space", "category").tolist()[:2] == ["a ", "b "]
    assert column("stale row before", "whole").tolist() == [39, *range(39)]
    assert set(column("stale one value", "zero_one")) <= {0}
    assert "fault=stale one value & column=same" not in found
    assert "fault=unit_error ×1000 & column=zero_one" not in found  # a switch has no unit
    swapped = found["fault=swap & columns=text and same"].columns
    assert swapped["text"].tolist() == everything["same"].tolist()


def test_a_shuffle_gives_every_value_another_one_and_keeps_them_apart(everything):
    for column in ("switch", "category", "text", "mixed", "zero_one"):
        clean = everything[column]
        now = struck(everything, "shuffle")[f"fault=shuffle & column={column}"].columns[column]
        known = clean.notna().to_numpy()
        assert (now.isna().to_numpy() == ~known).all()
        pairs = set(zip(clean[known], now[known], strict=True))
        assert all(a != b for a, b in pairs)
        assert {b for _, b in pairs} == {a for a, _ in pairs}


def test_a_slip_of_the_hand_changes_every_text(everything):
    for seed in range(5):
        now = struck(everything, "typo", seed=seed)["fault=typo letter & column=text"].columns["text"]
        known = everything["text"].notna()
        assert (now[known] != everything["text"][known]).all()


def test_kinds_of_columns(everything):
    kinds = {name: kind_of(column) for name, column in everything.items()}
    assert kinds == {
        "whole": "number",
        "byte": "number",
        "real": "number",
        "single": "number",
        "gaps": "number",
        "switch": "code",
        "maybe": "code",
        "zero_one": "code",
        "text": "text",
        "category": "text",
        "mixed": "text",
        "when": "time",
        "empty": "code",
        "same": "text",
    }


def test_a_large_table_takes_a_moment():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(100_000, 20)), columns=[f"x{i}" for i in range(20)])
    y = (frame["x0"] + rng.normal(size=100_000) > 0).astype(int)
    data = Dataset.of(frame.assign(y=y), target="y")
    model = LogisticRegression().fit(frame[:5000], y[:5000])
    subject = Subject(predictor_of(model, data=data), data)
    start = time.process_time()
    found = Corruption().measure(subject)
    assert time.process_time() - start < 6
    assert len(found.measurements) > 400
