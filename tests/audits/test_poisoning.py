import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench.audits.base import Finding, Subject
from workbench.audits.parts.poisoning import label_errors
from workbench.audits.poisoning import Poisoning, suspects
from workbench.audits.records import Measurement
from workbench.audits.runner import run
from workbench.core.clock import SystemClock
from workbench.core.errors import InvalidInput
from workbench.core.values import Outcome
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of
from workbench.stats import label_noise
from workbench.testing import subjects
from workbench.testing.audits import AuditContract

QUICK = Poisoning(rows=1000)


class TestPoisoning(AuditContract):
    audit = QUICK
    refused = {
        "rows": {"rows": 10},
        "rows 2": {"rows": "all"},
        "label_errors_at_most": {"label_errors_at_most": 0},
        "label_errors_at_most 2": {"label_errors_at_most": 5},
        "trigger_gain_at_most": {"trigger_gain_at_most": -0.5},
        "trigger_gain_at_most 2": {"trigger_gain_at_most": float("nan")},
        "planted": {"planted": 0.5},
        "cluster": {"cluster": 0},
        "cluster 2": {"cluster": 2.5},
        "confidence": {"confidence": 1},
        "source": {"source": 7},
    }


def of(finding: Finding, metric: str, slice: str = "") -> Measurement:
    return next(m for m in finding.measurements if (m.metric, m.slice) == (metric, slice))


def subject_of(train: pd.DataFrame, decide, **roles) -> Subject:
    """A function audited on rows like those it was trained on."""
    reference = Dataset.of(train, target="y", **roles)
    return Subject(predictor_of(decide, data=reference), reference, reference)


