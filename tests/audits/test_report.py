from dataclasses import replace
from pathlib import Path

import pytest

from workbench.audits import assemble, load_suite, run
from workbench.audits.base import Subject
from workbench.audits.records import FRAME_COLUMNS, Report
from workbench.core import digests
from workbench.core.clock import SystemClock
from workbench.core.errors import NotFound
from workbench.core.values import Outcome
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of
from workbench.testing import subjects

CLOCK = SystemClock()


def report_of(subject: Subject, audits: object = None) -> Report:
    suite = load_suite(audits)
    evidence = run(subject, suite, made_by="ada", clock=CLOCK)
    return assemble(subject, evidence, suite=suite, title="Loans", code="wb.audit(...)", clock=CLOCK)


@pytest.fixture(scope="module")
def report() -> Report:
    return report_of(subjects.subject(300))


def test_the_default_suite_on_a_model_with_a_reference(report: Report):
    wanted = [audit.name for audit in load_suite() if audit.name != "behaviour"]
    assert [e.audit for e in report.evidence] == wanted
    assert [e.error for e in report.evidence] == [""] * len(wanted)
    assert report.left_out == {"behaviour": "There are no behaviour cases."}
    assert report.subject == "Pipeline"
    assert report.positive == "yes"
    assert report.sensitive == ("sex",)
    assert report.rows == 300


def test_a_report_comes_back_from_json_as_it_was_and_can_be_hashed(report: Report):
    assert Report.from_json(report.to_json()) == report
    assert digests.of_json(report.model_dump(mode="json"))


def test_the_frame_has_one_row_a_measurement(report: Report):
    frame = report.frame()
    assert tuple(frame.columns) == FRAME_COLUMNS
    assert len(frame) == sum(len(e.measurements) for e in report.evidence)
    chosen = (frame.metric == "attack_success_rate") & (frame.slice == "")
    assert frame.loc[chosen, "n"].unique() == [100]
    assert frame.value.dtype == float


def test_an_audit_that_raised_is_a_row_of_the_frame():
    subject = subjects.subject(60)
    report = report_of(subject, [{"drift": {"columns": ["incom"]}}])
    assert report.outcome is Outcome.ERROR
    assert report.frame()[["audit", "metric", "outcome"]].to_numpy().tolist() == [["drift", "error", "error"]]
    assert report.evidence[0].error == "InvalidInput: columns: unknown column 'incom'. Did you mean 'income'?"


def test_scores_are_counted_so_that_the_threshold_can_move_without_rows(report: Report):
    assert report.scores is not None
    assert report.scores.slices[0] == ""
    assert sum(sum(label) for label in report.scores.counts[0]) == report.rows


def test_a_measurement_is_found_by_name_and_a_wrong_name_gets_the_nearest(report: Report):
    assert report.measurement("psi", "income").n == 300
    with pytest.raises(NotFound, match="Did you mean 'income'"):
        report.measurement("psi", "incom")
    with pytest.raises(NotFound, match="Did you mean 'attack_success_rate'"):
        report.measurement("attack_sucess_rate")


def test_what_cannot_be_measured_is_named():
    frame = subjects.loans(80).assign(said="no")
    data = Dataset.of(frame, target=subjects.TARGET, prediction="said")
    report = report_of(Subject(predictor_of(None, data=data), data))
    assert [e.audit for e in report.evidence] == ["performance", "data_quality"]
    assert set(report.left_out) == {
        "fairness",
        "calibration",
        "robustness",
        "corruption",
        "drift",
        "behaviour",
    }
    assert report.scores is None
    assert report.subject == "column said"


def test_an_audit_asked_for_that_cannot_be_done_is_in_the_report_not_beside_it():
    subject = replace(subjects.subject(60), reference=None)
    report = report_of(subject, "drift")
    assert report.outcome is Outcome.INCONCLUSIVE
    assert report.left_out == {}


def test_a_model_that_cannot_answer_these_rows_leaves_a_report_of_errors_not_a_traceback():
    train, rows = subjects.loans(80, seed=1), subjects.loans(60, seed=2).assign(age="old")
    data = Dataset.of(rows, target=subjects.TARGET, sensitive=["sex"])
    report = report_of(Subject(predictor_of(subjects.pipeline(train), data=data), data), ["performance"])
    assert report.outcome is Outcome.ERROR
    assert report.evidence[0].error
    assert report.scores is None


def test_the_page_is_one_file(report: Report, tmp_path: Path):
    page = report.to_html(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "How far each column has moved" in page
    assert "How small a change flips the answer" in page
    assert 'src="http' not in page
