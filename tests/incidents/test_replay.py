from __future__ import annotations

import shutil
import time

import numpy as np
import pandas as pd
import pytest

from workbench.core.errors import InvalidInput, NotFound
from workbench.incidents.records import ReplayReport
from workbench.testing.models import OnlyBatches, Threshold, tiny_frame, tiny_regressor


@pytest.fixture
def incident(here, rows):
    return here.incidents.open(
        "too few",
        rows=rows.assign(__version=3, __prediction=(rows["x1"] > 1.5).astype(int), name="Jane"),
        model="limits",
    )


def test_every_version_answers_the_same_rows_and_is_compared(here, incident, rows):
    report = here.incidents.replay(incident)
    x1 = rows["x1"]
    assert [c.label for c in report.columns] == ["limits/1", "limits/2 (champion)", "limits/3", "limits/4"]
    for column, at in zip(report.columns, (0.0, 0.02, 1.5, 1.6), strict=True):
        assert (column.n, column.errors, column.error) == (400, 0, "")
        assert column.positive_rate == (x1 > at).mean()
        assert column.disagrees_with_first == ((x1 > at) != (x1 > 0)).mean()
        assert column.disagrees_with_recorded == ((x1 > at) != (x1 > 1.5)).mean()
        assert column.latency_ms > 0
        accuracy = {m.metric: m for m in column.metrics}["accuracy_score"]
        assert accuracy.value == pytest.approx(((x1 > at).astype(int) == rows["y"]).mean())
        assert accuracy.low < accuracy.value < accuracy.high
    assert report.columns[2].disagrees_with_recorded == 0.0
    assert ReplayReport.from_json(report.to_json()) == report


def test_examples_are_few_and_show_only_what_models_read_and_answered(here, incident):
    examples = here.incidents.replay(incident).examples
    assert len(examples) == 20
    for example in examples:
        assert set(example) == {"x1", "production", "limits/1", "limits/2 (champion)", "limits/3", "limits/4"}
        answers = [example[key] for key in example if key.startswith("limits")]
        assert len(set(answers)) > 1


def test_versions_are_named_by_number_alias_reference_or_record(here, incident):
    record = here.registry.version("limits/4")
    report = here.incidents.replay(incident, against=["champion", 3, "limits/4", record, "shaky/1"])
    assert [c.label for c in report.columns] == ["limits/2 (champion)", "limits/3", "limits/4", "shaky/1"]
    with pytest.raises(NotFound):
        here.incidents.replay(incident, against=[9])
    with pytest.raises(InvalidInput):
        here.incidents.replay(incident, against=["no version!"])


def test_rows_on_which_a_version_raises_are_counted(here, rows):
    incident = here.incidents.open("errors", rows=rows, model="shaky")
    report = here.incidents.replay(incident)
    assert [c.errors for c in report.columns] == [
        0,
        int((rows["x1"] > 1.0).sum()),
        int((rows["x1"] > 0.9).sum()),
    ]
    assert report.columns[1].error == "RuntimeError: no answer for x1 above 1.0"
    assert report.columns[1].disagrees_with_first == 0.0
    assert report.columns[0].disagrees_with_recorded is None
    assert any("error" in example.values() for example in report.examples)


def test_a_version_that_cannot_be_asked_says_why_and_hides_no_other(here, incident, tmp_path):
    path = here.registry.artifact_path(here.registry.version("limits/1"))
    next(file for file in path.rglob("*") if file.is_file()).write_bytes(b"changed")
    shutil.rmtree(here.registry.artifact_path(here.registry.version("limits/2")))
    report = here.incidents.replay(incident)
    assert [c.n for c in report.columns] == [0, 0, 400, 400]
    assert report.columns[0].error.startswith("Tampered: The files of limits/1")
    assert report.columns[1].error.startswith("NotFound")
    assert report.columns[2].disagrees_with_first == 0.0


def test_rows_without_a_column_the_model_reads_are_not_scored(here):
    incident = here.incidents.open("other", rows={"x9": [1.0]}, model="limits")
    assert {c.error for c in here.incidents.replay(incident).columns} == {"the rows have no x1"}


def test_the_journal_keeps_the_numbers_of_a_replay_and_no_row(here, incident):
    here.incidents.replay(incident)
    entry = here.journal.read("incident/INC-1")[-1]
    assert entry.kind == "incident.replayed"
    assert "examples" not in entry.payload
    assert "error" not in entry.payload["columns"][0], "the text of an error may quote a row"
    assert len(entry.payload["columns"]) == 4
    assert entry.subjects[0] == incident.digest
    assert here.incidents.get(incident) == incident


def test_a_hundred_thousand_rows_on_four_versions_take_seconds(here):
    many = pd.DataFrame({"x1": np.random.default_rng(0).normal(size=100_000)})
    incident = here.incidents.open("many", rows=many, model="limits")
    began = time.process_time()
    assert [c.n for c in here.incidents.replay(incident).columns] == [100_000] * 4
    assert time.process_time() - began < 10


def test_a_version_that_raises_on_one_row_alone_says_so_and_ends_no_replay(here, incident):
    train = tiny_frame(300)[["x1", "group", "y"]]
    here.registry.register(OnlyBatches(), name="limits", train=train, target="y")
    column = here.incidents.replay(incident).columns[-1]
    assert (column.n, column.errors, column.latency_ms) == (400, 0, None)
    assert column.error == "only one row alone: TypeError: iteration over a 0-d array"


@pytest.fixture
def of_three_kinds(here):
    """``kinds``: 0 or 1, then a number, then a word, then 0 or 1 again."""
    from sklearn.tree import DecisionTreeClassifier

    train = tiny_frame(300)[["x1", "x2", "y"]]
    words = np.where(train["y"] == 1, "yes", "no")
    tree = DecisionTreeClassifier(max_depth=2, random_state=0).fit(train[["x1"]], words)
    register = here.registry.register
    register(Threshold(0.0), name="kinds", train=train[["x1", "y"]], target="y")
    register(tiny_regressor(train), name="kinds", train=train[["x1", "x2"]], target="x2")
    register(tree, name="kinds", train=train[["x1"]].assign(y=words), target="y")
    register(Threshold(1.0), name="kinds", train=train[["x1", "y"]], target="y")


def test_only_versions_for_the_same_task_as_the_first_are_compared(here, rows, of_three_kinds):
    x1 = rows["x1"]
    incident = here.incidents.open("kinds", rows=rows[["x1"]], model="kinds")
    report = here.incidents.replay(incident)
    assert [c.disagrees_with_first for c in report.columns] == [
        0.0,
        None,
        1.0,
        pytest.approx(((x1 > 0) != (x1 > 1)).mean()),
    ]
    assert [c.n for c in report.columns] == [400] * 4
    turned = here.incidents.replay(incident, against=[2, 3, 1])
    assert [c.disagrees_with_first for c in turned.columns] == [0.0, None, None]
    assert turned.examples == ()


def test_a_regression_is_compared_with_no_words_and_measured_against_none(here, rows, of_three_kinds):
    said = rows.assign(x2="many", __prediction="yes")[["x1", "x2", "__prediction"]]
    incident = here.incidents.open("kinds", rows=said, model="kinds")
    [column] = here.incidents.replay(incident, against=[2]).columns
    assert (column.n, column.disagrees_with_recorded, column.metrics) == (400, None, ())
