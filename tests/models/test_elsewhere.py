"""A waived pickle is registered, and nothing of it is opened in the process that registers it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import cloudpickle
import pytest

from workbench.core.clock import SystemClock
from workbench.core.digests import of_file
from workbench.core.errors import InvalidInput, Tampered
from workbench.models.frameworks.base import Saving
from workbench.models.frameworks.program import Program
from workbench.models.intake import bring
from workbench.models.isolation import open_isolated
from workbench.models.mlflow_session import quiet
from workbench.models.registry import Registry
from workbench.testing.models import Threshold

sys.path.insert(0, str(Path(__file__).parent))
from hostile.pickles import by_value

SECRET = "a-credential-of-the-person"


class Spy(Threshold):
    """Looks around while it is read from its pickle, and tells it as the parameters it was made with."""

    classes_ = (0, 1)

    def __init__(self, secret, port, outside):
        super().__init__()
        self.secret, self.port, self.outside = secret[::-1], port, outside

    def __setstate__(self, state):
        import os
        import socket

        vars(self).update(state)
        os.environ["A_SPY_WAS_HERE"] = "yes"
        self.seen = {"process": os.getpid(), "secret": self.secret[::-1] in os.environ.values()}
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        except OSError as error:
            self.seen["network"] = type(error).__name__
        try:
            Path(self.outside).write_text("here")
        except OSError as error:
            self.seen["files"] = type(error).__name__

    def get_params(self, deep=True):
        return self.seen


def test_a_waived_pickle_is_registered_without_being_opened_here(
    registry, frame, tmp_path, monkeypatch, listening, opened_here, journal, settings
):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    (tmp_path / "m.pkl").write_bytes(by_value(Spy(SECRET, listening, str(tmp_path / "outside"))))
    registry.waive("credit", kind="pickle", reason="bought", until="2999-01-01")
    version = registry.register(tmp_path / "m.pkl", name="credit", train=frame, target="y")
    assert (version.flavor, version.format, version.program_by) == ("program", "pickle", "waiver/credit#0")
    seen = version.lineage.parameters
    assert seen["process"] != os.getpid()
    assert seen["secret"] is False
    assert seen["network"] in {"OSError", "PermissionError", "ConnectionRefusedError"}
    assert "A_SPY_WAS_HERE" not in os.environ
    assert opened_here == []
    loaded = registry.load(version)
    if loaded.model.held["files"] == "landlock":
        assert seen["files"] == "PermissionError"
        assert not (tmp_path / "outside").exists()
    assert loaded.predict(frame).tolist() == Threshold().predict(frame).tolist()
    assert opened_here == []

    kept = registry.artifact_path(version) / "model.pkl"
    assert (
        of_file(kept) == of_file(tmp_path / "m.pkl") == version.source
    )  # byte for byte what was answered for
    Registry(settings, journal, SystemClock()).load(version, isolated=False)  # as a gateway does: asked for
    assert os.environ.pop("A_SPY_WAS_HERE") == "yes"  # so that the rest of this test has proved something
    assert opened_here != []


def test_a_pickle_that_somebody_else_made_is_opened_where_it_can_do_little(
    registry, settings, journal, frame, listening, opened_here, tmp_path, monkeypatch
):
    """An author's pickle would otherwise run as whoever audits it, with the key that approves."""
    monkeypatch.setenv("A_SPY_WAS_HERE", "not yet")
    spy = Spy(SECRET, listening, str(tmp_path / "outside"))
    spy.seen = {}
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    try:
        version = registry.register(spy, name="credit", train=frame, target="y")
    finally:
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    assert (version.program_by, version.author) == ("own", "ada")
    opened_here.clear()
    os.environ["A_SPY_WAS_HERE"] = "not yet"
    grace = Registry(settings.model_copy(update={"actor": "grace"}), journal, SystemClock())
    assert grace.load(version).predict(frame).tolist() == Threshold().predict(frame).tolist()
    assert os.environ["A_SPY_WAS_HERE"] == "not yet"
    assert opened_here == []
    ada = Registry(settings, journal, SystemClock())
    assert not hasattr(ada.load(version).model, "held")
    assert os.environ["A_SPY_WAS_HERE"] == "yes"


LATE = b"V" + b"x" * (2 << 20) + b"\n0cos\nputenv\n(S'A_SPY_WAS_HERE'\nS'yes'\ntR."
"""A pickle in text, with so long a word before it that a scan calls the whole a text."""


