from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from workbench.core.digests import canonical_json, of_file
from workbench.core.errors import InvalidInput, NotFound
from workbench.datasets import Dataset
from workbench.models.code_state import git_diff, git_remote, git_state, without_credentials
from workbench.models.lineage import columns_of, environment, installed, lock_file, parameters_of, source_of
from workbench.models.records import Lineage
from workbench.testing.models import tiny_classifier, tiny_frame


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


# Code


def test_the_digest_of_changes_covers_known_and_new_files_and_nothing_that_is_ignored(repository):
    (repository / "a").write_text("2")
    changed = git_diff(repository)
    (repository / "b").write_text("new")
    with_new = git_diff(repository)
    (repository / "b").write_text("newer")
    with_newer = git_diff(repository)
    assert len({changed, with_new, with_newer}) == 3
    (repository / ".workbench").mkdir()
    (repository / ".workbench" / "journal.db").write_text("grows")
    assert git_diff(repository) == with_newer


def test_the_same_changes_have_the_same_digest_from_any_folder_of_the_repository(repository):
    (repository / "inner").mkdir()
    (repository / "b").write_text("new")
    (repository / "link").symlink_to("b")
    assert git_diff(repository / "inner") == git_diff(repository) != ""


def test_too_many_new_files_are_not_known_rather_than_half_known(repository, monkeypatch):
    monkeypatch.setattr("workbench.models.code_state._MOST_FILES", 1)
    (repository / "b").write_text("1")
    (repository / "c").write_text("1")
    assert git_diff(repository) == ""


def test_outside_a_repository_there_is_no_digest_of_changes(tmp_path):
    assert (git_diff(tmp_path), git_remote(tmp_path)) == ("", "")


def test_a_remote_is_kept_without_its_password(repository):
    git(repository, "remote", "add", "origin", "https://ada:secret@example.org/risk.git?token=x")
    assert git_remote(repository) == "https://example.org/risk.git"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("postgresql://ada:pw@db:5432/loans?password=pw", "postgresql://db:5432/loans"),
        ("SELECT * FROM loans WHERE mail = 'a@b'", "SELECT * FROM loans WHERE mail = 'a@b'"),
        ("git@github.com:org/risk.git", "git@github.com:org/risk.git"),
        ("", ""),
    ],
)
def test_user_and_password_are_left_out_of_an_address_and_a_query_is_left_alone(given, kept):
    assert without_credentials(given) == kept


# Data


def test_one_changed_value_changes_the_fingerprint_of_its_column_alone():
    before = tiny_frame()
    after = before.copy()
    after.loc[0, "x1"] = np.nan
    a, b = (columns_of(Dataset.of(frame, target="y")) for frame in (before, after))
    assert [one.name for one, other in zip(a, b, strict=True) if one.digest != other.digest] == ["x1"]
    assert next(c.missing for c in b if c.name == "x1") == next(c.missing for c in a if c.name == "x1") + 1


def test_a_file_is_named_from_the_project_with_the_digest_of_its_bytes(tmp_path):
    file = tmp_path / "data" / "train.csv"
    file.parent.mkdir()
    tiny_frame().to_csv(file, index=False)
    assert source_of(file, "", tmp_path) == {
        "data_source": "",
        "data_file": "data/train.csv",
        "data_file_digest": of_file(file),
    }
    assert source_of(str(file), "", tmp_path / "elsewhere")["data_file"] == file.resolve().as_posix()


@pytest.mark.parametrize("source", [3, None, b"SELECT", "x" * 10_001])
def test_a_source_that_is_no_text_is_refused(source, tmp_path):
    with pytest.raises(InvalidInput, match="source must be text"):
        source_of(tiny_frame(), source, tmp_path)


# Environment and parameters


def test_the_environment_has_one_digest_and_the_most_exact_lock_is_taken(tmp_path):
    assert environment() == environment()
    assert lock_file(tmp_path) is None
    for name in ("requirements.txt", "uv.lock"):
        (tmp_path / name).write_text(name)
    assert lock_file(tmp_path).name == "uv.lock"


def test_parameters_are_numbers_words_and_truth_values_and_all_else_is_told_by_its_type():
    model = make_pipeline(StandardScaler(), LogisticRegression(C=np.float64(0.5), random_state=2**60))
    found = parameters_of(model)
    assert found["logisticregression__C"] == 0.5
    assert found["logisticregression__random_state"] == str(2**60)
    assert found["standardscaler"] == "StandardScaler"
    canonical_json(found)


def test_parameters_that_json_cannot_hold_are_told_in_words():
    class Odd:
        def get_params(self, deep):
            return {
                "missing": float("nan"),
                "frame": tiny_frame(),
                "by": (1, "a"),
                "on": np.int64(3),
                1: print,
            }

    assert parameters_of(Odd()) == {
        "1": "builtin_function_or_method",
        "by": [1, "a"],
        "frame": "DataFrame",
        "missing": "nan",
        "on": 3,
    }


def test_a_model_that_cannot_tell_its_parameters_has_none():
    class Broken:
        def get_params(self, deep):
            raise RuntimeError("no")

    assert parameters_of(Broken()) == parameters_of(print) == {}


# Together


def test_a_version_knows_its_file_its_columns_its_parameters_and_its_parents(registry, settings):
    file = settings.root / "train.csv"
    tiny_frame().to_csv(file, index=False)
    first = registry.register(tiny_classifier(), name="tiny", train=file, target="y")
    second = registry.register(
        tiny_classifier(), name="tiny", train=tiny_frame(), target="y", source="SELECT 1", parents=["tiny/1"]
    )
    assert first.lineage.data_file == "train.csv"
    assert [c.name for c in first.lineage.data_columns] == list(pd.read_csv(file).columns)
    assert first.lineage.parameters
    assert first.lineage.environment.startswith("sha256:")
    assert second.lineage.data_source == "SELECT 1"
    assert [(p.ref, p.digest) for p in second.lineage.parents] == [("tiny/1", first.digest)]
    assert registry.version("tiny/2") == second


def test_a_parent_that_is_not_registered_is_refused_before_anything_is_written(registry):
    with pytest.raises(NotFound, match="no model 'other'"):
        registry.register(tiny_classifier(), name="tiny", train=tiny_frame(), target="y", parents="other/1")
    assert registry.names() == []


def test_a_lineage_written_before_these_fields_can_still_be_read():
    old = {
        "git_commit": "c0ffee",
        "git_dirty": False,
        "data_digest": "sha256:d",
        "data_rows": 3,
        "python": "3.11",
        "packages": {"numpy": "2.4"},
    }
    read = Lineage.from_json(json.dumps(old))
    assert (read.git_diff, read.data_columns, read.parameters, read.parents) == ("", (), {}, ())
