import socket
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench.audits import evidently_drift
from workbench.audits.base import Finding, Subject
from workbench.audits.binning import Binning
from workbench.audits.drift import Drift
from workbench.audits.records import Measurement
from workbench.core.errors import InvalidInput
from workbench.core.values import Outcome
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of
from workbench.testing import subjects
from workbench.testing.audits import AuditContract


class TestDrift(AuditContract):
    audit = Drift()


class TestDriftByJensenShannon(AuditContract):
    audit = Drift(method="jensenshannon")


def by(finding: Finding, metric: str) -> dict[str, Measurement]:
    return {m.slice: m for m in finding.measurements if m.metric == metric}


def with_columns(subject: Subject, now: dict[str, object], before: dict[str, object]) -> Subject:
    data = replace(subject.data, frame=subject.data.frame.assign(**now))
    reference = replace(subject.reference, frame=subject.reference.frame.assign(**before))
    return replace(subject, data=data, reference=reference)


def test_the_same_distribution_passes_and_a_moved_column_fails_once_rows_suffice():
    still = Drift().measure(subjects.subject(4000))
    assert still.outcome is Outcome.PASS
    assert {m.outcome for m in by(still, "psi").values()} == {Outcome.PASS}

    moved = Drift().measure(subjects.subject(4000, income_shift=0.5))
    assert moved.outcome is Outcome.FAIL
    psi = by(moved, "psi")
    assert psi["income"].outcome is Outcome.FAIL
    assert psi["age"].outcome is Outcome.PASS
    assert psi["income"].low > 0.1 > psi["age"].high
    assert by(moved, "drifted_columns_share")[""].value >= 1 / 9
    assert "income" in by(moved, "drifted_columns_share")[""].note


def test_few_rows_settle_nothing():
    for rows in (12, 60):
        finding = Drift().measure(subjects.subject(rows))
        assert finding.outcome is Outcome.INCONCLUSIVE
        assert Outcome.FAIL not in {m.outcome for m in finding.measurements}
        assert "cannot be settled" in by(finding, "drifted_columns_share")[""].note
    assert "too few rows to judge" in by(Drift().measure(subjects.subject(12)), "psi")["region"].note


def test_what_the_model_reads_the_target_and_its_answers_are_compared():
    finding = Drift().measure(subjects.subject(500))
    features = {"age", "income", "late_payments", "sex", "region", "owner"}
    assert set(by(finding, "psi")) == features | {subjects.TARGET, "prediction", "score"}
    assert set(by(finding, "evidently_psi")) == set(by(finding, "psi"))
    assert all(m.n == 500 for m in by(finding, "psi").values())
    assert "evidently" in finding.libraries


def test_a_shift_shows_in_the_predictions_as_well():
    finding = Drift().measure(subjects.subject(4000, income_shift=0.8))
    assert by(finding, "psi")["score"].outcome is Outcome.FAIL
    assert by(finding, "psi")["prediction"].outcome is Outcome.FAIL


def test_evidently_agrees_on_categories_where_it_bins_alike():
    subject = subjects.subject(3000)
    theirs = by(Drift(method="jensenshannon").measure(subject), "evidently_jensenshannon")["region"]
    ours = by(Drift(method="jensenshannon").measure(subject), "jensenshannon")["region"]
    assert ours.value == pytest.approx(theirs.value, rel=1e-9)


def test_an_empty_column_is_a_finding_of_its_own_and_stops_no_other():
    subject = with_columns(
        subjects.subject(400), {"income": np.nan, "note": None}, {"note": None, "late_payments": np.nan}
    )
    finding = Drift(columns=("income", "note", "late_payments", "age")).measure(subject)
    missing = by(finding, "missing_share")
    assert (missing["income"].value, missing["income"].outcome) == (1.0, Outcome.FAIL)
    assert missing["late_payments"].note == "empty in the reference"
    assert missing["note"].outcome is Outcome.MEASURED
    assert "age" in by(finding, "psi")
    assert finding.outcome is Outcome.FAIL


def test_more_gaps_than_before_are_drift():
    subject = subjects.subject(2000)
    gaps = subject.data.frame["age"].astype(float).mask(np.arange(2000) % 3 == 0)
    finding = Drift().measure(with_columns(subject, {"age": gaps}, {}))
    assert by(finding, "psi")["age"].outcome is Outcome.FAIL
    assert by(finding, "missing_share")["age"].value == pytest.approx(1 / 3, abs=1e-3)
    assert by(finding, "missing_share")["age"].note == "0.00% in the reference"


def test_identifiers_and_columns_of_one_side_are_named_and_not_compared():
    subject = with_columns(
        subjects.subject(300),
        {"id": [f"a{i}" for i in range(300)], "new": 1},
        {"id": [f"b{i}" for i in range(300)]},
    )
    finding = Drift(columns=("id", "new", "age")).measure(subject)
    assert "id" not in by(finding, "psi")
    assert any("Mostly distinct texts, not compared: id." in note for note in finding.notes)
    assert any("Only on one side, not compared: new." in note for note in finding.notes)


