"""A bar in the cell while audits run, and nothing of it afterwards."""

import nbformat
from nbclient import NotebookClient

from workbench.audits import Step
from workbench.interfaces.widgets.progress import bundle, in_notebook


def test_a_step_says_what_runs_how_far_it_is_and_how_long_it_takes():
    shown = bundle(Step("<b>drift</b>", "started", 2, 5, seconds_left=12.3))
    assert shown["text/plain"] == "<b>drift</b> (2 of 5 done, about 12 s left)"
    assert "&lt;b&gt;drift" in shown["text/html"]
    assert 'max="5" value="2"' in shown["text/html"]


def test_outside_a_notebook_there_is_none():
    assert in_notebook() is None


def test_in_a_notebook_it_is_gone_when_the_audit_has_finished():
    code = """
import pandas as pd, workbench as wb
frame = pd.DataFrame({"y": [0, 1] * 20, "p": [0, 1] * 20})
wb.audit(data=frame, target="y", prediction="p", audits=["performance"]).outcome
"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    bar, outcome = notebook.cells[0].outputs
    assert bar["data"] == {"text/plain": "", "text/html": ""}
    assert "measured" in outcome["data"]["text/plain"]
