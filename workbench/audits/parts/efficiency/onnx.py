"""A compiled copy of a scikit-learn model: exported to ONNX, run by onnxruntime, dynamically quantised."""

from __future__ import annotations

import logging
import re
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from workbench.core.errors import WorkbenchError
from workbench.core.optional import require

Array = npt.NDArray[Any]

_ARRAY = "X"
"""Name of the one input of a model that takes an array."""
_DTYPES: dict[str, Any] = {"Float": np.float32, "Int64": np.int64, "Boolean": bool, "String": object}
_QUANTISED = frozenset({"ConvInteger", "DynamicQuantizeLinear", "DynamicQuantizeLSTM", "MatMulInteger"})


class NotConverted(WorkbenchError):
    """There is no compiled copy; the message says why."""


@dataclass(frozen=True)
class Compiled:
    """A session of onnxruntime, and the type of each of its inputs."""

    session: Any
    kinds: Mapping[str, str]
    """Of each column; of ``X`` alone when it takes all columns as one matrix."""
    matrix: bool
    content: bytes
    """The ONNX file."""

    def feed(self, inputs: Any) -> dict[str, Array]:
        """Return what the session takes for these rows, a frame or an array."""
        if self.matrix:
            return {_ARRAY: np.asarray(inputs, dtype=_DTYPES[self.kinds[_ARRAY]])}
        return {
            _onnx_name(name): inputs[name].to_numpy(dtype=_DTYPES[kind])[:, None]
            for name, kind in self.kinds.items()
        }

    def run(self, feed: dict[str, Array]) -> list[Any]:
        """Return labels and probabilities, or numbers of shape (n, 1)."""
        found: list[Any] = self.session.run(None, feed)
        return found


def compiled(model: Any, inputs: Any) -> Compiled:
    """Export to ONNX.

    Args:
        model: a fitted scikit-learn estimator or pipeline.
        inputs: some rows of what it is given, a frame or an array.

    Raises:
        NotConverted: skl2onnx cannot convert it, or onnxruntime cannot run what comes out.
        MissingDependency: the extra is not installed.
    """
    from sklearn.base import BaseEstimator

    for module in ("skl2onnx", "onnxruntime"):
        require(module, extra="audits")
    if not isinstance(model, BaseEstimator):
        raise NotConverted(f"{type(model).__name__} is no scikit-learn estimator.")
    reason = ""
    for kinds, matrix in _ways(inputs):
        try:
            return _started(_exported(model, kinds, inputs, matrix=matrix), kinds, inputs, matrix=matrix)
        except Exception as error:  # noqa: BLE001 - converters raise anything
            reason = reason or f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
    raise NotConverted(reason)


def quantised(copy: Compiled, inputs: Any) -> Compiled:
    """Return a copy whose matrix products are done in 8-bit whole numbers, scaled anew at each call.

    Raises:
        NotConverted: it has no matrix product, or onnxruntime cannot quantise it.
    """
    import onnx
    from onnxruntime.quantization import quantize_dynamic

    model = onnx.ModelProto.FromString(copy.content)
    # The mark of a model that was prepared: else onnxruntime writes a hint on images to the root logger.
    model.metadata_props.add(key="onnx.quant.pre_process", value="onnxruntime.quant")
    with tempfile.TemporaryDirectory() as folder, _quiet():
        file = Path(folder) / "model.onnx"
        try:
            quantize_dynamic(model, file)
        except Exception as error:
            raise NotConverted(f"onnxruntime raised {type(error).__name__}.") from error
        content = file.read_bytes()
    if not _QUANTISED & {node.op_type for node in onnx.ModelProto.FromString(content).graph.node}:
        raise NotConverted("It has no matrix product: trees and linear models of ONNX-ML stay as they are.")
    return _started(content, copy.kinds, inputs, matrix=copy.matrix)


def feedable(inputs: Any) -> Array:
    """Return which rows have no missing text, shape (n,): ONNX has none."""
    if not isinstance(inputs, pd.DataFrame):
        return np.ones(len(inputs), dtype=bool)
    texts = [name for name in inputs.columns if not types.is_numeric_dtype(inputs[name].dtype)]
    return np.asarray(~inputs[texts].isna().any(axis=1).to_numpy(dtype=bool))


def _ways(inputs: Any) -> Iterator[tuple[dict[str, str], bool]]:
    """How the inputs may be declared: an estimator wants one matrix, a choice of columns wants columns.

    Every number is a 32-bit float first: pipelines join columns, and ONNX joins one type only.
    """
    if not isinstance(inputs, pd.DataFrame):
        yield {_ARRAY: _kind(np.asarray(inputs).dtype, own_types=False)}, True
        return
    if all(types.is_numeric_dtype(dtype) for dtype in inputs.dtypes):
        yield {_ARRAY: "Float"}, True
    for own_types in (False, True):
        yield {str(c): _kind(dtype, own_types=own_types) for c, dtype in inputs.dtypes.items()}, False


def _kind(dtype: Any, *, own_types: bool) -> str:
    if types.is_datetime64_any_dtype(dtype):
        raise NotConverted("ONNX has no dates.")
    if not types.is_numeric_dtype(dtype):
        return "String"
    if own_types and types.is_bool_dtype(dtype):
        return "Boolean"
    return "Int64" if own_types and types.is_integer_dtype(dtype) else "Float"


def _exported(model: Any, kinds: Mapping[str, str], inputs: Any, *, matrix: bool) -> bytes:
    from skl2onnx import to_onnx
    from skl2onnx.common import data_types

    width = inputs.shape[1] if matrix else 1
    given = [(name, getattr(data_types, f"{kind}TensorType")([None, width])) for name, kind in kinds.items()]
    options = {"zipmap": False} if hasattr(model, "predict_proba") else None
    with _quiet():
        content: bytes = to_onnx(model, initial_types=given, options=options).SerializeToString()
    return content


def _started(content: bytes, kinds: Mapping[str, str], inputs: Any, *, matrix: bool) -> Compiled:
    """Start a session and try it on one row."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only: it writes to the terminal past Python
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = {given.name for given in session.get_inputs()}
    used = {column: kind for column, kind in kinds.items() if _onnx_name(column) in names}
    copy = Compiled(session, used, matrix, content)
    copy.run(copy.feed(inputs[:1]))
    return copy


def _onnx_name(column: str) -> str:
    """What skl2onnx makes of a column's name: letters, digits and underscores, no digit first."""
    name = re.sub(r"[^\w+]", "_", column)
    return f"_{name}" if name[:1].isdigit() else name


@contextmanager
def _quiet() -> Iterator[None]:
    # ``logging.info`` on the root logger, which onnxruntime calls, would give that a handler for good.
    root, guard = logging.getLogger(), logging.NullHandler()
    root.addHandler(guard)
    try:
        with warnings.catch_warnings():
            # skl2onnx 1.20 gives protobuf booleans for whole numbers; protobuf 6 takes them and warns.
            warnings.filterwarnings("ignore", "Field onnx", DeprecationWarning)
            yield
    finally:
        root.removeHandler(guard)
