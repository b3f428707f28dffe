"""MLflow, used without leaving a trace in the user's session."""

from __future__ import annotations

import logging
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_LOUD = ("mlflow", "alembic")
_SWITCHES = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}
_HURRIED = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "3"}

#: The environment and the log levels belong to the whole process: one thread at a time changes them.
_lock = threading.RLock()


@contextmanager
def quiet(*, hurried: bool = False) -> Iterator[None]:
    """Keep MLflow from writing to stderr and from reporting usage, for as long as the block runs.

    What it logs below an error is for somebody who called MLflow; here the caller did not. Telemetry and
    progress bars are switched by environment variables, which are put back as they were.

    Args:
        hurried: do not wait for a server that does not answer; otherwise MLflow tries for minutes.
    """
    switches = _SWITCHES | (_HURRIED if hurried else {})
    with _lock:
        before = {name: os.environ.get(name) for name in switches}
        levels = {name: logging.getLogger(name).level for name in _LOUD}
        os.environ.update(switches)
        _set_levels(dict.fromkeys(_LOUD, logging.ERROR))
        try:
            with warnings.catch_warnings():
                # MLflow warns about type hints in modules of its own, and some of those it imports put
                # filters of theirs before ours: so once for the import, and again after it.
                _ignore_warnings()
                import mlflow.pyfunc  # noqa: F401 - sets its log level and telemetry when first imported

                _ignore_warnings()
                _set_levels(dict.fromkeys(_LOUD, logging.ERROR))
                yield
        finally:
            _set_levels(levels)
            _restore(before)


def _ignore_warnings() -> None:
    warnings.filterwarnings("ignore", module=r"mlflow\.")


def _set_levels(levels: dict[str, int]) -> None:
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def _restore(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
