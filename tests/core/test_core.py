"""Errors, digests, settings and outcomes: small values that every room leans on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.core import digests, plugins, project
from workbench.core.errors import Conflict, InvalidInput, nearest
from workbench.core.optional import require
from workbench.core.settings import load
from workbench.core.values import Outcome, worst


def test_an_unknown_name_gets_the_nearest_one_as_remedy():
    assert nearest("fairnes", ["performance", "fairness"]) == "Did you mean 'fairness'?"
    assert nearest("zzz", ["performance"]) == "There is: 'performance'."
    assert nearest("zzz", []) == "There is none yet."


@given(st.lists(st.sampled_from(list(Outcome))))
def test_could_not_measure_is_never_a_pass(outcomes):
    combined = worst(outcomes)
    if {Outcome.ERROR, Outcome.FAIL, Outcome.INCONCLUSIVE} & set(outcomes) or not outcomes:
        assert combined not in (Outcome.PASS, Outcome.MEASURED)


@given(st.dictionaries(st.text(), st.integers(-(2**53) + 1, 2**53 - 1)))
def test_the_digest_of_json_ignores_the_order_of_keys(value):
    assert digests.of_json(value) == digests.of_json(dict(reversed(value.items())))


def test_the_digest_of_a_folder_changes_with_a_byte_and_with_a_name(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    first = digests.of_tree(tmp_path)
    (tmp_path / "a").write_bytes(b"2")
    second = digests.of_tree(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert len({first, second, digests.of_tree(tmp_path)}) == 3


def test_a_link_inside_an_artifact_is_refused(tmp_path):
    (tmp_path / "link").symlink_to("/etc/hostname")
    with pytest.raises(ValueError, match="symbolic link"):
        digests.of_tree(tmp_path)


def test_a_new_project_gets_its_settings_policy_and_plan_and_keeps_what_is_there(tmp_path):
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "default.yaml").write_text("mine")
    project.open_settings(tmp_path)
    assert (tmp_path / "plans" / "canary.yaml").is_file()
    assert (tmp_path / "policies" / "default.yaml").read_text() == "mine"


def test_a_notebook_in_a_subfolder_finds_its_project(tmp_path, monkeypatch):
    project.open_settings(tmp_path)
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert project.find() == tmp_path


def test_an_unknown_setting_is_refused_with_the_nearest_name(tmp_path):
    (tmp_path / "workbench.toml").write_text("gateway_prt = 1\n")
    with pytest.raises(InvalidInput, match=r"gateway_prt.*gateway_port") as caught:
        load(tmp_path)
    assert caught.value.field == "gateway_prt"


def test_settings_that_are_not_toml_say_which_file(tmp_path):
    (tmp_path / "workbench.toml").write_text("actor = \n")
    with pytest.raises(InvalidInput, match=r"workbench\.toml is not valid TOML"):
        load(tmp_path)


def test_the_environment_wins_over_the_file(tmp_path, monkeypatch):
    (tmp_path / "workbench.toml").write_text('actor = "ada"\n')
    assert load(tmp_path).actor == "ada"
    monkeypatch.setenv("WORKBENCH_ACTOR", "grace")
    assert load(tmp_path).actor == "grace"


def test_a_path_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "model.pkl").write_bytes(b"")
    with pytest.raises(InvalidInput, match="is a file"):
        project.open_settings(tmp_path / "model.pkl")


def test_a_missing_package_names_the_extra_to_install():
    with pytest.raises(ImportError, match=r"pip install 'model-workbench\[ray\]'"):
        require("no_such_package_here", extra="ray")


@pytest.mark.parametrize("group", plugins.BUILT_IN)
def test_every_built_in_plug_in_can_be_loaded(group):
    for name in plugins.BUILT_IN[group]:
        assert plugins.load(group, name) is not None


def test_a_plug_in_that_takes_a_built_in_name_is_refused(monkeypatch):
    from importlib.metadata import EntryPoint

    theirs = EntryPoint("fairness", "elsewhere:Fairness", "workbench.audits")
    monkeypatch.setattr(plugins, "entry_points", lambda group: [theirs])
    plugins.table.cache_clear()
    with pytest.raises(Conflict, match="the name 'fairness' is taken"):
        plugins.table("audits")
    plugins.table.cache_clear()


def test_an_unknown_plug_in_is_refused_with_the_nearest_name():
    with pytest.raises(InvalidInput, match="Did you mean 'fairness'"):
        plugins.load("audits", "fairnes")