class Forger(Threshold):
    """Takes over its worker, and answers the request to write itself down with a folder of its own making."""

    def __init__(self, kind):
        super().__init__()
        self.kind, self.late = kind, LATE

    def __setstate__(self, state):
        vars(self).update(state)
        sys.modules["__main__"]._saved = self.forged

    def forged(self, model, folder, trusted):
        import os

        import skops.io

        from workbench.testing.models import tiny_classifier

        folder.mkdir()
        flavors = "flavors:\n  sklearn: {pickled_model: other.skops}\n"
        (folder / "MLmodel").write_text(flavors)
        skops.io.dump(Threshold() if self.kind == "a stranger" else tiny_classifier(), folder / "other.skops")
        if self.kind == "a late pickle":
            (folder / "model.pkl").write_bytes(self.late)
        elif self.kind == "a pickle":
            (folder / "model.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
        elif self.kind == "words":
            (folder / "model.pkl").write_bytes(b"only words")
        elif self.kind == "another model":
            (folder / "other.skops").rename(folder / "model.skops")
            (folder / "MLmodel").write_text(flavors.replace("other", "model"))
        elif self.kind == "a link":
            os.symlink("/etc/passwd", folder / "model.skops")  # noqa: PTH211 - a name is enough
        elif self.kind == "a pipe":
            os.mkfifo(folder / "model.skops")
        return {"flavor": "function" if self.kind == "another framework" else "sklearn"}


@pytest.mark.parametrize(
    "kind", ["a pickle", "a late pickle", "a stranger", "a link", "a pipe", "nothing", "another framework"]
)
def test_what_a_worker_wrote_is_not_kept_when_it_is_no_data(kind, registry, frame, tmp_path, opened_here):
    (tmp_path / "m.pkl").write_bytes(by_value(Forger(kind)))
    registry.waive("credit", kind="pickle", reason="bought", until="2999-01-01")
    version = registry.register(tmp_path / "m.pkl", name="credit", train=frame, target="y")
    assert version.flavor == "program"  # its own bytes, for which somebody has answered
    assert opened_here == []


@pytest.mark.parametrize(
    ("kind", "said"),
    [("words", "is none by its bytes"), ("another model", "answers the same rows differently")],
)
def test_a_worker_that_passes_something_off_for_the_model_is_found_out(
    kind, said, registry, frame, tmp_path, opened_here
):
    (tmp_path / "m.pkl").write_bytes(by_value(Forger(kind)))
    registry.waive("credit", kind="pickle", reason="bought", until="2999-01-01")
    with pytest.raises((InvalidInput, Tampered), match=said):
        registry.register(tmp_path / "m.pkl", name="credit", train=frame, target="y")
    assert registry.names() == []
    assert opened_here == []
    assert "A_SPY_WAS_HERE" not in os.environ


class Liar(Threshold):
    """Takes over its worker, and describes itself as it likes."""

    def __init__(self, **told):
        super().__init__()
        self.told = told

    def __setstate__(self, state):
        vars(self).update(state)
        main = sys.modules["__main__"]
        truth = main._described
        main._described = lambda model: {**truth(model), **self.told}


@pytest.mark.parametrize(
    "told",
    [
        {"name": {}, "task": [], "packages": ["--index-url=http://evil", "a\nb", 3, "numpy"], "parameters": {"a": {"b": 1}}},
        {"width": "many"},
        {"width": 1e400},
        {"columns": "x1"},
        {"columns": ["x" * 5000]},
        {"columns": ["x1"] * 200_000},
        {"classes": [{}]},
        {"classes": list(range(5000))},
        {"parameters": 7},
    ],
    ids=lambda told: f"{next(reversed(told))} {str(told)[:20]}",
)  # fmt: skip
def test_a_model_that_describes_itself_wrongly_is_refused_in_a_sentence(told, registry, frame, tmp_path):
    (tmp_path / "m.pkl").write_bytes(by_value(Liar(**told)))
    registry.waive("credit", kind="pickle", reason="bought", until="2999-01-01")
    if "task" in told:  # odd, and nothing that could not be left out
        version = registry.register(tmp_path / "m.pkl", name="credit", train=frame, target="y")
        assert set(version.lineage.packages) == {"numpy", "pandas"}
        assert version.lineage.parameters == {"a": "dict"}
        return
    with pytest.raises(InvalidInput, match="model: ") as caught:
        registry.register(tmp_path / "m.pkl", name="credit", train=frame, target="y")
    assert len(str(caught.value)) < 500
    assert registry.names() == []


class Turncoat(Threshold):
    """Writes another pickle over its own file once it is open."""

    def __setstate__(self, state):
        import gc

        vars(self).update(state)
        for place in {one for one in gc.get_objects() if isinstance(one, str) and one.endswith("/m.pkl")}:
            try:
                Path(place).chmod(0o600)
                Path(place).write_bytes(b"cos\nsystem\n(S'true'\ntR.")
            except OSError:
                continue


def test_a_pickle_cannot_change_the_copy_of_it_that_will_be_kept(registry, frame, tmp_path):
    (tmp_path / "m.pkl").write_bytes(by_value(Turncoat()))
    digest = of_file(tmp_path / "m.pkl")
    foreign = bring(tmp_path / "m.pkl")
    predictor = open_isolated(foreign, task="classification", classes=(0, 1), columns=["x1"])
    if predictor.model.held["files"] == "landlock":
        assert of_file(foreign.path) == digest
    foreign.path.write_bytes(b"another")  # as it could be where nothing bars it
    with quiet(), pytest.raises(Tampered, match=r"m\.pkl is not what was scanned a moment ago"):
        Program().save(predictor.model, tmp_path / "saved", Saving(requirements=("numpy",)))
