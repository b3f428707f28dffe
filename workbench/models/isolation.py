"""Models examined in a process of their own: for those whose reading runs code that somebody else wrote.

``Remote`` stands for the model here: it sends rows and gets numbers back, and what it answers is checked as
any model's answers are.
"""

from __future__ import annotations

import dataclasses
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from workbench.core.errors import InvalidInput, WorkbenchError
from workbench.models import frames
from workbench.models.predictors import Predictor, predictor_of
from workbench.models.workers import Limits, Worker, printable

if TYPE_CHECKING:
    from workbench.models.intake import Foreign
    from workbench.models.records import ModelVersion

_MOST_COLUMNS = 100_000
_MOST_LETTERS = 1_000
_DISTRIBUTION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")


class Remote:
    """A model in a worker. Threads take turns; in another process it starts a worker of its own."""

    def __init__(self, order: dict[str, Any], limits: Limits, owner: object, worker: Worker) -> None:
        described = worker.described
        self._order = order
        self._limits = limits
        self._lock = threading.RLock()
        self._worker: Worker | None = worker
        self.owner = owner
        """What keeps the folder that the worker reads: the ``Foreign`` of a model that came as files."""
        self.held = worker.held
        self.__name__ = printable(described["name"], 80)
        self.own_task = str(described.get("task"))
        self.packages = _packages(described.get("packages"))
        self.params = {name[:_MOST_LETTERS]: value for name, value in dict(described["parameters"]).items()}
        if described.get("columns") is not None:
            self.feature_names_in_ = _names(described["columns"])
        if described.get("width") is not None:
            self.n_features_in_ = int(described["width"])
        if described.get("classes") is not None:
            self.classes_ = _labels(described["classes"])

    @property
    def note(self) -> str:
        """What the reader of a report should know."""
        network = {"namespace": "no network", "landlock": "no TCP", "hook": "no sockets from Python"}
        files = {"landlock": "no files but its own", "open": "files as this account reads them"}
        return (
            f"Answered by a process of its own: {network.get(self.held['network'], 'network unknown')}, "
            f"{files.get(self.held['files'], 'files unknown')}, no credentials in its environment, "
            f"{self._limits.memory >> 20} MB of memory."
        )

    def ask(self, method: str, rows: Any) -> Any:
        """Return a model's answer, shape (n,) or (n, k).

        Raises:
            InvalidInput: the rows cannot be sent.
            WorkbenchError: the model raised, answered something else, took too long, or its process died.
        """
        table, array = _table(rows)
        most = max(1 << 20, 8 * table.num_rows * frames.MOST_ANSWERS)
        question = {"method": method, "array": array}
        message, content = self._call(question, frames.table_to_bytes(table), most=most)
        try:
            return frames.answers_of(message, content, table.num_rows)
        except ValueError as error:
            raise WorkbenchError(f"{self.__name__} gave {error}.", field="model") from error

    def save(self) -> tuple[str, Path]:
        """Let the model be written by the framework that suits it; return its name and the folder.

        Raises:
            WorkbenchError: none can write it.
        """
        message, _ = self._call({"method": "save"})
        return str(message.get("flavor")), cast("Worker", self._worker).home / "saved"

    def close(self) -> None:
        """End the worker."""
        with self._lock:
            if self._worker is not None:
                self._worker.close()

    def _call(
        self, question: dict[str, Any], content: bytes = b"", *, most: int = 0
    ) -> tuple[dict[str, Any], bytes]:
        with self._lock:
            if self._worker is None or not self._worker.alive:
                self._worker = Worker(self._order, self._limits)
            return self._worker.call(question, content, most=most)

    def __getstate__(self) -> dict[str, Any]:
        return {
            name: value for name, value in vars(self).items() if name not in {"_lock", "_worker", "owner"}
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=threading.RLock(), _worker=None, owner=None)


class RemoteEstimator(Remote):
    """A remote model with ``predict``."""

    def predict(self, rows: Any) -> Any:
        """Return labels or numbers, shape (n,)."""
        return self.ask("predict", rows)


class RemoteClassifier(RemoteEstimator):
    """A remote model with ``predict_proba``."""

    def predict_proba(self, rows: Any) -> Any:
        """Return probabilities, shape (n, k)."""
        return self.ask("predict_proba", rows)


