"""Somebody's word that a model may be kept as a pickle, until a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from workbench.core.clock import SystemClock
from workbench.core.errors import InvalidInput, Refused
from workbench.core.settings import Settings
from workbench.models.registry import Registry
from workbench.testing.models import Threshold, rule, tiny_classifier

TOMORROW = datetime.now(UTC).date() + timedelta(days=2)


def test_an_object_of_ones_own_may_stay_a_pickle_and_the_version_says_so(registry, frame):
    version = registry.register(rule, name="rule", train=frame, target="y")
    assert (version.scan.verdict, version.program_by, version.source) == ("program", "own", "")
    [pickle] = [file for file in version.scan.files if file.verdict == "program"]
    assert (pickle.path, pickle.format) == ("python_model.pkl", "pickle")


def test_a_project_may_ask_for_a_waiver_of_every_pickle(settings, journal, registry, frame):
    strict = Registry(settings.model_copy(update={"pickles": "waiver"}), journal, SystemClock())
    with pytest.raises(Refused, match=r"credit: model\.pkl is a pickle, which runs code"):
        strict.register(Threshold(), name="credit", train=frame, target="y")
    assert journal.streams() == []
    waiver = strict.waive("credit", kind="pickle", reason="rules by hand", until=TOMORROW)
    version = strict.register(Threshold(), name="credit", train=frame, target="y")
    assert version.program_by == waiver.id == "waiver/credit#0"


def test_a_pickle_from_a_file_is_registered_under_a_waiver(registry, frame, tmp_path):
    import joblib

    joblib.dump(Threshold(), tmp_path / "m.joblib")
    registry.waive("credit", kind="pickle", reason="bought", until=TOMORROW)
    version = registry.register(tmp_path / "m.joblib", name="credit", train=frame, target="y")
    assert version.program_by == "waiver/credit#0"
    assert [w.reason for w in registry.waivers("credit")] == ["bought"]


class Moved(SystemClock):
    """A clock some days on."""

    def __init__(self, days):
        self.days = days

    def now(self):
        return super().now() + timedelta(days=self.days)


def test_a_waiver_that_has_run_out_stops_new_versions_and_releases_and_not_what_answers(
    settings, journal, registry, frame, tmp_path
):
    import joblib

    joblib.dump(Threshold(), tmp_path / "m.joblib")
    registry.waive("credit", kind="pickle", reason="bought", until=TOMORROW)
    version = registry.register(tmp_path / "m.joblib", name="credit", train=frame, target="y")
    registry.require_waiver(version)
    later = Registry(settings, journal, Moved(days=9))
    with pytest.raises(Refused, match=f"Its waiver ended on {TOMORROW}"):
        later.register(tmp_path / "m.joblib", name="credit", train=frame, target="y")
    with pytest.raises(Refused, match="credit/1 is kept as a program, and no waiver holds"):
        later.require_waiver(version)
    assert later.load(version, isolated=False).predict(frame).shape == (200,)
    later.require_waiver(registry.register(tiny_classifier(frame), name="data", train=frame, target="y"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "everything"}, "no waiver for 'everything'"),
        ({"reason": "  "}, "reason"),
        ({"reason": None}, "reason"),
        ({"until": "2020-01-01"}, "2020-01-01 has passed"),
        ({"until": "soon"}, "'soon' is no day"),
        ({"until": None}, "is no day"),
        ({"model": "../x"}, "cannot be used"),
    ],
)
def test_a_waiver_names_its_kind_a_reason_and_a_day_to_come(registry, journal, given, message):
    options = {"model": "credit", "kind": "pickle", "reason": "because", "until": TOMORROW, **given}
    with pytest.raises(InvalidInput, match=message):
        registry.waive(options.pop("model"), **options)
    assert journal.streams() == []


def test_settings_take_no_other_word_for_pickles(tmp_path):
    with pytest.raises(ValueError, match="pickles"):
        Settings(root=tmp_path, actor="ada", pickles="always")


def test_no_release_opens_under_a_waiver_that_has_run_out(tmp_path, frame):
    import joblib

    import workbench as wb

    joblib.dump(Threshold(), tmp_path / "m.joblib")
    bench = wb.open(tmp_path, actor="ada")
    bench.waive("credit", reason="bought", until=TOMORROW)
    bench.register(tmp_path / "m.joblib", name="credit", train=frame, target="y")
    bench.journal.close()
    later = wb.Workbench(bench.settings, clock=Moved(days=9))
    with pytest.raises(Refused, match="credit/1 is kept as a program, and no waiver holds"):
        later.release("credit/1")
    later.journal.close()
