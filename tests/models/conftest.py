from __future__ import annotations

import shutil
import socket
import sys

import pytest

from workbench.core.clock import SystemClock
from workbench.core.settings import Settings
from workbench.journal import Journal
from workbench.models.mlflow_session import quiet
from workbench.models.registry import Registry
from workbench.models.store import Store
from workbench.testing.models import tiny_frame


@pytest.fixture
def settings(tmp_path):
    return Settings(root=tmp_path, actor="ada")


@pytest.fixture
def journal(settings):
    with Journal.open(settings.state / "journal.db", actor="ada", clock=SystemClock()) as opened:
        yield opened


@pytest.fixture(scope="session")
def empty_mlflow(tmp_path_factory):
    """An MLflow database with its tables: making them takes a second and more, copying the file does not."""
    settings = Settings(root=tmp_path_factory.mktemp("mlflow"))
    with quiet():
        assert Store(settings).client.search_registered_models() == []
    return settings.state / "mlflow.db"


@pytest.fixture
def registry(settings, journal, empty_mlflow):
    shutil.copy(empty_mlflow, settings.state / "mlflow.db")
    return Registry(settings, journal, SystemClock())


class _Finds(list):
    """What this process looked up by name while it read pickles: the hook of Python says so."""

    watching = False

    def hook(self, event, arguments):
        if self.watching and event == "pickle.find_class":
            self.append(".".join(arguments))


_finds = _Finds()


@pytest.fixture
def opened_here():
    """Names that pickles read in this very process asked for."""
    if not hasattr(_finds, "hooked"):
        sys.addaudithook(_finds.hook)  # cannot be taken out again
        _finds.hooked = True
    _finds.clear()
    _finds.watching = True
    yield _finds
    _finds.watching = False


@pytest.fixture(scope="session")
def frame():
    return tiny_frame()


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def corpus(tmp_path):
    """Where hostile artifacts are made."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder
