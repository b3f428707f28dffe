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
    refused = {
        "sample": {"sample": 0},
        "sample 2": {"sample": -5},
        "sample 3": {"sample": "all"},
        "sample 4": {"sample": 1.5},
        "sample 5": {"sample": None},
        "cases": {"cases": 7},
        "cases 2": {"cases": [{"name": "it", "kind": "golden"}]},
        "cases 3": {"cases": [{"name": "it", "kind": "minimum_functionality", "expected": ["yes"]}]},
        "cases 4": {"cases": [{"name": "it", "kind": "silver"}]},
        "cases 5": {"cases": [{"kind": "invariance", "replace": {"sex": ["male"]}}]},
    }

    def messy_audit(self) -> Behaviour:
        return Behaviour(
            cases=(
                Case(name="size", kind="invariance", replace={"size": 3}, at_least=0.1),
                Case(name="gap", kind="invariance", replace={"region": ["n", None]}, at_least=0.1),
                Case(name="nobody", kind="invariance", replace={"vip": [True]}, where={"size": 0.5}),
                Case(
                    name="no wait",
                    kind="minimum_functionality",
                    template={"waited (min)": [0, 0.5], "plan": ["pro"]},
                    expected=("low",),
                ),
            )
        )

    def test_it_reads_what_the_model_reads_and_what_its_cases_name(self) -> None:
        by_region = Case(name="r", kind="directional", add={"age": 1}, where={"region": "north"})
        subject = replace(
            self.subject(),
            predictor=predictor_of(lambda f: f["age"] > 30, columns=["age"], task="regression"),
        )
        read = Behaviour(cases=(by_region, Case(name="x", kind="directional", add={"no": 1}))).reads(subject)
        assert read == ["age", subjects.TARGET, "region"]


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


def test_with_these_values_every_version_must_answer_so_whatever_else_a_row_says(subject: Subject):
    poor = {"kind": "minimum_functionality", "template": {"late_payments": [8, 9], "income": [500.0, 2000.0]}}
    right = tried(subject, **poor, expected=("yes",))
    assert (right.value, right.n, right.outcome) == (1.0, 200, Outcome.PASS)
    assert right.low < 1 == right.high  # drawn rows stand for more
    wrong = tried(subject, **poor, expected=("no",))
    assert (wrong.value, wrong.outcome) == (0.0, Outcome.FAIL)
    assert "yes 800 times" in wrong.note


def test_a_row_that_one_combination_turns_does_not_hold(subject: Subject):
    either = {"kind": "minimum_functionality", "template": {"late_payments": [0, 9], "income": [9e9, 1.0]}}
    assert tried(subject, **either, expected=("yes",)).value == 0.0


def test_a_template_that_fills_every_column_makes_its_own_rows(subject: Subject):
    template = {
        "age": [20, 60],
        "income": [500.0],
        "late_payments": [9],
        "sex": ["female", "male"],
        "region": ["north", "south", "west"],
        "owner": [0],
    }
    made = tried(subject, kind="minimum_functionality", template=template, expected=("yes",))
    assert (made.value, made.n, made.low) == (1.0, 12, None)  # all that there are: no interval
    both = tried(
        subject, kind="minimum_functionality", template=template, expected=("yes",), where={"age": 20}
    )
    assert both.outcome is Outcome.ERROR


def test_rows_of_a_case_may_have_one_answer_or_each_its_own(subject: Subject):
    inputs = rows(subject, 3)
    answers = tuple(subject.predictor.predict(pd.DataFrame(list(inputs))))
    simple = {"kind": "minimum_functionality", "rows": inputs}
    assert tried(subject, **simple, expected=answers).outcome is Outcome.PASS
    assert tried(subject, **simple, expected=answers[:1]).value == pytest.approx(
        sum(a == answers[0] for a in answers) / 3
    )
    filled = tried(subject, **simple, template={"late_payments": [9], "income": [1.0]}, expected=("yes",))
    assert (filled.value, filled.n) == (1.0, 3)


def test_a_condition_chooses_the_rows_of_the_data(subject: Subject):
    frame = subject.data.frame
    young = {"kind": "invariance", "replace": {"sex": ["female", "male"]}, "at_least": 0.01}
    counts = {
        "a value": ({"region": "north"}, frame.region == "north"),
        "a list": ({"region": ["north", "west"]}, frame.region != "south"),
        "a range": ({"age": {"at_least": 20, "at_most": 22}}, frame.age.between(20, 22)),
        "both": ({"age": {"at_most": 25}, "sex": "male"}, (frame.age <= 25) & (frame.sex == "male")),
    }
    for what, (where, chosen) in counts.items():
        assert tried(subject, **young, where=where).n == min(int(chosen.sum()), 200), what
    nobody = tried(subject, **young, where={"age": {"at_least": 200}})
    assert (nobody.value, nobody.n, nobody.outcome) == (None, 0, Outcome.INCONCLUSIVE)
    assert "'region'" in tried(subject, **young, where={"regin": "north"}).note


def test_drawn_rows_are_judged_by_their_interval_and_given_ones_as_they_are(subject: Subject):
    model = replace(
        subject,
        predictor=predictor_of(lambda f: ["yes" if a > 26 else "no" for a in f["age"]], data=subject.data),
    )
    expect = {"kind": "minimum_functionality", "where": {"age": {"at_least": 18}}, "expected": ("yes",)}
    share = tried(model, **expect).value
    assert 0.8 < share < 0.95
    assert tried(model, **expect, at_least=share - 0.01).outcome is Outcome.INCONCLUSIVE
    assert tried(model, **expect, at_least=share - 0.1).outcome is Outcome.PASS
    assert tried(model, **expect, at_least=share + 0.06).outcome is Outcome.FAIL


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
