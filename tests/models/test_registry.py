from __future__ import annotations

import json
import multiprocessing
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import warnings
from contextlib import suppress
from datetime import UTC
from urllib.request import urlopen

import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.linear_model import LogisticRegression

from workbench.core.clock import SystemClock
from workbench.core.errors import Conflict, InvalidInput, NotFound, Tampered, Unavailable
from workbench.core.settings import Settings
from workbench.datasets import Dataset, fingerprint
from workbench.journal import Journal
from workbench.models.records import ModelVersion
from workbench.models.registry import Registry
from workbench.testing.models import (
    FEATURES,
    Failing,
    Threshold,
    rule,
    tiny_classifier,
    tiny_frame,
    tiny_regressor,
)


@pytest.fixture
def register(registry, frame):
    def register(model=None, *, name="credit", train=None, target="y", **options):
        model = tiny_classifier(frame) if model is None else model
        options.setdefault("sensitive", ["group"])
        return registry.register(
            model, name=name, train=frame if train is None else train, target=target, **options
        )

    return register


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory):
    """A server of MLflow that keeps the artifacts, too; its address."""
    home = tmp_path_factory.mktemp("server")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{home / 'mlflow.db'}"]
    command += ["--serve-artifacts", "--artifacts-destination", str(home / "kept")]
    with (home / "log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=home, start_new_session=True)
    try:
        for _ in range(600):
            with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/health") as answer:
                assert answer.read() == b"OK"
                break
            assert server.poll() is None, (home / "log").read_text()
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(20)


@pytest.fixture
def at_a_server(mlflow_server, settings, journal):
    """Opens the project, whose MLflow is that server."""
    there = settings.model_copy(update={"tracking_uri": mlflow_server})
    return lambda: Registry(there, journal, SystemClock())


def test_a_version_kept_at_a_server_is_fetched_once_and_loads(at_a_server, frame, settings, request):
    name = request.node.name
    version = at_a_server().register(tiny_classifier(frame), name=name, train=frame, target="y")
    assert version.artifact.startswith("mlflow-artifacts:/")
    expected = tiny_classifier(frame).predict(frame[list(FEATURES)]).tolist()
    assert at_a_server().load(version).predict(frame).tolist() == expected
    cache = at_a_server().artifact_path(version)
    assert list((settings.state / "cache").iterdir()) == [cache]
    (cache / "MLmodel").touch()
    before = (cache / "MLmodel").stat().st_mtime_ns
    assert at_a_server().load(version).predict(frame).tolist() == expected
    assert (cache / "MLmodel").stat().st_mtime_ns == before


@pytest.mark.parametrize("there", ["artifacts/MLmodel", "MLmodel"])
def test_what_lies_in_the_cache_already_is_replaced_unless_it_is_a_model(
    there, at_a_server, frame, settings, request
):
    """Nothing of use, left by what was broken off; or the model, put there by another process meanwhile."""
    name = re.sub(r"\W", "-", request.node.name)
    version = at_a_server().register(tiny_classifier(frame), name=name, train=frame, target="y")
    registry = at_a_server()
    cache = settings.state / "cache" / version.digest.removeprefix("sha256:")
    (cache / there).parent.mkdir(parents=True)
    (cache / there).write_text("of another")
    registry._store._fetch(version.artifact, cache)
    assert (cache / "MLmodel").is_file()
    assert ((cache / "MLmodel").read_text() == "of another") is (there == "MLmodel")
    assert list((settings.state / "cache").iterdir()) == [cache]


def test_an_artifact_that_the_server_does_not_have_is_told_as_such(at_a_server, frame, request):
    version = at_a_server().register(tiny_classifier(frame), name=request.node.name, train=frame, target="y")
    gone = version.model_copy(update={"artifact": "mlflow-artifacts:/9/gone/artifacts", "digest": "sha256:0"})
    with pytest.raises(Unavailable, match="MLflow could not do it"):
        at_a_server().load(gone)


def test_two_versions_of_the_same_bytes_answer_each_with_its_own_positive_label(register, registry):
    first = register()
    second = first.model_copy(update={"version": 2, "positive": 0})
    loaded = [registry.load(version) for version in (first, second, first)]
    assert [(one.label, one.positive) for one in loaded] == [
        ("credit/1", 1),
        ("credit/2", 0),
        ("credit/1", 1),
    ]


def test_a_registered_version_says_what_it_is_and_where_it_came_from(register, registry, frame, tmp_path):
    version = register()
    assert (version.ref, version.uri, version.flavor, version.format) == (
        "credit/1",
        "models:/credit/1",
        "sklearn",
        "skops",
    )
    assert (version.task, version.target, version.positive, version.classes) == (
        "classification",
        "y",
        1,
        (0, 1),
    )
    assert version.sensitive == ("group",)
    assert [c.name for c in version.columns] == list(FEATURES)  # the model does not read the group
    x1, _, colour = version.columns
    assert (x1.type, x1.low, x1.high, x1.integer) == ("double", frame["x1"].min(), frame["x1"].max(), False)
    assert (colour.type, colour.categories) == ("string", ("blue", "green", "red"))
    assert version.author == "ada"
    assert version.created.tzinfo == UTC
    assert version.lineage.data_digest == fingerprint(frame)
    assert version.lineage.data_rows == 200
    assert {"numpy", "pandas", "scikit-learn", "skops"} <= set(version.lineage.packages)
    assert ModelVersion.from_json(version.to_json()) == version
    assert not version.artifact.startswith("/")
    assert (tmp_path / version.artifact / "MLmodel").is_file()


def test_the_journal_is_the_memory(register, registry, journal, settings):
    version = register()
    kinds = [(e.kind, e.subjects[0]) for e in journal.read("model/credit")]
    assert kinds == [("model.registered", version.digest), ("model.alias", version.digest)]
    shutil.rmtree(settings.state / "artifacts")
    (settings.state / "mlflow.db").unlink()
    assert Registry(settings, journal, SystemClock()).version("credit") == version


def test_versions_count_up_and_candidate_follows(register, registry):
    assert [register().version for _ in range(2)] == [1, 2]
    assert registry.names() == ["credit"]
    assert [v.version for v in registry.versions("credit")] == [1, 2]
    assert registry.aliases("credit") == {"candidate": 2}


@pytest.mark.parametrize(
    "ref", ["credit", "credit/2", "credit@candidate", "models:/credit/2", "models:/credit@candidate"]
)
def test_a_version_is_found_by_every_form_of_reference(register, registry, ref):
    register()
    second = register()
    assert registry.version(ref) == second
    assert registry.version(second) is second


def test_what_is_not_there_is_answered_with_what_is(register, registry):
    register()
    with pytest.raises(NotFound, match=r"no model 'kredit'. Did you mean 'credit'"):
        registry.version("kredit/1")
    with pytest.raises(NotFound, match=r"no version 7. There is: 1"):
        registry.version("credit/7")
    with pytest.raises(NotFound, match=r"no version 0"):
        registry.version("credit/0")
    with pytest.raises(NotFound, match=r"no alias 'champion'. There is: 'candidate'"):
        registry.version("credit@champion")


@pytest.mark.parametrize(
    "ref", ["", "../x", "credit/", "credit/-1", "credit/x", "credit@", "a b", "models:/", "credit/1/2"]
)
def test_other_forms_are_refused(registry, ref):
    with pytest.raises(InvalidInput, match="does not name a version"):
        registry.version(ref)


@pytest.mark.parametrize(
    "name", ["", ".x", "../x", "a/b", "a b", "a;b", "x" * 101, "<b>", "naïve", "a\n", "models:/x", None, 3]
)
def test_hostile_names_are_refused_before_anything_is_written(registry, frame, journal, settings, name):
    with pytest.raises(InvalidInput, match="cannot be used") as caught:
        registry.register(tiny_classifier(), name=name, train=frame, target="y")
    assert caught.value.field == "name"
    assert not (settings.state / "artifacts").exists()


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (LogisticRegression(), {}, "not fitted. Call .fit"),
        ({"weights": [1, 2]}, {}, "a dict is not a model"),
        (None, {"target": "yy"}, "column 'yy' is not in the data"),
        (None, {"sensitive": ["grp"]}, "column 'grp' is not in the data"),
        (None, {"train": tiny_frame()[["x1", "x2", "group", "y"]]}, "column 'colour'"),
        (None, {"train": tiny_frame().assign(y=1)}, "one class only"),
        (
            None,
            {"train": tiny_frame().assign(z=np.linspace(0, 1, 200)), "target": "z"},
            "Pipeline is for classification, and the target is read as regression",
        ),
        (None, {"target": "colour"}, "it reads the target 'colour'"),
        (None, {"train": tiny_frame().assign(x1="text")}, "cannot answer the first rows of train"),
        (Failing(above=-9), {}, "no answer for x1 above -9"),
        (
            None,
            {"train": tiny_frame().assign(x1=pd.Timestamp("2024-01-01"))},
            "neither numbers, booleans nor text",
        ),
    ],
)
def test_what_cannot_be_registered_is_refused_before_anything_is_written(
    register, journal, settings, model, options, message
):
    with pytest.raises(InvalidInput, match=message):
        register(model, **options)
    assert journal.streams() == []
    assert not (settings.state / "artifacts").exists()


