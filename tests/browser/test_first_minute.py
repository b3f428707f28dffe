"""A person's first minute: register and audit in a notebook, and the panel shows it without being asked."""

from __future__ import annotations

import nbformat
import pytest
from playwright.sync_api import expect

SETUP = """\
from workbench.testing import lending
trained = lending.versions(n=1500)[0]
pipeline, train = trained.model, trained.train
test = lending.lending(1500, seed=7)"""


@pytest.fixture
def notebook(page, open_notebook, project):
    """A notebook in a folder that is no project yet, with a fitted model and data in its first cell."""
    folder = project.parent / "lending"
    folder.mkdir(exist_ok=True)
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(SETUP)]
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec}), folder / "first.ipynb"
    )
    notebook = open_notebook("lending/first.ipynb")
    page.get_by_role("tab", name="Model Workbench").click()
    return notebook


def insert(page, step: str, edits: dict[str, str] | None = None) -> None:
    """Ask for the code of a step, edit it as a person would, and run the cell."""
    page.evaluate(
        "step => window.jupyterapp.commands.execute('workbench:insert-code', {step}).then(() => null)", step
    )
    run(page, edits or {})


def run(page, edits: dict[str, str]) -> None:
    page.evaluate(
        "async edits => {"
        " const model = window.jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel;"
        " let source = model.getSource();"
        " for (const [from, to] of Object.entries(edits)) source = source.replace(from, to);"
        " model.setSource(source);"
        " await window.jupyterapp.commands.execute('notebook:run-cell'); }",
        edits,
    )


def test_the_inserted_code_runs_and_the_panel_follows(page, notebook):
    panel = page.locator("#workbench-panel")
    expect(panel).to_contain_text("lending is not a project yet")
    run(page, {})
    own = {"my-model": "lending", '"target"': '"default"', "sensitive=[]": 'sensitive=["group", "sex"]'}
    insert(page, "register", own)
    expect(panel).to_contain_text("Not audited yet", timeout=120_000)

    panel.get_by_role("button", name="Audit", exact=True).click()
    page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.content.activeCell"
        ".model.sharedModel.getSource().includes('bench.audit(\"lending/1\", on=test)')"
    )
    run(page, {})
    records = notebook.locator(".wb-Record")  # the version, then its report, then the verdict on it
    expect(records.nth(1).get_by_role("heading", name="fairness")).to_be_visible(timeout=120_000)
    expect(panel.locator("[data-version='lending/1']")).to_contain_text("fairness")

    insert(page, "gate")
    expect(records.nth(2)).to_contain_text("against policy default", timeout=60_000)
    expect(panel.locator("[data-version='lending/1'] .wb-Item-line .wb-Chip")).to_be_visible()
    assert "Traceback" not in notebook.inner_text()
    page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.scrollToItem(2, 'start') }")
