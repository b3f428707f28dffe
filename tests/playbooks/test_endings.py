"""Whatever happens to a playbook, its run ends with an outcome and leaves its notebook."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

from workbench.core import project
from workbench.core.clock import SystemClock
from workbench.playbooks import run_playbook
from workbench.testing import showcase


@pytest.fixture
def run(tmp_path):
    """Run one cell as a playbook of a project whose folder has braces in its name."""

    def _run(source: str):
        root = tmp_path / "p{q}"
        (root / "playbooks").mkdir(parents=True)
        declared = nbformat.v4.new_code_cell("x: str = 'a'", metadata={"tags": ["parameters"]})
        spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        notebook = nbformat.v4.new_notebook(
            cells=[declared, nbformat.v4.new_code_cell(source)], metadata=spec
        )
        nbformat.write(notebook, root / "playbooks" / "one.ipynb")
        settings = project.open_settings(root, actor="ada")
        return run_playbook("one", {"x": "b"}, settings=settings, clock=SystemClock())

    return _run


def showing(view: str, body: object) -> str:
    bundle = {f"application/vnd.workbench.{view}+json": body, "text/plain": "x"}
    return f"from IPython.display import display; import json; display(json.loads({json.dumps(bundle)!r}), raw=True)"


def test_a_kernel_that_dies_is_an_error_and_the_notebook_is_kept(run):
    ran = run("import os; os._exit(1)")
    assert ran.outcome == "error"
    assert ran.reason.startswith("DeadKernelError: ")
    assert nbformat.read(ran.notebook, as_version=4).cells


def test_a_verdict_that_cannot_be_read_is_an_error_that_says_so(run):
    ran = run(showing("verdict", {"a": 1}))
    assert ran.outcome == "error"
    assert ran.reason.startswith("The verdict it showed last cannot be read: ")
    assert "\n" not in ran.reason


def test_a_report_that_cannot_be_read_is_an_error_and_makes_no_page(run):
    ran = run(showing("report", [7]))
    assert (ran.outcome, ran.report) == ("error", "")
    assert ran.reason.startswith("The report it showed last cannot be read: ")


def test_a_folder_with_braces_in_its_name_is_a_folder(run):
    verdict = showcase.records()["verdict"].model_dump(mode="json")
    ran = run(showing("verdict", verdict))
    assert (ran.outcome, ran.reason) == (verdict["outcome"], verdict["reason"])
    assert Path(ran.notebook).parts[-5] == "p{q}"
