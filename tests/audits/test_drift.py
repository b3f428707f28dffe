import socket
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from workbench.audits.base import Finding, Subject
from workbench.audits.drift import Drift
from workbench.audits.parts.drift import columns as drift_columns
from workbench.audits.parts.drift import evidently_drift
from workbench.audits.parts.drift.binning import Binning
from workbench.audits.parts.drift.pairs import Pair
from workbench.audits.records import Measurement
from workbench.core.errors import InvalidInput
from workbench.core.values import Outcome
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of
from workbench.testing import subjects
from workbench.testing.audits import AuditContract


class TestDrift(AuditContract):
    audit = Drift()
    refused: ClassVar = {
        "margin": {"margin": 0},
        "margin 2": {"margin": "wide"},
        "bins": {"bins": 1},
        "bins 2": {"bins": 101},
        "method": {"method": "chi2"},
        "alpha": {"alpha": 1.5},
        "joint_margin": {"joint_margin": 0.5},
        "joint_rows": {"joint_rows": 99},
        "window": {"window": 0},
        "window_margin": {"window_margin": -0.1},
        "time": {"time": "seen"},
        "evidently": {"evidently": ["kss"]},
        "columns": {"columns": []},
    }


class TestDriftInWindows(AuditContract):
    audit = Drift(window=100, columns=("age", "income"), joint_rows=200)

    def messy_audit(self) -> Drift:
        return Drift(window=100, time="opened", joint_rows=200)


class TestDriftByJensenShannon(AuditContract):
    audit = Drift(method="jensenshannon")


def by(finding: Finding, metric: str) -> dict[str, Measurement]:
    """By column; what is said of groups and windows is left out."""
    return {m.slice: m for m in finding.measurements if m.metric == metric and "=" not in m.slice}


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
    assert all(m.n == 500 for m in by(finding, "psi").values())


def test_evidently_stands_beside_on_request_and_under_its_own_name():
    finding = Drift(evidently=("psi", "ks", "chisquare")).measure(subjects.subject(500))
    assert set(by(finding, "evidently_psi")) == set(by(finding, "psi"))
    assert set(by(finding, "evidently_ks")) == {"age", "income", "late_payments", "owner", "score"}
    assert set(by(finding, "evidently_chisquare")) == {"sex", "region", subjects.TARGET, "prediction"}
    assert by(finding, "evidently_ks")["age"].unit == "p-value"
    assert {m.outcome for m in by(finding, "evidently_ks").values()} == {Outcome.MEASURED}
    assert "evidently" in finding.libraries
    assert not any(
        m.metric.startswith("evidently") for m in Drift().measure(subjects.subject(500)).measurements
    )


def test_evidentlys_draws_leave_the_global_generator_alone():
    before = str(np.random.get_state(legacy=False))  # noqa: NPY002 - the generator that libraries share
    pair = {"x": Pair(pd.Series(np.arange(50.0)), pd.Series(np.arange(50.0)))}
    first, again = (evidently_drift.measure(pair, ["empirical_mmd"], seed=1)[0] for _ in range(2))
    assert first == again
    assert str(np.random.get_state(legacy=False)) == before  # noqa: NPY002 - as above


def test_a_shift_shows_in_the_predictions_as_well():
    finding = Drift().measure(subjects.subject(4000, income_shift=0.8))
    assert by(finding, "psi")["score"].outcome is Outcome.FAIL
    assert by(finding, "psi")["prediction"].outcome is Outcome.FAIL


def test_evidently_agrees_on_categories_where_it_bins_alike():
    subject = subjects.subject(3000)
    theirs = by(
        Drift(method="jensenshannon", evidently=("jensenshannon",)).measure(subject),
        "evidently_jensenshannon",
    )["region"]
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
    Drift(evidently=("psi",)).measure(subjects.subject(100))