def test_times_booleans_categories_and_nullable_numbers_are_compared():
    subject = subjects.subject(600)
    columns = {}
    for side, start in (("now", "2026-01-01"), ("before", "2025-01-01")):
        frame = (subject.data if side == "now" else subject.reference).frame
        columns[side] = {
            "seen": pd.date_range(start, periods=600, freq="h"),
            "member": frame["owner"] == 1,
            "kind": frame["region"].astype("category"),
            "count": frame["age"].astype("Int64").mask(frame["age"] > 75),
        }
    finding = Drift(columns=tuple(columns["now"])).measure(
        with_columns(subject, columns["now"], columns["before"])
    )
    psi = by(finding, "psi")
    assert psi["seen"].outcome is Outcome.FAIL
    assert psi["member"].value < 0.1
    assert psi["kind"].value < 0.1
    assert psi["count"].value < 0.1


def test_a_prediction_column_is_compared_when_the_reference_has_it():
    train, test = subjects.loans(500, seed=1).assign(said="no"), subjects.loans(500, seed=2).assign(said="no")
    data = Dataset.of(test, target=subjects.TARGET, prediction="said")
    subject = Subject(predictor_of(None, data=data), data, Dataset.of(train, target=subjects.TARGET))
    assert by(Drift().measure(subject), "psi")["prediction"].value == pytest.approx(0, abs=1e-9)
    bare = replace(subject, reference=Dataset.of(train.drop(columns="said"), target=subjects.TARGET))
    finding = Drift().measure(bare)
    assert "prediction" not in by(finding, "psi")
    assert any("has no column 'said'" in note for note in finding.notes)


def test_a_regression_is_compared_too():
    rng = np.random.default_rng(0)
    frames = [pd.DataFrame({"x": rng.normal(0, 1, 3000)}).assign(y=lambda f: 2 * f.x) for _ in range(2)]
    data, reference = (Dataset.of(f, target="y", task="regression") for f in frames)
    finding = Drift().measure(Subject(predictor_of(lambda f: 2 * f["x"], data=data), data, reference))
    assert finding.outcome is Outcome.PASS
    assert set(by(finding, "psi")) == {"x", "y", "prediction"}


def test_nothing_is_sent_anywhere(monkeypatch: pytest.MonkeyPatch):
    def refuse(*args: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    Drift().measure(subjects.subject(100))


def test_evidently_gets_a_sample_of_many_rows(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(evidently_drift, "ROWS", 50)
    finding = Drift().measure(subjects.subject(200))
    assert {m.n for m in by(finding, "evidently_psi").values()} == {50}
    assert {m.n for m in by(finding, "psi").values()} == {200}


def test_counts_add_up_to_the_rows_and_over_parts():
    frame = subjects.loans(500)
    for column in (frame["income"], frame["region"], frame["late_payments"].astype(float)):
        binning = Binning.of(column)
        whole = binning.counts(column)
        assert whole.sum() == 500
        assert (binning.counts(column[:200]) + binning.counts(column[200:]) == whole).all()


def test_a_value_never_seen_before_is_another_and_a_gap_has_its_own_bin():
    other = Binning.of(pd.Series(["a", "b", None])).counts(pd.Series(["a", "c", None, None]))
    assert other.tolist() == [1, 0, 1, 2]
    few = Binning.of(pd.Series([1.0, 0.0, 1.0] * 9))
    assert few.counts(pd.Series([1.0, np.nan, 99.0])).tolist() == [1, 0, 1, 1]
    axis = Binning.of(pd.Series([1.0, 0.0, 1.0] * 9), ordered=True)
    assert axis.counts(pd.Series([1.0, np.nan, 99.0])).tolist() == [0, 2, 1]
    assert axis.positions.tolist() == [0.0, 1.0]


def test_wasserstein_is_for_numbers_and_categories_are_then_judged_by_jensenshannon():
    finding = Drift(method="wasserstein").measure(subjects.subject(2000, income_shift=0.6))
    assert {"sex", "region", "prediction", subjects.TARGET} == set(by(finding, "jensenshannon"))
    ours, theirs = by(finding, "wasserstein"), by(finding, "evidently_wasserstein")
    assert set(ours) == set(theirs) == {"age", "income", "late_payments", "owner", "score"}
    assert ours["income"].outcome is Outcome.FAIL
    assert ours["score"].value == pytest.approx(theirs["score"].value, rel=0.1)


def test_a_column_that_changed_its_type_is_drift_not_a_crash():
    subject = subjects.subject(400)
    reads_late = predictor_of(lambda f: np.where(f["late_payments"] > 1, "yes", "no"), data=subject.data)
    changed = with_columns(replace(subject, predictor=reads_late), {"age": "old"}, {"region": 3})
    finding = Drift().measure(changed)
    assert by(finding, "missing_share")["age"].note == "empty in the data"
    assert finding.outcome is Outcome.FAIL


def test_it_needs_a_reference_and_columns_that_exist():
    assert "no reference" in Drift().applies(replace(subjects.subject(50), reference=None))
    with pytest.raises(InvalidInput, match="Did you mean 'income'"):
        Drift(columns=("incom",)).measure(subjects.subject(50))


def test_on_compas_two_halves_of_one_file_have_not_drifted(compas):
    frame = compas[["age", "priors_count", "sex", "race", "c_charge_degree", "two_year_recid"]]
    shuffled = frame.sample(frac=1, random_state=0)
    data = Dataset.of(shuffled[:3600], target="two_year_recid")
    reference = Dataset.of(shuffled[3600:], target="two_year_recid")
    subject = Subject(predictor_of(lambda f: (f["priors_count"] > 2).astype(int), data=data), data, reference)
    assert Drift().measure(subject).outcome is Outcome.PASS