class Moody(Threshold):
    """Answers at random."""

    def predict(self, X):
        return np.random.default_rng().integers(0, 2, len(X))


def test_a_model_that_answers_differently_once_read_back_is_refused_and_nothing_stays(
    register, journal, settings, registry
):
    with pytest.raises(InvalidInput, match="it answers the same rows differently"):
        register(Moody())
    assert journal.streams() == []
    client = registry._store.client
    assert client.search_registered_models() == []
    assert list((settings.state / "artifacts").rglob("MLmodel")) == []
    assert register().version == 1


def test_when_the_journal_fails_mlflow_is_put_back_as_it_was(
    register, journal, settings, registry, monkeypatch
):
    register()
    monkeypatch.setattr(journal, "append_many", _full_disk)
    with pytest.raises(Unavailable, match="disk is full"):
        register()
    client = registry._store.client
    assert [v.version for v in client.search_model_versions("name = 'credit'")] == [1]
    assert int(client.get_model_version_by_alias("credit", "candidate").version) == 1
    assert len(list((settings.state / "artifacts").rglob("MLmodel"))) == 1
    assert [v.version for v in registry.versions("credit")] == [1]


def _full_disk(writes):
    raise Unavailable("The disk is full.", remedy="Free some space.")


def test_a_replaced_mlflow_database_does_not_make_a_second_version_1(register, journal, settings, frame):
    register()
    other = Settings(root=settings.root, actor="ada", tracking_uri=f"sqlite:///{settings.state / 'new.db'}")
    with pytest.raises(Conflict, match="already has credit/1"):
        Registry(other, journal, SystemClock()).register(
            tiny_classifier(), name="credit", train=frame, target="y"
        )


