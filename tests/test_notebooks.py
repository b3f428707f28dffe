"""The notebook of the README, executed as ``make demo`` does, judged by what it shows."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

import workbench as wb

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "01_the_loop.ipynb"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The path of the executed notebook, in a project of its own."""
    import papermill
    from traitlets.config import Config

    root = tmp_path_factory.mktemp("demo")
    wb.open(root)
    papermill.execute_notebook(
        NOTEBOOK,
        root / "the_loop.ipynb",
        cwd=root,
        kernel_name="python3",
        progress_bar=False,
        config=Config({"KernelManager": {"transport_encryption": "auto"}}),
    )
    return root / "the_loop.ipynb"


@pytest.fixture(scope="module")
def bundles(executed):
    """Every MIME bundle it shows, in order."""
    cells = nbformat.read(executed, as_version=4).cells
    return [o["data"] for cell in cells for o in cell.get("outputs", ()) if "data" in o]


@pytest.fixture(scope="module")
def records(bundles):
    """Make a list of the records of one view, in the order they are shown."""

    def of(view):
        mime = f"application/vnd.workbench.{view}+json"
        return [bundle[mime] for bundle in bundles if mime in bundle]

    return of


def test_the_mistaken_version_is_stopped_in_shadow_and_reaches_users_only_in_a_hurry(records):
    ended = [
        (r["candidate"], r["plan"], r["status"], r["stages"][r["stage"]]["kind"]) for r in records("release")
    ]
    assert ended == [
        ("lending/1", "canary", "promoted", "champion"),
        ("lending/2", "canary", "promoted", "champion"),
        ("lending/3", "canary", "aborted", "shadow"),
        ("lending/3", "hurry", "promoted", "champion"),
        ("lending/4", "hurry", "promoted", "champion"),
    ]


def test_the_gate_passes_the_mistaken_version_because_its_data_has_the_same_mistake(records):
    assert [(v["model"], v["outcome"]) for v in records("verdict")] == [
        ("lending/1", "pass"),
        ("lending/3", "pass"),
    ]


def test_the_incident_is_bisected_to_the_version_that_introduced_it(records):
    [incident], [replay], [found] = records("incident"), records("replay"), records("bisect")
    assert incident["requests"] > 100
    assert [c["version"] for c in replay["columns"]] == [1, 2, 3, 4]
    assert (found["first_bad"], found["last_good"], found["monotone"]) == (3, 2, True)
    assert any("income" in change for change in found["changes"])


def test_the_rollbacks_lose_no_request(executed):
    text = "".join(
        output["text"]
        for cell in nbformat.read(executed, as_version=4).cells
        for output in cell.get("outputs", ())
        if output.output_type == "stream" and output.name == "stdout"
    )
    assert re.search(r"^600 requests in .* s, 0 failed, versions .*'2'", text, re.MULTILINE)
    assert "lending/4 {'performance': 'measured', 'behaviour': 'fail'}" in text
    assert "lending/2 {'performance': 'measured', 'behaviour': 'pass'}" in text


def test_the_project_it_leaves_verifies(executed, bundles):
    assert "ok=True" in bundles[-1]["text/plain"]
    assert wb.open(executed.parent).verify().ok
    assert "lending/3" in (executed.parent / "card.html").read_text("utf-8")


def test_without_a_kernel_its_html_shows_the_static_cards(executed, bundles):
    from nbconvert import HTMLExporter

    cards = [
        b["text/html"] for b in bundles if any(key.startswith("application/vnd.workbench.") for key in b)
    ]
    assert len(cards) >= 10
    for card in cards:
        assert 'class="wb' in card
        assert not re.search(r"<script|<link|<iframe|\son\w+=|javascript:", card, re.IGNORECASE)
    html, _ = HTMLExporter().from_filename(str(executed))
    assert html.count('class="wb') >= len(cards)
