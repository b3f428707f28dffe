"""Fairness with intervals: ours beside Fairlearn's bootstrap, and beside reading the columns at all.

    OMP_NUM_THREADS=1 python benchmarks/fairness_intervals.py

1. 1,000 replicates of 30 groups and 6 rates. Fairlearn's cost is a straight line in its replicates, so it is
   given 20, and the time of 1,000 is extrapolated from them. Ours also measures three more rates, single
   columns, ratios, minima, maxima, the four-fifths rule and what base rates force. Promised: at least 1,000
   times.
2. The same with scores, of which Fairlearn has the bootstrap of rows only: ours alone.
3. Ten million rows from Parquet: reading the four columns against the whole audit of them, from the frame on.
   Promised: less than twice. They take turns, and the least time of each counts: other work disturbs.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
COLUMNS = ["g", "h", "y", "p"]


def rows(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, n)
    p = np.where(rng.random(n) < 0.7, y, 1 - y)
    groups = np.array([f"g{i}" for i in range(10)])[rng.integers(0, 10, n)]
    return pd.DataFrame({"g": groups, "h": np.array(list("abc"))[rng.integers(0, 3, n)], "y": y, "p": p})


def audit(frame: pd.DataFrame, replicates: int = 1000, score: str | None = None) -> None:
    """All of it, from a frame to measurements."""
    data = Dataset.of(frame, target="y", sensitive=["g", "h"], prediction="p", score=score)
    Fairness(n_boot=replicates).measure(Subject(predictor_of(None, data=data), data))


def fairlearns(frame: pd.DataFrame, replicates: int) -> None:
    flm.MetricFrame(
        metrics=METRICS,
        y_true=frame.y,
        y_pred=frame.p,
        sensitive_features=frame[["g", "h"]],
        n_boot=replicates,
        ci_quantiles=[0.025, 0.975],
        random_state=0,
    )


def seconds(work: Callable[..., Any], *args: Any, times: int = 1) -> float:
    """Least wall time of a few runs."""
    least = float("inf")
    for _ in range(times):
        gc.collect()
        start = time.perf_counter()
        work(*args)
        least = min(least, time.perf_counter() - start)
    return least


def beside_fairlearn(n: int, replicates: int, peer_replicates: int) -> None:
    frame = rows(n)
    audit(frame.head(1000))  # the first call imports
    mine = seconds(audit, frame, replicates, times=3)
    theirs = seconds(fairlearns, frame, peer_replicates) / peer_replicates * replicates
    print(f"1. {n:,} rows, 30 crossings, {replicates:,} replicates")
    print(f"   ours       {mine:12,.3f} s")
    print(f"   fairlearn  {theirs:12,.1f} s, extrapolated from {peer_replicates}")
    print(f"   ratio      {theirs / mine:12,.0f} to 1 (promised: 1,000)")
    scored = frame.assign(s=np.random.default_rng(1).random(n))
    with_scores = seconds(audit, scored, replicates, "s", times=3)
    print(f"2. {n:,} rows with scores: {with_scores:.3f} s, with 200 replicates of what is of scores")


def beside_reading(n: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        rows(n).to_parquet(path)
        frame = pd.read_parquet(path, columns=COLUMNS)
        read = mine = float("inf")
        for _ in range(7):
            read = min(read, seconds(lambda: pd.read_parquet(path, columns=COLUMNS)))
            mine = min(mine, seconds(audit, frame))
    print(f"3. {n:,} rows, 4 columns, 1,000 replicates")
    print(f"   reading    {read:12,.3f} s")
    print(f"   ours       {mine:12,.3f} s, after it")
    print(f"   ratio      {mine / read:12,.2f} (promised: below 2)")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--replicates", type=int, default=1000, help="of ours")
    parser.add_argument("--peer-replicates", type=int, default=20, help="of Fairlearn's")
    parser.add_argument("--many-rows", type=int, default=10_000_000, help="of the comparison with reading")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    threads, load = os.environ.get("OMP_NUM_THREADS", "unset"), os.getloadavg()[0]
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f}, OMP_NUM_THREADS {threads}")
    print(f"Python {platform.python_version()}, numpy {np.__version__}, pandas {pd.__version__}")
    beside_reading(options.many_rows)
    beside_fairlearn(options.rows, options.replicates, options.peer_replicates)


if __name__ == "__main__":
    main()
