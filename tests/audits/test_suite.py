from pathlib import Path

import pytest

from workbench.audits.behaviour import Behaviour
from workbench.audits.cases import Case
from workbench.audits.drift import Drift
from workbench.audits.robustness import Robustness
from workbench.audits.suite import DEFAULT, Suite, load_suite
from workbench.core.errors import InvalidInput


def names(suite: Suite) -> list[str]:
    return [audit.name for audit in suite]


def test_nothing_asked_for_is_the_default_suite_and_remembers_that_nobody_asked():
    suite = load_suite()
    assert names(suite) == list(DEFAULT)
    assert not suite.asked


def test_a_suite_is_a_name_a_list_or_a_mapping_of_options():
    assert names(load_suite("drift")) == ["drift"]
    assert names(load_suite(["drift", {"robustness": {"rows": 7}}])) == ["drift", "robustness"]
    assert list(load_suite({"robustness": {"rows": 7}, "drift": None})) == [Robustness(rows=7), Drift()]
    assert load_suite("drift").asked


def test_audits_themselves_are_taken_as_they_are():
    mine = Robustness(rows=3)
    assert load_suite([mine, "drift"])[0] is mine
    assert load_suite(mine)[0] is mine
    suite = load_suite()
    assert load_suite(suite) is suite


def test_a_yaml_file_holds_the_same_forms_with_or_without_a_heading(tmp_path: Path):
    plain, headed = tmp_path / "a.yaml", tmp_path / "b.yml"
    plain.write_text("robustness: {rows: 7, immutable: [age]}\ndrift:\n")
    headed.write_text("audits:\n  - drift\n  - robustness: {rows: 7}\n")
    assert list(load_suite(plain)) == [Robustness(rows=7, immutable=("age",)), Drift()]
    assert list(load_suite(str(headed))) == [Drift(), Robustness(rows=7)]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("fairnes", "Did you mean 'fairness'?"),
        ({"robustness": {"row": 3}}, "Did you mean 'rows'?"),
        ({"robustness": {"rows": "many"}}, "robustness: rows: Input should be a valid integer"),
        ({"robustness": {"rows": 0}}, "rows must be at least 1"),
        ({"robustness": {"budget": -1}}, "budget must be positive"),
        ({"drift": {"method": "chi2"}}, "'psi'"),
        ({"drift": {"margin": 0}}, "margin must be positive"),
        ({"robustness": 5}, "options are a mapping, not int"),
        ([Robustness], "is not an audit"),
        ([], "the suite is empty"),
        (3, "int is not a suite"),
        ("nowhere.yaml", "cannot be read"),
    ],
)
def test_what_cannot_be_a_suite_is_refused_with_the_next_step(spec: object, says: str):
    with pytest.raises(InvalidInput) as error:
        load_suite(spec)
    assert says in str(error.value)
    assert error.value.field


def test_a_file_that_is_no_suite_is_refused(tmp_path: Path):
    file = tmp_path / "suite.yaml"
    for text in ("a: [", "", "audits:"):
        file.write_text(text)
        with pytest.raises(InvalidInput):
            load_suite(file)


def test_cases_of_the_project_join_the_default_suite_and_follow_one_that_was_asked_for():
    case = Case(name="x", kind="invariance", replace={"sex": ["a", "b"]})
    assert load_suite(None, cases=[case])[-1] == Behaviour(cases=(case,))
    assert len(load_suite(None, cases=[case])) == len(DEFAULT)
    assert list(load_suite("drift", cases=[case])) == [Drift(), Behaviour(cases=(case,))]
