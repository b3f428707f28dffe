from __future__ import annotations

import shutil
import subprocess

import pytest

from workbench.models.lineage import git_state, installed


def git(folder, *arguments):
    subprocess.run(["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@b", *arguments], check=True)


@pytest.fixture
def repository(tmp_path):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    git(tmp_path, "init", "--quiet")
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    return tmp_path


def test_a_clean_tree_has_its_commit(repository):
    commit, dirty = git_state(repository)
    assert len(commit) == 40
    assert dirty is False


def test_a_changed_or_a_new_file_makes_the_tree_dirty(repository):
    (repository / "b").write_text("2")
    assert git_state(repository)[1] is True


def test_outside_a_repository_nothing_is_claimed(tmp_path):
    assert git_state(tmp_path) == ("", None)


def test_without_git_nothing_is_claimed(repository, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert git_state(repository) == ("", None)


def test_only_installed_packages_are_listed():
    assert set(installed(("numpy", "no-such-package"))) == {"numpy"}
    assert list(installed(("xgboost",))) in (["xgboost"], ["xgboost-cpu"])