def test_a_loaded_version_answers_as_the_model_did(register, settings, journal, frame):
    model = tiny_classifier(frame)
    version = register(model)
    fresh = Registry(settings, journal, SystemClock())
    predictor = fresh.load(version)
    assert predictor.label == "credit/1"
    assert predictor.predict(frame).tolist() == model.predict(frame[list(FEATURES)]).tolist()
    assert np.array_equal(predictor.scores(frame), model.predict_proba(frame[list(FEATURES)])[:, 1])
    assert fresh.load(version) is predictor


def test_one_changed_byte_is_noticed_before_loading(register, registry, settings, journal):
    version = register()
    file = next(registry.artifact_path(version).rglob("*.skops"))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(Tampered, match="not those that were registered") as caught:
        Registry(settings, journal, SystemClock()).load(version)
    assert "backup" in caught.value.remedy


@pytest.mark.parametrize("change", ["extra file", "link", "missing file"])
def test_an_added_linked_or_missing_file_is_noticed(register, registry, settings, journal, change):
    version = register()
    folder = registry.artifact_path(version)
    if change == "extra file":
        (folder / "payload.py").write_text("print('hello')")
    elif change == "link":
        (folder / "link").symlink_to("/etc/hostname")
    else:
        (folder / "MLmodel").unlink()
    with pytest.raises(Tampered):
        Registry(settings, journal, SystemClock()).load(version)


