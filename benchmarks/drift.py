"""Drift: the audit with its defaults beside Evidently's default preset, on the same rows, in one process.

    python benchmarks/drift.py --rows 1000000 --columns 50 --peer-rows 100000

Evidently's default for many rows is the normed Wasserstein distance for numbers and Jensen-Shannon for
categories. Its cost grows with the rows, so it may be given fewer and its time is then scaled up in
proportion, which the output says; ``--peer-rows`` equal to ``--rows`` measures it in full, ``0`` not at all.
Ours is the whole audit: every column with its interval and verdict, target and predictions, the joint test,
and performance without labels.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
import warnings

import numpy as np
import pandas as pd

from workbench.audits.base import Subject
from workbench.audits.drift import Drift
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of


def rows(n: int, columns: int, seed: int) -> pd.DataFrame:
    """Numbers, one in five of them categories; the last number moved by 0.01 standard deviations."""
    rng = np.random.default_rng(seed)
    numbers = columns - columns // 5
    made = {f"x{i}": rng.normal(size=n) for i in range(numbers)}
    made[f"x{numbers - 1}"] = made[f"x{numbers - 1}"] + 0.01 * seed
    made |= {f"c{i}": pd.Categorical(rng.choice(list("abcdefgh"), n)) for i in range(columns // 5)}
    made["y"] = (made["x0"] + rng.normal(size=n) > 0).astype(int)
    made["p"] = (made["x0"] > 0).astype(int)
    made["score"] = 1 / (1 + np.exp(-1.7 * made["x0"]))
    return pd.DataFrame(made)


def ours(reference: pd.DataFrame, current: pd.DataFrame) -> tuple[float, str]:
    roles = {"target": "y", "prediction": "p", "score": "score"}
    data, before = Dataset.of(current, **roles), Dataset.of(reference, **roles)
    subject = Subject(predictor_of(None, data=data), data, before)
    start = time.perf_counter()
    finding = Drift().measure(subject)
    seconds = time.perf_counter() - start
    moved = [m for m in finding.measurements if m.metric == "psi" and m.note.find("negligible") >= 0]
    said = ", ".join(f"{m.slice}: PSI {m.value:.5f}, {m.outcome}, negligible" for m in moved)
    return seconds, f"{finding.outcome}; {said or 'no negligible change found'}"


def evidentlys(reference: pd.DataFrame, current: pd.DataFrame) -> float:
    from evidently import DataDefinition, Report
    from evidently import Dataset as Theirs
    from evidently.presets import DataDriftPreset

    names = [c for c in reference if c[0] in "xc"]
    definition = DataDefinition(
        numerical_columns=[c for c in names if c[0] == "x"],
        categorical_columns=[c for c in names if c[0] == "c"],
    )
    sides = [f[names].astype({c: "str" for c in names if c[0] == "c"}) for f in (current, reference)]
    given = [Theirs.from_pandas(side, data_definition=definition) for side in sides]
    start = time.perf_counter()
    Report([DataDriftPreset()]).run(*given).dict()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=50)
    parser.add_argument("--peer-rows", type=int, default=100_000)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    ours(rows(500, options.columns, 0), rows(500, options.columns, 1))  # the first call imports
    reference, current = (rows(options.rows, options.columns, seed) for seed in (0, 1))
    mine, said = ours(reference, current)
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{options.rows:,} rows a side, {options.columns} columns")
    print(f"  ours       {mine:8.2f} s   {said}")
    if not options.peer_rows:
        return
    n = min(options.peer_rows, options.rows)
    evidentlys(reference[:1000], current[:1000])
    theirs = evidentlys(reference[:n], current[:n])
    scaled = theirs * options.rows / n
    how = (
        "measured" if n == options.rows else f"extrapolated from {theirs:.1f} s on {n:,} rows, in proportion"
    )
    print(f"  evidently  {scaled:8.2f} s   {how}")
    print(f"  ratio      {scaled / mine:,.0f} to 1")


if __name__ == "__main__":
    main()