class RemoteFunction(Remote):
    """A remote function of a frame."""

    def __call__(self, rows: Any) -> Any:
        """Return its answer."""
        return self.ask("__call__", rows)


def load_isolated(
    version: ModelVersion, folder: Path, owner: object, limits: Limits | None = None
) -> Predictor:
    """Return a predictor for a version whose checked private copy is opened in a worker.

    Args:
        version: the record.
        folder: the copy; the worker may read nothing else that is not Python's.
        owner: kept alive with the predictor.
        limits: what the worker may use.
    """
    order = {"flavor": version.flavor, "path": str(folder), "trusted": version.trusted_types}
    known: dict[str, Any] = {"task": version.task, "positive": version.positive, "classes": version.classes}
    columns = [column.name for column in version.columns]
    return _noted(predictor_of(_remote(order, owner, limits), columns=columns, label=version.ref, **known))


def open_isolated(foreign: Foreign, limits: Limits | None = None, **known: Any) -> Predictor:
    """Return a predictor for a model that came as files and was never opened here."""
    return _noted(predictor_of(remote_of(foreign, limits), **known))


def remote_of(foreign: Foreign, limits: Limits | None = None) -> Remote:
    """Open a model that came as files in a worker, and return what stands for it here.

    Raises:
        InvalidInput: it could not be opened.
        Unavailable: it took more memory or time than it is given, or ended its process.
    """
    order = {"name": foreign.name, "path": str(foreign.path), "scan": foreign.scan.to_json()}
    return _remote({**order, "trusted": sorted(foreign.trusted)}, foreign, limits)


def _remote(order: dict[str, Any], owner: object, limits: Limits | None) -> Remote:
    limits = limits or Limits()
    worker = Worker(order, limits)
    kind: type[Remote] = RemoteFunction
    if worker.described.get("estimator"):
        kind = RemoteClassifier if worker.described.get("probabilities") else RemoteEstimator
    try:
        return kind(order, limits, owner, worker)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        worker.close()
        if isinstance(error, WorkbenchError):
            raise
        raise InvalidInput(
            f"model: what its process says of it makes no sense: {type(error).__name__}.",
            remedy="Nothing of it was opened here. Find out where it comes from.",
            field="model",
        ) from error


def _noted(predictor: Predictor) -> Predictor:
    made: Any = predictor
    return cast("Predictor", dataclasses.replace(made, notes=(*made.notes, made.model.note)))


def _table(rows: Any) -> tuple[Any, bool]:
    """Return rows as an Arrow table, and whether they were an array."""
    import pandas as pd
    import pyarrow as pa

    array = not isinstance(rows, pd.DataFrame)
    frame = pd.DataFrame(rows, columns=[str(i) for i in range(rows.shape[1])]) if array else rows
    try:
        return pa.Table.from_pandas(frame), array
    except pa.ArrowException as error:
        raise InvalidInput(
            f"data: the rows cannot be sent to the model's process: {str(error).splitlines()[0][:200]}",
            remedy="Give every column one type.",
            field="data",
        ) from error


def _names(said: Any) -> list[str]:
    """Return column names as a worker said them."""
    if not isinstance(said, list) or len(said) > _MOST_COLUMNS:
        raise InvalidInput("model: it names no columns, or more than a table has.", field="model")
    if any(len(str(name)) > _MOST_LETTERS for name in said):
        raise InvalidInput("model: it names a column that no table has.", field="model")
    return [str(name) for name in said]


def _labels(said: Any) -> tuple[Any, ...]:
    """Return labels as a worker said them."""
    plain = isinstance(said, list) and all(isinstance(label, str | int | float) for label in said)
    if not plain or len(said) > frames.MOST_ANSWERS:
        raise InvalidInput("model: its classes are neither numbers nor text.", field="model")
    return tuple(said)


def _packages(said: Any) -> tuple[str, ...]:
    """Return names of distributions as a worker said them: they go into a file that pip reads."""
    names = said if isinstance(said, list) else []
    return tuple(name for name in names[:100] if isinstance(name, str) and _DISTRIBUTION.fullmatch(name))
