"""No point inside a certified ball flips, for the ensembles on which a clique-based certificate fails this."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification

from workbench.audits.base import Subject
from workbench.audits.parts.robustness.attacked import Target
from workbench.audits.parts.robustness.bounds import Bound, falsify
from workbench.audits.parts.robustness.opened import open_model
from workbench.audits.parts.robustness.space import Space
from workbench.audits.parts.robustness.tree_bound import nearest_leaves, tree_bound
from workbench.audits.parts.robustness.trees import leaves, read_trees
from workbench.audits.robustness import Robustness
from workbench.core.values import Outcome
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of

NAMES = [f"x{i}" for i in range(6)]


def rows(k: int, n: int = 300, *, gaps: float = 0.0) -> pd.DataFrame:
    X, y = make_classification(n, 6, n_informative=4, n_redundant=0, n_classes=k, random_state=k)
    X[np.random.default_rng(0).random(X.shape) < gaps] = np.nan
    X[:, 5] = np.rint(2 * X[:, 5])  # whole numbers among the reals
    return pd.DataFrame(X, columns=NAMES).assign(y=np.array(["a", "b", "c"])[y])


def model_of(kind: str):
    from lightgbm import LGBMClassifier
    from sklearn import ensemble, tree
    from xgboost import XGBClassifier

    return {
        "decision tree": tree.DecisionTreeClassifier(max_depth=6, random_state=0),
        "forest": ensemble.RandomForestClassifier(25, random_state=0),
        "extra trees": ensemble.ExtraTreesClassifier(25, random_state=0),
        "gradient boosting": ensemble.GradientBoostingClassifier(n_estimators=20, random_state=0),
        "histogram boosting": ensemble.HistGradientBoostingClassifier(max_iter=20, random_state=0),
        "xgboost": XGBClassifier(n_estimators=20, max_depth=4, n_jobs=1),
        "lightgbm": LGBMClassifier(n_estimators=20, verbose=-1, n_jobs=1),
    }[kind]


def target_of(kind: str, k: int = 2, *, norm: str = "l2", gaps: float = 0.0, attacked: int = 30, **space):
    from sklearn.preprocessing import LabelEncoder

    frame = rows(k, gaps=gaps)
    if kind == "xgboost":
        frame["y"] = LabelEncoder().fit_transform(frame["y"])
    model = model_of(kind).fit(frame[NAMES], frame["y"])
    data = Dataset.of(frame, target="y")
    subject = Subject(predictor_of(model, data=data), data)
    target = Target.of(subject, attacked, Space.of(frame, NAMES, norm=norm, **space))
    return subject, target, open_model(target, seed=0)


KINDS = [
    "decision tree",
    "forest",
    "extra trees",
    "gradient boosting",
    "histogram boosting",
    "xgboost",
    "lightgbm",
]


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_no_point_inside_a_certified_ball_flips(kind, k, norm):
    _, target, opened = target_of(kind, k, norm=norm)
    bound = tree_bound(target, opened, cap=1.0)
    assert (bound.radius > 0).mean() > 0.5  # a bound of nothing would be sound as well
    rng = np.random.default_rng(0)
    space = target.space
    for scale in (0.3, 0.7, 1.0):
        at = np.repeat(np.arange(len(target.frame)), 150)
        move = rng.normal(size=(len(at), len(NAMES))) * (rng.random((len(at), len(NAMES))) < 0.6)
        size = np.maximum(np.linalg.norm(move, ord=2 if norm == "l2" else np.inf, axis=1), 1e-9)
        points = space.place_within(
            target.origin[at], move / size[:, None] * (scale * bound.radius[at])[:, None], bound.radius[at]
        )
        inside = space.distance(target.origin[at], points) < bound.radius[at]
        assert inside.mean() > 0.3
        assert not (target.flips(at, points) & inside).any()


@pytest.mark.parametrize("kind", ["forest", "gradient boosting", "xgboost", "lightgbm"])
def test_what_the_best_attack_finds_lies_outside_the_certified_ball(kind):
    from workbench.audits.parts.robustness import art_attacks
    from workbench.audits.parts.robustness.attacked import starts
    from workbench.audits.parts.robustness.evasion import Attacked

    subject, target, opened = target_of(kind)
    bound = tree_bound(target, opened, cap=5.0)
    found = Attacked(target, starts(target, subject), opened, None, 0.5, 600, 0).attempt("hopskipjump")
    assert np.isfinite(found.distance).all()
    assert (found.distance >= bound.radius).all()
    assert art_attacks.attacks()
    # and not by much: on most rows the truth is known within a factor
    assert np.median(bound.radius / found.distance) > 0.15


@pytest.mark.parametrize("kind", ["histogram boosting", "xgboost", "lightgbm", "forest"])
def test_what_is_missing_goes_where_the_model_sends_it(kind):
    _, target, opened = target_of(kind, gaps=0.15)
    bound = tree_bound(target, opened, cap=1.0)
    assert np.isnan(target.origin).any()
    assert (bound.radius > 0).mean() > 0.5
    assert falsify(bound, target, [], seed=3) == 0


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_for_one_tree_the_bound_is_reached_by_a_step_into_the_nearest_leaf(norm):
    frame = rows(2)
    frame["x5"] += np.random.default_rng(1).normal(0, 0.1, len(frame))
    model = model_of("decision tree").fit(frame[NAMES], frame["y"])
    data = Dataset.of(frame, target="y")
    subject = Subject(predictor_of(model, data=data), data)
    finding = Robustness(rows=60, budget=20, attacks=("decision_tree",), norm=norm).measure(subject)
    named = {(m.metric, m.slice): m for m in finding.measurements}
    exact = named["median_certified_radius", ""]
    assert named["median_flip_distance", ""].value == pytest.approx(exact.value, rel=1e-3, abs=1e-4)
    assert "exact" in exact.note


def test_a_single_trees_bound_is_the_nearest_cell_that_brute_force_finds():
    _, target, opened = target_of("decision tree", falling=["x0"], ranges={"x1": (-1, 1)})
    [tree] = read_trees(opened.last, opened.reads(target.frame)).trees
    radius = tree_bound(target, opened, cap=50).radius
    grid = [tree.threshold[(tree.feature == j) & (tree.left >= 0)] for j in range(len(NAMES))]
    rng = np.random.default_rng(0)
    space, (low, high) = target.space, target.space.bounds(target.origin)
    for i, origin in enumerate(target.origin[:8]):
        points = np.tile(origin, (60_000, 1))  # on either side of thresholds, in some columns
        for j, cuts in enumerate(grid):
            moved = (rng.random(len(points)) < 0.3) & bool(len(cuts))
            beside = (
                rng.choice(cuts, moved.sum()) + rng.choice([-1e-6, 1e-6], moved.sum()) if len(cuts) else 0
            )
            points[moved, j] = beside
        points[:, 5] = np.where(points[:, 5] > origin[5], np.ceil(points[:, 5]), np.floor(points[:, 5]))
        points = points[((points >= low[i]) & (points <= high[i])).all(axis=1)]
        flips = tree.adds[leaves(tree, points)].argmax(axis=1) != (target.answers[i] == "b")
        nearest = space.distance(origin, points[flips]).min()
        assert nearest == pytest.approx(radius[i], rel=1e-3, abs=1e-5)


def test_whole_numbers_and_columns_that_stay_make_the_bound_wider():
    _, free, opened = target_of("forest")
    _, held, opened_held = target_of("forest", immutable=["x0", "x1"])
    assert free.space.integer[5]
    wide = tree_bound(held, opened_held, cap=2.0).radius
    assert (wide >= tree_bound(free, opened, cap=2.0).radius - 1e-12).all()


def test_a_bound_that_points_break_is_withdrawn():
    _, target, opened = target_of("forest")
    bound = tree_bound(target, opened, cap=1.0)
    wrong = Bound("trees", bound.radius + 1.5, exact=False, note="", cap=3.0)
    assert falsify(wrong, target, [], seed=0) > 0
    assert falsify(bound, target, [], seed=0) == 0
    nearest = target.origin + 1e-3 * target.space.scale
    assert falsify(Bound("trees", bound.radius + 1, exact=False, note=""), target, [nearest], seed=0) > 0


def test_a_withdrawn_bound_is_an_error_and_not_a_figure(monkeypatch):
    from workbench.audits import robustness

    subject, _, _ = target_of("forest")

    def wrong(target, opened, cap):
        bound = tree_bound(target, opened, cap)
        return Bound("trees", bound.radius + 2, exact=False, note="", cap=cap + 2)

    monkeypatch.setattr(robustness, "tree_bound", wrong)
    finding = Robustness(rows=20, queries=100).measure(subject)
    assert finding.outcome is Outcome.ERROR
    assert "withdrawn" in finding.notes[0]
    assert not [m for m in finding.measurements if m.metric == "certified_accuracy"]


def test_an_ensemble_that_is_not_read_right_has_no_bound():
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from xgboost import XGBClassifier

    frame = rows(2)
    X, y = frame[NAMES].to_numpy(), (frame["y"] == "a").astype(int).to_numpy()
    prior = GradientBoostingClassifier(n_estimators=5, init=LogisticRegression()).fit(X, y)
    assert read_trees(prior, X) is None  # its start differs from row to row
    assert (
        read_trees(XGBClassifier(booster="gblinear", n_estimators=5, updater="coord_descent").fit(X, y), X)
        is None
    )
    assert read_trees(LogisticRegression().fit(X, y), X) is None
    early = XGBClassifier(n_estimators=50, early_stopping_rounds=2, n_jobs=1)
    early.fit(X[:200], y[:200], eval_set=[(X[200:], y[200:])], verbose=False)
    ensemble = read_trees(early, X)
    assert len(ensemble.trees) == early.best_iteration + 1 < 50


def test_nothing_but_a_single_tree_has_nearest_leaves():
    _, target, opened = target_of("forest")
    assert nearest_leaves(target, opened, 4) is None
