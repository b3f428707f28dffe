"""The failure saved as a behaviour case, which the bad version fails and the good one passes."""

from __future__ import annotations

import pytest

from workbench.audits.base import Subject
from workbench.audits.behaviour import Behaviour
from workbench.audits.cases import load_cases
from workbench.core.errors import Conflict, InvalidInput
from workbench.core.values import Outcome
from workbench.datasets import Dataset
from workbench.testing.models import Threshold, tiny_frame, tiny_regressor


@pytest.fixture
def incident(here, rows):
    return here.incidents.open("too few", rows=rows.assign(name="Jane"), model="limits", versions=[4])


def audited(here, ref: str, rows, folder) -> Outcome:
    data = Dataset.of(rows, target="y", sensitive=["group"])
    subject = Subject(predictor=here.registry.load(here.registry.version(ref)), data=data)
    return Behaviour(cases=str(folder)).measure(subject).outcome


def test_the_bad_version_fails_the_case_and_the_good_one_passes(here, incident, rows):
    folder = here.root / "cases"
    file = here.incidents.save_case(incident, name="few", expected_from=2, folder=folder)
    [case] = load_cases(file)
    assert (case.source, case.model, case.description) == ("INC-1", "limits", "too few")
    assert 0 < len(case.rows) <= 200
    assert set(case.rows[0]) == {"x1"}
    assert set(case.expected) == {1}
    assert [audited(here, f"limits/{n}", rows, folder) for n in (1, 2, 3, 4)] == [
        "pass",
        "pass",
        "fail",
        "fail",
    ]
    assert here.incidents.get(incident).cases == ("few",)
    entry = here.journal.read("incident/INC-1")[-1]
    assert entry.payload == {"name": "few", "file": "few.yaml", "rows": len(case.rows)}


def test_labels_are_expected_where_the_bad_version_is_wrong_and_the_good_one_right(here, incident, rows):
    here.incidents.bisect(incident)
    [case] = load_cases(here.incidents.save_case(incident, name="by label", folder=here.root / "cases"))
    truth = dict(zip(rows["x1"], rows["y"], strict=True))
    for row, expected in zip(case.rows, case.expected, strict=True):
        assert expected == truth[row["x1"]] == int(row["x1"] > 0.02)
        assert expected != int(row["x1"] > 1.5)


def test_without_a_bisection_labels_are_expected_where_the_version_that_served_is_wrong(here, incident, rows):
    [case] = load_cases(here.incidents.save_case(incident, name="by label", folder=here.root / "cases"))
    assert all(e != int(row["x1"] > 1.6) for row, e in zip(case.rows, case.expected, strict=True))


def test_many_rows_are_thinned_and_the_same_row_is_kept_once(here, rows):
    twice = rows[rows["x1"] > 0.1].sample(1_000, replace=True, random_state=0)
    incident = here.incidents.open("many", rows=twice, model="limits")
    [case] = load_cases(
        here.incidents.save_case(incident, name="m", expected_from=1, folder=here.root / "cases")
    )
    assert len(case.rows) == len({row["x1"] for row in case.rows}) <= 200


def test_a_case_without_rows_or_labels_or_with_a_taken_name_is_refused(here, incident, rows):
    folder = here.root / "cases"
    with pytest.raises(InvalidInput, match="limits/4 answers every frozen row as limits/4"):
        here.incidents.save_case(incident, name="same", expected_from=4, folder=folder)
    unlabelled = here.incidents.open("no labels", rows=rows[["x1"]], model="limits")
    with pytest.raises(InvalidInput, match="expected_from=2"):
        here.incidents.save_case(unlabelled, name="labels", folder=folder)
    other = here.incidents.open("other", rows={"x9": [1.0]}, model="limits")
    with pytest.raises(InvalidInput, match="reads x1"):
        here.incidents.save_case(other, name="other", expected_from=2, folder=folder)
    assert not folder.exists()
    here.incidents.save_case(incident, name="taken", expected_from=2, folder=folder)
    with pytest.raises(Conflict, match=r"taken\.yaml"):
        here.incidents.save_case(incident, name="taken", expected_from="labels", folder=folder)
    assert here.incidents.get(incident).cases == ("taken",)


def test_a_version_for_another_task_is_not_expected_to_be_right(here, rows):
    train = tiny_frame(300)[["x1", "x2", "y"]]
    here.registry.register(Threshold(0.0), name="kinds", train=train[["x1", "y"]], target="y")
    here.registry.register(tiny_regressor(train), name="kinds", train=train[["x1", "x2"]], target="x2")
    incident = here.incidents.open("kinds", rows=rows[["x1"]], model="kinds", versions=[2])
    with pytest.raises(InvalidInput, match="kinds/2 is for regression, kinds/1 for classification"):
        here.incidents.save_case(incident, name="kinds", expected_from=1, folder=here.root / "cases")


def test_labels_in_words_are_not_expected_of_a_regression(here, rows):
    train = tiny_frame(300)[["x1", "x2"]]
    here.registry.register(tiny_regressor(train), name="numbers", train=train, target="x2")
    incident = here.incidents.open("words", rows=rows[["x1"]].assign(x2="many"), model="numbers")
    with pytest.raises(InvalidInput, match="'x2' holds what is no number"):
        here.incidents.save_case(incident, name="words", folder=here.root / "cases")
