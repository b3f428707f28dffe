"""MLflow as the home of artifacts: runs, logged models, registry entries, aliases. No decision is made."""

from __future__ import annotations

import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit
from urllib.request import url2pathname

from workbench.core.errors import Unavailable
from workbench.core.settings import Settings
from workbench.models.mlflow_session import quiet
from workbench.models.references import require_name

if TYPE_CHECKING:
    from mlflow import MlflowClient

#: Seconds to wait while another process makes the database.
_PATIENCE = 120.0

_URI = re.compile(r"[a-z][a-z0-9+-]+:/")


class Kept(NamedTuple):
    """What MLflow made of a folder."""

    run_id: str
    version: int
    artifact: str
    """As ``ModelVersion.artifact``."""


class Store:
    """The MLflow of one project, spoken to by a client of its own: the user's tracking URI stays theirs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def client(self) -> MlflowClient:
        """The client; the first one of a project makes the database."""
        from mlflow import MlflowClient

        uri = self._settings.mlflow_uri
        with self._alone():
            client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            client.search_registered_models(max_results=1)  # the registry's tables are made at first use
        return client

    def keep(self, folder: Path, *, name: str, tags: dict[str, str], undo: ExitStack) -> Kept:
        """Log a model folder and make it the next version of ``name``.

        Args:
            folder: an MLflow model folder.
            name: the registered model, made when there is none.
            tags: of the run and of the version.
            undo: receives what takes every step back, in case a later one fails.

        Raises:
            Unavailable: MLflow does not answer, or the disk is full.
        """
        with _session():
            client = self.client
            run = client.create_run(self._experiment(name), run_name=name, tags=tags)
            undo.callback(client.delete_run, run.info.run_id)
            logged = client.create_logged_model(
                run.info.experiment_id, name=name, source_run_id=run.info.run_id, tags=tags
            )
            undo.callback(self._discard, logged.model_id, logged.artifact_location)
            client.log_model_artifacts(logged.model_id, str(folder))
            client.finalize_logged_model(logged.model_id, "READY")
            self._ensure_model(name, undo)
            made = client.create_model_version(
                name, logged.artifact_location, run.info.run_id, tags=tags, model_id=logged.model_id
            )
            undo.callback(client.delete_model_version, name, made.version)
            client.set_terminated(run.info.run_id)
            return Kept(run.info.run_id, int(made.version), self._relative(logged.artifact_location))

    def set_alias(self, name: str, alias: str, version: int, undo: ExitStack | None = None) -> None:
        """Point an alias at a version; ``undo`` receives what points it back."""
        with _session():
            before = self.client.get_registered_model(name).aliases.get(alias)
            self.client.set_registered_model_alias(name, alias, str(version))
            if undo is not None and before is not None:
                undo.callback(self.client.set_registered_model_alias, name, alias, before)
            elif undo is not None:
                undo.callback(self.client.delete_registered_model_alias, name, alias)

    def tag(self, key: str, value: str, *, model: str) -> None:
        """Set a tag on a registered model, or on the default experiment when there is no such model.

        Raises:
            Unavailable: MLflow does not answer within seconds.
        """
        with _session(hurried=True):
            if model and self.client.search_registered_models(f"name = '{require_name(model)}'"):
                self.client.set_registered_model_tag(model, key, value)
            else:
                self.client.set_experiment_tag("0", key, value)

    def folder(self, artifact: str, *, cache: Path) -> Path:
        """Return the local folder of an artifact, fetched once into ``cache`` when it lives elsewhere.

        Raises:
            Unavailable: it cannot be fetched.
        """
        if not _URI.match(artifact):
            return self._settings.root / artifact
        if not (cache / "MLmodel").is_file():
            with _session():
                self._fetch(artifact, cache)
        return cache

    def _fetch(self, artifact: str, cache: Path) -> None:
        import mlflow.artifacts

        cache.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            dir=cache.parent, prefix="fetching-", ignore_cleanup_errors=True
        ) as home:
            fetched = mlflow.artifacts.download_artifacts(
                artifact_uri=artifact, dst_path=home, tracking_uri=self._settings.mlflow_uri
            )
            try:
                Path(fetched).replace(cache)
            except OSError:
                if (cache / "MLmodel").is_file():
                    return  # somebody was faster, with the same bytes
                shutil.rmtree(cache)  # what lies there is no model
                Path(fetched).replace(cache)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes out while MLflow makes its tables: two at once leave them half made.

        The lock is a transaction on a small SQLite file, which every platform has and a crash releases.
        """
        if self._settings.tracking_uri:
            yield  # a server makes its own
            return
        self._settings.state.mkdir(parents=True, exist_ok=True)
        lock = sqlite3.connect(self._settings.state / "mlflow.lock", timeout=_PATIENCE, isolation_level=None)
        with closing(lock):
            lock.execute("BEGIN EXCLUSIVE")
            yield

    def _experiment(self, name: str) -> str:
        """Id of the experiment that holds the runs of one model."""
        from mlflow.exceptions import MlflowException

        found = self.client.get_experiment_by_name(name)
        if found is None:
            try:
                return self.client.create_experiment(name, artifact_location=self._artifacts())
            except MlflowException:  # another notebook made it a moment ago, or it is a real failure
                found = self.client.get_experiment_by_name(name)
                if found is None:
                    raise
        return str(found.experiment_id)

    def _artifacts(self) -> str | None:
        """Where artifacts go: where a server says; with a database, into the project and not ./mlruns."""
        if self._settings.tracking_uri.startswith(("http://", "https://")):
            return None
        folder = (self._settings.state / "artifacts").resolve()
        folder.mkdir(parents=True, exist_ok=True)
        return folder.as_uri()

    def _ensure_model(self, name: str, undo: ExitStack) -> None:
        from mlflow.exceptions import MlflowException

        if self.client.search_registered_models(f"name = '{name}'"):
            return
        try:
            self.client.create_registered_model(name)
        except MlflowException:
            if not self.client.search_registered_models(f"name = '{name}'"):
                raise
            return
        undo.callback(self._delete_model_if_empty, name)

    def _delete_model_if_empty(self, name: str) -> None:
        if not self.client.search_model_versions(f"name = '{name}'"):
            self.client.delete_registered_model(name)

    def _discard(self, model_id: str, location: str) -> None:
        self.client.delete_logged_model(model_id)
        if location.startswith("file:"):
            shutil.rmtree(_local(location), ignore_errors=True)

    def _relative(self, location: str) -> str:
        if not location.startswith("file:") and _URI.match(location):
            return location
        path = _local(location)
        root = self._settings.root.resolve()
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _local(location: str) -> Path:
    """The folder of a ``file:`` URI; a plain path is one already."""
    return Path(url2pathname(urlsplit(location).path) if location.startswith("file:") else location)


@contextmanager
def _session(*, hurried: bool = False) -> Iterator[None]:
    """Quiet MLflow, and say what its failures mean."""
    with quiet(hurried=hurried):
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise Unavailable(
                f"MLflow could not do it: {str(error).splitlines()[0]}",
                remedy="Check that the disk is not full and that tracking_uri in workbench.toml answers.",
                field="tracking_uri",
            ) from error
