"""The page ``add-an-audit`` followed to the letter, in a folder that is not ours."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "add-an-audit.md"


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """What ``pip install`` would leave of the page's package: a module and its metadata."""
    place = tmp_path_factory.mktemp("site")
    module, contract = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    [toml] = re.findall(
        r"^```toml\n\[project.entry-points.\"(.*?)\"\]\n(.*?)^```",
        PAGE.read_text("utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    (place / "shelf_life.py").write_text(module)
    (place / "test_shelf_life.py").write_text(contract)
    metadata = place / "shelf_life-1.2.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: shelf-life\nVersion: 1.2\n")
    group, line = toml
    (metadata / "entry_points.txt").write_text(f"[{group}]\n{line.replace(chr(34), '')}")
    return place


def run(place, *command):
    path = os.pathsep.join([str(place), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, *command],
        cwd=place,
        env={**os.environ, "PYTHONPATH": path, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_its_docstrings_are_its_help(theirs):
    done = run(theirs, "-m", "workbench.interfaces.cli.main", "audits", "shelf_life")
    assert "Share of training rows that are older than they should be." in done.stdout
    assert "days: int = 365" in done.stdout
    assert "is stale" in done.stdout


def test_it_is_in_a_suite_like_any_other_and_its_evidence_names_its_distribution(theirs):
    code = """
from workbench.audits import load_suite, run
from workbench.core.clock import SystemClock
from workbench.testing.subjects import messy_subject
[evidence] = run(messy_subject(), load_suite({"shelf_life": {"days": 60}}), made_by="ada", clock=SystemClock())
print(evidence.outcome, evidence.libraries["shelf-life"], evidence.measurements[0].metric)
"""
    done = run(theirs, "-c", code)
    assert done.stdout.split() == ["fail", "1.2", "stale_rows"], done.stderr


def test_it_keeps_the_contract(theirs):
    done = run(theirs, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_shelf_life.py")
    assert done.returncode == 0, done.stdout
