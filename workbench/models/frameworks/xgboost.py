"""XGBoost's scikit-learn estimators, in its own UBJSON format: data, no code."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from workbench.models.frameworks.base import Saving, is_plain


class XGBoost:
    """``XGBClassifier``, ``XGBRegressor`` and their kin."""

    name: ClassVar[str] = "xgboost"

    def handles(self, model: Any) -> bool:
        """XGBoost's estimators; a bare ``Booster`` is not one: it takes a ``DMatrix``, not rows."""
        return is_plain(model, "xgboost") and hasattr(model, "get_booster")

    def packages(self, model: Any) -> tuple[str, ...]:  # noqa: ARG002 - the contract's signature
        """XGBoost, and scikit-learn for its estimators."""
        return ("xgboost", "scikit-learn")

    def save(self, model: Any, folder: Path, saving: Saving) -> str:
        """Write ``model.ubj``."""
        import mlflow.xgboost

        mlflow.xgboost.save_model(model, folder, model_format="ubj", **saving.arguments())
        return "ubj"

    def load(self, folder: Path) -> Any:
        """Read ``model.ubj`` into an estimator of the class it was."""
        import xgboost
        import yaml

        described = yaml.safe_load((folder / "MLmodel").read_text("utf-8"))["flavors"]["xgboost"]
        model = getattr(xgboost, described["model_class"].rpartition(".")[2])()
        model.load_model(folder / described["data"])
        return model
