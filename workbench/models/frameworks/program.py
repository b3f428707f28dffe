"""A pickle from elsewhere, kept byte for byte: who registers it never opens it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from workbench.core.errors import Tampered
from workbench.models import mlmodel
from workbench.models.copying import copy_file, copy_tree, tree_digest
from workbench.models.frameworks.base import Saving
from workbench.models.frameworks.mlflow import open_folder

_FILE = "model.pkl"


class Program:
    """What a worker answers for: a pickle in a file, or a folder of MLflow that holds one."""

    name: ClassVar[str] = "program"

    def handles(self, model: Any) -> bool:
        """What stands for a model in a worker."""
        from workbench.models.isolation import Remote

        return isinstance(model, Remote)

    def packages(self, model: Any) -> tuple[str, ...]:
        """What the worker said it needs."""
        return tuple(model.packages)

    def save(self, model: Any, folder: Path, saving: Saving) -> str:
        """Copy the file or the folder as it came.

        Raises:
            Tampered: it is not what was scanned.
        """
        foreign, whole = model.owner, model.owner.path.is_dir()
        if whole:
            digest = tree_digest(copy_tree(foreign.path, folder))
        else:
            import mlflow.pyfunc

            mlflow.pyfunc.save_model(folder, loader_module=__name__, **saving.arguments())
            digest, _ = copy_file(foreign.path, folder / _FILE)
        if digest != foreign.scan.digest:
            raise Tampered(
                f"{foreign.name} is not what was scanned a moment ago.",
                remedy="Something changes files on this machine: find out what before you go on.",
                field="model",
            )
        return "mlflow" if whole else "pickle"

    def load(self, folder: Path, trusted: frozenset[str] = frozenset()) -> Any:
        """Open it, which runs what it holds; ``trusted`` are types the project let through."""
        loader = mlmodel.flavors(folder).get("python_function", {}).get("loader_module")
        if loader == __name__:
            return unpickle(folder / _FILE)
        return open_folder(folder, "MLflow model", trusted)


def unpickle(file: Path) -> Any:
    """Read a pickle, or what joblib wrote. It runs here."""
    import pickle

    import joblib

    try:
        return joblib.load(file)
    except pickle.UnpicklingError as error:
        raise ValueError(f"it is damaged: {error}") from error


class _Answering:
    """The model as MLflow calls it."""

    def __init__(self, model: Any) -> None:
        self._answer = getattr(model, "predict", model)

    def predict(self, rows: Any, params: Any = None) -> Any:  # noqa: ARG002 - MLflow gives it
        return self._answer(rows)


def _load_pyfunc(path: str) -> _Answering:
    """Open it for ``mlflow.pyfunc``, which looks for this name in the loader module."""
    return _Answering(unpickle(Path(path) / _FILE))
