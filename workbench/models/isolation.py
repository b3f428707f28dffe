"""Models examined in a process of their own: for those whose reading runs code that somebody else wrote.

``Remote`` stands for the model here. It sends rows as Arrow and gets arrays back; nothing the worker says is
ever unpickled, and what it answers is checked as any model's answers are.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

from workbench.core.errors import InvalidInput, Unavailable, WorkbenchError
from workbench.models import frames
from workbench.models.predictors import Predictor, predictor_of

if TYPE_CHECKING:
    from workbench.models.intake import Foreign
    from workbench.models.records import ModelVersion

#: Variables of the environment that a worker sees; all others, and so every credential in one, stay here.
_SEEN = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SYSTEMROOT", "LD_LIBRARY_PATH")


@dataclass(frozen=True)
class Limits:
    """What a worker may use."""

    memory: int = 4 << 30
    """Bytes of address space."""
    seconds: int = 3600
    """Of processor time, all calls together."""
    patience: float = 120.0
    """Seconds one call, and the opening, may take by the clock."""


class Remote:
    """A model in a worker. Threads take turns; in another process it starts a worker of its own."""

    def __init__(self, order: dict[str, Any], limits: Limits, owner: object, worker: _Worker) -> None:
        self._order = order
        self._limits = limits
        self._owner = owner  # keeps the folder the worker reads
        self._lock = threading.RLock()
        self._worker: _Worker | None = worker
        described = worker.described
        self.held = worker.held
        self.__name__ = str(described["name"])
        self.own_task = described.get("task")
        if described.get("columns") is not None:
            self.feature_names_in_ = [str(name) for name in described["columns"]]
        if described.get("width") is not None:
            self.n_features_in_ = int(described["width"])
        if described.get("classes") is not None:
            self.classes_ = tuple(described["classes"])

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
            WorkbenchError: the model raised, took too long, or its process died.
        """
        import numpy as np

        table, array = _table(rows)
        with self._lock:
            if self._worker is None or not self._worker.alive:
                self._worker = _Worker(self._order, self._limits)
            answers = self._worker.call({"method": method, "array": array}, table)
        if answers is None:
            raise WorkbenchError(f"{self.__name__} answered with no table.", field="model")
        columns = [np.asarray(column.to_pylist()) for column in answers.columns]
        return columns[0] if method != "predict_proba" and len(columns) == 1 else np.column_stack(columns)

    def close(self) -> None:
        """End the worker."""
        with self._lock:
            if self._worker is not None:
                self._worker.close()

    def __getstate__(self) -> dict[str, Any]:
        return {
            name: value for name, value in vars(self).items() if name not in {"_lock", "_worker", "_owner"}
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=threading.RLock(), _worker=None, _owner=None)


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
    order = {"flavor": version.flavor, "path": str(folder), "home": str(folder.parent)}
    known: dict[str, Any] = {"task": version.task, "positive": version.positive, "classes": version.classes}
    columns = [column.name for column in version.columns]
    return _predictor(order, owner, limits or Limits(), columns=columns, label=version.ref, **known)


def open_isolated(foreign: Foreign, limits: Limits | None = None, **known: Any) -> Predictor:
    """Return a predictor for a model that came as files and was never opened here."""
    order = {"name": foreign.name, "path": str(foreign.path), "scan": foreign.scan.to_json()}
    return _predictor({**order, "home": str(foreign.path.parent)}, foreign, limits or Limits(), **known)


def _predictor(order: dict[str, Any], owner: object, limits: Limits, **known: Any) -> Predictor:
    order = {**order, "memory": limits.memory, "seconds": limits.seconds}
    worker = _Worker(order, limits)
    kind: type[Remote] = RemoteFunction
    if worker.described.get("estimator"):
        kind = RemoteClassifier if worker.described.get("probabilities") else RemoteEstimator
    remote = kind(order, limits, owner, worker)
    predictor: Any = predictor_of(remote, **known)
    return cast("Predictor", dataclasses.replace(predictor, notes=(*predictor.notes, remote.note)))


class _Worker:
    """One process and the two pipes to it."""

    def __init__(self, order: dict[str, Any], limits: Limits) -> None:
        self._patience = limits.patience
        self._home = tempfile.mkdtemp(prefix="tmp-", dir=order["home"])
        environment = {name: os.environ[name] for name in _SEEN if name in os.environ}
        environment |= dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP", "MPLCONFIGDIR"), self._home)
        environment |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        environment |= {"USER": "worker", "LOGNAME": "worker", "MLFLOW_DISABLE_TELEMETRY": "true"}
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-m", "workbench.models.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd=self._home,
            start_new_session=True,
        )
        self._end = weakref.finalize(self, _end, self._process, self._home)
        self.held = {name: str(value) for name, value in self._exchange(order)[0].items()}
        self.described = self._exchange(None)[0]
        if "error" in self.described:
            self.close()
            raise InvalidInput(
                f"model: it could not be opened in a process of its own: {self.described['error']}: "
                f"{str(self.described.get('message'))[:300]}",
                remedy="It may need packages that are not installed, or more than it is allowed there.",
                field="model",
            )

    @property
    def alive(self) -> bool:
        """Whether the process can answer."""
        return self._process.poll() is None

    def call(self, question: dict[str, Any], table: Any) -> Any:
        """Return the table of answers."""
        message, answers = self._exchange(question, table)
        if "error" in message:
            raise WorkbenchError(
                f"The model raised {str(message['error'])[:80]}: {str(message.get('message'))[:300]}",
                remedy="Look at the rows it was given.",
                field="model",
            )
        return answers

    def close(self) -> None:
        """End the process."""
        self._end()

    def _exchange(self, question: dict[str, Any] | None, table: Any = None) -> tuple[dict[str, Any], Any]:
        timer = threading.Timer(self._patience, _kill, [self._process])
        timer.start()
        start = time.monotonic()
        try:
            if question is not None:
                frames.send(cast("BinaryIO", self._process.stdin), question, table)
            return frames.receive(cast("BinaryIO", self._process.stdout))
        except (EOFError, OSError, ValueError) as error:
            late = time.monotonic() - start >= self._patience
            self.close()
            code = self._process.returncode
            why = (
                f"it took more than {self._patience:g} s" if late else f"its process ended ({_ending(code)})"
            )
            raise Unavailable(
                f"The model did not answer: {why}.",
                remedy="It may need more memory or time than a model under examination is given.",
                field="model",
            ) from error
        finally:
            timer.cancel()


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a worker and what it may have started."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _end(process: subprocess.Popen[bytes], home: str) -> None:
    if process.poll() is None:
        _kill(process)
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            cast("IO[bytes]", pipe).close()
    process.wait()
    shutil.rmtree(home, ignore_errors=True)


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