def test_evidently_gets_a_sample_of_many_rows(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(evidently_drift, "ROWS", 50)
    finding = Drift(evidently=("psi",)).measure(subjects.subject(200))
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
    assert few.counts(pd.Series([1.0, np.nan, 99.0])).tolist() == [0, 1, 1, 1]
    axis = Binning.of(pd.Series([1.0, 0.0, 1.0] * 9), ordered=True)
    assert axis.counts(pd.Series([1.0, np.nan, 99.0])).tolist() == [0, 2, 1]
    assert axis.positions.tolist() == [0.0, 1.0]


def test_wasserstein_is_for_numbers_and_categories_are_then_judged_by_jensenshannon():
    audit = Drift(method="wasserstein", evidently=("wasserstein",))
    finding = audit.measure(subjects.subject(2000, income_shift=0.6))
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
    assert "as reference" in Drift().applies(replace(subjects.subject(50), reference=None))
    with pytest.raises(InvalidInput, match="Did you mean 'income'"):
        Drift(columns=("incom",)).measure(subjects.subject(50))


def test_on_compas_two_halves_of_one_file_have_not_drifted(compas):
    frame = compas[["age", "priors_count", "sex", "race", "c_charge_degree", "two_year_recid"]]
    shuffled = frame.sample(frac=1, random_state=0)
    data = Dataset.of(shuffled[:3600], target="two_year_recid")
    reference = Dataset.of(shuffled[3600:], target="two_year_recid")
    subject = Subject(predictor_of(lambda f: (f["priors_count"] > 2).astype(int), data=data), data, reference)
    assert Drift().measure(subject).outcome is Outcome.PASS


def test_at_a_million_rows_a_shift_of_a_hundredth_of_a_deviation_is_negligible():
    rng = np.random.default_rng(0)
    n = 1_000_000
    sides = [
        pd.DataFrame({"x": rng.normal(shift, 1, n), "same": rng.normal(0, 1, n), "y": rng.integers(0, 2, n)})
        for shift in (0.0, 0.01)
    ]
    before, now = (Dataset.of(side.assign(p=side.y), target="y", prediction="p") for side in sides)
    finding = Drift(columns=("x", "same")).measure(Subject(predictor_of(None, data=now), now, before))
    psi = by(finding, "psi")
    assert finding.outcome is Outcome.PASS
    assert psi["x"].outcome is Outcome.PASS
    assert "negligible" in psi["x"].note
    assert "negligible" not in psi["same"].note
    assert 0 < psi["x"].value < psi["x"].high < 0.001
    assert by(finding, "drifted_columns_share")[""].value == 0


def test_of_columns_called_moved_few_are_so_falsely():
    rng = np.random.default_rng(1)
    called, false = 0, 0
    for _ in range(8):
        shifts = np.r_[np.full(30, 0.31), np.full(4, 0.9)]  # a PSI of about 0.1, the margin, and of 0.8
        effects = {}
        for i, shift in enumerate(shifts):
            pair = Pair(pd.Series(rng.normal(0, 1, 1500)), pd.Series(rng.normal(shift, 1, 1500)))
            effects[str(i)] = drift_columns.effect(pair, "psi", bins=10, seed=0)
        found = drift_columns.judged(effects, margin=0.1, alpha=0.05)
        moved = [int(m.slice) for m in found if m.outcome is Outcome.FAIL]
        called, false = called + len(moved), false + sum(i < 30 for i in moved)
        assert {30, 31, 32, 33} <= set(moved)
    assert false / called <= 0.1


@pytest.mark.parametrize("seed", range(3))
def test_an_interval_excludes_the_margin_exactly_where_the_verdict_says_so(seed: int):
    rng = np.random.default_rng(seed)
    effects = {
        str(i): drift_columns.effect(
            Pair(pd.Series(rng.normal(0, 1, 900)), pd.Series(rng.normal(shift, 1, 900))),
            "psi",
            bins=10,
            seed=0,
        )
        for i, shift in enumerate(np.linspace(0, 1, 25))
    }
    found = drift_columns.judged(effects, margin=0.1, alpha=0.05)
    assert {m.outcome for m in found} == {Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL}
    for m in found:
        assert (m.low > 0.1) == (m.outcome is Outcome.FAIL)
        assert (m.high <= 0.1) == (m.outcome is Outcome.PASS)


def test_one_group_that_moves_is_named_though_the_whole_hardly_does():
    subject = subjects.subject(4000)
    frame = subject.data.frame.assign(sex=np.where(np.arange(4000) % 8 == 0, "other", subject.data.frame.sex))
    frame["age"] = frame["age"] + np.where(frame["sex"] == "other", 25, 0)
    train = subject.reference.frame.assign(
        sex=np.where(np.arange(4000) % 8 == 0, "other", subject.reference.frame.sex)
    )
    data = replace(subject.data, frame=frame)
    finding = Drift().measure(replace(subject, data=data, reference=replace(subject.reference, frame=train)))
    found = {(m.metric, m.slice): m for m in finding.measurements}
    assert found["psi", "age"].outcome is Outcome.PASS
    assert found["drifted_columns_share", "sex=other"].outcome is Outcome.FAIL
    assert found["drifted_columns_share", "sex=female"].outcome is Outcome.PASS
    assert found["psi", "sex=other & column=age"].low > 0.1
    assert finding.outcome is Outcome.FAIL


def test_a_group_too_small_to_judge_is_shown_and_does_not_decide():
    subject = subjects.subject(4000)
    tiny = np.where(np.arange(4000) < 30, "rare", subject.data.frame.sex)
    data = replace(subject.data, frame=subject.data.frame.assign(sex=tiny))
    finding = Drift(columns=("age",)).measure(replace(subject, data=data))
    [rare] = [m for m in finding.measurements if m.slice == "sex=rare"]
    assert (rare.value, rare.outcome) == (None, Outcome.INCONCLUSIVE)
    assert "30 now" in rare.note
    assert finding.outcome is Outcome.PASS


def test_a_model_that_raises_on_the_reference_costs_the_predictions_and_nothing_else():
    subject = subjects.subject(2000)
    blind = subject.reference.frame.drop(columns="late_payments").assign(late_payments="secret")
    finding = Drift(columns=("age", "income")).measure(
        replace(subject, reference=replace(subject.reference, frame=blind))
    )
    assert set(by(finding, "psi")) == {"age", "income", subjects.TARGET}
    assert finding.outcome is Outcome.PASS
    assert any("gave no prediction (ValueError)" in note for note in finding.notes)
    assert not any("secret" in note for note in finding.notes)


@pytest.mark.parametrize("rows", [0, 1])
def test_no_row_or_a_single_one_is_inconclusive(rows: int):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=500), "z": rng.choice(list("ab"), 500)})
    frame["y"] = frame["x"] * 2
    reference = Dataset.of(frame, target="y", task="regression")
    data = replace(reference, frame=frame[:rows])
    model = predictor_of(lambda f: 2 * f["x"], data=reference, task="regression")
    for audit in (Drift(), Drift(window=10)):
        finding = audit.measure(Subject(model, data, reference))
        assert finding.outcome is Outcome.INCONCLUSIVE
        assert Outcome.FAIL not in {m.outcome for m in finding.measurements}


