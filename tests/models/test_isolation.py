from __future__ import annotations

import os
import pickle
import socket
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest

from workbench.core.errors import InvalidInput, Unavailable, WorkbenchError
from workbench.models.intake import bring
from workbench.models.isolation import open_isolated
from workbench.models.predictors import predictor_of
from workbench.testing.models import FEATURES, Threshold, tiny_classifier

sys.path.insert(0, str(Path(__file__).parent))
import hostile
from hostile.pickles import by_value

SECRET = "a-credential-of-the-person"


class Probe:
    """Tries what a hostile model would. Row by row: 1 where it was barred, 0 where it got through."""

    classes_ = (0, 1)
    feature_names_in_ = ("attempt",)

    def __init__(self, secret, port, home):
        self.secret, self.port, self.home = secret[::-1], port, home

    def predict(self, X):
        tries = (self.environment, self.parent, self.file, self.folder, self.write, self.connect, self.native,
                 self.process, self.memory)  # fmt: skip
        import numpy as np

        return np.array([self.barred(tries[i]) if i < 90 else self.die() for i in X["attempt"]])

    def barred(self, attempt):
        try:
            return 0 if attempt() else 1
        except (OSError, MemoryError):
            return 1

    def environment(self):

        return self.secret[::-1] in os.environ.values()

    def parent(self):

        return Path(f"/proc/{os.getppid()}/environ").read_text()

    def file(self):
        return Path(self.home, "secret").read_text()

    def folder(self):
        return list(Path(self.home).iterdir())

    def write(self):
        return Path(self.home, "written").write_text("here")

    def connect(self):

        with socket.create_connection(("127.0.0.1", self.port), timeout=5):
            return True

    def native(self):
        """The same without Python's sockets, which a hook cannot see."""
        import ctypes
        import struct

        libc = ctypes.CDLL(None)
        handle = libc.socket(2, 1, 0)
        address = struct.pack("<H", 2) + struct.pack(">H", self.port) + bytes([127, 0, 0, 1]) + bytes(8)
        connected = libc.connect(handle, address, 16) == 0
        libc.close(handle)
        return connected

    def process(self):
        import subprocess

        return subprocess.run(["true"], check=True)

    def memory(self):
        return bytearray(8 << 30)

    def die(self):

        os._exit(7)


def test_a_model_in_a_worker_reaches_no_network_no_credential_and_no_file_of_the_person(
    tmp_path, monkeypatch, listening
):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    home = tmp_path / "home"
    home.mkdir()
    (home / "secret").write_text(SECRET)
    (tmp_path / "m.pkl").write_bytes(by_value(Probe(SECRET, listening, str(home))))
    predictor = predictor_of(tmp_path / "m.pkl")
    held = predictor.model.held
    tried = pd.DataFrame({"attempt": range(9)})
    names = ["environment", "parent", "file", "folder", "write", "connect", "native", "process", "memory"]
    answers = dict(zip(names, predictor.predict(tried).tolist(), strict=True))
    expected = dict.fromkeys(names, 1)
    if held["files"] == "open":  # a kernel without Landlock: the note says so, and nobody claims more
        for name in ("parent", "file", "folder", "write"):
            expected.pop(name), answers.pop(name)
    if held["network"] == "hook":
        expected.pop("native"), answers.pop("native")
    assert answers == expected
    assert ("no network" in predictor.notes[-1]) == (held["network"] == "namespace")
    assert not (home / "written").exists() or held["files"] == "open"

    here = Probe(SECRET, listening, str(home)).predict(tried[:8])
    assert here.tolist() == [0] * 8  # the attempts do work where nothing bars them

    with pytest.raises(Unavailable, match=r"process ended \(exit code 7\)"):
        predictor.predict(pd.DataFrame({"attempt": [99]}))
    assert predictor.predict(tried[:1]).tolist() == [1]  # another worker answers
    with pytest.raises(WorkbenchError, match="raised IndexError"):
        predictor.predict(pd.DataFrame({"attempt": [50]}))


@pytest.mark.parametrize("name", ["os", "cloudpickle"])
def test_an_audit_of_a_hostile_pickle_writes_no_canary(name, tmp_path):
    (tmp_path / "m.pkl").write_bytes(hostile.PICKLES[name](tmp_path, hostile.canary_path(tmp_path)))
    with pytest.raises((InvalidInput, Unavailable)):
        predictor_of(tmp_path / "m.pkl")
    assert not hostile.canary_path(tmp_path).exists()


class Sleeper(Threshold):
    def predict(self, X):
        time.sleep(600)


def test_a_model_that_hangs_is_killed_at_its_deadline(tmp_path, frame):
    (tmp_path / "m.pkl").write_bytes(by_value(Sleeper()))
    foreign = bring(tmp_path / "m.pkl")
    predictor = open_isolated(foreign)
    predictor.model._worker._patience = 0.5
    start = time.monotonic()
    with pytest.raises(Unavailable, match=r"it took more than 0\.5 s"):
        predictor.predict(frame)
    assert time.monotonic() - start < 5


def test_a_waived_pickle_is_answered_by_a_worker_and_answers_alike(registry, frame, tmp_path):
    model = tiny_classifier(frame)
    joblib.dump(model, tmp_path / "m.joblib")
    registry.waive(
        "credit", kind="pickle", reason="bought", until=datetime.now(UTC).date() + timedelta(days=2)
    )
    version = registry.register(tmp_path / "m.joblib", name="credit", train=frame, target="y")
    assert (version.format, version.program_by) == (
        "skops",
        "",
    )  # written down again as data: no waiver needed
    assert not hasattr(registry.load(version).model, "held")
    inside = registry.load(version, isolated=True)
    assert inside.label == "credit/1"
    assert inside.predict(frame).tolist() == model.predict(frame[list(FEATURES)]).tolist()
    assert np.array_equal(inside.scores(frame), model.predict_proba(frame[list(FEATURES)])[:, 1])
    assert registry.load(version, isolated=True) is inside

    joblib.dump(Threshold(), tmp_path / "t.joblib")
    kept = registry.register(tmp_path / "t.joblib", name="credit", train=frame, target="y")
    assert kept.program_by == "waiver/credit#0"
    waived = registry.load(kept)
    assert waived.predict(frame).tolist() == Threshold().predict(frame).tolist()
    assert "process of its own" in waived.notes[-1]
    again = pickle.loads(pickle.dumps(waived))  # an audit in another process starts a worker of its own
    assert again.model._worker is None
    strange = frame.assign(x1=[1, "two"] * 100)
    with pytest.raises(InvalidInput, match="cannot be sent"):
        waived.predict(strange)
