"""Types that a project trusts in skops files, beside those on the list of the package."""

from __future__ import annotations

import pytest
import skops.io

from workbench.core.clock import SystemClock
from workbench.core.errors import InvalidInput, Refused, Tampered
from workbench.core.settings import load
from workbench.models.registry import Registry
from workbench.testing.models import Threshold, tiny_classifier

NAME = "workbench.testing.models.Threshold"


@pytest.fixture
def trusting(settings, journal, registry):
    """The project after ``trusted_types`` was written into its file."""
    (settings.root / "workbench.toml").write_text(f'actor = "ada"\ntrusted_types = ["{NAME}"]\n')
    return Registry(load(settings.root), journal, SystemClock())


def test_a_type_on_the_projects_list_is_let_through_and_the_record_says_so(
    trusting, registry, settings, journal, frame, tmp_path
):
    skops.io.dump(Threshold(), tmp_path / "m.skops")
    with pytest.raises(InvalidInput, match=f"not on the reviewed list: {NAME}"):
        registry.register(tmp_path / "m.skops", name="credit", train=frame, target="y")
    version = trusting.register(tmp_path / "m.skops", name="credit", train=frame, target="y")
    assert (version.format, version.scan.verdict, version.program_by) == ("skops", "data", "")
    assert version.trusted_types == (NAME,)
    [file] = [file for file in version.scan.files if file.trusted]
    assert (file.path, file.trusted) == ("model.skops", (NAME,))
    kept = {
        file["path"]: file["trusted"] for file in journal.read("model/credit")[0].payload["scan"]["files"]
    }
    assert kept["model.skops"] == [NAME]


def test_a_model_of_ones_own_with_such_a_type_is_kept_as_data_and_no_longer_as_a_pickle(
    trusting, registry, frame
):
    assert registry.register(Threshold(), name="credit", train=frame, target="y").format == "cloudpickle"
    version = trusting.register(Threshold(), name="credit", train=frame, target="y")
    assert (version.format, version.program_by, version.trusted_types) == ("skops", "", (NAME,))
    plain = trusting.register(tiny_classifier(frame), name="plain", train=frame, target="y")
    assert plain.trusted_types == ()


def test_what_was_let_through_is_loaded_by_its_record_and_nothing_more_is(
    trusting, registry, frame, settings, journal
):
    version = trusting.register(Threshold(), name="credit", train=frame, target="y")
    later = Registry(settings, journal, SystemClock())  # the list is empty again
    expected = Threshold().predict(frame).tolist()
    assert later.load(version).predict(frame).tolist() == expected
    assert later.load(version, isolated=True).predict(frame).tolist() == expected
    files = tuple(file.model_copy(update={"trusted": ()}) for file in version.scan.files)
    forgotten = version.model_copy(update={"scan": version.scan.model_copy(update={"files": files})})
    with pytest.raises(Tampered, match="not on the reviewed list"):
        Registry(settings, journal, SystemClock()).load(forgotten)


def test_a_waived_pickle_becomes_data_where_the_project_trusts_its_type(trusting, frame, tmp_path):
    import joblib

    joblib.dump(Threshold(), tmp_path / "m.joblib")
    trusting.waive("credit", kind="pickle", reason="bought", until="2999-01-01")
    version = trusting.register(tmp_path / "m.joblib", name="credit", train=frame, target="y")
    assert (version.format, version.program_by, version.trusted_types) == ("skops", "", (NAME,))


@pytest.mark.parametrize("name", ["", "eval", "os.*", "a b.c", "../x", "os.system()"])
def test_the_list_names_types_and_nothing_else(name, settings):
    (settings.root / "workbench.toml").write_text(f'trusted_types = ["{name}"]\n')
    with pytest.raises(InvalidInput, match=r"workbench\.toml: trusted_types\.0"):
        load(settings.root)


def test_no_variable_of_the_environment_adds_to_the_list(settings, monkeypatch):
    monkeypatch.setenv("WORKBENCH_TRUSTED_TYPES", f'["{NAME}"]')
    with pytest.raises(Refused, match="types through that nobody has reviewed"):
        load(settings.root)
