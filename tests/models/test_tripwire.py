"""modelscan itself, in an environment of its own: what it finds stops a model, and what it misses is stopped too."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import skops.io

from workbench.core.errors import InvalidInput, Refused
from workbench.models import tripwire
from workbench.models.intake import bring
from workbench.testing.models import Threshold, tiny_classifier

sys.path.insert(0, str(Path(__file__).parent))
import hostile

VERSION = "0.8.8"
HOME = Path(__file__).parents[2] / ".modelscan"
TOMORROW = datetime.now(UTC).date() + timedelta(days=2)

#: What this version of it says of each way to run something. It may get better: then this says so.
FOUND, NOTHING = "modelscan found code that does harm", "modelscan found nothing"
SAYS = {
    "os": FOUND,
    "runpy": FOUND,
    "importlib": FOUND,
    "logging": NOTHING,
    "pkgutil": NOTHING,
    "hexadecimal": "modelscan reads none of these files",
    "cloudpickle": NOTHING,
    "unfinished_text": "modelscan reads none of these files",
}


def _installed() -> Path:
    """Return the folder of the command: installed once, and kept beside the checkout's other caches."""
    folder = HOME / ("Scripts" if os.name == "nt" else "bin")
    if (folder / "modelscan").exists():
        known = subprocess.run(
            [folder / "modelscan", "--version"], capture_output=True, text=True, check=False
        )
        if VERSION in known.stdout:
            return folder
    shutil.rmtree(HOME, ignore_errors=True)
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv:
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, HOME], check=True, timeout=60)
        install = [uv, "pip", "install", "--quiet", "--python", folder / "python"]
    else:
        venv.create(HOME, with_pip=True)
        install = [folder / "python", "-m", "pip", "install", "--quiet"]
    subprocess.run([*install, f"modelscan=={VERSION}"], check=True, capture_output=True, timeout=240)
    return folder


@pytest.fixture(scope="session")
def command():
    try:
        return _installed()
    except (OSError, subprocess.SubprocessError) as error:
        shutil.rmtree(HOME, ignore_errors=True)
        if os.environ.get("CI"):
            raise
        pytest.skip(f"modelscan cannot be installed here: {error}")


@pytest.fixture
def modelscan(command, monkeypatch):
    """The real command on the PATH."""
    monkeypatch.setenv("PATH", f"{command}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.usefixtures("modelscan")
@pytest.mark.parametrize("name", hostile.PICKLES)
def test_every_pickle_is_stopped_whether_modelscan_sees_it_or_not(name, registry, frame, tmp_path):
    canary = hostile.canary_path(tmp_path)
    path = hostile.WAIVABLE[f"{name} in a m.pkl"](tmp_path, canary)
    if SAYS[name] == FOUND:
        registry.waive("credit", kind="pickle", reason="a test", until=TOMORROW)
        with pytest.raises(InvalidInput, match=f"modelscan stopped it: {FOUND}"):
            registry.register(path, name="credit", train=frame, target="y")
    else:
        assert bring(path).scan.tripwire == SAYS[name]
        with pytest.raises(Refused, match="no waiver holds for it"):
            registry.register(path, name="credit", train=frame, target="y")
    assert not canary.exists()


@pytest.mark.usefixtures("modelscan")
def test_a_pickle_with_another_ending_is_shown_to_it_as_a_pickle(tmp_path):
    name = "an MLflow folder with a pickle called skops"
    path = hostile.WAIVABLE[name](tmp_path, hostile.canary_path(tmp_path))
    with pytest.raises(InvalidInput, match=f"modelscan stopped it: {FOUND}"):
        bring(path)


@pytest.mark.usefixtures("modelscan")
def test_an_honest_model_passes_it_and_the_record_says_that_it_was_asked(registry, frame, tmp_path):
    import joblib

    skops.io.dump(tiny_classifier(frame), tmp_path / "m.skops")
    assert bring(tmp_path / "m.skops").scan.tripwire == "modelscan reads none of these files"
    joblib.dump(Threshold(), tmp_path / "m.joblib")
    foreign = bring(tmp_path / "m.joblib")
    assert (foreign.scan.verdict, foreign.scan.tripwire) == ("program", NOTHING)


@pytest.mark.usefixtures("modelscan")
def test_a_file_of_settings_beside_the_caller_does_not_blind_it(tmp_path, monkeypatch):
    """It obeys ``modelscan-settings.toml`` of the folder it stands in: not that of whoever works there."""
    (tmp_path / "modelscan-settings.toml").write_text('modelscan_version = "0.8.8"\n[scanners]\n')
    monkeypatch.chdir(tmp_path)
    path = hostile.WAIVABLE["a pickle as joblib"](tmp_path, hostile.canary_path(tmp_path))
    with pytest.raises(InvalidInput, match=FOUND):
        bring(path)


def test_where_it_is_not_installed_nothing_is_asked_and_nothing_is_said(tmp_path, monkeypatch):
    skops.io.dump(tiny_classifier(), tmp_path / "m.skops")
    monkeypatch.setenv("PATH", "")
    foreign = bring(tmp_path / "m.skops")
    assert (foreign.scan.verdict, foreign.scan.tripwire) == ("data", "")
    assert tripwire.ask(foreign.path, foreign.scan) == {}


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
