"""The default suite on 100,000 rows of 20 columns, and again: what was measured once is recalled.

python benchmarks/default_suite.py            # prints seconds an audit, and the second run beside the first
"""

from __future__ import annotations

import platform
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import workbench as wb

ROWS = 100_000


def table(rows: int, seed: int) -> pd.DataFrame:
    """Twenty columns as a bank has them: fourteen numbers, three whole, three categories, some missing."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({f"x{i}": rng.standard_normal(rows) for i in range(12)})
    frame["income"] = rng.lognormal(10, 0.5, rows)
    frame["balance"] = rng.gamma(2.0, 500.0, rows)
    frame["age"] = rng.integers(18, 90, rows)
    frame["late"] = rng.poisson(0.7, rows)
    frame["cards"] = rng.integers(0, 9, rows)
    frame["sex"] = rng.choice(["female", "male"], rows)
    frame["region"] = rng.choice(["north", "south", "east", "west"], rows)
    frame["job"] = rng.choice([f"job {i}" for i in range(12)], rows)
    level = 0.8 * frame["x0"] - 0.5 * frame["x1"] + 0.6 * frame["late"] - 0.4 * np.log(frame["balance"] + 1)
    frame["defaulted"] = (level + rng.logistic(size=rows) > -2.0).astype(int)
    frame.loc[rng.random(rows) < 0.03, "income"] = np.nan
    return frame


def pipelines(train: pd.DataFrame) -> dict[str, object]:
    """A linear model and gradient boosting, fitted."""
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    categories = ["sex", "region", "job"]
    numbers = [c for c in train.columns if c not in (*categories, "defaulted")]

    def of(model: object) -> object:
        columns = make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore", sparse_output=False), categories),
            (make_pipeline(SimpleImputer(), StandardScaler()), numbers),
        )
        return make_pipeline(columns, model).fit(train.drop(columns="defaulted"), train["defaulted"])

    return {
        "LogisticRegression": of(LogisticRegression(max_iter=500)),
        "HistGradientBoosting": of(HistGradientBoostingClassifier(random_state=0)),
    }


def main() -> None:
    train, test = table(ROWS, 1), table(ROWS, 2)
    print(f"{platform.machine()}, {platform.python_version()}, {ROWS:,} rows, {test.shape[1] - 1} columns")
    for name, model in pipelines(train).items():
        with tempfile.TemporaryDirectory() as folder:
            bench = wb.open(Path(folder), actor="ada")
            bench.register(model, name="m", train=train, target="defaulted", sensitive=["sex", "region"])
            took = []
            for n_jobs, fresh in ((1, False), (1, False), (2, True)):
                start = time.perf_counter()
                report = bench.audit("m/1", on=test.copy(), n_jobs=n_jobs, fresh=fresh)
                took.append(time.perf_counter() - start)
                if len(took) == 1:
                    for e in report.evidence:
                        print(f"  {e.audit:14} {e.seconds:6.2f} s  {e.outcome}  {e.error}")
            first, again, beside = took
            print(f"{name}: {first:.1f} s, with two processes {beside:.1f} s; again {again:.2f} s")
            bench.journal.close()


if __name__ == "__main__":
    main()
