"""Models already in MLflow: native where that gives probabilities, pyfunc for every other flavour."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any, ClassVar

from workbench.core.errors import InvalidInput, NotFound
from workbench.models.frameworks.base import Saving
from workbench.models.mlflow_session import quiet

#: Flavours whose own loader returns an estimator with ``predict_proba``.
_NATIVE = ("sklearn", "xgboost", "lightgbm")

_SCHEMES = ("models:", "runs:", "mlflow-artifacts:")


class Pyfunc:
    """An MLflow model of any flavour behind ``predict``; ``folder`` is a private copy of its files."""

    def __init__(self, folder: Path, name: str) -> None:
        import mlflow.pyfunc

        self.folder = folder
        self._model = mlflow.pyfunc.load_model(str(folder))
        self.__name__ = name
        schema = self._model.metadata.get_input_schema()
        if schema is not None and schema.has_input_names():
            self.feature_names_in_ = schema.input_names()

    @property
    def flavors(self) -> list[str]:
        """The flavours of the model."""
        return list(self._model.metadata.flavors)

    def predict(self, frame: Any) -> Any:
        """Return the model's answer for every row."""
        answers = self._model.predict(frame)
        return answers.to_numpy() if hasattr(answers, "to_numpy") else answers


class MLflow:
    """A pyfunc model: its folder is kept as it is."""

    name: ClassVar[str] = "mlflow"

    def handles(self, model: Any) -> bool:
        """What ``open_model`` returned for a flavour without an estimator."""
        return isinstance(model, Pyfunc)

    def packages(self, model: Any) -> tuple[str, ...]:  # noqa: ARG002 - the model's own requirements.txt says more
        """MLflow; what else it needs stands in the folder's ``requirements.txt``."""
        return ("mlflow",)

    def save(self, model: Any, folder: Path, saving: Saving) -> str:  # noqa: ARG002 - it has its own signature
        """Copy the folder, byte for byte."""
        shutil.copytree(model.folder, folder)
        return "mlflow"

    def load(self, folder: Path) -> Any:
        """Open it as pyfunc."""
        with quiet():
            return Pyfunc(folder, "MLflow model")


def is_uri(text: str) -> bool:
    """Return whether ``text`` names an MLflow model: a URI, or a folder with an ``MLmodel`` file."""
    return text.startswith(_SCHEMES) or (Path(text) / "MLmodel").is_file()


def open_model(uri: str) -> Any:
    """Fetch and open an MLflow model from where MLflow is pointed now, running the code it holds.

    Args:
        uri: ``models:/name/3``, ``models:/name@champion``, ``runs:/<id>/path``, or a folder with ``MLmodel``.

    Returns:
        The estimator, where the flavour has one; otherwise a ``Pyfunc``.

    Raises:
        InvalidInput: not such a URI.
        NotFound: nothing there.
    """
    if not is_uri(uri):
        raise InvalidInput(
            f"model: {uri!r} is neither an MLflow URI nor the folder of an MLflow model.",
            remedy="Give models:/name/version, runs:/<run id>/model, or the fitted model itself.",
            field="model",
        )
    with quiet():
        folder = _fetch(uri)
        import mlflow.models

        flavors = mlflow.models.Model.load(str(folder)).flavors
        for flavor in _NATIVE:
            if flavor in flavors:
                estimator = _native(flavor, folder)
                if hasattr(estimator, "predict") and hasattr(estimator, "get_params"):
                    shutil.rmtree(folder.parent)
                    return estimator
        model = Pyfunc(folder, uri)
    weakref.finalize(model, shutil.rmtree, folder.parent, ignore_errors=True)
    return model


def _fetch(uri: str) -> Path:
    """Copy the model's files into a private folder."""
    import mlflow.artifacts
    from mlflow.exceptions import MlflowException

    home = Path(tempfile.mkdtemp(prefix="workbench-model-"))
    if not uri.startswith(_SCHEMES):
        return Path(shutil.copytree(uri, home / "model"))
    (home / "model").mkdir()
    try:
        return Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(home / "model")))
    except MlflowException as error:
        shutil.rmtree(home)
        raise NotFound(
            f"model: MLflow has nothing at {uri}: {error.message}",
            remedy=f"It looked in {mlflow.get_tracking_uri()}; mlflow.set_tracking_uri(...) changes that.",
            field="model",
        ) from error


def _native(flavor: str, folder: Path) -> Any:
    import importlib

    return importlib.import_module(f"mlflow.{flavor}").load_model(str(folder))