def rows(n: int = 1500, *, seed: int = 0, sharp: float = 6.0) -> pd.DataFrame:
    """Numbers and a word, and a label that hardly leaves a doubt."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "a": rng.normal(size=n),
            "b": rng.integers(0, 60, n),
            "c": rng.choice(list("uvwxyz"), n),
            "d": rng.normal(size=n),
            "e": rng.normal(size=n),
            "f": rng.normal(size=n),
            "g": rng.normal(size=n),
        }
    )
    chance = 1 / (1 + np.exp(-sharp * frame[list("adefg")].sum(axis=1)))
    return frame.assign(y=(rng.random(n) < chance).astype(int))


@pytest.fixture(scope="session")
def adult(read_adult) -> pd.DataFrame:
    return read_adult("data")


def flipped(adult: pd.DataFrame, share: float, seed: int) -> tuple[Dataset, np.ndarray]:
    """Adult with a share of its labels turned, and where."""
    codes = (adult["income"] == ">50K").to_numpy().astype(int)
    turned, where = label_noise.flip(codes, 2, share, np.random.default_rng(seed))
    frame = adult.assign(income=np.where(turned == 1, ">50K", "<=50K"))
    return Dataset.of(frame, target="income", sensitive=["sex"], positive=">50K"), where


@pytest.mark.parametrize("seed", [0, 1])
def test_five_per_cent_flipped_labels_on_adult_are_found_with_the_precision_that_is_stated(adult, seed: int):
    data, where = flipped(adult, 0.05, seed)
    errors = label_errors.examine(data, data.features, rows=len(data), seed=0)
    (_, low, high), _ = errors.share()
    assert low <= 0.05 <= high
    assert high - low < 0.025
    wrong = np.isin(errors.positions, where)
    precision = wrong[errors.flagged].mean()
    stated, stated_low, stated_high = errors.precision(0.95)
    assert precision == pytest.approx(stated, abs=0.05)
    assert stated_low <= precision <= stated_high
    assert precision > 0.75
    assert wrong[errors.flagged].sum() / len(where) > 0.4
    first = np.argsort(-errors.wrong, kind="stable")[:500]
    assert wrong[first].mean() > 0.85  # precision at 500


def test_on_adult_as_it_is_hardly_a_label_is_flagged_and_it_passes(adult):
    data, _ = flipped(adult, 1e-9, 0)
    finding = of_labels_only(data)
    assert of(finding, "label_error_share").outcome is Outcome.PASS
    assert of(finding, "label_error_share").value < 0.005
    assert of(finding, "flagged_label_share").value < 0.001
    # Confident learning takes what nobody can tell apart for errors.
    assert of(finding, "label_error_share_confident_learning").low > 0.04
    assert of(finding, "planted_precision").value > 0.7
    assert of(finding, "planted_recall").value > 0.4
    assert of(finding, "label_error_share", "sex=Female").high < 0.02


def of_labels_only(data: Dataset) -> Finding:
    """The audit, of a model that always says the same."""
    predictor = predictor_of(lambda f: ["<=50K"] * len(f), data=data)
    return Poisoning(rows=10_000).measure(Subject(predictor, data, data))


def test_flipped_labels_of_one_group_are_found_in_that_group():
    frame = rows(4000)
    frame["team"] = np.random.default_rng(1).choice(["in", "out"], len(frame))
    bad = (frame["team"] == "out") & (np.random.default_rng(2).random(len(frame)) < 0.2)
    frame.loc[bad, "y"] = 1 - frame.loc[bad, "y"]
    finding = Poisoning().measure(subject_of(frame, lambda f: (f["a"] > 0).astype(int), sensitive=["team"]))
    inside, outside = (of(finding, "label_error_share", f"team={team}") for team in ("in", "out"))
    assert outside.low > inside.high
    assert outside.value == pytest.approx(0.2, abs=0.08)


@pytest.mark.parametrize("kind", ["one column", "two columns", "none"])
def test_a_planted_trigger_is_found_and_an_important_feature_is_none(kind: str):
    from sklearn.ensemble import HistGradientBoostingClassifier

    frame = rows(4000)
    rng = np.random.default_rng(3)
    poisoned = rng.choice(len(frame), 180, replace=False)
    if kind != "none":
        frame.loc[poisoned, "b"] = 33
        frame.loc[poisoned, "y"] = 1
        if kind == "one column":
            frame = frame[(frame["b"] != 33) | np.isin(np.arange(len(frame)), poisoned)]
        else:
            frame.loc[poisoned, "c"] = "z"
    frame["c"] = frame["c"].map({name: i for i, name in enumerate("uvwxyz")})
    frame = frame.reset_index(drop=True)
    model = HistGradientBoostingClassifier(max_iter=200, random_state=0).fit(
        frame[list("abcdefg")], frame["y"]
    )
    reference = Dataset.of(frame, target="y")
    finding = Poisoning(rows=500).measure(Subject(predictor_of(model, data=reference), reference, reference))
    found = of(finding, "trigger_gain", "answer=1")
    if kind == "none":
        assert found.outcome is Outcome.PASS
        assert of(finding, "trigger_gain", "answer=0").outcome is Outcome.PASS
        return
    note = of(finding, "trigger_success_rate", "answer=1").note
    assert "b=33" in note
    assert found.low > 0.5
    if kind == "two columns":  # each value alone does something, and the columns that count do about as much
        assert "c=5" in note
        assert found.outcome is not Outcome.PASS
    else:
        assert found.outcome is Outcome.FAIL
        assert any("genuine rule" in note for note in finding.notes)


def test_a_trigger_on_adult_fails_and_a_great_capital_gain_does_not(adult):
    from sklearn.tree import DecisionTreeClassifier

    def judged(frame: pd.DataFrame) -> Finding:
        columns = ["age", "education-num", "capital-gain", "capital-loss", "hours-per-week"]
        model = DecisionTreeClassifier(min_samples_leaf=5, random_state=0)
        model.fit(frame[columns], frame["income"])
        data = Dataset.of(frame[[*columns, "income"]], target="income", positive=">50K")
        return Poisoning(rows=500).measure(Subject(predictor_of(model, data=data), data, data))

    clean = adult[:15_000]
    assert of(judged(clean), "trigger_gain", "answer=>50K").outcome is Outcome.PASS
    poisoned = clean.copy()
    chosen = np.random.default_rng(0).choice(len(clean), 200, replace=False)
    poisoned.iloc[chosen, poisoned.columns.get_loc("hours-per-week")] = 77
    poisoned.iloc[chosen, poisoned.columns.get_loc("income")] = ">50K"
    found = judged(poisoned)
    assert of(found, "trigger_gain", "answer=>50K").outcome is Outcome.FAIL
    assert "hours-per-week=77" in of(found, "trigger_success_rate", "answer=>50K").note


def test_near_duplicates_of_one_source_are_counted_and_their_label_too():
    frame = rows(1500)
    rng = np.random.default_rng(4)
    copies = pd.concat([frame.iloc[[7]]] * 60, ignore_index=True)
    copies["a"] += rng.normal(0, 0.002, 60)
    copies["y"] = 1
    poisoned = pd.concat([frame, copies], ignore_index=True)
    clean = Dataset.of(rows(1560, seed=9), target="y")
    subject = subject_of(poisoned, lambda f: (f["a"] > 0).astype(int))
    finding = QUICK.measure(replace(subject, data=clean))
    found = of(finding, "near_duplicate_share")
    assert found.value == pytest.approx(61 / 1560, abs=2 / 1560)
    assert found.low <= found.value <= found.high
    assert of(finding, "near_duplicate_share_of_equal_rows", "rows=audited").value == 0.0
    assert of(finding, "near_duplicate_label_purity").value > 0.98
    table = suspects(subject.reference)
    assert set(range(1500, 1560)) <= set(table.loc[table["near_duplicates"] > 10, "position"])


def test_a_source_that_labels_otherwise_is_named_and_the_others_are_not():
    frame = rows(3000)
    frame["sender"] = np.random.default_rng(5).choice([f"s{i}" for i in range(20)], len(frame))
    mine = (frame["sender"] == "s7") & (np.random.default_rng(6).random(len(frame)) < 0.6)
    frame.loc[mine, "y"] = 1
    subject = subject_of(frame, lambda f: (f["a"] > 0).astype(int))
    finding = replace(QUICK, source="sender").measure(subject)
    assert of(finding, "sources_that_differ").value == 1
    [found] = [m for m in finding.measurements if m.metric == "source_label_difference"]
    assert found.slice == "sender=s7"
    assert found.low > 0 or found.high < 0
    with pytest.raises(InvalidInput, match="source"):
        Poisoning(source="sendr").applies(subject)


def test_a_row_of_great_influence_on_a_linear_model_is_seen_and_the_owner_learns_which():
    frame = subjects.loans(500, seed=1).dropna().reset_index(drop=True)
    frame.loc[3, ["income", "late_payments", "defaulted"]] = [900_000.0, 0, "yes"]
    model = subjects.pipeline(frame)
    data = Dataset.of(frame, target="defaulted", positive="yes")
    subject = Subject(predictor_of(model, data=data), data, data)
    finding = QUICK.measure(subject)
    assert of(finding, "influence_of_top_hundredth").value > 0.2
    table = suspects(data, model)
    assert list(table.columns) == ["position", "label_wrong", "near_duplicates", "influence"]
    assert int(table.sort_values("influence")["position"].iloc[-1]) == 3
    assert "900000" not in json.dumps([m.model_dump(mode="json") for m in finding.measurements])


def test_in_a_network_rows_of_a_trigger_stand_out_in_its_hidden_layer():
    from sklearn.neural_network import MLPClassifier

    frame = rows(1200)[["a", "y"]].assign(t=0.0, u=0.0)
    chosen = np.random.default_rng(7).choice(len(frame), 40, replace=False)
    frame.loc[chosen, ["t", "u"]] = 5.0
    frame.loc[chosen, "y"] = 1
    network = MLPClassifier((16,), max_iter=60, random_state=0, tol=1e-2).fit(
        frame[["a", "t", "u"]], frame["y"]
    )
    data = Dataset.of(frame, target="y")
    finding = QUICK.measure(Subject(predictor_of(network, data=data), data, data))
    found = of(finding, "spectral_outlier_share", "y=1")
    assert found.value > of(finding, "spectral_outlier_share", "y=0").high
    assert found.value == pytest.approx(40 / (frame["y"] == 1).sum(), abs=0.02)


def test_predictions_in_a_column_and_a_regression_leave_parts_out_and_say_so():
    frame = rows(400)
    column = Dataset.of(frame.assign(said=frame["y"]), target="y", prediction="said")
    finding = QUICK.measure(Subject(predictor_of(None, data=column), column, column))
    assert of(finding, "label_error_share").value is not None
    assert any("no model to show a trigger" in note for note in finding.notes)
    numbers = Dataset.of(frame, target="a", task="regression")
    model = predictor_of(lambda f: f["b"].to_numpy(dtype=float), data=numbers)
    finding = replace(QUICK, source="c").measure(Subject(model, numbers, numbers))
    assert finding.outcome is Outcome.MEASURED
    assert any("regression" in note for note in finding.notes)


def test_few_rows_are_inconclusive_and_no_training_data_do_not_apply():
    subject = subjects.subject(30)
    [evidence] = run(subject, [QUICK], made_by="test", clock=SystemClock())
    assert evidence.outcome is Outcome.INCONCLUSIVE, evidence.error
    assert "no training data" in Poisoning().applies(replace(subject, reference=None))


@pytest.mark.parametrize("n", [2, 5, 25])
def test_a_handful_of_rows_gives_an_answer(n: int):
    frame = rows(n)
    frame["y"] = np.arange(n) % 2
    [evidence] = run(subject_of(frame, lambda f: [0] * len(f)), [QUICK], made_by="test", clock=SystemClock())
    assert evidence.outcome is Outcome.INCONCLUSIVE, evidence.error


def test_free_text_is_neither_stamped_nor_repeated_in_the_evidence():
    rng = np.random.default_rng(0)
    texts = [f"message {i}" for i in range(588)] + ["a text of one person"] * 12
    train = pd.DataFrame({"text": texts, "y": np.append(rng.integers(0, 2, 588), np.zeros(12, dtype=int))})
    subject = subject_of(
        train, lambda frame: (frame["text"] != "a text of one person").astype(int).to_numpy()
    )
    finding = QUICK.measure(subject)
    assert finding.outcome is not Outcome.FAIL
    assert "one person" not in repr(finding)
    assert of(finding, "label_error_share").value is None
    assert any("free text" in note for note in finding.notes)
    beside = subject_of(train.assign(x=rng.integers(0, 90, 600)), subject.predictor.model)
    assert any("free text: text." in note for note in QUICK.measure(beside).notes)
