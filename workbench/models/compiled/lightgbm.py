"""LightGBM without what is around it: the booster is given an array of doubles, categories by their codes."""

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


class LightGBM:
    """``LGBMClassifier`` and ``LGBMRegressor``, and what the registry makes of them."""

    name: ClassVar[Kind] = "lightgbm"
    packages: ClassVar[tuple[str, ...]] = ("lightgbm", "numpy")

    def handles(self, model: Any) -> bool:
        """What has LightGBM's booster."""
        return type(getattr(model, "booster_", None)).__module__.partition(".")[0] == "lightgbm"

    def ways(self, model: Any, version: ModelVersion) -> Iterator[tuple[str, Callable[[], bytes]]]:
        """Its own format."""
        if any(column.type == "string" for column in version.columns):
            raise NotCompiled("It reads texts, which LightGBM takes from a frame of categories only.")
        yield "double matrix", lambda: model.booster_.model_to_string().encode()

    def open(self, content: bytes, way: str, version: ModelVersion, predictor: Predictor) -> LightGBMRunner:  # noqa: ARG002 - the contract's signature
        """Read a booster."""
        return LightGBMRunner(content, version, predictor)


class LightGBMRunner:
    """A booster with one thread."""

    margin = 0.0  # it counts as the model does

    def __init__(self, content: bytes, version: ModelVersion, predictor: Predictor) -> None:
        import lightgbm

        self._booster = lightgbm.Booster(model_str=content.decode())
        self._names = [column.name for column in version.columns]
        self._predictor = predictor
        self._classes = len(predictor.classes)

    def run(self, cells: Cells, n: int) -> tuple[list[Any], np.ndarray | None]:
        """Return labels and probabilities, or numbers."""
        import numpy as np

        rows = np.ascontiguousarray(matrix(cells, self._names, n, np.float64))
        raw = np.asarray(self._booster.predict(rows, num_threads=1))
        if not self._classes:
            return list(raw.tolist()), None
        table = raw if raw.ndim == 2 else np.column_stack([1 - raw, raw])
        return labels_at(table.argmax(axis=1), self._predictor), table
