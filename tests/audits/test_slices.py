import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from workbench.audits.parts.shared.slices import MOST_GROUPS, escaped, group_codes, slices_of
from workbench.datasets import Dataset


def data(**columns):
    rows = len(next(iter(columns.values())))
    frame = pd.DataFrame({**columns, "y": [i % 2 for i in range(rows)]})
    return Dataset.of(frame, target="y", sensitive=list(columns))


def rows_of(slices, name):
    return np.flatnonzero(slices.members[slices.names.index(name)][slices.cell]).tolist()


def test_everyone_then_each_column_then_their_crossing():
    slices = slices_of(data(race=["a", "b", "a", None], sex=["f", "f", "m", "m"]))
    assert [family.name for family in slices.families] == ["race", "sex", "race & sex"]
    assert rows_of(slices, "") == [0, 1, 2, 3]
    assert rows_of(slices, "race=a") == [0, 2]
    assert rows_of(slices, "race=missing") == [3]
    assert rows_of(slices, "race=a & sex=m") == [2]
    assert "race=b & sex=m" not in slices.names  # nobody


@given(st.lists(st.tuples(*[st.sampled_from("abc")] * 3), min_size=2, max_size=30))
def test_every_family_holds_every_row_once(drawn):
    one, two, three = zip(*drawn, strict=True)
    slices = slices_of(data(one=one, two=two, three=three), depth=3)
    assert len(slices.families) == 7
    for family in slices.families:
        assert (family.members.sum(axis=0) == 1).all()
    for row, (a, b, c) in enumerate(drawn):
        assert row in rows_of(slices, f"one={a} & two={b} & three={c}")
        assert row in rows_of(slices, f"two={b} & three={c}")


def test_depth_says_how_many_columns_are_crossed():
    columns = {name: ["a", "b"] for name in ("one", "two", "three")}
    assert len(slices_of(data(**columns), depth=1).families) == 3
    assert len(slices_of(data(**columns), depth=2).families) == 6
    assert len(slices_of(data(**columns)).families) == 6


def test_signs_of_the_naming_are_escaped_in_what_the_data_brings():
    slices = slices_of(data(**{"a=b": ["x & y=z", "\\"], "c": ["1", "2"]}))
    assert "a\\=b=x \\& y\\=z" in slices.names
    assert "a\\=b=\\\\ & c=2" in slices.names
    assert [name.split(" & ")[-1].split("=")[-1] for name in slices.names if "c=" in name]


@given(st.text(max_size=20), st.text(max_size=20))
def test_two_groups_never_share_a_name(one, other):
    assert (escaped(one) == escaped(other)) == (one == other)
    assert " & " not in escaped(one)


def test_a_quantity_is_no_group_and_the_note_says_what_to_do():
    rows = MOST_GROUPS + 1
    slices = slices_of(data(income=list(range(rows)), sex=["f", "m"] * (rows // 2) + ["f"]))
    assert [family.name for family in slices.families] == ["sex"]
    assert "income has 101 groups and was left out" in slices.notes[0]


def test_without_sensitive_columns_there_is_everyone():
    slices = slices_of(Dataset.of(pd.DataFrame({"y": [0, 1]}), target="y"))
    assert slices.names == ("",)
    assert rows_of(slices, "") == [0, 1]


def test_crossings_too_many_for_a_table_are_numbered_alike(monkeypatch):
    rng = np.random.default_rng(0)
    columns = {name: rng.integers(0, 7, 300).astype(str) for name in "abcd"}
    by_table = slices_of(data(**columns), depth=3)
    monkeypatch.setattr("workbench.audits.parts.shared.slices._MOST_CODES", 10)
    by_hash = slices_of(data(**columns), depth=3)
    assert by_table.names == by_hash.names
    assert (by_table.cell == by_hash.cell).all()
    assert all(
        (a.members == b.members).all() for a, b in zip(by_table.families, by_hash.families, strict=True)
    )


def test_values_that_read_alike_are_one_group_and_so_is_what_is_missing():
    column = pd.Series([1, "1", None, "missing", 2.0, np.nan], dtype=object)
    codes, names = group_codes(column)
    assert list(names) == ["1", "2.0", "missing"]
    assert codes.tolist() == [0, 0, 2, 2, 1, 2]
