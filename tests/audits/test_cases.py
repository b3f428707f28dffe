from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.audits.cases import Case, digest_of, load_cases, save_case
from workbench.core import digests
from workbench.core.errors import Conflict, InvalidInput, NotFound

GOLDEN = Case(name="INC-1: late/../payments", kind="golden", rows=({"a": 1, "b": "no"},), expected=("yes",))


def test_a_case_comes_back_from_its_file_as_it_was(tmp_path: Path):
    case = Case(
        name="all of it",
        kind="golden",
        description="älter",
        source="INC-7",
        model="loans",
        rows=(
            {"a": 1.5, "s": "no", "flag": True, "gap": None},
            {"a": 2, "s": "1e3", "flag": False, "gap": 3},
        ),
        expected=("yes", "no"),
        at_least=0.5,
    )
    file = save_case(tmp_path / "cases", case)
    assert load_cases(file) == [case]
    assert load_cases(tmp_path / "cases") == [case]


def test_values_of_numpy_and_pandas_are_written_as_plain_ones(tmp_path: Path):
    row = {"i": np.int64(3), "f": np.float32(0.5), "t": pd.Timestamp("2026-01-02"), "n": pd.NA, "b": np.True_}
    [read] = load_cases(
        save_case(tmp_path, Case(name="n", kind="golden", rows=(row,), expected=(np.int64(1),)))
    )
    assert read.rows[0] | {"t": None} == {"i": 3, "f": 0.5, "t": None, "n": None, "b": True}
    assert str(read.rows[0]["t"]).startswith("2026-01-02")
    assert read.expected == (1,)


def test_a_name_becomes_a_file_name_that_stays_in_the_folder(tmp_path: Path):
    file = save_case(tmp_path, GOLDEN)
    assert file.parent == tmp_path
    assert file.name.startswith("inc-1-late-payments-")
    assert save_case(tmp_path, GOLDEN.model_copy(update={"name": "Plain name"})).name == "plain-name.yaml"
    assert save_case(tmp_path, GOLDEN.model_copy(update={"name": "事故"})).suffix == ".yaml"


def test_saving_again_changes_nothing_and_another_case_of_that_name_is_refused(tmp_path: Path):
    file = save_case(tmp_path, GOLDEN)
    before = file.stat().st_mtime_ns
    assert save_case(tmp_path, GOLDEN) == file
    assert file.stat().st_mtime_ns == before
    with pytest.raises(Conflict):
        save_case(tmp_path, GOLDEN.model_copy(update={"expected": ("no",)}))
    assert [p.suffix for p in tmp_path.iterdir()] == [".yaml"]  # nothing temporary is left


def test_yes_and_no_written_by_hand_are_labels_not_booleans(tmp_path: Path):
    (tmp_path / "a.yaml").write_text("{name: a, kind: golden, rows: [{x: on, t: true}], expected: [no]}")
    [case] = load_cases(tmp_path)
    assert case.expected == ("no",)
    assert case.rows == ({"x": "on", "t": True},)


def test_one_file_may_hold_several_cases_and_other_models_cases_are_left_out(tmp_path: Path):
    (tmp_path / "a.yaml").write_text(
        "- {name: a, kind: invariance, replace: {sex: [m, f]}}\n"
        "- {name: b, kind: directional, add: {late: 1}, model: loans}\n"
    )
    assert [c.name for c in load_cases(tmp_path)] == ["a", "b"]
    assert [c.name for c in load_cases(tmp_path, model="loans")] == ["a", "b"]
    assert [c.name for c in load_cases(tmp_path, model="other")] == ["a"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{name: a, kind: golden, rows: [{x: 1}], expected: [1, 2]}", "1 rows but 2 expected answers"),
        ("{name: a, kind: golden}", "a golden case needs rows"),
        ("{name: a, kind: invariance}", "needs 'replace'"),
        ("{name: a, kind: directional}", "needs 'add'"),
        ("{name: a, kind: golden, rows: [{x: 1}], expect: [1]}", "Did you mean 'expected'?"),
        ("{name: a, kind: minimum_functionality, expected: [1]}", "needs 'rows', 'where' or 'template'"),
        ("{name: a, kind: minimum_functionality, template: {x: [1]}}", "needs one answer"),
        ("{name: a, kind: minimum_functionality, template: {x: [1]}, expected: [1, 2]}", "needs one answer"),
        ("{name: a, kind: minimum_functionality, template: {x: []}, expected: [1]}", "x has no value"),
        (
            "{name: a, kind: minimum_functionality, where: {x: {above: 1}}, expected: [1]}",
            "at_least and at_most",
        ),
        ("{name: a, kind: minimum_functionality, rows: [{x: 1}], where: {x: 1}, expected: [1]}", "or 'rows'"),
        ("{name: a, kind: golden, rows: [{x: 1}], expected: [1], where: {x: 1}}", "no 'where'"),
        ("{name: a, kind: silver}", "kind"),
        ("{name: a, kind: invariance, replace: {x: 1}, at_least: 1.5}", "at_least"),
        ("just words", "a case is a mapping"),
        ("a: [", "not valid YAML"),
        ("!!python/object/apply:os.getcwd []", "not valid YAML"),
    ],
)
def test_a_file_that_is_no_case_is_refused_by_name(tmp_path: Path, text: str, says: str):
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(InvalidInput) as error:
        load_cases(tmp_path)
    assert "bad.yaml" in str(error.value)
    assert says in str(error.value)


def test_a_folder_that_is_not_there_holds_no_case_but_a_file_must_be_there(tmp_path: Path):
    assert load_cases(tmp_path / "cases") == []
    with pytest.raises(NotFound):
        load_cases(tmp_path / "case.yaml")


def test_two_cases_of_one_name_are_refused(tmp_path: Path):
    (tmp_path / "a.yaml").write_text("{name: a, kind: invariance, replace: {x: 1}}")
    (tmp_path / "b.yaml").write_text("{name: a, kind: invariance, replace: {x: 2}}")
    with pytest.raises(InvalidInput, match="also in a"):
        load_cases(tmp_path)


def test_a_template_is_read_from_yaml_with_its_combinations_bounded(tmp_path: Path):
    (tmp_path / "a.yaml").write_text(
        "{name: a, kind: minimum_functionality, template: {late: [4, 8], sex: [m, f]}, expected: [no]}"
    )
    [case] = load_cases(tmp_path)
    assert (case.template, case.expected) == ({"late": [4, 8], "sex": ["m", "f"]}, ("no",))
    with pytest.raises(ValueError, match="more than 10000 combinations"):
        Case(
            name="a",
            kind="directional",
            add={"x": 1},
            template={"x": list(range(101)), "y": list(range(100))},
        )


def test_a_case_of_an_incident_keeps_the_digest_that_the_journal_has():
    saved = Case(name="few", kind="golden", source="INC-1", rows=({"x1": 0.5},), expected=(1,), at_least=0.9)
    before = (
        '{"name":"few","kind":"golden","description":"","source":"INC-1","model":"","rows":[{"x1":0.5}],'
        '"expected":[1],"tolerance":0.0,"replace":{},"add":{},"direction":"not_lower","at_least":0.9}'
    )
    assert digest_of([saved]) == digests.of_bytes(before.encode())


def test_the_digest_is_of_the_content():
    assert digest_of([GOLDEN]) == digest_of([GOLDEN.model_copy()])
    assert digest_of([GOLDEN]) != digest_of([GOLDEN.model_copy(update={"expected": ("no",)})])
