"""The corpus of ``hostile``: nothing in it runs, each is refused with its reason, nothing is registered."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import skops.io
import xgboost
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from workbench.core.clock import SystemClock
from workbench.core.errors import InvalidInput, Refused, Tampered
from workbench.core.settings import Settings
from workbench.models.formats import identify, is_pickle
from workbench.models.registry import Registry
from workbench.testing.models import FEATURES, Threshold, rule, tiny_classifier

sys.path.insert(0, str(Path(__file__).parent))
import hostile

NUMBERS = ["x1", "x2"]
TOMORROW = datetime.now(UTC).date() + timedelta(days=2)


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


@pytest.fixture
def nothing_ran_and_nothing_stayed(registry, journal, settings, corpus):
    """Afterwards: no canary, no version in the journal or in MLflow, no artifact."""
    yield
    assert not hostile.canary_path(corpus).exists()
    assert [stream for stream in journal.streams() if stream.startswith("model/")] == []
    assert registry._store.client.search_registered_models() == []
    assert not (settings.state / "artifacts").exists()


def test_the_pickles_of_the_corpus_do_run_where_somebody_reads_them(tmp_path):
    """Else the rest of this file would prove nothing. In another process, on purpose."""
    for name, build in hostile.PICKLES.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "m.pkl").write_bytes(build(folder, hostile.canary_path(folder)))
    code = "import pickle, sys\nfor f in sys.argv[1:]:\n  try: pickle.load(open(f, 'rb'))\n  except Exception: pass"
    files = [str(tmp_path / name / "m.pkl") for name in hostile.PICKLES]
    subprocess.run([sys.executable, "-c", code, *files], check=True)
    assert [name for name in hostile.PICKLES if not (tmp_path / name / "canary").exists()] == []


@pytest.mark.usefixtures("nothing_ran_and_nothing_stayed")
@pytest.mark.parametrize("name", hostile.REFUSED)
def test_what_nobody_can_look_into_is_refused_even_with_a_waiver(name, registry, frame, corpus):
    build, reason = hostile.REFUSED[name]
    path = build(corpus, hostile.canary_path(corpus))
    registry.waive("credit", kind="pickle", reason="a test", until=TOMORROW)
    with pytest.raises(InvalidInput, match=reason) as caught:
        registry.register(path, name="credit", train=frame, target="y")
    assert caught.value.field == "model"
    assert caught.value.remedy.startswith("Nothing of it was opened.")


@pytest.mark.usefixtures("nothing_ran_and_nothing_stayed")
@pytest.mark.parametrize("name", hostile.WAIVABLE)
def test_a_program_from_elsewhere_is_refused_until_somebody_answers_for_it(name, registry, frame, corpus):
    path = hostile.WAIVABLE[name](corpus, hostile.canary_path(corpus))
    with pytest.raises(Refused, match="no waiver holds for it") as caught:
        registry.register(str(path), name="credit", train=frame, target="y")
    assert "workbench waive credit --kind pickle" in caught.value.remedy


@pytest.mark.parametrize("name", ["forest.skops", "pipeline.skops", "classifier.onnx"])
def test_an_honest_file_passes_and_is_kept_as_data(name, registry, frame, tmp_path):
    file, columns = tmp_path / name, NUMBERS
    if name == "pipeline.skops":
        model, columns = tiny_classifier(frame), list(FEATURES)
        skops.io.dump(model, file)
    elif name == "forest.skops":
        model = RandomForestClassifier(3, max_depth=3, random_state=0).fit(frame[NUMBERS], frame["y"])
        skops.io.dump(model, file)
    else:
        from skl2onnx import to_onnx

        rows = frame[NUMBERS].to_numpy("float32")
        model = LogisticRegression().fit(rows, frame["y"])
        file.write_bytes(to_onnx(model, rows[:1]).SerializeToString())
    train = frame[[*columns, "y"]]
    version = registry.register(file, name="honest", train=train, target="y")
    assert (version.scan.verdict, version.program_by) == ("data", "")
    assert version.scan.digest == version.digest
    assert version.source.startswith("sha256:")
    inputs = frame[columns] if name != "classifier.onnx" else rows
    assert registry.load(version).predict(frame).tolist() == model.predict(inputs).tolist()


def test_an_honest_xgboost_folder_passes_and_comes_back_as_its_estimator(registry, frame, tmp_path):
    import mlflow.xgboost

    from workbench.models.mlflow_session import quiet

    model = xgboost.XGBClassifier(n_estimators=2, n_jobs=1).fit(frame[NUMBERS], frame["y"])
    with quiet():
        mlflow.xgboost.save_model(model, tmp_path / "m", pip_requirements=["numpy"])
    version = registry.register(tmp_path / "m", name="boosted", train=frame, target="y")
    assert (version.flavor, version.scan.verdict) == ("xgboost", "data")
    formats = {file.path: file.format for file in version.scan.files}
    assert (formats["model.ubj"], formats["MLmodel"]) == ("xgboost-ubj", "mlmodel")


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


@pytest.mark.parametrize(("code", "said"), [(1, "does harm"), (2, "exit code 2"), (4, "exit code 4")])
def test_what_the_tripwire_finds_or_cannot_finish_stops_a_model(
    code, said, registry, frame, tmp_path, monkeypatch
):
    skops.io.dump(tiny_classifier(frame), tmp_path / "m.skops")
    _command(tmp_path, code, monkeypatch)
    with pytest.raises(InvalidInput, match=said):
        registry.register(tmp_path / "m.skops", name="credit", train=frame, target="y")


def test_a_tripwire_that_finds_nothing_does_not_make_a_pickle_data(registry, frame, corpus, monkeypatch):
    _command(corpus, 0, monkeypatch)
    path = hostile.WAIVABLE["a pickle as joblib"](corpus, hostile.canary_path(corpus))
    with pytest.raises(Refused, match="no waiver holds"):
        registry.register(path, name="credit", train=frame, target="y")


def _command(folder, code, monkeypatch):
    """A command named modelscan that exits as the real one would."""
    bin = folder / "bin"
    bin.mkdir()
    (bin / "modelscan").write_text(f"#!/bin/sh\nexit {code}\n")
    (bin / "modelscan").chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.parametrize(
    "words",
    [
        "column_a,column_b\n1,2\n",
        "build: (tR.\n",
        "about this model",
        "x^2 + y",
        "",
        "[1, 2",
        "cc\nd\n",
        "numpy==2.4\n",
    ],
)
def test_words_are_no_pickle(words, tmp_path):
    (tmp_path / "notes.txt").write_text(words)
    assert identify(tmp_path / "notes.txt").verdict == "data"


@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol_is_known_whatever_the_file_is_called(protocol, tmp_path):
    import pickle

    (tmp_path / "notes.txt").write_bytes(content := pickle.dumps(Threshold(), protocol=protocol))
    assert is_pickle(content)
    assert identify(tmp_path / "notes.txt").verdict == "program"


def test_a_member_in_two_places_and_a_damaged_archive_are_refused(tmp_path):
    file = tmp_path / "m.skops"
    skops.io.dump(tiny_classifier(), file)
    assert identify(file).format == "skops"
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("schema.json", "{}")
    assert identify(file) == ("zip", "refused", "holds two members of one name")
    file.write_bytes(file.read_bytes()[:-40])
    assert "damaged" in identify(file).reason


def test_safetensors_and_arrays_are_data_and_their_crafted_kin_are_not(tmp_path):
    import json
    import struct

    import numpy as np

    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    (tmp_path / "m.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + b"\0\0\0\0")
    assert identify(tmp_path / "m.safetensors") == ("safetensors", "data", "")
    (tmp_path / "m.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + b"\0")
    assert identify(tmp_path / "m.safetensors").verdict == "refused"
    np.save(tmp_path / "a.npy", np.eye(2))
    assert identify(tmp_path / "a.npy") == ("npy", "data", "")
    np.save(tmp_path / "a.npy", np.array([{}], object), allow_pickle=True)
    assert identify(tmp_path / "a.npy").verdict == "refused"


def test_onnx_weights_in_another_file_are_refused(tmp_path):
    import onnx
    from onnx import TensorProto, helper

    weights = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    del weights.float_data[:]
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="../../etc/passwd")
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", [value], [out], [weights])
    (tmp_path / "m.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    assert identify(tmp_path / "m.onnx") == (
        "onnx",
        "refused",
        "keeps weights in another file, named by path",
    )
    assert onnx.__name__ == "onnx"


def test_bytes_changed_while_they_are_read_are_never_loaded(registry, settings, journal, frame, monkeypatch):
    """The folder is turned over between the copy and the opening: what opens is the copy that was hashed."""
    from workbench.models import loading

    version = registry.register(Threshold(), name="credit", train=frame, target="y")
    fresh, folder = Registry(settings, journal, SystemClock()), registry.artifact_path(version)
    taken = loading.take

    def take_and_swap(source, to):
        digests = taken(source, to)
        canary = settings.root / "canary"
        (folder / "model.pkl").write_bytes(hostile.through_os(settings.root, canary))
        return digests

    before = registry.load(version).predict(frame).tolist()
    monkeypatch.setattr(loading, "take", take_and_swap)
    assert fresh.load(version).predict(frame).tolist() == before
    assert not (settings.root / "canary").exists()
    monkeypatch.undo()
    with pytest.raises(Tampered, match="not those that were registered"):
        Registry(settings, journal, SystemClock()).load(version)
    assert not (settings.root / "canary").exists()


def test_a_byte_changed_after_approval_is_refused_and_the_champion_stays(registry, settings, journal, frame):
    champion = registry.register(tiny_classifier(frame), name="credit", train=frame, target="y")
    candidate = registry.register(tiny_classifier(frame, seed=1), name="credit", train=frame, target="y")
    registry.set_alias("credit", "champion", 1)
    file = registry.artifact_path(candidate) / "model.skops"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    fresh = Registry(settings, journal, SystemClock())
    with pytest.raises(Tampered):
        fresh.load(candidate)
    assert fresh.version("credit@champion") == champion
    assert fresh.load(champion).predict(frame).shape == (200,)


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
