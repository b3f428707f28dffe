"""Models already in MLflow: native where that gives probabilities, pyfunc for every other flavour."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from workbench.core.errors import NotFound
from workbench.models import mlmodel
from workbench.models.formats import identify
from workbench.models.frameworks.base import Saving
from workbench.models.frameworks.onnx import open_onnx
from workbench.models.frameworks.sklearn import load_pickle, load_skops
from workbench.models.frameworks.xgboost import XGBoost
from workbench.models.mlflow_session import quiet

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

    def keep(self, owner: object) -> None:
        """Keep the owner of the folder alive for as long as this model is."""
        self._owner = owner

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


def open_folder(folder: Path, name: str, trusted: Iterable[str] = ()) -> Any:
    """Open a scanned private copy of an MLflow folder, by our own loaders where there is one.

    MLflow's loader for scikit-learn would trust the list of types that the folder itself brings along.

    Args:
        folder: the copy.
        name: what to call a model that has no name of its own.
        trusted: types in its skops files that the project let through.

    Returns:
        The estimator, where the flavour has one; otherwise a ``Pyfunc``.
    """
    flavors = mlmodel.flavors(folder)
    for flavor, opener in _NATIVE.items():
        if flavor in flavors:
            estimator = opener(folder, flavors[flavor], trusted)
            if hasattr(estimator, "predict") and (flavor == "onnx" or hasattr(estimator, "get_params")):
                return estimator
    with quiet():
        return Pyfunc(folder, name)


def fetch(uri: str, to: Path) -> Path:
    """Return the folder of an MLflow model: the one named, or one fetched into ``to``.

    Raises:
        NotFound: nothing there.
    """
    if not uri.startswith(_SCHEMES):
        return Path(uri)
    to.mkdir()
    with quiet():
        import mlflow.artifacts
        from mlflow.exceptions import MlflowException

        try:
            return Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(to)))
        except MlflowException as error:
            where = mlflow.get_tracking_uri()
            raise NotFound(
                f"model: MLflow has nothing at {uri}: {error.message}",
                remedy=f"It looked in {where}; mlflow.set_tracking_uri(...) changes that.",
                field="model",
            ) from error


def _sklearn(folder: Path, described: dict[str, Any], trusted: Iterable[str]) -> Any:
    return _estimator(folder / described["pickled_model"], trusted)


def _xgboost(folder: Path, described: dict[str, Any], trusted: Iterable[str]) -> Any:  # noqa: ARG001 - one signature for all
    return XGBoost().load(folder)


def _lightgbm(folder: Path, described: dict[str, Any], trusted: Iterable[str]) -> Any:
    file = folder / described["data"]
    if identify(file, frozenset(trusted)).format != "lightgbm-text":
        return _estimator(file, trusted)
    import lightgbm

    return lightgbm.Booster(model_file=file)


def _onnx(folder: Path, described: dict[str, Any], trusted: Iterable[str]) -> Any:  # noqa: ARG001 - as above
    return open_onnx(folder / described["data"])


def _estimator(file: Path, trusted: Iterable[str]) -> Any:
    skops = identify(file, frozenset(trusted)).format == "skops"
    return load_skops(file, trusted) if skops else load_pickle(file)


#: Flavours that give an estimator with ``predict_proba``.
_NATIVE = {"sklearn": _sklearn, "xgboost": _xgboost, "lightgbm": _lightgbm, "onnx": _onnx}
