"""LightGBM's scikit-learn estimators, in its own text format beside a small JSON file: data, no code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

from workbench.models.frameworks.base import Saving, is_plain

_LABELS = "labels.json"


class LightGBM:
    """``LGBMClassifier`` and ``LGBMRegressor``."""

    name: ClassVar[str] = "lightgbm"

    def handles(self, model: Any) -> bool:
        """LightGBM's estimators, and what ``load`` returns."""
        return isinstance(model, Loaded) or (is_plain(model, "lightgbm") and hasattr(model, "booster_"))

    def packages(self, model: Any) -> tuple[str, ...]:  # noqa: ARG002 - the contract's signature
        """LightGBM."""
        return ("lightgbm",)

    def save(self, model: Any, folder: Path, saving: Saving) -> str:
        """Write the booster as text and the labels, which the booster does not know."""
        import mlflow.lightgbm

        mlflow.lightgbm.save_model(model.booster_, folder, **saving.arguments())
        classes = getattr(model, "classes_", None)
        described = {
            "classes": None if classes is None else [getattr(c, "item", lambda c=c: c)() for c in classes],
            "columns": [str(name) for name in getattr(model, "feature_names_in_", [])] or None,
        }
        (folder / _LABELS).write_text(json.dumps(described), encoding="utf-8")
        return "txt"

    def load(self, folder: Path) -> Any:
        """Return the booster behind ``predict`` and, for classes, ``predict_proba``."""
        import lightgbm

        described = json.loads((folder / _LABELS).read_text("utf-8"))
        booster = lightgbm.Booster(model_file=folder / "model.lgb")
        if described["classes"] is None:
            return Loaded(booster, described["columns"])
        return LoadedClassifier(booster, described["columns"], described["classes"])


class Loaded:
    """A booster that answers as the regressor it came from did."""

    def __init__(self, booster: Any, columns: list[str] | None) -> None:
        self.booster_ = booster
        self.n_features_in_ = booster.num_feature()
        if columns is not None:
            self.feature_names_in_ = columns

    def predict(self, frame: Any) -> Any:
        """Return a number for every row."""
        return self.booster_.predict(frame)


class LoadedClassifier(Loaded):
    """A booster that answers as the classifier it came from did."""

    def __init__(self, booster: Any, columns: list[str] | None, classes: list[Any]) -> None:
        import numpy as np

        super().__init__(booster, columns)
        self.classes_ = np.asarray(classes)

    def predict(self, frame: Any) -> Any:
        """Return the likeliest label for every row."""
        return self.classes_[self.predict_proba(frame).argmax(axis=1)]

    def predict_proba(self, frame: Any) -> Any:
        """Return probabilities, shape (n, classes)."""
        import numpy as np

        raw = self.booster_.predict(frame)
        return np.column_stack([1 - raw, raw]) if raw.ndim == 1 else raw
