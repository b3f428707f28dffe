"""Files scored by a version, against what the journal and the disk say of it."""

from __future__ import annotations

import csv
import threading
from pathlib import Path

import pandas as pd
import pytest

from workbench.core.errors import Conflict, InvalidInput, Refused, Tampered, Unavailable
from workbench.gateway import kill, revive
from workbench.releases.batch import Done
from workbench.releases.batch.answering import Scored
from workbench.releases.batch.parts import Parts


def rows_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_every_row_is_scored_by_the_champion_which_the_output_names(batches, journal, csv_of, tmp_path):
    run = batches.score("tiny", csv_of("x1", "-1", "0.5", "2"), tmp_path / "out.csv")
    head, *rows = rows_of(tmp_path / "out.csv")
    assert head == ["row", "prediction", "score", "model", "model_digest"]
    assert [row[:2] for row in rows] == [["1", "0"], ["2", "1"], ["3", "1"]]
    assert {(row[3], row[4]) for row in rows} == {("tiny/1", run.model_digest)}
    assert (run.rows, run.scored, run.rejected, run.rejects, run.champion) == (3, 3, 0, "", True)
    (entry,) = journal.read("batch/tiny")
    assert entry.kind == "batch.scored"
    assert entry.payload == run.model_dump(mode="json")
    assert not (tmp_path / ".out.csv.unfinished").exists()


def test_rows_that_do_not_fit_are_rejected_by_number_and_reason_and_the_counts_add_up(
    batches, csv_of, tmp_path
):
    source = csv_of("id,x1", "a,1", "b,", "c,many", "d,-1,9", "e,-1")
    run = batches.score("tiny", source, tmp_path / "out.csv")
    assert (run.rows, run.scored, run.rejected) == (5, 2, 3)
    assert run.passed_over == ("id",)
    assert [row[:2] for row in rows_of(tmp_path / "out.csv")[1:]] == [["1", "1"], ["5", "0"]]
    head, *rejects = rows_of(tmp_path / run.rejects)
    assert head == ["row", "reason"]
    assert [row for row, _ in rejects] == ["2", "3", "4"]
    assert "it is missing, and the model needs a value" in rejects[0][1]
    assert "it is text, and the model expects a number" in rejects[1][1]
    assert "3 cells" in rejects[2][1]


def test_a_row_that_the_model_cannot_answer_costs_no_other_its_answer(batches, csv_of, tmp_path):
    source = csv_of("x1", "1", "99", "-1")
    run = batches.score("tiny/5", source, tmp_path / "out.csv", any_version=True)
    assert [row[:2] for row in rows_of(tmp_path / "out.csv")[1:]] == [["1", "1"], ["3", "0"]]
    (reject,) = rows_of(tmp_path / run.rejects)[1:]
    assert reject[0] == "2"
    assert "RuntimeError: no answer for x1 above 50.0" in reject[1]


def test_parquet_is_read_and_written_with_types(batches, tmp_path):
    pd.DataFrame({"x1": [-1.0, None, 2.0]}).to_parquet(tmp_path / "rows.parquet")
    run = batches.score("tiny@champion", tmp_path / "rows.parquet", tmp_path / "out.parquet")
    out = pd.read_parquet(tmp_path / "out.parquet")
    assert (run.scored, run.rejected) == (2, 1)
    assert out["row"].tolist() == [1, 3]
    assert out["prediction"].tolist() == [0, 1]
    assert out["prediction"].dtype == "int64"


def test_any_number_of_processes_and_rows_in_a_chunk_gives_the_same_bytes(batches, csv_of, tmp_path):
    source = csv_of("x1", *(str(at / 10 - 3) for at in range(60)))
    for name, options in (("a", {}), ("b", {"rows": 7}), ("c", {"rows": 7, "jobs": 2})):
        batches.score("tiny", source, tmp_path / f"{name}.csv", **options)
    a, b, c = ((tmp_path / f"{name}.csv").read_bytes() for name in "abc")
    assert a == b == c


def test_a_cancelled_run_goes_on_where_it_stopped_and_is_told_once(batches, journal, csv_of, tmp_path):
    source = csv_of("x1", *map(str, range(-20, 20)))
    whole = batches.score("tiny", source, tmp_path / "whole.csv", rows=5)
    cancel, seen = threading.Event(), []

    def progress(done: Done) -> None:
        seen.append(done)
        if len(seen) == 3:
            cancel.set()

    options = {"rows": 5, "progress": progress, "cancel": cancel}
    with pytest.raises(Unavailable, match="Cancelled after 15 scored rows"):
        batches.score("tiny", source, tmp_path / "out.csv", **options)
    assert not (tmp_path / "out.csv").exists()
    with pytest.raises(Conflict, match="was not finished"):
        batches.score("tiny", source, tmp_path / "out.csv", rows=5)
    cancel.clear()
    run = batches.score("tiny", source, tmp_path / "out.csv", resume=True, **options)
    assert seen[-1] == Done(40, 0, 40)
    assert len(seen) == 8  # no chunk was done twice
    assert run.output_digest == whole.output_digest
    assert [entry.payload["output"] for entry in journal.read("batch/tiny")] == ["whole.csv", "out.csv"]


