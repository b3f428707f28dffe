"""The notebooks, executed as ``make demo`` and ``make demo-release`` do, judged by what they show."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import nbformat
import pytest

import workbench as wb

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"

pytestmark = pytest.mark.slow


def execute(name: str, root: Path) -> Path:
    """Execute a notebook in a project of its own, and return its path there."""
    import papermill
    from traitlets.config import Config

    wb.open(root)
    papermill.execute_notebook(
        NOTEBOOKS / name,
        root / name,
        cwd=root,
        kernel_name="python3",
        progress_bar=False,
        config=Config({"KernelManager": {"transport_encryption": "auto"}}),
    )
    return root / name


def bundles_of(executed: Path) -> list[dict]:
    """Every MIME bundle it shows, in order."""
    cells = nbformat.read(executed, as_version=4).cells
    return [o["data"] for cell in cells for o in cell.get("outputs", ()) if "data" in o]


def records_of(bundles: list[dict], view: str) -> list[dict]:
    """The records of one view, in the order they are shown."""
    mime = f"application/vnd.workbench.{view}+json"
    return [bundle[mime] for bundle in bundles if mime in bundle]


def printed(executed: Path) -> str:
    """What its cells print."""
    return "".join(
        output["text"]
        for cell in nbformat.read(executed, as_version=4).cells
        for output in cell.get("outputs", ())
        if output.output_type == "stream" and output.name == "stdout"
    )


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The whole loop."""
    return execute("01_the_loop.ipynb", tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def bundles(executed):
    return bundles_of(executed)


@pytest.fixture(scope="module")
def records(bundles):
    return partial(records_of, bundles)


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """The release and the way back."""
    return execute("02_release_and_go_back.ipynb", tmp_path_factory.mktemp("release"))


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
    text = printed(executed)
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


def test_a_release_is_foretold_walked_and_judged_in_sentences(released):
    shown = bundles_of(released)
    [forecast] = records_of(shown, "forecast")
    assert [step["name"] for step in forecast["steps"]] == ["shadow", "canary 20 %", "canary 50 %"]
    assert 100 < forecast["requests"] <= 200  # the newest may not be captured yet
    good, mistaken = records_of(shown, "release")
    assert (good["candidate"], good["status"]) == ("lending/2", "promoted")
    assert [(v["stage"], v["metric"]) for v in good["verdicts"]] == [
        ("shadow", "errors"),
        ("shadow", "disagreement"),
        ("canary 20 %", "errors"),
        ("canary 50 %", "errors"),
    ]
    assert all(len(v["points"]) > 1 for v in good["verdicts"] if v["metric"] == "disagreement")
    assert (mistaken["candidate"], mistaken["status"], mistaken["stage"]) == ("lending/3", "aborted", 0)
    assert "proved above the limit of 12 %" in mistaken["reason"]


def test_the_way_back_is_drilled_and_then_taken_without_a_lost_request(released):
    text = printed(released)
    assert re.search(r"^Drill of lending: pass\. .* 0 of \d+ requests failed", text, re.MULTILINE)
    assert re.search(r"^320 requests in .* 0 failed, versions \{'2': \d+, '1': \d+\}", text, re.MULTILINE)


def test_late_labels_join_and_the_record_holds(released):
    text, shown = printed(released), bundles_of(released)
    assert "320 labels kept" in text
    assert "the gateway's record and the journal agree: lending" in text
    [endpoint] = records_of(shown, "overview")[0]["endpoints"]
    assert (endpoint["champion"], endpoint["ready"]) == ("lending/1", True)
    assert endpoint["drill"]["outcome"] == "pass"
    assert wb.open(released.parent).verify().ok


def test_no_notebook_is_committed_with_what_it_showed():
    for path in NOTEBOOKS.glob("*.ipynb"):
        assert not any(cell.get("outputs") for cell in nbformat.read(path, as_version=4).cells), path.name
