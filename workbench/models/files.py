"""Models in files, as people leave them: skops, joblib, pickle, or an MLflow folder or URI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.core.errors import InvalidInput, WorkbenchError
from workbench.models.checks import require_model
from workbench.models.frameworks.mlflow import is_uri
from workbench.models.frameworks.sklearn import load_skops


def read_model(path: str | Path) -> Any:
    """Return the model in a file, or the URI as it is, for ``Registry.register`` to open.

    Reading ``.pkl`` and ``.joblib`` runs code that the file brings along: only for files you made or trust.
    ``.skops`` is read with the reviewed list of types and runs none.

    Raises:
        InvalidInput: no such file, another ending, damaged, or what is in it is no model.
    """
    if is_uri(str(path)):
        return str(path)
    file = Path(path).expanduser()
    if not file.is_file():
        raise InvalidInput(
            f"model: there is no file {file.name!r}.",
            remedy="Give a .skops, .joblib or .pkl file, or an MLflow URI.",
            field="model",
        )
    if file.suffix not in _READERS:
        raise InvalidInput(
            f"model: {file.name} is neither .skops, .joblib nor .pkl.",
            remedy="Save the fitted model with skops.io.dump or joblib.dump.",
            field="model",
        )
    model = _read(file)
    require_model(model)
    return model


def _read(file: Path) -> Any:
    try:
        return _READERS[file.suffix](file)
    except WorkbenchError:
        raise
    except (ImportError, AttributeError) as error:
        raise InvalidInput(
            f"model: {file.name} needs code that is not here: {error}.",
            remedy="Install the package, or make the module importable, that defines the model's class.",
            field="model",
        ) from error
    except Exception as error:  # a damaged pickle can raise anything at all
        raise InvalidInput(
            f"model: {file.name} cannot be read: {str(error) or type(error).__name__}.",
            remedy="Write it again with the library that its ending names.",
            field="model",
        ) from error


def _joblib(file: Path) -> Any:
    import joblib

    return joblib.load(file)


_READERS = {".skops": load_skops, ".joblib": _joblib, ".pkl": _joblib, ".pickle": _joblib}