def test_a_finished_chunk_that_was_changed_is_done_again(batches, csv_of, tmp_path):
    source = csv_of("x1", *map(str, range(-10, 10)))
    whole = batches.score("tiny", source, tmp_path / "whole.csv", rows=5)
    cancel = threading.Event()
    cancel.set()
    for _ in range(2):
        with pytest.raises(Unavailable):
            batches.score("tiny", source, tmp_path / "out.csv", rows=5, cancel=cancel, resume=True)
    (tmp_path / ".out.csv.unfinished" / "answers-000001").write_text("6,1,,tiny/1,x\n", "utf-8")
    run = batches.score("tiny", source, tmp_path / "out.csv", rows=5, resume=True)
    assert run.output_digest == whole.output_digest


def test_a_run_does_not_go_on_with_another_input(batches, csv_of, tmp_path):
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Unavailable):
        batches.score("tiny", csv_of("x1", "1", "2"), tmp_path / "out.csv", cancel=cancel)
    with pytest.raises(Conflict, match="input_digest changed"):
        batches.score("tiny", csv_of("x1", "1", "3"), tmp_path / "out.csv", resume=True)


def test_a_file_that_changes_while_it_is_read_is_not_told_to_be_scored(batches, journal, csv_of, tmp_path):
    source = csv_of("x1", "1", "2")
    with pytest.raises(Conflict, match="changed while it was read"):
        batches.score("tiny", source, tmp_path / "out.csv", progress=lambda _: csv_of("x1", "1", "3"))
    assert not (tmp_path / "out.csv").exists()
    assert journal.read("batch/tiny") == []


def test_a_version_that_is_not_champion_answers_only_when_that_is_said(batches, journal, csv_of, tmp_path):
    source = csv_of("x1", "1")
    with pytest.raises(Refused, match="is not the champion"):
        batches.score("tiny/2", source, tmp_path / "out.csv")
    run = batches.score("tiny/2", source, tmp_path / "out.csv", any_version=True)
    assert run.champion is False
    assert journal.read("batch/tiny")[-1].payload["champion"] is False


def test_a_killed_endpoint_scores_nothing_and_a_kill_stops_a_run(batches, settings, csv_of, tmp_path):
    source = csv_of("x1", "1", "2", "3")
    kill(settings.state, "tiny", "INC-1")
    with pytest.raises(Refused, match=r'switched off.*revive tiny --reason "…". Then score again.'):
        batches.score("tiny", source, tmp_path / "out.csv")
    revive(settings.state, "tiny")
    with pytest.raises(Refused, match=r"switched off.*Then go on with --resume."):
        batches.score(
            "tiny", source, tmp_path / "out.csv", rows=1, progress=lambda _: kill(settings.state, "tiny", "x")
        )
    revive(settings.state, "tiny")
    assert batches.score("tiny", source, tmp_path / "out.csv", rows=1, resume=True).scored == 3


def test_changed_bytes_of_the_model_score_nothing(batches, registry, csv_of, tmp_path):
    (registry.artifact_path(registry.version("tiny/1")) / "added").write_text("not registered", "utf-8")
    with pytest.raises(Tampered):
        batches.score("tiny", csv_of("x1", "1"), tmp_path / "out.csv")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("x2", "1"), "'x1' is missing"),
        (("x1,x1", "1,2"), "two columns 'x1'"),
        (("x1", '"1'), "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_scored_is_refused_before_anything_is_written(
    batches, csv_of, tmp_path, lines, said
):
    with pytest.raises(InvalidInput, match=said):
        batches.score("tiny", csv_of(*lines), tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_an_output_that_is_there_is_not_replaced(batches, csv_of, tmp_path):
    (tmp_path / "out.csv").write_text("mine", "utf-8")
    with pytest.raises(Conflict, match="is there already"):
        batches.score("tiny", csv_of("x1", "1"), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text("utf-8") == "mine"


@pytest.mark.parametrize("label", ["=1+1", "@SUM(A1)", "+1", "-1", "\tx"])
def test_no_label_or_reason_is_a_formula_in_a_csv(registry, tmp_path, label):
    model = registry.version("tiny/1").model_copy(update={"classes": (label, "no")})
    parts = Parts(tmp_path / "out.csv", model)
    scored = Scored(0, [1], [label], None, [(2, label)])
    assert rows_of_bytes(parts._answers(scored))[0][1] == f"'{label}"


def rows_of_bytes(body: bytes) -> list[list[str]]:
    return list(csv.reader(body.decode().splitlines()))
