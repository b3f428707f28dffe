"""XGBoost without what is around it: the booster is given an array; no frame and no ``DMatrix`` is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from workbench.models.compiled.base import Cells, NotCompiled, labels_at
from workbench.models.compiled.cells import matrix
from workbench.models.compiled.records import Kind
from workbench.models.predictors import Predictor
from workbench.models.records import ModelVersion

if TYPE_CHECKING:
    import numpy as np


class XGBoost:
    """``XGBClassifier``, ``XGBRegressor`` and their kin."""

    name: ClassVar[Kind] = "xgboost"
    packages: ClassVar[tuple[str, ...]] = ("xgboost-cpu", "xgboost", "numpy")

    def handles(self, model: Any) -> bool:
        """Its estimators."""
        return type(model).__module__.partition(".")[0] == "xgboost" and hasattr(model, "get_booster")

    def ways(self, model: Any, version: ModelVersion) -> Iterator[tuple[str, Callable[[], bytes]]]:
        """Its own format; it counts in 32 bits itself."""
        if any(column.type == "string" for column in version.columns):
            raise NotCompiled("It reads texts, which XGBoost takes from a frame only.")
        yield "float matrix", lambda: bytes(model.get_booster().save_raw("ubj"))

    def open(self, content: bytes, way: str, version: ModelVersion, predictor: Predictor) -> XGBoostRunner:  # noqa: ARG002 - the contract's signature
        """Read a booster."""
        return XGBoostRunner(content, version, predictor)


class XGBoostRunner:
    """A booster with one thread."""

    margin = 0.0  # it counts as the model does

    def __init__(self, content: bytes, version: ModelVersion, predictor: Predictor) -> None:
        import xgboost

        self._booster = xgboost.Booster(model_file=bytearray(content))
        self._booster.set_param({"nthread": 1})
        best = getattr(predictor.model, "best_iteration", None) if self._stopped else None
        self._rounds = (0, 0 if best is None else best + 1)
        self._names = [column.name for column in version.columns]
        self._predictor = predictor
        self._classes = len(predictor.classes)

    @property
    def _stopped(self) -> bool:
        """Whether it was fitted with early stopping, and answers by its best rounds alone."""
        return self._booster.attr("best_iteration") is not None

    def run(self, cells: Cells, n: int) -> tuple[list[Any], np.ndarray | None]:
        """Return labels and probabilities, or numbers."""
        import numpy as np

        rows = matrix(cells, self._names, n, np.float32)
        raw = self._booster.inplace_predict(rows, iteration_range=self._rounds, validate_features=False)
        if not self._classes:
            return raw.tolist(), None
        if raw.ndim == 2:
            return labels_at(raw.argmax(axis=1), self._predictor), raw
        return labels_at((raw > 0.5).astype(int), self._predictor), np.column_stack([1 - raw, raw])
