"""What holds the distribution together: two lists of dependencies, one lock, no word about a machine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def _locked() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    here = [r for r in found if r.marker is None or r.marker.evaluate(default_environment())]
    return {_canonical(r.name): next(iter(r.specifier)).version for r in here}


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_dependency_is_locked_to_a_version_it_allows():
    locked = _locked()
    extras = PYPROJECT["optional-dependencies"]
    wanted = [*PYPROJECT["dependencies"], *extras["dev"], *extras["boost"]]
    for requirement in map(Requirement, wanted):
        if requirement.name != PYPROJECT["name"]:
            assert requirement.specifier.contains(locked[_canonical(requirement.name)]), requirement


def test_conda_users_get_the_environment_of_pyproject_and_its_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    python = next(d for d in environment["dependencies"] if str(d).startswith("python="))
    pip = next(d["pip"] for d in environment["dependencies"] if isinstance(d, dict))
    assert Requirement(f"x{PYPROJECT['requires-python']}").specifier.contains(python.partition("=")[2])
    assert pip == ["-c constraints.txt", "-e .[dev]"]


def test_lock_files_name_no_registry():
    for name in ("constraints.txt", "extensions/yarn.lock"):
        assert "://" not in (ROOT / name).read_text("utf-8"), name


def test_the_version_is_written_once_for_python_and_once_for_the_front_end():
    import json

    import workbench

    assert workbench.__version__ == PYPROJECT["version"]
    front = json.loads((ROOT / "extensions" / "lab" / "package.json").read_text("utf-8"))
    assert front["version"] == PYPROJECT["version"]
