from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench.audits.base import Finding, Subject
from workbench.audits.parts.robustness.space import Space
from workbench.audits.records import Measurement
from workbench.audits.robustness import Robustness
from workbench.core.errors import InvalidInput
from workbench.core.values import Outcome
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of
from workbench.testing import subjects
from workbench.testing.audits import AuditContract

QUICK = Robustness(rows=12, queries=150)


class TestRobustness(AuditContract):
    audit = QUICK
    refused = {
        "rows": {"rows": 0},
        "rows 2": {"rows": "many"},
        "queries": {"queries": 10},
        "budget": {"budget": -1},
        "budget 2": {"budget": float("inf")},
        "norm": {"norm": "l1"},
        "attacks": {"attacks": ["hopskipjmp"]},
        "at_most": {"at_most": 1.5},
        "rising": {"rising": ["age"], "falling": ["age"]},
        "ranges": {"ranges": {"age": [1, 2, 3]}},
        "scale": {"scale": "big"},
    }


def value(finding: Finding, metric: str, slice: str = "") -> Measurement:
    return next(m for m in finding.measurements if (m.metric, m.slice) == (metric, slice))


def of_function(decide, frame: pd.DataFrame, **roles) -> Subject:
    data = Dataset.of(frame, target="y", **roles)
    return Subject(predictor_of(decide, data=data), data)


