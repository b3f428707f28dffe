from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from workbench.audits.base import Subject
from workbench.audits.behaviour import Behaviour
from workbench.audits.cases import Case, save_case
from workbench.audits.records import Measurement
from workbench.audits.runner import run
from workbench.core.clock import SystemClock
from workbench.core.values import Outcome
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of
from workbench.testing import subjects
from workbench.testing.audits import AuditContract

NO_SEX = Case(
    name="sex does not decide", kind="invariance", replace={"sex": ["female", "male"]}, at_least=0.9
)


class TestBehaviour(AuditContract):
    audit = Behaviour(cases=(NO_SEX,))


@pytest.fixture(scope="module")
def subject() -> Subject:
    return subjects.subject()


def tried(subject: Subject, **fields: object) -> Measurement:
    case = Case.model_validate({"name": "it", **fields})
    return Behaviour(cases=(case,)).measure(subject).measurements[1]


def rows(subject: Subject, count: int) -> tuple[dict[str, object], ...]:
    frame = subject.data.frame.drop(columns=subjects.TARGET).dropna()
    return tuple(frame.head(count).to_dict("records"))


def test_golden_rows_pass_when_answered_as_written(subject: Subject):
    inputs = rows(subject, 6)
    answers = tuple(subject.predictor.predict(pd.DataFrame(list(inputs))))
    right = tried(subject, kind="golden", rows=inputs, expected=answers)
    assert (right.value, right.n, right.outcome) == (1.0, 6, Outcome.PASS)

    flipped = ("yes" if answers[0] == "no" else "no", *answers[1:])
    wrong = tried(subject, kind="golden", rows=inputs, expected=flipped)
    assert wrong.value == pytest.approx(5 / 6)
    assert wrong.outcome is Outcome.FAIL
    assert f"row 1: {answers[0]} instead of {flipped[0]}" in wrong.note
    assert tried(subject, kind="golden", rows=inputs, expected=flipped, at_least=0.8).outcome is Outcome.PASS


def test_a_value_the_model_does_not_use_is_an_invariance_and_one_it_uses_is_not(subject: Subject):
    data = subject.data.frame
    uses_late = replace(
        subject,
        predictor=predictor_of(
            lambda f: ["yes" if late > 1 else "no" for late in f["late_payments"]], data=subject.data
        ),
    )
    assert tried(uses_late, kind="invariance", replace={"sex": ["female", "male"]}).value == 1.0
    broken = tried(uses_late, kind="invariance", replace={"late_payments": [0, 5]})
    assert broken.outcome is Outcome.FAIL
    assert broken.n == 200 < len(data)


def test_a_direction_is_judged_by_the_score(subject: Subject):
    more = {"kind": "directional", "add": {"late_payments": 1}}
    assert tried(subject, **more, direction="not_lower").outcome is Outcome.PASS
    assert tried(subject, **more, direction="not_higher").outcome is Outcome.FAIL
    assert tried(subject, **more, direction="not_higher", tolerance=1.0).outcome is Outcome.PASS


def test_a_regression_is_compared_within_the_tolerance():
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.5], "y": [2.0, 4.1, 7.3]})
    data = Dataset.of(frame, target="y", task="regression")
    doubled = Subject(predictor_of(lambda f: f["x"] * 2, data=data), data)
    golden = {"kind": "golden", "rows": ({"x": 1.0}, {"x": 2.0}), "expected": (2.0, 4.2)}
    assert tried(doubled, **golden).value == 0.5
    assert tried(doubled, **golden, tolerance=0.25).outcome is Outcome.PASS
    assert tried(doubled, kind="directional", add={"x": 1}).outcome is Outcome.PASS


def test_a_case_that_cannot_be_tried_is_an_error_and_stops_no_other(subject: Subject):
    lacking = Case(name="lacking", kind="golden", rows=({"age": 30},), expected=("yes",))
    strange = Case(name="strange", kind="golden", rows=rows(subject, 1), expected=("perhaps",))
    typo = Case(name="typo", kind="directional", add={"agee": 1})
    found = Behaviour(cases=(lacking, strange, typo, NO_SEX)).measure(subject)
    assert found.outcome is Outcome.ERROR
    assert [m.outcome for m in found.measurements[1:]] == [*[Outcome.ERROR] * 3, Outcome.PASS]
    assert "which is not there" in found.measurements[1].note
    assert "no answer of the model" in found.measurements[2].note
    assert "Did you mean 'age'" in found.measurements[3].note
    assert found.measurements[0].value == 0.25


def test_cases_come_from_folders_and_their_rows_stay_out_of_the_evidence(subject: Subject, tmp_path: Path):
    case = Case(name="one", kind="golden", rows=rows(subject, 1), expected=("yes",), at_least=0.01)
    save_case(tmp_path / "cases", case)
    audits = [Behaviour(cases=str(tmp_path / "cases")), Behaviour(cases=(case, str(tmp_path / "cases")))]
    by_path, by_value = run(subject, audits, made_by="", clock=SystemClock())
    assert by_path.measurements[1].slice == by_value.measurements[1].slice == "one"
    assert by_value.spec["cases"][0].keys() == {"name", "digest"}
    assert "late_payments" not in by_value.to_json()


def test_without_cases_or_without_a_model_there_is_nothing_to_try(subject: Subject):
    assert Behaviour().applies(subject) == "There are no behaviour cases."
    data = Dataset.of(subjects.loans(50).assign(said="no"), target=subjects.TARGET, prediction="said")
    column = Subject(predictor_of(None, data=data), data)
    assert "no model to ask" in Behaviour(cases=(NO_SEX,)).applies(column)


def test_a_path_that_is_not_there_is_an_error(subject: Subject, tmp_path: Path):
    [evidence] = run(subject, [Behaviour(cases=str(tmp_path / "no"))], made_by="", clock=SystemClock())
    assert evidence.outcome is Outcome.ERROR
    assert "there is no" in evidence.error
    [empty] = run(subject, [Behaviour(cases=str(tmp_path))], made_by="", clock=SystemClock())
    assert empty.outcome is Outcome.INCONCLUSIVE
