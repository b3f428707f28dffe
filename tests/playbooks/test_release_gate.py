"""The shipped playbook the way a scheduler runs it: by command, in a kernel of its own, judged by its exit code."""

from __future__ import annotations

import json
import os
from pathlib import Path

import nbformat
import pytest

import workbench as wb
from workbench.interfaces.cli.main import main
from workbench.testing.lending import FEATURES, SENSITIVE, TARGET, versions

SECRET = "hunter2-do-not-print"

RULES = {
    "easy": "{audit: performance, metric: roc_auc_score, bound: lower, at_least: 0.55}",
    "hard": "{audit: performance, metric: roc_auc_score, bound: lower, at_least: 0.99}",
    # The limit lies inside the interval, whatever the few rows of the test data say.
    "close": "{audit: performance, metric: accuracy_score, bound: lower, at_least: %.3f}",
    "absent": "{audit: robustness, metric: attack_success_rate, bound: upper, at_most: 1.0}",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """``lending/1``, held-out rows, and a policy for each outcome; the suite is the quickest there is."""
    root = tmp_path_factory.mktemp("lending")
    first = versions(n=600)[0]
    bench = wb.open(root, actor="ada")
    bench.register(first.model, name="lending", train=first.train, target=TARGET, sensitive=SENSITIVE)
    bench.journal.close()
    first.test.to_csv(root / "test.csv", index=False)
    accuracy = float((first.model.predict(first.test[list(FEATURES)]) == first.test[TARGET]).mean())
    for name, rule in RULES.items():
        text = f"name: {name}\nrules:\n  - {rule % accuracy if '%' in rule else rule}\n"
        (root / "policies" / f"{name}.yaml").write_text(text)
    (root / "quick.yaml").write_text("audits: {performance: {}}\n")
    return root


@pytest.fixture
def run(project, capsys):
    """Run it with parameters; return the exit code and the record of the run."""

    def _run(**parameters):
        given = {"model": "lending/1", "data": "test.csv", "suite": "quick.yaml"} | parameters
        pairs = [part for name, value in given.items() for part in ("-p", f"{name}={value}")]
        code = main(["playbook", "run", "release_gate", *pairs, "-C", str(project), "--json"])
        return code, json.loads(capsys.readouterr().out)

    return _run


def outputs(ran):
    """Everything the executed notebook holds, as text, and its cells."""
    notebook = nbformat.read(ran["notebook"], as_version=4)
    return nbformat.writes(notebook), notebook.cells


@pytest.mark.parametrize(
    ("policy", "code", "outcome"),
    [("easy", 0, "pass"), ("hard", 1, "fail"), ("close", 2, "inconclusive"), ("absent", 2, "inconclusive")],
)
def test_the_exit_code_is_the_verdict_and_both_pages_are_left(run, policy, code, outcome):
    given, ran = run(policy=policy)
    assert (given, ran["outcome"]) == (code, outcome)
    assert ran["reason"]
    _, cells = outputs(ran)
    assert all(cell.execution_count for cell in cells if cell.cell_type == "code")
    text = Path(ran["report"]).read_text("utf-8")
    assert "lending/1" in text
    assert "<script" not in text


def test_data_that_is_not_there_is_an_error_told_in_one_line_and_the_notebook_is_kept(run):
    code, ran = run(data="nowhere.csv", policy="easy")
    assert (code, ran["outcome"], ran["report"]) == (3, "error", "")
    assert "nowhere.csv" in ran["reason"]
    assert "\n" not in ran["reason"]
    text, cells = outputs(ran)
    assert "nowhere.csv" in text
    assert [o.output_type for cell in cells for o in cell.get("outputs", ())][-1] == "error"


def test_an_undeclared_parameter_is_an_error_before_anything_runs(project, run):
    runs = project / ".workbench" / "runs"
    before = set(runs.iterdir())
    code, told = run(modle="lending/1")
    assert (code, told["field"]) == (3, "parameter")
    assert "'model'" in told["remedy"]
    assert set(runs.iterdir()) == before


def test_secrets_of_the_environment_are_not_in_the_kernel_and_the_environment_is_as_it_was(
    project, run, monkeypatch
):
    monkeypatch.setenv("MY_TOKEN", SECRET)
    monkeypatch.setenv("DB_PASSWORD", SECRET)
    (project / "playbooks").mkdir(exist_ok=True)
    cell = nbformat.v4.new_code_cell("import os\ndict(os.environ)")
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    declared = nbformat.v4.new_code_cell("x: int = 1", metadata={"tags": ["parameters"]})
    nbformat.write(
        nbformat.v4.new_notebook(cells=[declared, cell], metadata=spec), project / "playbooks" / "spy.ipynb"
    )
    assert main(["playbook", "run", "spy", "-C", str(project)]) == 3  # it shows no verdict
    [kept] = (project / ".workbench" / "runs").glob("*spy/spy.ipynb")
    text = kept.read_text("utf-8")
    assert "PATH" in text
    assert SECRET not in text
    assert (os.environ["MY_TOKEN"], os.environ["DB_PASSWORD"]) == (SECRET, SECRET)


def test_a_folder_of_the_outside_is_not_reached_by_a_playbooks_name(run, project, capsys):
    assert main(["playbook", "run", "../../etc/passwd", "-C", str(project)]) == 3
    assert "release_gate" in capsys.readouterr().err
