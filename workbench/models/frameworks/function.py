"""A Python function of a frame, kept by cloudpickle inside an MLflow Python model."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from workbench.models.frameworks.base import Saving
from workbench.models.mlflow_session import quiet


class Function:
    """Any callable without ``predict``: rules, ensembles by hand, a call to something else."""

    name: ClassVar[str] = "function"

    def handles(self, model: Any) -> bool:
        """Callables that are neither classes nor estimators."""
        return callable(model) and not isinstance(model, type) and not hasattr(model, "predict")

    def packages(self, model: Any) -> tuple[str, ...]:  # noqa: ARG002 - the contract's signature
        """Cloudpickle, and this package, whose class wraps the function."""
        return ("cloudpickle", "model-workbench")

    def save(self, model: Any, folder: Path, saving: Saving) -> str:
        """Write ``python_model.pkl``: the function by value where it was written in a notebook."""
        import mlflow.pyfunc

        from workbench.models.frameworks.calls import Call

        mlflow.pyfunc.save_model(folder, python_model=Call(model), **saving.arguments())
        return "cloudpickle"

    def load(self, folder: Path) -> Any:
        """Return the function itself."""
        with quiet():
            import mlflow.pyfunc

            return mlflow.pyfunc.load_model(str(folder)).unwrap_python_model().function