def plane(rows: int = 300) -> pd.DataFrame:
    """Two columns of standard deviation 1 and 100, and a label that is a straight line through them."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(0, 1, rows), "b": rng.normal(0, 100, rows)})
    return frame.assign(y=(frame.a + frame.b / 100 > 0).astype(int))


def test_on_a_straight_boundary_it_finds_the_distance_that_geometry_gives():
    frame = plane(120)
    subject = of_function(lambda f: (f["a"] + f["b"] / 100 > 0).astype(int), frame)
    finding = Robustness(rows=120, queries=300).measure(subject)
    scale = np.array([frame.a.std(ddof=0), frame.b.std(ddof=0) / 100])
    exact = np.abs(frame.a + frame.b / 100) / np.linalg.norm(scale)
    found = value(finding, "median_flip_distance").value
    assert np.sort(exact)[59] <= found <= 1.05 * np.sort(exact)[59]
    success = value(finding, "attack_success_rate")
    assert success.value == pytest.approx((exact <= 0.5).mean(), abs=0.02)
    assert value(finding, "clean_accuracy").value == 1.0
    assert value(finding, "adversarial_accuracy").value == pytest.approx(1 - success.value)
    assert finding.outcome is Outcome.MEASURED


def test_every_row_the_model_is_asked_about_keeps_to_the_data():
    subject = subjects.subject()
    inner, asked = subject.predictor, []

    def spy(frame: pd.DataFrame) -> np.ndarray:
        asked.append(frame.copy())
        return inner.predict(frame)

    spied = predictor_of(spy, data=subject.data, columns=inner.columns)
    finding = QUICK.measure(replace(subject, predictor=spied))
    tried = pd.concat(asked, ignore_index=True)
    train = pd.concat([subject.reference.frame, subject.data.frame])
    assert len(tried) > 1000
    for column in ("age", "late_payments"):
        assert tried[column].dtype == subject.data.frame[column].dtype
    assert tried["age"].between(train["age"].min(), train["age"].max()).all()
    assert tried["income"].dropna().between(train["income"].min(), train["income"].max()).all()
    held = ["sex", "region", "owner"]
    known = set(map(tuple, train[held].drop_duplicates().to_numpy().tolist()))
    assert set(map(tuple, tried[held].to_numpy().tolist())) <= known
    assert any("Whole numbers stay whole: age, late_payments" in note for note in finding.notes)
    assert any("region (not a number)" in note and "sex (immutable)" in note for note in finding.notes)


def test_a_missing_value_stays_missing_and_is_not_counted_as_moved():
    frame = pd.DataFrame({"a": [0.0, 1.0, 2.0, np.nan], "b": [0.0, 5.0, 9.0, 2.0]})
    space = Space.of(frame, ["a", "b"])
    origin = np.array([[np.nan, 2.0]])
    moved = space.place(origin, np.array([[3.0, 1.0]]))
    assert np.isnan(moved[0, 0])
    assert moved[0, 1] == np.rint(2.0 + space.scale[1])  # b holds whole numbers only
    assert np.isfinite(space.distance(origin, moved)).all()


def test_a_value_that_cannot_move_is_given_to_the_model_as_it_is():
    frame = pd.DataFrame({"a": [0.5, np.inf, np.nan, 2.0, 9.0], "b": [1, 2, 4, 4, 4]})
    space = Space.of(frame, ["a", "b"])
    moved = space.rows(frame[:3], np.array([[0.75, 2.0], [np.nan, 3.0], [np.nan, 4.0]]))
    pd.testing.assert_frame_equal(moved, pd.DataFrame({"a": [0.75, np.inf, np.nan], "b": [2, 3, 4]}))


def test_a_row_outside_the_range_may_stay_but_not_go_further():
    space = Space.of(pd.DataFrame({"a": [0.0, 0.5, 1.0]}), ["a"])
    far = np.array([[7.0]])
    assert space.place(far, np.array([[100.0]]))[0, 0] == 7.0
    assert space.place(far, np.array([[-100.0]]))[0, 0] == 0.0


def test_the_user_says_what_stays_and_how_long_a_unit_is():
    subject = subjects.subject()
    finding = Robustness(rows=5, queries=100, immutable=("income",), scale={"age": 5}).measure(subject)
    assert any("Moved: age, late_payments" in note for note in finding.notes)
    for wrong in (
        Robustness(immutable=("incom",)),
        Robustness(scale={"sex": 1}),
        Robustness(scale={"age": 0}),
    ):
        with pytest.raises(InvalidInput):
            wrong.applies(subject)


def test_a_model_that_ignores_its_inputs_is_uninformative_and_not_robust():
    finding = replace(QUICK, at_most=0.5).measure(of_function(lambda f: np.zeros(len(f), dtype=int), plane()))
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "uninformative, not robust" in finding.notes[0]
    assert value(finding, "median_flip_distance").value is None
    assert value(finding, "attack_success_rate").value == 0.0


def test_an_attack_no_better_than_noise_is_inconclusive():
    frame = plane()
    known = set(frame.a)
    brittle = of_function(lambda f: np.array([a in known for a in f["a"]]).astype(int), frame)
    finding = QUICK.measure(brittle)  # any move at all flips it, so noise does as well
    assert value(finding, "noise_success_rate").value == 1.0
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "no better than noise" in finding.notes[0]


@pytest.mark.parametrize("kind", ["forest", "boosting", "xgboost"])
def test_on_trees_it_beats_noise_of_the_same_length(kind: str):
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

    if kind == "xgboost":
        from xgboost import XGBClassifier

        frame = plane().rename(columns={"y": "label"})
        model = XGBClassifier(n_estimators=20, max_depth=3).fit(frame[["a", "b"]], frame["label"])
        data = Dataset.of(frame, target="label")
        subject = Subject(predictor_of(model, data=data), data)
    else:
        models = {
            "forest": RandomForestClassifier(20, random_state=0),
            "boosting": HistGradientBoostingClassifier(),
        }
        subject = subjects.subject(model=models[kind])
    finding = Robustness(rows=40, queries=300).measure(subject)
    assert finding.outcome is Outcome.MEASURED
    assert value(finding, "attack_gain_over_noise").low > 0


def test_queries_are_counted_and_limited():
    finding = QUICK.measure(subjects.subject())
    spent = value(finding, "model_queries")
    assert 0 < spent.value <= 12 * (3 * 150 + 16 + 64)
    assert spent.n == 12
    alone = [value(finding, "model_queries", f"attack={a}").value for a in ("fgm", "pgd", "hopskipjump")]
    assert all(0 < queries <= 12 * 150 for queries in alone)
    assert sum(alone) < spent.value  # looking for a start costs as well


def test_fewer_rows_than_asked_for_are_all_attacked():
    finding = Robustness(rows=100, queries=60).measure(subjects.subject(30))
    assert value(finding, "attack_success_rate").n == 30


def test_it_applies_to_a_classifier_that_can_be_asked_and_reads_a_number():
    frame = plane()
    asked = "there is no model to ask"
    column = Dataset.of(frame.assign(said=frame.y), target="y", prediction="said")
    assert asked in Robustness().applies(Subject(predictor_of(None, data=column), column))
    numbers = Dataset.of(frame, target="a", task="regression")
    assert "no decision" in Robustness().applies(
        Subject(predictor_of(lambda f: f["b"], data=numbers), numbers)
    )
    words = pd.DataFrame({"w": ["a", "b"] * 20, "y": [0, 1] * 20})
    assert "No numeric column" in Robustness().applies(of_function(lambda f: [0] * len(f), words))


def test_on_compas_it_is_measured_beside_its_floor(compas):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    columns = ["age", "priors_count", "juv_fel_count", "juv_misd_count"]
    frame = compas[[*columns, "race", "two_year_recid"]]
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame[columns], frame["two_year_recid"])
    data = Dataset.of(frame, target="two_year_recid", sensitive=["race"])
    finding = Robustness().measure(Subject(predictor_of(model, data=data), data))
    assert finding.outcome is Outcome.MEASURED
    assert value(finding, "attack_success_rate").value > value(finding, "noise_success_rate").value


@pytest.mark.parametrize("constant", ["dummy", "tree", "linear"])
def test_a_constant_model_passes_nothing_though_every_bound_says_it_never_flips(constant: str):
    from sklearn.dummy import DummyClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.tree import DecisionTreeClassifier

    frame = plane()
    model = {
        "dummy": DummyClassifier(strategy="most_frequent"),
        "tree": DecisionTreeClassifier(min_samples_leaf=200),
        "linear": LogisticRegression(C=1e-9),
    }[constant].fit(frame[["a", "b"]], (frame.index < 5).astype(int))
    if constant == "linear":
        model.coef_[:] = 0
    data = Dataset.of(frame, target="y")
    finding = replace(QUICK, at_most=0.5).measure(Subject(predictor_of(model, data=data), data))
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "uninformative" in finding.notes[0]


def boosted() -> Subject:
    from sklearn.ensemble import HistGradientBoostingClassifier

    frame = plane().assign(c=np.random.default_rng(1).normal(size=300))
    model = HistGradientBoostingClassifier(max_iter=30).fit(frame[["a", "b", "c"]], frame.y)
    data = Dataset.of(frame, target="y")
    return Subject(predictor_of(model, data=data), data)


def test_a_score_based_attack_on_the_flat_scores_of_trees_is_inconclusive_and_never_a_pass():
    for at_most in (None, 0.3):
        finding = Robustness(rows=20, attacks=("zoo",), at_most=at_most).measure(boosted())
        assert finding.outcome is Outcome.INCONCLUSIVE
    # where the bound proves it, that is said, and the attack alone stays what it is
    proven = Robustness(rows=60, attacks=("zoo",), budget=0.01, at_most=0.5).measure(boosted())
    assert proven.outcome is Outcome.PASS
    assert any("proven by the bound" in note for note in proven.notes)
    assert value(proven, "attack_success_rate", "attack=zoo").outcome is Outcome.INCONCLUSIVE
    assert value(finding, "flat_score_rate", "attack=zoo").value > 0.5
    alone = value(finding, "attack_success_rate", "attack=zoo")
    assert alone.outcome is Outcome.INCONCLUSIVE
    assert "flat" in alone.note
    both = Robustness(rows=20, queries=200, attacks=("zoo", "hopskipjump")).measure(boosted())
    assert both.outcome is Outcome.MEASURED  # the other attack needs no slope
    assert value(both, "attack_success_rate", "attack=zoo").outcome is Outcome.INCONCLUSIVE
    assert any("flat" in note for note in both.notes)


def test_the_same_attack_sees_the_slope_of_a_linear_model():
    finding = Robustness(rows=20, attacks=("zoo",)).measure(linear_subject())
    assert value(finding, "flat_score_rate", "attack=zoo").value == 0


def linear_subject(k: int = 2) -> Subject:
    from sklearn.datasets import make_classification
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y = make_classification(300, 5, n_informative=4, n_redundant=0, n_classes=k, random_state=0)
    frame = pd.DataFrame(X * [1, 10, 0.1, 5, 1], columns=list("abcde")).assign(y=np.array(list("pqr"))[y])
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame[list("abcde")], frame.y)
    data = Dataset.of(frame, target="y")
    return Subject(predictor_of(model, data=data), data)


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("k", [2, 3])
def test_the_worst_case_of_a_linear_model_is_exact_and_an_attack_reaches_it(k: int, norm: str):
    finding = Robustness(rows=100, budget=0.4, norm=norm, attacks=("fgm", "pgd", "boundary")).measure(
        linear_subject(k)
    )
    exact, reached = value(finding, "certified_accuracy"), value(finding, "adversarial_accuracy")
    assert "exact" in exact.note
    assert exact.value <= reached.value <= exact.value + 0.01
    radius = value(finding, "median_certified_radius").value
    for attack in ("fgm", "pgd"):
        found = value(finding, "median_flip_distance", f"attack={attack}").value
        assert radius <= found * (1 + 1e-9)
        assert found <= 1.01 * radius
    assert value(finding, "median_flip_distance", "attack=boundary").value >= radius


@pytest.fixture
def mnist_3_7(shared_data):
    """Rows to fit on and rows to attack: 784 pixels from 0 to 1, and the digit."""
    import gzip

    def values(kind: str, header: int) -> np.ndarray:
        path = shared_data / "mnist" / f"train-first10k-{kind}-ubyte.gz"
        return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=header)

    pixels, digit = values("images-idx3", 16).reshape(-1, 784) / 255, values("labels-idx1", 8)
    chosen = np.isin(digit, (3, 7))
    frame = pd.DataFrame(pixels[chosen], columns=[f"p{i}" for i in range(784)])
    frame = frame.assign(digit=digit[chosen].astype(int))
    return frame[:1500], frame[1500:1900].reset_index(drop=True)


def test_on_mnist_no_attack_goes_below_the_exact_worst_case_and_ours_reaches_it(mnist_3_7):
    from sklearn.linear_model import LogisticRegression

    train, rows = mnist_3_7
    pixels = [c for c in train.columns if c != "digit"]
    model = LogisticRegression(C=0.01, max_iter=200).fit(train[pixels], train.digit)
    data = Dataset.of(rows, target="digit")
    subject = Subject(predictor_of(model, data=data), data, reference=Dataset.of(train, target="digit"))
    for norm, budget in (("linf", 0.1), ("l2", 1.0)):
        audit = Robustness(
            rows=200, budget=budget, norm=norm, ranges=(0, 1), scale=1.0, attacks=("fgm", "pgd"), queries=60
        )
        finding = audit.measure(subject)
        exact = value(finding, "certified_accuracy").value
        assert "exact" in value(finding, "certified_accuracy").note
        assert value(finding, "clean_accuracy").value > exact + 0.05
        assert exact <= value(finding, "adversarial_accuracy").value <= exact + 0.01
        for attack in ("fgm", "pgd"):  # none of them alone claims more than is possible
            assert value(finding, "attack_success_rate", f"attack={attack}").value <= 1 - exact


def test_a_verdict_is_judged_on_the_interval():
    subject = linear_subject()

    def outcome(at_most: float, budget: float, attacks: tuple[str, ...] = ()) -> Outcome:
        audit = Robustness(rows=100, queries=200, budget=budget, at_most=at_most, attacks=attacks)
        return audit.measure(subject).outcome

    assert outcome(0.05, 0.5) is Outcome.FAIL
    assert outcome(0.5, 0.05) is Outcome.PASS
    share = value(Robustness(rows=100, queries=200, budget=0.5).measure(subject), "attack_success_rate").value
    assert outcome(share, 0.5) is Outcome.INCONCLUSIVE
    # an attack that saw nothing cannot pass it, the bound can
    assert outcome(0.2, 0.001, ("zoo",)) is Outcome.PASS


def test_an_attack_that_does_not_fit_the_model_says_why():
    finding = Robustness(rows=10, queries=60, attacks=("pgd", "decision_tree")).measure(boosted())
    assert finding.outcome is Outcome.INCONCLUSIVE
    for attack in ("pgd", "decision_tree"):
        missing = value(finding, "attack_success_rate", f"attack={attack}")
        assert missing.value is None
        assert missing.outcome is Outcome.INCONCLUSIVE
    assert "No attack could be done" in finding.notes[0]


def test_another_category_of_a_one_hot_group_is_within_reach_of_a_unit():
    rng = np.random.default_rng(0)
    job = rng.integers(0, 3, 200)
    frame = pd.DataFrame({f"job_{j}": (job == j).astype(int) for j in range(3)}).assign(
        pay=rng.normal(size=200), y=(job == 2).astype(int)
    )
    asked = []

    def decide(rows: pd.DataFrame) -> np.ndarray:
        asked.append(rows.copy())
        return rows["job_2"]

    subject = of_function(decide, frame)
    near = Robustness(rows=30, queries=100, budget=0.9).measure(subject)
    far = Robustness(rows=30, queries=100, budget=1.0).measure(subject)
    assert value(near, "attack_success_rate").value == 0
    assert value(far, "attack_success_rate").value == 1
    assert value(far, "median_flip_distance").value == pytest.approx(1)
    tried = pd.concat(asked)
    assert (tried[["job_0", "job_1", "job_2"]].sum(axis=1) == 1).all()
    assert any("One-hot, one is set: job_0, job_1, job_2" in note for note in far.notes)


def test_columns_that_may_only_rise_do():
    asked = []

    def decide(rows: pd.DataFrame) -> np.ndarray:
        asked.append(rows["a"].to_numpy())
        return (rows["a"] + rows["b"] / 100 > 0).astype(int)

    frame = plane()
    finding = Robustness(rows=5, queries=100, rising=("a",), falling=("b",)).measure(
        of_function(decide, frame)
    )
    drawn = frame["a"].iloc[np.sort(np.random.default_rng(0).choice(300, 5, replace=False))]
    moved = np.concatenate([a for a in asked if len(a) not in (5, 300)])
    assert moved.min() >= drawn.min()
    assert any("May only rise: a. May only fall: b." in note for note in finding.notes)


def test_a_single_tree_is_attacked_by_its_leaves():
    from sklearn.tree import DecisionTreeClassifier

    frame = plane()
    model = DecisionTreeClassifier(max_depth=5).fit(frame[["a", "b"]], frame.y)
    data = Dataset.of(frame, target="y")
    finding = Robustness(rows=40, queries=100).measure(Subject(predictor_of(model, data=data), data))
    by_leaf = value(finding, "median_flip_distance", "attack=decision_tree").value
    assert by_leaf <= value(finding, "median_flip_distance", "attack=hopskipjump").value * (1 + 1e-4)


def test_a_step_that_is_not_affine_closes_the_model():
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    frame = plane()
    model = make_pipeline(StandardScaler(), PolynomialFeatures(2), LogisticRegression())
    data = Dataset.of(frame, target="y")
    model.fit(frame[["a", "b"]], frame.y)
    finding = Robustness(rows=10, queries=60).measure(Subject(predictor_of(model, data=data), data))
    assert {m.slice for m in finding.measurements} == {"", "attack=hopskipjump"}
    assert not [m for m in finding.measurements if m.metric == "certified_accuracy"]
