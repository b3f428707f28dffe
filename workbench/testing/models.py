"""Tiny real models for tests: they fit in milliseconds, and some misbehave in ways that models do.

All are top-level, so they can be pickled and loaded in another process. Rows with everything that an audit
meets are in ``subjects``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

TARGET = "y"

#: The columns ``tiny_classifier`` reads.
FEATURES = ("x1", "x2", "colour")


def tiny_frame(n: int = 200, *, seed: int = 0) -> pd.DataFrame:
    """Return generated rows: numbers ``x1``, ``x2``, text ``colour``, sensitive ``group``, target ``y``."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(seed)
    x1, x2 = rng.normal(size=n), rng.normal(size=n)
    colour = rng.choice(["blue", "green", "red"], n)
    signal = x1 + 0.5 * x2 + (colour == "red") + rng.normal(scale=0.5, size=n)
    return pd.DataFrame(
        {
            "x1": x1,
            "x2": x2,
            "colour": colour,
            "group": rng.choice(["a", "b"], n, p=(0.6, 0.4)),
            TARGET: (signal > 0.3).astype(int),
        }
    )


def tiny_classifier(frame: pd.DataFrame | None = None, *, seed: int = 0) -> Any:
    """Return a fitted pipeline with ``predict_proba``, reading ``FEATURES``."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    frame = tiny_frame(seed=seed) if frame is None else frame
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["colour"]), remainder="passthrough"
    )
    return make_pipeline(encode, LogisticRegression()).fit(frame[list(FEATURES)], frame[TARGET])


def tiny_regressor(frame: pd.DataFrame | None = None) -> Any:
    """Return a fitted linear model of ``x2`` by ``x1``."""
    from sklearn.linear_model import LinearRegression

    frame = tiny_frame() if frame is None else frame
    return LinearRegression().fit(frame[["x1"]], frame["x2"])


class Threshold:
    """Answers 1 where ``x1`` is above a threshold: a model with no dependency at all."""

    classes_ = (0, 1)
    feature_names_in_ = ("x1",)

    def __init__(self, at: float = 0.0) -> None:
        self.at = at

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:  # noqa: ARG002 - scikit-learn's signature
        """Learn nothing."""
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return 0 or 1 for every row."""
        return (X["x1"].to_numpy() > self.at).astype(int)


class Slow(Threshold):
    """Answers after ``seconds``."""

    def __init__(self, seconds: float, at: float = 0.0) -> None:
        super().__init__(at)
        self.seconds = seconds

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return 0 or 1 for every row, late."""
        time.sleep(self.seconds)
        return super().predict(X)


class Failing(Threshold):
    """Raises when any row has ``x1`` above ``above``: a model that fails on some requests."""

    def __init__(self, above: float, at: float = 0.0) -> None:
        super().__init__(at)
        self.above = above

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return 0 or 1 for every row, or raise."""
        if (X["x1"] > self.above).any():
            raise RuntimeError(f"no answer for x1 above {self.above}")
        return super().predict(X)


class OnlyBatches(Threshold):
    """Raises when it is asked for one row alone: a model that squeezes what it is given."""

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return 0 or 1 for every row, or raise."""
        if len(X) == 1:
            raise TypeError("iteration over a 0-d array")
        return super().predict(X)


class WrongShape(Threshold):
    """Answers one row too many whenever there are more than ``after`` rows."""

    def __init__(self, after: int = 0) -> None:
        super().__init__()
        self.after = after

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return an array that is one too long."""
        import numpy as np

        answers = super().predict(X)
        return np.append(answers, 0) if len(answers) > self.after else answers


class Nan(Threshold):
    """Answers NaN where ``x1`` is above ``above``."""

    def __init__(self, above: float = 1.0) -> None:
        super().__init__()
        self.above = above

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return 0.0, 1.0 or NaN for every row."""
        import numpy as np

        return np.where(X["x1"] > self.above, np.nan, super().predict(X))


def rule(frame: pd.DataFrame) -> Any:
    """Answer 1 where ``x1`` is positive: a model that is a function."""
    return (frame["x1"] > 0).astype(int)
