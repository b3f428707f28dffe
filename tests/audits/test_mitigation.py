import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score

from workbench.audits.base import Subject
from workbench.audits.mitigation import Mitigation
from workbench.audits.parts.mitigation.methods import METHODS
from workbench.core.errors import InvalidInput
from workbench.core.values import Outcome
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of
from workbench.testing import subjects
from workbench.testing.audits import AuditContract
from workbench.views.figures import svg


class TestMitigation(AuditContract):
    audit = Mitigation(n_boot=100)
    refused = {
        "mitigations": {"mitigations": []},
        "mitigations 2": {"mitigations": ["threshold_optimiser"]},
        "mitigations 3": {"mitigations": ["correlation_remover", "correlation_remover"]},
        "mitigations 4": {"mitigations": 3},
        "constraint": {"constraint": "fair"},
        "constraint 2": {"constraint": None},
        "fit_rows": {"fit_rows": 0},
        "confidence": {"confidence": 1.0},
        "confidence 2": {"confidence": "high"},
        "n_boot": {"n_boot": 99},
        "column": {"column": 1.5},
    }


def biased(rows, seed):
    """Group b has the same talent and half the chance; a proxy lets the model see the group."""
    rng = np.random.default_rng(seed)
    group = rng.choice(["a", "b"], rows, p=[0.7, 0.3])
    skill = rng.normal(size=rows)
    proxy = (group == "b") + rng.normal(0, 0.3, rows)
    y = (rng.random(rows) < 1 / (1 + np.exp(-(1.5 * skill - 1.6 * (group == "b"))))).astype(int)
    return pd.DataFrame({"skill": skill, "proxy": proxy, "group": group, "y": y})


def subject(rows=3000, *, model=None, train=None, data=None, prediction=None, score=None):
    train = biased(rows, 1) if train is None else train
    frame = biased(rows, 2) if data is None else data
    fitted = (model or LogisticRegression()).fit(train[["skill", "proxy"]], train.y)
    roles = {"target": "y", "sensitive": ["group"]}
    test = Dataset.of(frame, **roles, prediction=prediction, score=score)
    predictor = predictor_of(None if prediction else fitted, data=test)
    return Subject(predictor, test, Dataset.of(train, **roles))


def measured(finding):
    return {(m.metric, m.slice): m for m in finding.measurements}


@pytest.fixture(scope="module")
def parity():
    return Mitigation(constraint="demographic_parity").measure(subject())


@pytest.mark.parametrize("name", METHODS)
def test_each_mitigation_narrows_the_gap_it_is_asked_to_and_says_what_it_costs(parity, name):
    found = measured(parity)
    before = found["demographic_parity_difference", ""]
    after = found["demographic_parity_difference", f"mitigation={name}"]
    change = found["demographic_parity_difference_change", f"mitigation={name}"]
    assert before.value > 0.2
    assert after.value < 0.12
    assert change.high < -0.08
    assert change.value == pytest.approx(after.value - before.value)
    assert any(f"What {name} costs" in note for note in parity.notes)


def test_the_model_is_shown_as_it_is_and_stays_so(parity):
    case = subject()
    before = case.predictor.model.coef_.copy()
    Mitigation(n_boot=100).measure(case)
    assert (case.predictor.model.coef_ == before).all()
    m = measured(parity)["accuracy_score", ""]
    assert m.value == pytest.approx(accuracy_score(case.data.y, case.answers))


def test_whose_answers_change_is_counted_and_the_lot_is_told(parity):
    found = measured(parity)
    where = "mitigation=threshold_optimizer"
    lost, gained, by_lot = (found[f"answers_{what}", where] for what in ("lost", "gained", "by_lot"))
    change = found["selection_rate_change", where].value
    assert gained.value - lost.value == pytest.approx(change)
    assert by_lot.value > 0
    assert found["answers_by_lot", "mitigation=correlation_remover"].value == 0


def test_equalized_odds_is_narrowed_when_asked_for():
    found = measured(Mitigation(mitigations=("threshold_optimizer",)).measure(subject()))
    metric = "equalized_odds_difference"
    assert found[metric, "mitigation=threshold_optimizer"].value < found[metric, ""].value / 2


def test_a_group_the_reference_hardly_has_keeps_the_models_answers():
    data = biased(800, 2)
    data.loc[:9, "group"] = "c"
    data.loc[10:19, "group"] = None
    finding = Mitigation(n_boot=100).measure(subject(1000, data=data))
    assert any("keep the model's answers: c, missing" in note for note in finding.notes)
    assert measured(finding)["accuracy_score", "mitigation=threshold_optimizer"].n == 800


def test_one_group_is_inconclusive_and_says_so():
    train = biased(400, 1).assign(group="a")
    finding = Mitigation(n_boot=100).measure(subject(400, train=train))
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert any("no two groups" in note for note in finding.notes)


def test_a_mitigation_that_cannot_take_missing_values_is_told_and_the_others_are_tried():
    train, data = biased(600, 1), biased(600, 2)
    train.loc[:5, "skill"] = np.nan
    case = subject(train=train, data=data, model=HistGradientBoostingClassifier(max_iter=10))
    finding = Mitigation(n_boot=100, mitigations=("threshold_optimizer", "correlation_remover")).measure(case)
    assert any("correlation_remover could not be tried: there are missing" in n for n in finding.notes)
    assert {m.slice for m in finding.measurements} == {"", "mitigation=threshold_optimizer"}


def test_a_column_of_scores_can_have_its_thresholds_moved_and_no_more():
    scored = [
        frame.assign(s=1 / (1 + np.exp(-frame.skill))).assign(p=lambda f: (f.s > 0.5).astype(int))
        for frame in (biased(900, 1), biased(900, 2))
    ]
    case = subject(train=scored[0], data=scored[1], prediction="p", score="s")
    finding = Mitigation(n_boot=100).measure(case)
    assert {m.slice for m in finding.measurements} == {"", "mitigation=threshold_optimizer"}
    assert sum("cannot be fitted anew" in note for note in finding.notes) == 2


def test_why_it_does_not_apply_is_said():
    assert "reference" in Mitigation().applies(subjects.subject(50, reference=False))
    assert "two labels" in Mitigation().applies(subjects.messy_subject(60))


def test_a_column_that_is_not_sensitive_is_refused_with_the_nearest():
    with pytest.raises(InvalidInput, match="Did you mean 'group'"):
        Mitigation(column="groop").measure(subject(200))


def test_the_figure_can_be_drawn_and_names_every_point(parity):
    [figure] = parity.figures
    assert "<svg" in svg(figure)
    assert all(name in figure.description for name in ("the model", *METHODS))
    assert len(str(figure.spec)) < 5000
