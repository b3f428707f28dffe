from __future__ import annotations

from datetime import UTC, datetime

import pytest

from workbench.models.lineage_tree import LineageTree, ancestors, lineage_tree
from workbench.models.records import Column, Lineage, ModelVersion, Parent, TrainedColumn


def version(ref, *parents, **lineage):
    name, _, number = ref.rpartition("/")
    told = {
        "git_commit": "c0ffee" * 6,
        "git_dirty": True,
        "git_diff": "sha256:" + "1" * 64,
        "data_digest": "sha256:" + "2" * 64,
        "data_rows": 4320,
        "data_columns": (
            TrainedColumn(name="age", type="int64", digest="sha256:" + "a" * 64, missing=0),
            TrainedColumn(name="sex", type="str", digest="sha256:" + "b" * 64, missing=7),
            TrainedColumn(name="y", type="int64", digest="sha256:" + "c" * 64, missing=0),
        ),
        "data_source": "SELECT * FROM loans",
        "data_notes": ("3 of 4323 rows have no 'y' and were left out.",),
        "python": "3.11.7",
        "packages": {"scikit-learn": "1.9.0"},
        "lock_file": "uv.lock",
        "lock_digest": "sha256:" + "3" * 64,
        "parameters": {"C": 0.5},
        "parents": tuple(Parent(ref=p.ref, digest=p.digest) for p in parents),
    }
    return ModelVersion(
        name=name,
        version=int(number),
        digest="sha256:" + number * 64,
        run_id="0" * 32,
        flavor="sklearn",
        format="skops",
        task="classification",
        target="y",
        sensitive=("sex",),
        columns=(Column(name="age", type="double"),),
        author="ada",
        created=datetime(2026, 3, 1, 12, tzinfo=UTC),
        lineage=Lineage(**(told | lineage)),
    )


@pytest.fixture
def family():
    """``d/4`` was made from two that were both made from ``a/1``."""
    a = version("a/1")
    b, c = version("b/2", a), version("c/3", a)
    return {one.ref: one for one in (a, b, c, version("d/4", b, c))}


def test_a_version_is_drawn_with_code_data_environment_and_parameters():
    text = str(lineage_tree(version("risk/1"), {}.__getitem__))
    assert (
        text
        == """\
model risk/1 (11111111): skops, by ada, 2026-03-01 12:00 UTC
├─ code c0ffeec0ffee (11111111): and changes that are not committed
├─ data 4,320 rows (22222222): SELECT * FROM loans; 3 of 4323 rows have no 'y' and were left out.
│  ├─ column age (aaaaaaaa): int64
│  ├─ column sex (bbbbbbbb): str, sensitive, 7 missing
│  └─ column y (cccccccc): int64, target
├─ environment Python 3.11.7: uv.lock 33333333
│  └─ package scikit-learn: 1.9.0
└─ parameters 1
   └─ parameter C: 0.5"""
    )


def test_parents_hang_below_with_theirs_and_are_told_once(family):
    tree = lineage_tree(family["d/4"], family.__getitem__)
    models = [child for child in tree.children if child.kind == "model"]
    assert [m.name for m in models] == ["b/2", "c/3"]
    assert [m.children[-1].detail == "told above" for m in models] == [False, True]
    assert str(tree).count("model a/1") == 2


def test_parents_come_before_their_children_and_each_once(family):
    assert [one.ref for one in ancestors(family["d/4"], family.__getitem__)] == ["a/1", "b/2", "c/3", "d/4"]


def test_what_is_not_known_is_said_and_not_guessed():
    bare = version(
        "risk/1", git_commit="", data_source="", data_notes=(), data_columns=(), lock_file="", parameters={}
    )
    text = str(lineage_tree(bare, {}.__getitem__))
    for said in ("code not in git", "where it came from is not known", "no lock file"):
        assert said in text
    assert "parameters" not in text


def test_many_columns_are_counted_in_the_text_and_all_kept_in_the_record():
    column = TrainedColumn(name="x", type="int64", digest="sha256:" + "a" * 64, missing=0)
    wide = version(
        "risk/1", data_columns=tuple(column.model_copy(update={"name": f"x{i}"}) for i in range(30))
    )
    tree = lineage_tree(wide, {}.__getitem__)
    assert "… and 18 more" in str(tree)
    assert len(tree.children[1].children) == 30


def test_a_name_that_would_move_the_cursor_is_shown_and_not_sent():
    column = TrainedColumn(name="a\x1b[2Jge\nb", type="int64", digest="sha256:" + "a" * 64, missing=0)
    text = str(lineage_tree(version("risk/1", data_columns=(column,)), {}.__getitem__))
    assert "\x1b" not in text
    assert "column a\ufffd[2Jge\ufffdb" in text


def test_a_tree_reads_back_as_it_was_written(family):
    tree = lineage_tree(family["d/4"], family.__getitem__)
    assert LineageTree.from_json(tree.to_json()) == tree