def test_files_that_are_gone_are_not_found(register, registry, settings, journal):
    version = register()
    shutil.rmtree(registry.artifact_path(version))
    with pytest.raises(NotFound, match="is not there"):
        Registry(settings, journal, SystemClock()).load(version)


def test_the_note_that_mlflow_leaves_when_it_loads_a_model_is_no_tampering(
    register, registry, settings, journal, frame, monkeypatch
):
    version = register()
    import mlflow.pyfunc

    monkeypatch.setenv("MLFLOW_TRACKING_URI", settings.mlflow_uri)
    answers = mlflow.pyfunc.load_model("models:/credit/1").predict(frame[list(FEATURES)])
    assert (registry.artifact_path(version) / "registered_model_meta").is_file()
    assert Registry(settings, journal, SystemClock()).load(version).predict(frame).tolist() == list(answers)


def test_mlflow_shows_the_version_with_its_digest_alias_and_signature(register, registry):
    version = register()
    found = registry._store.client.get_model_version_by_alias("credit", "candidate")
    assert int(found.version) == 1
    assert found.tags["workbench.digest"] == version.digest
    assert found.run_id == version.run_id
    assert registry._store.client.get_run(version.run_id).info.status == "FINISHED"


def test_the_users_own_mlflow_session_is_left_alone(register, monkeypatch, capfd):
    import mlflow

    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
    before = (mlflow.get_tracking_uri(), mlflow.get_registry_uri(), dict(os.environ))
    register()
    assert (mlflow.get_tracking_uri(), mlflow.get_registry_uri(), dict(os.environ)) == before
    assert mlflow.active_run() is None
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


def test_aliases_move_in_the_journal_and_in_mlflow_and_twice_is_once(register, registry, journal):
    register()
    register()
    for _ in range(2):
        registry.set_alias("credit", "champion", 1)
    assert registry.aliases("credit") == {"candidate": 2, "champion": 1}
    assert registry.version("credit@champion").version == 1
    assert [e.kind for e in journal.read("model/credit")].count("model.alias") == 3
    assert int(registry._store.client.get_model_version_by_alias("credit", "champion").version) == 1


@pytest.mark.parametrize("alias", ["latest", "v3", "a b", ""])
def test_aliases_that_mlflow_keeps_or_nobody_can_write_are_refused(register, registry, alias):
    register()
    with pytest.raises(InvalidInput, match="alias"):
        registry.set_alias("credit", alias, 1)
    with pytest.raises(NotFound):
        registry.set_alias("credit", "champion", 5)


def test_the_training_data_is_kept_as_reference(register, registry, frame, settings):
    version = register()
    reference = registry.reference(version)
    assert isinstance(reference, Dataset)
    assert reference.digest == version.lineage.data_digest
    assert (reference.target, reference.sensitive, reference.positive) == ("y", ("group",), 1)
    shutil.rmtree(settings.state / "reference")
    assert registry.reference(version) is None


def test_a_large_training_frame_is_sampled_the_same_way_each_time(register, registry, monkeypatch):
    monkeypatch.setattr("workbench.models.reference_data.MOST_ROWS", 50)
    reference = registry.reference(register())
    assert len(reference) == 50
    assert reference.frame.index.tolist() == list(range(50))


def test_the_example_is_no_row_of_the_training_data(register):
    frame = tiny_frame().assign(person=[f"name {i}" for i in range(200)], flag=True, count=range(200))
    model = Threshold()
    model.feature_names_in_ = ("x1", "x2", "colour", "person", "flag", "count")
    version = register(model, train=frame)
    (example,) = version.input_example
    assert example["person"] == ""
    assert example["colour"] in {"red", "green", "blue"}
    assert example["flag"] is True
    assert isinstance(example["count"], int)
    by_name = {c.name: c for c in version.columns}
    assert by_name["person"].categories is None
    assert (by_name["count"].type, by_name["count"].integer) == ("long", True)
    assert by_name["flag"].type == "boolean"


