"""scikit-learn in ONNX Runtime: one session with one thread, labels and a table of probabilities.

Inputs are tried as 64-bit numbers first, which linear models keep. ONNX's trees compare in 32 bits, and so do
scikit-learn's own (not those of histograms): what comes before them is best counted in 64. Rows that lack a
text never reach a copy, so that an imputer of texts is left out of it: skl2onnx has none.
"""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from workbench.core.optional import require
from workbench.models.compiled.base import TOLERANCE, Cells, NotCompiled
from workbench.models.compiled.cells import matrix
from workbench.models.compiled.records import Kind
from workbench.models.predictors import Predictor
from workbench.models.records import ModelVersion

if TYPE_CHECKING:
    import numpy as np

_MATRIX = "X"
_WAYS = (
    "double matrix",
    "double then float matrix",
    "float matrix",
    "double columns",
    "double then float columns",
    "float columns",
)


class Onnx:
    """Estimators and pipelines of scikit-learn itself."""

    name: ClassVar[Kind] = "onnx"
    packages: ClassVar[tuple[str, ...]] = ("onnxruntime", "onnx", "skl2onnx", "scikit-learn", "numpy")

    def handles(self, model: Any) -> bool:
        """Classes of scikit-learn; what a pipeline holds, skl2onnx will say."""
        return type(model).__module__.partition(".")[0] == "sklearn"

    def ways(self, model: Any, version: ModelVersion) -> Iterator[tuple[str, Callable[[], bytes]]]:
        """One matrix, or one input a column: a choice of columns wants those; in 64 bits, then in 32."""
        for module in ("skl2onnx", "onnxruntime"):
            require(module, extra="audits")
        if _splits_on_missing(model):
            raise NotCompiled("Its trees ask whether a value is missing, which ONNX does not know of them.")
        numeric = all(column.type != "string" for column in version.columns)
        model = without_text_imputers(model)
        piped = hasattr(model, "steps")
        for way in _WAYS:
            if (numeric or way.endswith("columns")) and (piped or way in {"double matrix", "float matrix"}):
                yield way, partial(_export, model, version, way)

    def open(self, content: bytes, way: str, version: ModelVersion, predictor: Predictor) -> OnnxRunner:
        """Start a session."""
        return OnnxRunner(content, way, version, predictor)


class OnnxRunner:
    """A session, and what it is fed."""

    margin = 2 * TOLERANCE

    def __init__(self, content: bytes, way: str, version: ModelVersion, predictor: Predictor) -> None:
        import numpy as np

        runtime = require("onnxruntime", extra="audits")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4  # it would write to the terminal past Python
        self._session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        outputs = [one.name for one in self._session.get_outputs()]
        self._outputs = outputs[: 2 if hasattr(predictor.model, "predict_proba") else 1]
        self._number = np.float64 if way.startswith("double") else np.float32
        self._matrix = way.endswith("matrix")
        names = {one.name for one in self._session.get_inputs()}
        inputs = [(c.name, onnx_name(c.name), c.type == "string") for c in version.columns]
        self._columns = [c for c in inputs if self._matrix or c[1] in names]
        self._names = [name for name, _, _ in self._columns]
        # 1 == 1.0 == True: whatever ONNX made of a label, this finds the model's own.
        self._labels = {label: label for label in predictor.classes}

    def run(self, cells: Cells, n: int) -> tuple[list[Any], np.ndarray | None]:
        """Return labels and probabilities, or numbers."""
        found = self._session.run(self._outputs, self._feed(cells, n))
        return self._own(found[0]), found[1] if len(found) > 1 else None

    def _own(self, found: np.ndarray) -> list[Any]:
        answers: list[Any] = found.reshape(-1).tolist()
        return [self._labels[answer] for answer in answers] if self._labels else answers

    def _feed(self, cells: Cells, n: int) -> dict[str, np.ndarray]:
        import numpy as np

        if self._matrix:
            return {_MATRIX: matrix(cells, self._names, n, self._number)}
        return {
            known: np.array(cells[name], dtype=object if text else self._number).reshape(n, 1)
            for name, known, text in self._columns
        }


