"""XGBoost's scikit-learn estimators, in its own UBJSON format: data, no code."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from workbench.core.errors import InvalidInput
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
        model = getattr(xgboost, _class(described["model_class"]))()
        model.load_model(folder / described["data"])
        return model


def _class(named: str) -> str:
    """Return the name of one of XGBoost's own classes: a folder may name anything that could be called.

    Raises:
        InvalidInput: it is none.
    """
    name = named.rpartition(".")[2]
    if name not in _CLASSES:
        raise InvalidInput(
            f"model: MLmodel names {named[:80]!r}, which is no model of XGBoost.",
            remedy="Save it again with mlflow.xgboost.save_model.",
            field="model",
        )
    return name


_CLASSES = frozenset(
    {"Booster", "XGBClassifier", "XGBRegressor", "XGBRanker", "XGBRFClassifier", "XGBRFRegressor"}
)
