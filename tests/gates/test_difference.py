from __future__ import annotations

import pytest

from workbench.gates import Rival
from workbench.gates.difference import MOST_SLICES, difference
from workbench.models.records import Lineage, TrainedColumn


@pytest.fixture
def champion(make):
    return make.version(version=2, digest=make.other_digest)


def test_every_figure_stands_beside_the_champions_and_says_whether_they_are_apart(make, champion):
    ours = make.evidence(
        "performance",
        make.measurement("roc_auc_score", 0.80, 0.78, 0.82),
        make.measurement("accuracy_score", 0.70, 0.68, 0.72),
        make.measurement("roc_auc_score_difference", 0.05, 0.01, 0.09, slice="against=champion"),
    )
    theirs = make.evidence(
        "performance",
        make.measurement("roc_auc_score", 0.70, 0.68, 0.72),
        make.measurement("accuracy_score", 0.71, 0.69, 0.73),
        model_digest=make.other_digest,
    )
    found = difference(make.version(), [ours], Rival(champion, [theirs]))
    auc, accuracy = found.metrics
    assert auc.difference == pytest.approx(0.1)
    assert auc.apart
    assert accuracy.difference == pytest.approx(-0.01)
    assert not accuracy.apart
    assert (found.candidate, found.champion, found.notes) == ("recidivism/3", "recidivism/2", ())


def test_figures_of_other_data_are_not_compared_and_it_says_so(make, champion):
    ours = make.evidence("performance", make.measurement("roc_auc_score", 0.8, 0.7, 0.9))
    theirs = ours.model_copy(update={"model_digest": make.other_digest, "data_digest": "sha256:e"})
    found = difference(make.version(), [ours], Rival(champion, [theirs]))
    assert found.metrics[0].champion is None
    assert found.notes == ("performance was measured on different data (d, e): not compared.",)
    alone = difference(make.version(), [ours], Rival(champion))
    assert alone.notes == ("recidivism/2 has no evidence of performance.",)
    first = difference(make.version(), [ours], None)
    assert first.notes == ("There is no champion to compare with.",)
    assert difference(make.version(), [ours], Rival(make.version())).champion == ""


def test_slices_that_moved_most_come_first_and_the_rest_is_counted(make, champion):
    def evidence(shift: float, **changes):
        rows = [
            make.measurement("selection_rate", i * shift, i * shift, i * shift, slice=f"race={i}")
            for i in range(MOST_SLICES + 5)
        ]
        return make.evidence("fairness", *rows, **changes)

    other = evidence(0.0, model_digest=make.other_digest)
    found = difference(make.version(), [evidence(0.01)], Rival(champion, [other]))
    assert found.slices[0].slice == f"race={MOST_SLICES + 4}"
    assert (len(found.slices), found.slices_left_out) == (MOST_SLICES, 5)


def lineage(**changes) -> Lineage:
    column = {"type": "double", "digest": "sha256:1", "missing": 0}
    fields = {
        "git_commit": "a" * 40,
        "data_digest": "sha256:d",
        "data_rows": 100,
        "data_columns": (TrainedColumn(name="age", **column), TrainedColumn(name="sex", **column)),
        "python": "3.11.7",
        "packages": {"numpy": "2.4.1"},
        "parameters": {"C": 1.0},
    }
    return Lineage(**(fields | changes))


def test_what_changed_in_data_code_parameters_and_packages_is_said_in_sentences(make):
    age = TrainedColumn(name="age", type="long", digest="sha256:2", missing=0)
    new = TrainedColumn(name="income", type="double", digest="sha256:3", missing=0)
    now = lineage(
        git_commit="b" * 40,
        git_dirty=True,
        data_digest="sha256:e",
        data_rows=1200,
        data_columns=(age, new),
        packages={"numpy": "2.5.0"},
        parameters={"C": 0.1, "penalty": "l2"},
    )
    version = make.version(lineage=now)
    champion = make.version(version=2, digest=make.other_digest, lineage=lineage())
    found = difference(version, [], Rival(champion))
    assert found.data == (
        "Training data: 100 rows (d) then, 1,200 (e) now.",
        "New columns: income.",
        "Columns that are gone: sex.",
        "Columns of another type: age.",
        "Columns with other values: age.",
    )
    assert found.code == (
        "Code: aaaaaaaaaaaa then, bbbbbbbbbbbb with changes that are not committed now.",
        "Parameter C: 1.0 then, 0.1 now.",
        "Parameter penalty: none then, l2 now.",
        "numpy: 2.4.1 then, 2.5.0 now.",
    )
    same = difference(make.version(lineage=lineage()), [], Rival(champion))
    assert same.data == ("The same training data: 100 rows, d.",)
    assert same.code == ("The same code: aaaaaaaaaaaa.",)
