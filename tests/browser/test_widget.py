"""The explorer: an audit of real data, its threshold moved on the screen and read in Python."""

from __future__ import annotations

import nbformat
import pytest
from playwright.sync_api import expect

CODE = """\
import pandas as pd
import workbench as wb
people = pd.read_csv({path!r}, usecols=["two_year_recid", "decile_score", "race"])
people = people[people["race"].isin(["African-American", "Caucasian"])]
people["score"] = people.pop("decile_score") / 10
people["high"] = (people["score"] >= 0.5).astype(int)
roles = {{"target": "two_year_recid", "prediction": "high", "score": "score", "sensitive": ["race"]}}
report = wb.audit(data=people, audits=["performance", "fairness"], **roles)
explorer = report.explore()
explorer"""
LOOK = "print(round(explorer.threshold, 3), explorer.slice, len(explorer.rates()))"


@pytest.fixture
def notebook(open_notebook, project, shared_data):
    """A notebook whose first cell audits COMPAS scores and shows the widget."""
    path = shared_data / "compas" / "compas-scores-two-years.csv"
    cells = [nbformat.v4.new_code_cell(CODE.format(path=str(path))), nbformat.v4.new_code_cell(LOOK)]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec}), project / "widget.ipynb"
    )
    return open_notebook("risk/widget.ipynb")


def run(page, cell: int) -> None:
    """Run a cell and wait until its kernel has answered."""
    page.evaluate(
        "i => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = i;"
        " return window.jupyterapp.commands.execute('notebook:run-cell').then(() => null); }",
        cell,
    )


def test_the_slider_moves_and_python_follows(page, notebook, accessible, darken):
    run(page, 0)
    explorer = notebook.locator(".wb-Explorer")
    expect(explorer).to_be_visible(timeout=60_000)
    accessible(explorer)
    slider = explorer.get_by_label("Decision threshold")
    rate = explorer.locator("tbody td").first
    before = rate.inner_text()
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(rate).not_to_have_text(before)
    shown = explorer.locator("output").inner_text()
    explorer.get_by_label("Slices").select_option("race=Caucasian")
    expect(explorer.locator("tbody tr")).to_have_count(2)
    wanted = f"{float(shown)} race=Caucasian 2"

    def said() -> str:
        run(page, 1)
        return notebook.locator(".jp-OutputArea-output pre").last.inner_text().strip()

    # What the widget says travels beside what the cell says, and may come a moment later.
    assert any(said() == wanted for _ in range(20)), (said(), wanted)
    darken()
    accessible(explorer)
