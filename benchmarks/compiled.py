"""What a compiled copy gives beside the bare model: ``predict_proba`` on a frame that is ready.

The bare side is given its frame; ours makes its arrays from plain cells, and checks them, within the time.
Both take turns in one run on one thread; printed are medians and their ratio.

    OMP_NUM_THREADS=1 python benchmarks/compiled.py [--calls 300]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

import workbench as wb
from workbench.models.cells import frame_of
from workbench.models.compiled import look


def frame(n: int = 4000, width: int = 10) -> pd.DataFrame:
    """Numbers and a binary target."""
    rng = np.random.default_rng(0)
    made = pd.DataFrame(rng.normal(size=(n, width)), columns=[f"x{i}" for i in range(width)])
    made["colour"] = rng.choice(["blue", "green", "red"], n)
    signal = made["x0"] + made["x1"] * made["x2"] + (made["colour"] == "red") + rng.normal(size=n)
    return made.assign(y=(signal > 0.3).astype(int))


def models() -> dict:
    """Models and the columns that they read."""
    from lightgbm import LGBMClassifier
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import (
        GradientBoostingClassifier,
        HistGradientBoostingClassifier,
        RandomForestClassifier,
    )
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    from xgboost import XGBClassifier

    numbers = [f"x{i}" for i in range(10)]
    encode = make_column_transformer((StandardScaler(), numbers), (OneHotEncoder(), ["colour"]))
    return {
        "logistic regression, encoded": (make_pipeline(encode, LogisticRegression()), [*numbers, "colour"]),
        "forest of 100": (RandomForestClassifier(100, max_depth=10, random_state=0), numbers),
        "gradient boosting": (GradientBoostingClassifier(random_state=0), numbers),
        "hist gradient boosting": (HistGradientBoostingClassifier(random_state=0), numbers),
        "XGBoost": (XGBClassifier(n_estimators=100, n_jobs=1), numbers),
        "LightGBM": (LGBMClassifier(verbose=-1, n_jobs=1), numbers),
    }


def once(call) -> float:
    """Seconds of one call."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def measure(call_bare, call_fast, calls: int) -> tuple[float, float]:
    """Median microseconds of both, turn about."""
    times = [(once(call_bare), once(call_fast)) for _ in range(calls)]
    theirs, ours = zip(*times, strict=True)
    return statistics.median(theirs) * 1e6, statistics.median(ours) * 1e6


def compare(name: str, bare, fast, version, rows: pd.DataFrame, *, calls: int) -> None:
    """Print both for one row and for 100."""
    for n in (1, 100):
        cells = {c.name: rows[c.name].head(n).tolist() for c in version.columns}
        given = frame_of(version.columns, cells)
        theirs, ours = measure(
            partial(bare.predict_proba, given), partial(fast.answer, cells, n, scores=True), calls
        )
        print(
            f"{name:30} {n:4} rows   bare {theirs:9.0f} us   compiled {ours:7.0f} us   {theirs / ours:6.1f}x"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=300)
    calls = parser.parse_args().calls
    train = frame()
    with tempfile.TemporaryDirectory() as home:
        bench = wb.open(Path(home), actor="ada")
        for name, (model, columns) in models().items():
            model.fit(train[columns], train["y"])
            slug = name.replace(" ", "-").replace(",", "")
            version = bench.register(model, name=slug, train=train[[*columns, "y"]], target="y")
            record = bench.compile(version)
            fast = look(version, bench.registry.load(version), state=bench.settings.state).fast
            if fast is None:
                print(f"{name:30} {record.reason}")
                continue
            compare(name, model, fast, version, train, calls=calls)


if __name__ == "__main__":
    main()