def without_text_imputers(model: Any) -> Any:
    """Return the model; a copy without the steps that fill in texts, where it may have such."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    if isinstance(model, Pipeline):
        made = copy.copy(model)
        kept = [(name, step) for name, step in model.steps if not _fills_texts(step)]
        made.steps = [(name, without_text_imputers(step)) for name, step in kept]
        return made if kept else "passthrough"
    if isinstance(model, ColumnTransformer):
        made = copy.copy(model)
        made.transformers_ = [(n, without_text_imputers(t), columns) for n, t, columns in model.transformers_]
        return made
    return "passthrough" if _fills_texts(model) else model


def _splits_on_missing(model: Any) -> bool:
    """Whether a tree sends missing values one way and all numbers the other: its threshold is infinite then.

    skl2onnx looks for the next number below it, and never comes back.
    """
    import numpy as np

    last = model.steps[-1][1] if hasattr(model, "steps") else model
    trees = [getattr(one, "tree_", None) for one in np.ravel(getattr(last, "estimators_", [last]))]
    return any(np.isinf(tree.threshold).any() for tree in trees if tree is not None)


def _fills_texts(step: Any) -> bool:
    from sklearn.impute import SimpleImputer

    return isinstance(step, SimpleImputer) and step.statistics_.dtype.kind in "OUST"


def onnx_name(column: str) -> str:
    """Return what skl2onnx makes of a column's name: letters, digits and underscores, no digit first."""
    name = re.sub(r"[^\w+]", "_", column)
    return f"_{name}" if name[:1].isdigit() else name


def _export(model: Any, version: ModelVersion, way: str) -> bytes:
    import skl2onnx
    from skl2onnx.common import data_types as types

    names = [onnx_name(column.name) for column in version.columns]
    if len(set(names)) < len(names):
        raise NotCompiled("ONNX would take two of its columns for one: their names differ in signs only.")
    number = types.DoubleTensorType if way.startswith("double") else types.FloatTensorType
    if way.endswith("matrix"):
        given = [(_MATRIX, number([None, len(version.columns)]))]
    else:
        kinds = [types.StringTensorType if c.type == "string" else number for c in version.columns]
        given = [(c.name, kind([None, 1])) for c, kind in zip(version.columns, kinds, strict=True)]
    options = {"zipmap": False} if hasattr(model, "predict_proba") else None
    if "then float" in way:
        model = _cast_at_last(model)
    with warnings.catch_warnings():
        # skl2onnx gives protobuf booleans for whole numbers; protobuf 6 takes them and warns.
        warnings.filterwarnings("ignore", "Field onnx", DeprecationWarning)
        made = skl2onnx.convert_sklearn(model, initial_types=given, options=options, **_own_imputer())
    return bytes(made.SerializeToString())


def _cast_at_last(model: Any) -> Any:
    """Return a copy of a pipeline that hands 32 bits to its last step: what a tree does by itself."""
    import numpy as np
    from skl2onnx.sklapi import CastTransformer

    made = copy.copy(model)
    made.steps = [*model.steps[:-1], ("to_32_bits", CastTransformer(dtype=np.float32)), model.steps[-1]]
    return made


def _own_imputer() -> dict[str, Any]:
    """How a ``SimpleImputer`` of numbers is said in ONNX: its own operator knows 32 bits only."""
    from sklearn.impute import SimpleImputer

    return {
        "custom_shape_calculators": {SimpleImputer: _as_wide},
        "custom_conversion_functions": {SimpleImputer: _impute},
    }


def _as_wide(operator: Any) -> None:
    given = operator.inputs[0].type
    operator.outputs[0].type = type(given)([None, len(operator.raw_operator.statistics_)])


def _impute(scope: Any, operator: Any, container: Any) -> None:
    import numpy as np
    from skl2onnx.algebra.onnx_ops import OnnxConcat, OnnxIsNaN, OnnxWhere
    from skl2onnx.common.data_types import guess_numpy_type

    step = operator.raw_operator
    if step.add_indicator or not _is_nan(step.missing_values) or np.isnan(step.statistics_).any():
        raise NotCompiled(
            "an imputer that marks what was missing, or looks for another value, is not copied."
        )
    opset = container.target_opset
    rows = (
        operator.inputs[0]
        if len(operator.inputs) == 1
        else OnnxConcat(*operator.inputs, axis=1, op_version=opset)
    )
    fill = step.statistics_.astype(guess_numpy_type(operator.inputs[0].type))[None, :]
    OnnxWhere(
        OnnxIsNaN(rows, op_version=opset), fill, rows, op_version=opset, output_names=operator.outputs[:1]
    ).add_to(scope, container)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and value != value  # noqa: PLR0124 - NaN is what differs from itself
