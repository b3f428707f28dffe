"""The corpus of ``hostile``: nothing in it runs, each is refused with its reason, nothing is registered."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import skops.io
import xgboost
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from workbench.core.clock import SystemClock
from workbench.core.errors import InvalidInput, Refused, Tampered, Unavailable, WorkbenchError
from workbench.models.intake import bring
from workbench.models.isolation import open_isolated
from workbench.models.registry import Registry
from workbench.testing.models import FEATURES, Threshold, tiny_classifier

sys.path.insert(0, str(Path(__file__).parent))
import hostile

NUMBERS = ["x1", "x2"]
TOMORROW = datetime.now(UTC).date() + timedelta(days=2)


@pytest.fixture
def nothing_ran_and_nothing_stayed(registry, journal, settings, corpus, tmp_path, monkeypatch):
    """Afterwards: no canary, no version in the journal or in MLflow, no file, no folder, no process."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    before = children()
    yield
    gc.collect()
    assert not hostile.canary_path(corpus).exists()
    assert [stream for stream in journal.streams() if stream.startswith("model/")] == []
    assert registry._store.client.search_registered_models() == []
    assert [
        name
        for name in ("artifacts", "attestations", "reference", "cache")
        if (settings.state / name).exists()
    ] == []
    assert list((tmp_path / "temporary").iterdir()) == []
    assert children() == before


def children():
    """Processes that this one has started and that still run."""
    tasks = Path(f"/proc/{os.getpid()}/task")
    if not tasks.is_dir():  # not Linux
        return set()
    return {pid for task in tasks.iterdir() for pid in (task / "children").read_text().split()}


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


@pytest.mark.usefixtures("nothing_ran_and_nothing_stayed")
@pytest.mark.parametrize("name", hostile.BOMBS)
def test_data_that_takes_its_reader_down_takes_down_a_worker_alone(name, registry, frame, corpus):
    path = hostile.BOMBS[name](corpus, hostile.canary_path(corpus))
    assert bring(path).scan.verdict == "data"
    with pytest.raises(WorkbenchError) as caught:
        registry.register(path, name="credit", train=frame[["x1", "x2", "y"]], target="y")
    assert caught.value.field == "model"


def test_data_that_never_answers_is_given_up_on(corpus, frame):
    path = hostile.ENDLESS(corpus, hostile.canary_path(corpus))
    predictor = open_isolated(bring(path), task="regression", columns=NUMBERS)
    predictor.model._worker._patience = 2.0
    with pytest.raises(Unavailable, match="it took more than 2 s"):
        predictor.predict(frame)


@pytest.mark.usefixtures("nothing_ran_and_nothing_stayed")
@pytest.mark.parametrize("name", hostile.PICKLES)
def test_a_waived_pickle_runs_nothing_in_the_process_that_registers_it(
    name, registry, frame, corpus, opened_here
):
    path = hostile.WAIVABLE[f"{name} in a m.pkl"](corpus, hostile.canary_path(corpus))
    registry.waive("credit", kind="pickle", reason="a test", until=TOMORROW)
    with pytest.raises((InvalidInput, Unavailable)):
        registry.register(path, name="credit", train=frame, target="y")
    assert opened_here == []


@pytest.mark.parametrize(
    "name", ["a loader module", "models from code", "code paths beside an honest model", "a Python model"]
)
def test_code_that_comes_along_under_a_waiver_is_imported_by_a_worker_alone(
    name, registry, frame, corpus, opened_here
):
    path = hostile.WAIVABLE[name](corpus, hostile.canary_path(corpus))
    registry.waive("credit", kind="pickle", reason="a test", until=TOMORROW)
    before, paths = set(sys.modules), list(sys.path)
    with suppress(WorkbenchError):  # the honest model is registered, as data; the others are none
        assert registry.register(path, name="credit", train=frame, target="y").format == "skops"
    assert opened_here == []
    assert sys.path == paths
    assert not {"loader", "model"} & (set(sys.modules) - before)
    if sys.platform == "linux":  # where files are held back as well
        assert not hostile.canary_path(corpus).exists()


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
