import numpy as np
import pandas as pd
import pytest

from workbench.audits.base import Subject
from workbench.audits.parts.shared.encoded import Encoding, boosted, sample
from workbench.audits.poisoning import Poisoning
from workbench.audits.privacy import Privacy
from workbench.audits.runner import run
from workbench.core.clock import SystemClock
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of


def odd(n: int = 150, *, seed: int = 0) -> pd.DataFrame:
    """Columns as people have them: dates with a zone, categories, gaps, infinity, mixed types, nothing at all."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "day": pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(rng.integers(0, 90, n), unit="D"),
            "flag": rng.random(n) < 0.5,
            "kind": pd.Categorical(rng.choice(["a", "b"], n)),
            "nothing": np.nan,
            "same": 1,
            "count": pd.array(rng.integers(0, 5, n), dtype="Int64"),
            "x": rng.normal(size=n),
            "mixed": rng.choice(np.array([1, "a", None], dtype=object), n),
            "endless": np.where(rng.random(n) < 0.1, np.inf, 1.5),
            "span": pd.to_timedelta(rng.integers(0, 9, n), unit="h"),
            "source": rng.choice(["u", "v", None], n),
            "y": rng.integers(0, 2, n),
        }
    )
    frame.loc[::7, "count"] = pd.NA
    return frame


@pytest.mark.parametrize(
    "audit", [Privacy(rows=100, perturbations=2, budgets=(20,)), Poisoning(source="source")]
)
@pytest.mark.parametrize("decide", [lambda f: [0] * len(f), lambda f: (f["x"] > 0).astype(int)])
def test_odd_columns_give_an_answer(audit, decide):
    train, test = (Dataset.of(odd(seed=seed), target="y", sensitive=["source", "flag"]) for seed in (0, 1))
    subject = Subject(predictor_of(decide, data=test), test, train)
    [evidence] = run(subject, [audit], made_by="test", clock=SystemClock())
    assert not evidence.error
    assert evidence.measurements


def test_rows_are_encoded_alike_whatever_else_is_in_the_frame():
    frame = odd()
    encoding = Encoding.of(frame, list(frame.columns[:-1]))
    assert np.array_equal(encoding.codes(frame)[:20], encoding.codes(frame[:20]), equal_nan=True)
    assert np.allclose(encoding.design(frame)[:20], encoding.design(frame[:20]))
    assert np.isfinite(encoding.design(frame)).all()


def test_an_unknown_category_is_the_last_and_a_missing_one_is_missing():
    encoding = Encoding.of(pd.DataFrame({"c": ["a", "a", "b"]}), ["c"])
    found = encoding.codes(pd.DataFrame({"c": ["b", "new", None, "a"]}))[:, 0]
    assert np.array_equal(found, [1, 2, np.nan, 0], equal_nan=True)


def test_a_column_of_nothing_teaches_nothing():
    X = np.column_stack([np.full(100, np.nan), np.arange(100.0)])
    model = boosted(X, X[:, 1] > 50, categorical=np.zeros(2, dtype=bool), seed=0)
    assert model.predict(X)[[0, 99]].tolist() == [False, True]


def test_a_sample_is_drawn_without_replacement_or_is_all():
    rng = np.random.default_rng(0)
    assert sample(5, 10, rng).tolist() == [0, 1, 2, 3, 4]
    assert len(set(sample(100, 10, rng).tolist())) == 10
