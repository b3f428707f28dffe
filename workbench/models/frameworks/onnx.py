"""ONNX, answered by onnxruntime on the processor: a graph of operators, and no code."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from workbench.core.optional import require
from workbench.models.frameworks.base import Saving

_FILE = "model.onnx"


class Onnx:
    """What ``open_onnx`` returns; a ``.onnx`` file is registered by its path."""

    name: ClassVar[str] = "onnx"

    def handles(self, model: Any) -> bool:
        """What ``open_onnx`` returned."""
        return isinstance(model, OnnxModel)

    def packages(self, model: Any) -> tuple[str, ...]:  # noqa: ARG002 - the contract's signature
        """ONNX and its runtime."""
        return ("onnx", "onnxruntime")

    def save(self, model: Any, folder: Path, saving: Saving) -> str:
        """Write ``model.onnx``, byte for byte."""
        import mlflow.onnx

        onnx = require("onnx", extra="audits")
        providers = ["CPUExecutionProvider"]
        proto = onnx.load_model_from_string(model.content)
        mlflow.onnx.save_model(
            proto,
            folder,
            onnx_execution_providers=providers,
            save_as_external_data=False,
            **saving.arguments(),
        )
        (folder / _FILE).write_bytes(model.content)
        return "onnx"

    def load(self, folder: Path) -> Any:
        """Read ``model.onnx``."""
        return open_onnx(folder / _FILE)


class OnnxModel:
    """A graph that takes one table, or one input a column, and answers numbers."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        inputs = self.session.get_inputs()
        if len(inputs) > 1:
            self.feature_names_in_ = [one.name for one in inputs]
        elif isinstance(inputs[0].shape[-1], int):
            self.n_features_in_ = inputs[0].shape[-1]

    @cached_property
    def session(self) -> Any:
        """The session of onnxruntime; made again in another process."""
        runtime = require("onnxruntime", extra="audits")
        return runtime.InferenceSession(self.content, providers=["CPUExecutionProvider"])

    def predict(self, frame: Any) -> Any:
        """Return the first output, shape (n,)."""
        return self.run(frame)[0].reshape(len(frame))

    def run(self, frame: Any) -> list[Any]:
        """Return all outputs for these rows."""
        import numpy as np

        inputs = self.session.get_inputs()
        if len(inputs) == 1:
            return list(self.session.run(None, {inputs[0].name: np.asarray(frame, _type(inputs[0]))}))
        columns = {one.name: frame[one.name].to_numpy(_type(one)).reshape(-1, 1) for one in inputs}
        return list(self.session.run(None, columns))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "session"}


class OnnxClassifier(OnnxModel):
    """A graph whose second output is probabilities: a table, or a mapping by label for each row."""

    def predict_proba(self, frame: Any) -> Any:
        """Return probabilities, shape (n, classes), labels in ascending order."""
        import numpy as np

        answers = self.run(frame)[1]
        if isinstance(answers, list):  # skl2onnx's default: a mapping a row
            labels = sorted(answers[0])
            return np.array([[row[label] for label in labels] for row in answers])
        return answers


def open_onnx(file: Path) -> OnnxModel:
    """Read an ONNX file, with probabilities where it has a second output."""
    content = file.read_bytes()
    model = OnnxModel(content)
    return model if len(model.session.get_outputs()) < 2 else OnnxClassifier(content)


def _type(described: Any) -> Any:
    import numpy as np

    names: dict[str, Any] = {
        "tensor(float)": np.float32,
        "tensor(double)": np.float64,
        "tensor(int64)": np.int64,
    }
    names |= {"tensor(int32)": np.int32, "tensor(bool)": np.bool_, "tensor(string)": np.object_}
    return names.get(described.type, np.float32)