def test_data_in_which_every_feature_is_missing_is_inconclusive():
    subject = subjects.subject(400)
    said = subject.data.frame.assign(said="no")
    nothing = dict.fromkeys(("age", "income", "late_payments", "sex", "region", "owner"), np.nan)
    data = Dataset.of(said.assign(**nothing), target=subjects.TARGET, prediction="said")
    reference = Dataset.of(subject.reference.frame.assign(said="no"), target=subjects.TARGET)
    for audit in (Drift(), Drift(window=100)):
        finding = audit.measure(Subject(predictor_of(None, data=data), data, reference))
        assert finding.outcome is Outcome.INCONCLUSIVE
        lost = by(finding, "missing_share")["age"]
        assert (lost.value, lost.outcome) == (1.0, Outcome.INCONCLUSIVE)


def test_it_rests_on_features_answers_sensitive_columns_and_the_time():
    subject = with_columns(subjects.subject(60), {"seen": 1, "other": 2}, {"seen": 1})
    assert "other" not in Drift().reads(subject)
    assert {"age", "sex", subjects.TARGET} <= set(Drift().reads(subject))
    assert "seen" in Drift(window=20, time="seen").reads(subject)
    with pytest.raises(InvalidInput, match="Did you mean 'seen'"):
        Drift(window=20, time="sen").measure(subject)
    with pytest.raises(InvalidInput, match="window=2"):
        Drift(window=1).measure(subjects.subject(600))


