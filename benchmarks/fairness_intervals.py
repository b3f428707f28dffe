"""Intervals for 30 groups and 6 rates: ours beside Fairlearn's bootstrap, in one process.

    python benchmarks/fairness_intervals.py --rows 20000

Fairlearn's cost grows with rows and replicates, so it is given few of the latter and both are compared by the
replicate. Ours also measures two more rates, single columns, differences, ratios, minima and maxima.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
import pandas as pd
import sklearn.metrics as skm
from fairlearn import metrics as flm

from workbench.audits.base import Subject
from workbench.audits.fairness import Fairness
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of

METRICS = {
    "selection_rate": flm.selection_rate,
    "accuracy_score": skm.accuracy_score,
    "true_positive_rate": flm.true_positive_rate,
    "false_positive_rate": flm.false_positive_rate,
    "true_negative_rate": flm.true_negative_rate,
    "false_negative_rate": flm.false_negative_rate,
}


def rows(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, n)
    p = np.where(rng.random(n) < 0.7, y, 1 - y)
    return pd.DataFrame(
        {"g": rng.choice([f"g{i}" for i in range(10)], n), "h": rng.choice(list("abc"), n), "y": y, "p": p}
    )


def ours(frame: pd.DataFrame, replicates: int) -> float:
    data = Dataset.of(frame, target="y", sensitive=["g", "h"], prediction="p")
    subject = Subject(predictor_of(None, data=data), data)
    audit = Fairness(n_boot=replicates)
    audit.measure(subject)  # the first call imports
    start = time.perf_counter()
    audit.measure(subject)
    return time.perf_counter() - start


def fairlearns(frame: pd.DataFrame, replicates: int) -> float:
    start = time.perf_counter()
    flm.MetricFrame(
        metrics=METRICS,
        y_true=frame.y,
        y_pred=frame.p,
        sensitive_features=frame[["g", "h"]],
        n_boot=replicates,
        ci_quantiles=[0.025, 0.975],
        random_state=0,
    )
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--replicates", type=int, default=1000, help="of ours")
    parser.add_argument("--peer-replicates", type=int, default=20, help="of Fairlearn's")
    options = parser.parse_args()
    frame = rows(options.rows)
    warnings.simplefilter("ignore")
    mine, theirs = ours(frame, options.replicates), fairlearns(frame, options.peer_replicates)
    ratio = (theirs / options.peer_replicates) / (mine / options.replicates)
    print(f"{options.rows:,} rows, 30 crossings")
    for name, seconds, replicates in (
        ("ours", mine, options.replicates),
        ("fairlearn", theirs, options.peer_replicates),
    ):
        each = seconds / replicates * 1e3
        print(f"  {name:10} {seconds:8.3f} s for {replicates:,} replicates, {each:.3f} ms each")
    print(f"  ratio      {ratio:,.0f} to 1 by the replicate")


if __name__ == "__main__":
    main()