def test_a_column_with_missing_training_values_is_not_required(register):
    frame = tiny_frame()
    frame.loc[::7, "x2"] = np.nan
    assert [c.required for c in register(Threshold(), train=frame).columns] == [True]
    model = Threshold()
    model.feature_names_in_ = ("x1", "x2")
    assert [c.required for c in register(model, train=frame).columns] == [True, False]


def test_a_function_reads_every_feature_but_a_sensitive_one_it_does_without(register, registry, frame):
    version = register(rule, name="rule")
    assert (version.flavor, version.format) == ("function", "cloudpickle")
    assert [c.name for c in version.columns] == ["x1", "x2", "colour"]
    assert registry.load(version).predict(frame).tolist() == rule(frame).tolist()
    by_group = register(lambda rows: (rows["group"] == "a").astype(int), name="by-group")
    assert "group" in [c.name for c in by_group.columns]


def test_an_estimator_without_names_is_given_those_of_train(register, registry, frame):
    train = frame[["x1", "x2", "group", "y"]]
    model = LogisticRegression().fit(train[["x1", "x2"]].to_numpy(), train["y"])
    version = register(model, train=train)
    assert [c.name for c in version.columns] == ["x1", "x2"]
    assert (
        registry.load(version).predict(frame).tolist()
        == model.predict(frame[["x1", "x2"]].to_numpy()).tolist()
    )
    with pytest.raises(InvalidInput, match="fitted on 2 columns without names; train has 4 features"):
        register(model, train=frame)


def test_a_regressor_and_a_booster_register_too(register, registry, frame):
    regressor = register(tiny_regressor(frame), name="size", target="x2")
    assert (regressor.task, regressor.positive, regressor.classes) == ("regression", None, ())
    booster = xgboost.XGBClassifier(n_estimators=3, n_jobs=1).fit(frame[["x1", "x2"]], frame["y"])
    version = register(booster, name="boost")
    assert (version.flavor, version.format) == ("xgboost", "ubj")
    assert any("xgboost" in name for name in version.lineage.packages)
    assert np.allclose(registry.load(version).scores(frame), booster.predict_proba(frame[["x1", "x2"]])[:, 1])


def test_a_model_in_mlflow_registers_by_its_uri(register, registry, settings, frame, monkeypatch):
    register()
    register(rule, name="rule")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", settings.mlflow_uri)
    copy = register("models:/credit@candidate", name="copy")
    assert (copy.flavor, copy.columns) == ("sklearn", registry.version("credit").columns)
    pyfunc = register("models:/rule/1", name="pyfunc")
    assert (pyfunc.flavor, pyfunc.format) == ("program", "mlflow")  # never opened here, so kept as it is
    assert registry.load(pyfunc).predict(frame).tolist() == rule(frame).tolist()


def test_every_warning_would_be_an_error_here(register):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        register()


def _register_elsewhere(root, barrier):
    settings = Settings(root=root, actor="grace")
    journal = Journal.open(settings.state / "journal.db", actor="grace", clock=SystemClock())
    registry = Registry(settings, journal, SystemClock())
    model, frame = tiny_classifier(), tiny_frame()
    barrier.wait(120)
    registry.register(model, name="credit", train=frame, target="y")


@pytest.mark.slow
def test_two_notebooks_registering_at_once_get_different_versions(tmp_path):
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    notebooks = [context.Process(target=_register_elsewhere, args=(tmp_path, barrier)) for _ in range(2)]
    for process in notebooks:
        process.start()
    for process in notebooks:
        process.join(240)
    assert [process.exitcode for process in notebooks] == [0, 0]
    settings = Settings(root=tmp_path, actor="ada")
    with Journal.open(settings.state / "journal.db", actor="ada", clock=SystemClock()) as journal:
        registry = Registry(settings, journal, SystemClock())
        assert [v.version for v in registry.versions("credit")] == [1, 2]
        assert len({registry.load(v) for v in registry.versions("credit")}) == 2


def test_the_record_holds_plain_json(register):
    payload = json.loads(register().to_json())
    assert payload["positive"] == 1
    assert payload["classes"] == [0, 1]