def test_values_that_are_no_numbers_of_their_own_and_infinite_ones_are_counted():
    values = pd.Series([0.1 + 0.2, 0.3, np.inf, 0.3, np.nan, 0.3, np.inf, 0.3, 0.3, np.inf, 0.3, 0.3])
    binning = Binning.of(pd.Series([0.3, 1.0] * 20))
    assert binning.counts(values).tolist() == [8, 0, 3, 1]
    wide = Binning.of(pd.Series(np.r_[np.linspace(0, 1, 90), [np.inf] * 10]))
    assert wide.counts(pd.Series([0.0, 0.95, np.inf, np.nan])).sum() == 4


@pytest.mark.parametrize("kind", ["float32", "int16", "Int64", "Float64", "category", "str", "bool"])
def test_counts_of_a_large_column_equal_those_of_a_plain_search(kind: str):
    rng = np.random.default_rng(0)
    numbers = rng.integers(0, 3 if kind in ("category", "str", "bool") else 1000, 70_000)
    column = pd.Series(numbers % 2 == 0 if kind == "bool" else numbers).astype(kind)
    pair = Pair.of(column, column)
    binning = Binning.of(pair.reference)
    counts = binning.counts(pair.current)
    assert counts.sum() == 70_000
    if binning.edges is not None:
        places = np.searchsorted(binning.edges, numbers.astype(float), side="left")
        assert counts[:-1].tolist() == np.bincount(places, minlength=len(binning.edges) + 1).tolist()
        assert counts[:-1].min() > 5000
    else:
        assert sorted(counts[counts > 0]) == sorted(column.value_counts())


@pytest.mark.parametrize("method", ["psi", "jensenshannon", "ks", "wasserstein"])
def test_great_infinite_and_constant_numbers_give_a_distance_or_say_why_not(method: str):
    rng = np.random.default_rng(0)
    columns = {
        "great": rng.integers(0, 30, 400) * 1e300,
        "infinite": np.where(rng.random(400) < 0.1, np.inf, rng.normal(size=400)),
        "constant": np.ones(400),
    }
    subject = with_columns(subjects.subject(400), columns, columns)
    finding = Drift(method=method, columns=tuple(columns)).measure(subject)
    told = {m.slice: m for m in finding.measurements if m.slice in columns and m.unit == "effect"}
    assert set(told) == set(columns)
    assert all(m.value == pytest.approx(0, abs=1e-9) for m in told.values())


def test_a_distance_that_is_infinite_is_inconclusive_and_says_so():
    pair = Pair(pd.Series(np.ones(200)), pd.Series(np.full(200, 2.0)))
    counts = np.array([200, 0, 0]), np.array([0, 200, 0])
    binning = Binning(np.array([1.5]), positions=np.array([1.0, 2.0]))
    effect = drift_columns.of_counts(*counts, "wasserstein", binning=binning, seed=0)
    [found] = drift_columns.judged({"x": effect}, margin=0.1, alpha=0.05)
    assert (found.value, found.outcome) == (None, Outcome.INCONCLUSIVE)
    assert "no finite distance" in found.note
    assert drift_columns.method_for(pair, "wasserstein") == "jensenshannon"
