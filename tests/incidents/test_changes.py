"""What differs between two versions, the most telling first."""

from __future__ import annotations

from datetime import UTC, datetime

from workbench.incidents.changes import changes
from workbench.models.records import Column, Lineage, ModelVersion


def version(number: int, *columns: Column, **changed) -> ModelVersion:
    lineage = {
        "git_commit": "a" * 40,
        "git_dirty": False,
        "data_digest": "sha256:" + "1" * 64,
        "data_rows": 1000,
        "python": "3.12.1",
        "packages": {"scikit-learn": "1.9.1", "numpy": "2.4.0"},
    } | changed.pop("lineage", {})
    fields = {
        "name": "m",
        "version": number,
        "digest": "sha256:" + "0" * 64,
        "run_id": "",
        "flavor": "sklearn",
        "format": "skops",
        "task": "classification",
        "target": "y",
        "columns": columns,
        "author": "ada",
        "created": datetime(2026, 3, 1, tzinfo=UTC),
        "lineage": Lineage(**lineage),
    }
    return ModelVersion(**(fields | changed))


def number(name: str, low: float, high: float, **more) -> Column:
    return Column(name=name, type="double", low=low, high=high, **more)


def test_a_unit_error_shows_as_a_power_of_ten():
    before = version(1, number("priors_count", 0, 38), number("age", 18, 80))
    after = version(2, number("priors_count", 0, 0.38), number("age", 18, 83))
    assert changes(before, after) == (
        "priors_count: training range 0 to 38 became 0 to 0.38 (×0.01: another unit?)",
    )


def test_other_rows_of_the_same_unit_error_still_show_it():
    before, after = version(1, number("income", 900, 98_000)), version(2, number("income", 0.8, 120))
    [line] = changes(before, after)
    assert line.endswith("(about ×0.001: another unit?)")


def test_the_column_that_moved_most_comes_first_and_small_moves_are_left_out():
    before = version(1, number("a", 0, 10), number("b", 0, 10), number("c", -5, 5))
    after = version(2, number("a", 0, 25), number("b", 0, 1), number("c", -5, 6))
    first, second = changes(before, after)
    assert first.startswith("b: ")
    assert second.endswith("(×2.5)")


def test_ranges_without_a_value_in_common_are_told_whatever_their_size():
    [line] = changes(version(1, number("year", 2001, 2010)), version(2, number("year", 2011, 2020)))
    assert line.endswith("(no value in common)")


def test_columns_without_values_or_with_zeros_only_break_nothing():
    before = version(1, Column(name="a", type="double"), number("b", 0, 0), number("c", 0, 0))
    after = version(2, Column(name="a", type="double"), number("b", 0, 0), number("c", 1, 3))
    assert changes(before, after) == ("c: training range 0 to 0 became 1 to 3 (no value in common)",)


def test_columns_types_categories_code_data_and_packages_are_compared():
    before = version(
        1,
        Column(name="old", type="double"),
        Column(name="kind", type="string", categories=("a", "b")),
        Column(name="n", type="long"),
        Column(name="whole", type="double", integer=True),
    )
    after = version(
        2,
        Column(name="kind", type="string", categories=("b", "c"), required=False),
        Column(name="n", type="string"),
        Column(name="whole", type="double"),
        Column(name="new", type="double"),
        classes=(0, 1),
        author="grace",
        lineage={
            "git_commit": "b" * 40,
            "git_dirty": True,
            "data_digest": "sha256:" + "2" * 64,
            "python": "3.13.0",
            "packages": {"scikit-learn": "1.9.2", "xgboost": "3.2.0"},
        },
    )
    assert changes(before, after) == (
        "column no longer there: old",
        "column new: new",
        "kind: training rows now lack values",
        "kind: value no longer there: a",
        "kind: value new: c",
        "n: type long became string",
        "whole: whole numbers in training became fractions",
        "classes: () became (0, 1)",
        "author: ada became grace",
        "training data: 11111111 (1,000 rows) became 22222222 (1,000 rows)",
        "commit: aaaaaaaa became bbbbbbbb",
        "m/2 was trained in a working tree with changes that its commit does not hold",
        "python: 3.12.1 became 3.13.0",
        "numpy: 2.4.0 became not there",
        "scikit-learn: 1.9.1 became 1.9.2",
        "xgboost: not there became 3.2.0",
    )


def test_equal_versions_have_no_changes():
    assert changes(version(1, number("a", 0, 1)), version(2, number("a", 0, 1))) == ()
