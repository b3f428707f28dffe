"""The newest checkpoint as a tag in MLflow: a place outside the journal where people look anyway."""

from __future__ import annotations

import sys

from workbench.core.settings import Settings
from workbench.journal import Checkpoint, Entry
from workbench.models.mlflow_session import quiet
from workbench.models.store import Store

TAG = "workbench.checkpoint"

#: Streams that are called after a model: ``approval/recidivism/3``.
_OF_A_MODEL = frozenset({"approval", "endpoint", "evidence", "finding", "gate", "model", "waiver"})


def tag(settings: Settings, checkpoint: Checkpoint, newest: Entry) -> None:
    """Write a checkpoint, whole, as the tag ``workbench.checkpoint``; the one before is replaced.

    It stands on the registered model that the newest entry is about, or else on MLflow's default experiment.
    Nothing is done where this process has not loaded MLflow, or the project has none yet: loading it takes
    seconds, and whoever approves does not wait for that.

    Raises:
        Unavailable: MLflow does not answer within seconds.
    """
    if "mlflow" in sys.modules and _in_use(settings):
        Store(settings).tag(TAG, checkpoint.note, model=_model(newest.stream))


def load(settings: Settings) -> None:
    """Load MLflow where the project has one, so that ``tag`` writes."""
    if _in_use(settings):
        with quiet():
            pass


def _in_use(settings: Settings) -> bool:
    return bool(settings.tracking_uri) or (settings.state / "mlflow.db").is_file()


def _model(stream: str) -> str:
    kind, _, name = stream.partition("/")
    if kind == "release":  # release/recidivism-2
        return name.rpartition("-")[0]
    return name.partition("/")[0] if kind in _OF_A_MODEL else ""
