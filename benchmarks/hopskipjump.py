"""HopSkipJump on a forest of 200 trees: queries gathered over rows beside ART row by row, in one process.

    python benchmarks/hopskipjump.py --rows 100 --peer-rows 5

Same model, same rows, same query budget a row, distances in standard deviations. ART alone attacks one row
after another, so few rows tell its cost; they are the first of those that are attacked gathered. ART's start
is its own random draw, gathered searches start from the nearest rows of another class; both count.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
import sklearn
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier

from workbench.audits.base import Subject
from workbench.audits.parts.robustness.attacked import Target, starts
from workbench.audits.parts.robustness.evasion import Attacked
from workbench.audits.parts.robustness.space import Space
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of

BUDGET = 0.5
NAMES = [f"x{i}" for i in range(20)]


@dataclass
class Run:
    """What one way of attacking cost a row, and how far each row had to move."""

    seconds: float
    queries: float
    calls: float
    distance: np.ndarray


def subject_of(trees: int) -> Subject:
    X, y = make_classification(4000, 20, n_informative=8, random_state=0)
    frame = pd.DataFrame((X - X.mean(0)) / X.std(0), columns=NAMES)
    half = len(frame) // 2
    forest = RandomForestClassifier(trees, random_state=0).fit(frame[:half], y[:half])
    data = Dataset.of(frame[half:].assign(y=y[half:]).reset_index(drop=True), target="y")
    return Subject(predictor_of(forest, data=data), data)


def counted(predict):
    """Wrap ``predict``: how many rows it is asked about, in how many calls."""
    spent = {"queries": 0, "calls": 0}

    def asked(rows):
        spent["queries"] += len(rows)
        spent["calls"] += 1
        return predict(rows)

    return asked, spent


def gathered(subject: Subject, rows: int, queries: int) -> tuple[Run, Target]:
    from workbench.audits.parts.robustness import art_attacks

    art_attacks.attacks()  # the first call imports
    space = Space.of(subject.data.frame, NAMES)
    target = Target.of(subject, rows, space)
    start = time.perf_counter()
    # what looking for a start costs is part of the budget
    known = starts(target, subject)
    left = queries - int(np.ceil(target.asked / rows))
    found = Attacked(target, known, None, None, BUDGET, left, 0).attempt("hopskipjump")
    seconds = time.perf_counter() - start
    return Run(seconds / rows, target.asked / rows, 0, found.distance), target


def alone(subject: Subject, target: Target, rows: int) -> Run:
    """ART as its documentation has it; its settings spend about 2,400 queries a row."""
    from art.attacks.evasion import HopSkipJump
    from art.estimators.classification import BlackBoxClassifier

    forest, space = subject.predictor.model, target.space
    asked, spent = counted(lambda x: forest.predict_proba(pd.DataFrame(x, columns=NAMES)))
    box = (space.low.astype(np.float32), space.high.astype(np.float32))
    classifier = BlackBoxClassifier(asked, input_shape=(len(NAMES),), nb_classes=2, clip_values=box)
    attack = HopSkipJump(
        classifier, max_iter=10, init_eval=100, max_eval=10_000, init_size=100, batch_size=1024, verbose=False
    )
    origin = target.origin[:rows].astype(np.float32)
    np.random.seed(0)  # noqa: NPY002 - ART draws from it
    start = time.perf_counter()
    moved = attack.generate(origin)
    seconds = time.perf_counter() - start
    flipped = forest.predict(pd.DataFrame(moved, columns=NAMES)) != target.answers[:rows]
    far = np.where(flipped, space.distance(target.origin[:rows], moved), np.inf)
    return Run(seconds / rows, spent["queries"] / rows, spent["calls"] / rows, far)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--peer-rows", type=int, default=5, help="of ART alone; its cost a row is the same")
    parser.add_argument("--trees", type=int, default=200)
    parser.add_argument("--queries", type=int, default=2400, help="most a row")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    subject = subject_of(options.trees)
    mine, target = gathered(subject, options.rows, options.queries)
    theirs = alone(subject, target, options.peer_rows)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"scikit-learn {sklearn.__version__}, load {os.getloadavg()[0]:.1f}"
    )
    print(f"{options.trees} trees, {options.rows} rows gathered, {options.peer_rows} rows of ART alone")
    for name, run in (("gathered", mine), ("ART alone", theirs)):
        same = run.distance[: options.peer_rows]
        print(
            f"  {name:10} {run.seconds:7.4f} s and {run.queries:6.0f} queries a row; of the same rows "
            f"{np.isfinite(same).sum()} of {len(same)} flip, {(same <= BUDGET).sum()} within {BUDGET}; "
            f"median distance {np.median(same):.3f}"
        )
    print(f"  ART alone makes {theirs.calls:.0f} calls a row")
    print(f"  ratio      {theirs.seconds / mine.seconds:,.1f} to 1 by the row")


if __name__ == "__main__":
    main()
