from pathlib import Path

import pytest

from workbench.audits.behaviour import Behaviour
from workbench.audits.cases import Case
from workbench.audits.drift import Drift
from workbench.audits.robustness import Robustness
from workbench.audits.suite import SHIPPED, Suite, load_suite, shipped
from workbench.core.errors import InvalidInput


def names(suite: Suite) -> list[str]:
    return [audit.name for audit in suite]


def test_nothing_asked_for_is_the_default_suite_and_remembers_that_nobody_asked():
    suite = load_suite()
    assert names(suite) == names(load_suite(SHIPPED / "default.yaml"))
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


def test_every_suite_that_comes_with_the_package_can_be_loaded_by_its_name():
    for name in shipped():
        assert len(load_suite(name)) > 2
        assert load_suite(name).asked


def test_a_name_that_is_neither_audit_nor_suite_is_refused_with_the_nearest_of_both():
    with pytest.raises(InvalidInput, match="Did you mean 'credit'"):
        load_suite("credti")


def test_a_project_has_a_default_suite_of_its_own(tmp_path: Path):
    file = tmp_path / "default.yaml"
    file.write_text("description: ours\naudits: [drift]\n")
    suite = load_suite(default=file)
    assert (names(suite), suite.asked) == (["drift"], False)
    case = Case(name="x", kind="invariance", replace={"sex": ["a", "b"]})
    assert names(load_suite(default=file, cases=[case])) == ["drift", "behaviour"]


def test_a_heading_with_a_key_that_does_not_exist_is_refused(tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_text("audits: [drift]\ndescripton: typo\n")
    with pytest.raises(InvalidInput, match="description"):
        load_suite(file)


def test_a_file_that_is_no_suite_is_refused(tmp_path: Path):
    file = tmp_path / "suite.yaml"
    for text in ("a: [", "", "audits:"):
        file.write_text(text)
        with pytest.raises(InvalidInput):
            load_suite(file)


def test_cases_of_the_project_join_the_default_suite_and_follow_one_that_was_asked_for():
    case = Case(name="x", kind="invariance", replace={"sex": ["a", "b"]})
    assert load_suite(None, cases=[case])[-1] == Behaviour(cases=(case,))
    assert len(load_suite(None, cases=[case])) == len(load_suite())
    assert list(load_suite("drift", cases=[case])) == [Drift(), Behaviour(cases=(case,))]
