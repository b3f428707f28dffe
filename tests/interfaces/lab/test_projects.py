"""Projects by a client's path: what is there now, and never a path that no folder can have."""

from __future__ import annotations

import shutil
import threading

import pytest

from workbench.core.errors import InvalidInput
from workbench.interfaces.lab.projects import Projects
from workbench.journal import Event
from workbench.testing import showcase


@pytest.fixture
def root(tmp_path):
    """The server's root, with a project in ``risk/``."""
    (tmp_path / "risk").mkdir()
    showcase.seed(tmp_path / "risk").close()
    return tmp_path.resolve()


@pytest.fixture
def projects(root):
    found = Projects(root, lambda *_: None)
    yield found
    found.close()


def names(projects) -> list[str]:
    return [model.name for model in projects.find("risk").overview().models]


def replace_by_another(root) -> None:
    """Put a project with another model in its place, as a restore or a checkout does."""
    (root / "other").mkdir()
    with showcase.seed(root / "other") as journal:
        [entry] = [e for e in journal.read("model/recidivism") if e.kind == "model.registered"][:1]
        journal.append(
            "model/other", Event(kind="model.registered", payload=entry.payload | {"name": "other"})
        )
    shutil.rmtree(root / "risk")
    (root / "other").rename(root / "risk")


def test_a_project_is_opened_once(projects):
    assert projects.find("risk") is projects.find("/risk/")


def test_a_project_that_was_replaced_is_the_new_one_and_the_old_one_is_closed(root, projects):
    old = projects.find("risk")
    assert "other" not in names(projects)
    replace_by_another(root)
    assert "other" in names(projects)
    assert projects.find("risk") is projects.find("risk")
    followers = [t for t in threading.enumerate() if t.name == "workbench-journal risk"]
    assert len(followers) == 1
    assert list(old.journal.follow()) == []  # it is closed


@pytest.mark.parametrize(
    "path", ["a" * 300, "risk/" + "a" * 300, "a/" * 2_100, "risk/\0", "half a \ud83d", "loop/in"]
)
def test_a_path_that_no_folder_can_have_is_refused(root, projects, path):
    (root / "loop").symlink_to(root / "loop")
    with pytest.raises(InvalidInput) as error:
        projects.find(path)
    assert error.value.field == "path"
    assert str(error.value).isprintable()
