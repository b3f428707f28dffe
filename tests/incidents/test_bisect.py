"""Bisection on real versions: the first bad one is found, and what makes it uncertain is said."""

from __future__ import annotations

import shutil

import pytest

from workbench.core.errors import InvalidInput
from workbench.core.values import Outcome
from workbench.incidents import BisectReport, Failure
from workbench.testing.models import Failing, OnlyBatches, Threshold, tiny_frame, tiny_regressor


@pytest.fixture
def incident(here, rows):
    return here.incidents.open("too few", rows=rows, model="limits", versions=[4])


def damage(here, ref: str) -> None:
    path = here.registry.artifact_path(here.registry.version(ref))
    next(file for file in path.rglob("*") if file.is_file()).write_bytes(b"changed")


def test_without_a_failure_given_it_is_answering_unlike_the_oldest(here, incident, rows):
    report = here.incidents.bisect(incident)
    apart = ((rows["x1"] > 1.6) != (rows["x1"] > 0)).mean()
    assert (report.first_bad, report.last_good, report.monotone) == (3, 2, True)
    assert report.outcome == Outcome.PASS
    assert report.failure == Failure(kind="disagreement", reference=1, above=apart / 2)
    assert [(t.version, t.outcome) for t in report.trials] == [
        (1, "good"),
        (4, "bad"),
        (2, "good"),
        (3, "bad"),
    ]
    assert report.sentence.startswith("limits/3 is the first version that answers more than")
    assert "limits/2 does not" in report.sentence
    assert BisectReport.from_json(report.to_json()) == report


def test_a_conclusive_bisection_explains_the_incident_and_a_later_one_does_not_take_it_back(here, incident):
    report = here.incidents.bisect(incident)
    explained = here.incidents.get(incident)
    assert (explained.status, explained.finding) == ("explained", report.sentence)
    vague = here.incidents.bisect(incident, Failure(kind="error"))
    assert vague.outcome == Outcome.INCONCLUSIVE
    assert here.incidents.get(incident) == explained
    here.incidents.close(incident)
    here.incidents.bisect(incident)
    assert here.incidents.get(incident).status == "closed"
    assert here.journal.verify().ok


def test_an_inconclusive_bisection_says_what_to_do_and_leaves_the_incident_open(here, incident):
    report = here.incidents.bisect(incident, Failure(kind="error"))
    assert (report.first_bad, report.last_good) == (None, None)
    assert "Give a lower limit or another reference" in report.sentence
    assert here.incidents.get(incident).status == "open"
    assert here.incidents.get(incident).finding == report.sentence


def test_the_version_that_raises_is_found(here, rows):
    incident = here.incidents.open("errors", rows=rows, model="shaky")
    report = here.incidents.bisect(incident, Failure(kind="error"))
    assert (report.first_bad, report.last_good, report.outcome) == (2, 1, Outcome.PASS)
    assert report.failure.above == pytest.approx((rows["x1"] > 0.9).mean() / 2)
    assert "raises on more than" in report.sentence
    assert report.trials[1].reason.endswith("%)")


def test_a_metric_over_a_bound_is_found_on_labelled_rows(here, incident, rows):
    report = here.incidents.bisect(incident, Failure(kind="metric", metric="recall_score", below=0.5))
    assert (report.first_bad, report.outcome) == (3, Outcome.PASS)
    assert "has recall_score below 0.5" in report.sentence
    above = here.incidents.bisect(incident, Failure(kind="metric", metric="false_negative_rate", above=0.5))
    assert above.first_bad == 3


@pytest.mark.parametrize(
    ("failure", "field", "says"),
    [
        (Failure(kind="metric", metric="recall_score"), "above", "one bound"),
        (Failure(kind="metric", metric="recall_score", above=0.1, below=0.2), "above", "one bound"),
        (Failure(kind="metric", above=0.1), "metric", "accuracy_score"),
        (Failure(kind="metric", metric="recall", above=0.1), "metric", "Did you mean 'recall_score'"),
        (Failure(kind="error", below=0.1), "below", "above="),
        (Failure(kind="disagreement", metric="recall_score"), "metric", "kind='metric'"),
    ],
)
def test_a_failure_that_cannot_be_judged_is_refused(here, incident, failure, field, says):
    with pytest.raises(InvalidInput, match=says) as error:
        here.incidents.bisect(incident, failure)
    assert error.value.field == field


def test_a_metric_needs_labels(here, rows):
    incident = here.incidents.open("no labels", rows=rows[["x1"]], model="limits")
    with pytest.raises(InvalidInput, match="have no 'y'"):
        here.incidents.bisect(incident, Failure(kind="metric", metric="recall_score", below=0.5))


def test_a_version_that_cannot_be_loaded_is_passed_over(here, incident):
    damage(here, "limits/2")
    report = here.incidents.bisect(incident)
    assert (report.first_bad, report.last_good, report.outcome) == (3, 1, Outcome.INCONCLUSIVE)
    assert report.sentence.startswith("One of limits/2, limits/3 is the first version")
    tried = {t.version: t for t in report.trials}
    assert tried[2].outcome == "untestable"
    assert tried[2].reason.startswith("Tampered: The files of limits/2")


def test_ends_that_cannot_be_loaded_move_inwards_and_the_reference_with_them(here, incident):
    damage(here, "limits/1")
    shutil.rmtree(here.registry.artifact_path(here.registry.version("limits/4")))
    report = here.incidents.bisect(incident)
    assert (report.first_bad, report.last_good, report.failure.reference) == (3, 2, 2)
    assert report.outcome == Outcome.PASS


def test_when_no_version_can_be_tested_it_says_so(here):
    incident = here.incidents.open("other", rows={"x9": [1.0]}, model="limits")
    report = here.incidents.bisect(incident)
    assert {t.outcome for t in report.trials} == {"untestable"}
    assert "which the frozen rows do not have" in report.sentence
    assert report.outcome == Outcome.INCONCLUSIVE


def test_a_version_that_answered_again_as_before_is_not_monotone(here, incident):
    train = tiny_frame(300)[["x1", "group", "y"]]
    for at in (0.01, 1.5):
        here.registry.register(Threshold(at), name="limits", train=train, target="y")
    report = here.incidents.bisect(incident, bad=6)
    assert (report.first_bad, report.last_good, report.monotone) == (3, 2, False)
    assert report.outcome == Outcome.INCONCLUSIVE
    assert "limits/5 does not" in report.sentence
    assert "limits/6 shows it" in report.sentence
    assert {line.split(":")[0] for line in report.changes} <= {"limits/3", "limits/6"}
    # What came after the version that served is not searched: a fix does not make the answer doubtful.
    assert here.incidents.bisect(incident).outcome == Outcome.PASS


def test_good_bad_and_reference_bound_the_search(here, incident):
    report = here.incidents.bisect(incident, good=2, bad="limits/3")
    assert [t.version for t in report.trials] == [2, 3]
    assert here.incidents.bisect(incident, Failure(kind="disagreement", reference=2)).trials[0].version == 2
    newer = here.incidents.bisect(incident, Failure(kind="disagreement", reference=4), bad=3)
    assert newer.outcome == Outcome.INCONCLUSIVE
    assert "No version introduced it: limits/1 shows it, limits/3 does not" in newer.sentence
    with pytest.raises(InvalidInput, match="comes after"):
        here.incidents.bisect(incident, good=4, bad=1)
    with pytest.raises(InvalidInput, match="no version of limits"):
        here.incidents.bisect(incident, good="shaky/1")


def test_a_reference_that_cannot_be_asked_is_refused(here, incident):
    damage(here, "limits/2")
    with pytest.raises(InvalidInput, match="Take another version as right"):
        here.incidents.bisect(incident, Failure(kind="disagreement", reference=2))


def test_few_rows_give_an_answer_that_says_it_is_unsure(here):
    incident = here.incidents.open("one complaint", rows={"x1": [0.5]}, model="limits")
    report = here.incidents.bisect(incident)
    assert (report.first_bad, report.last_good, report.outcome) == (3, 2, Outcome.INCONCLUSIVE)
    assert "1 rows are too few to be sure" in report.sentence
    assert all("lies within the interval" in t.reason for t in report.trials if t.version > 1)


def test_a_limit_given_is_the_limit(here, incident):
    report = here.incidents.bisect(incident, Failure(kind="disagreement", above=0.9))
    assert report.failure.above == 0.9
    assert report.first_bad is None


def test_what_every_version_shows_was_not_introduced(here, incident):
    report = here.incidents.bisect(incident, Failure(kind="metric", metric="accuracy_score", above=0.01))
    assert report.sentence.startswith("Every version from limits/1 to limits/4")
    assert report.outcome == Outcome.INCONCLUSIVE


def test_a_version_that_answers_no_row_is_not_called_bad(here, incident):
    train = tiny_frame(300)[["x1", "group", "y"]]
    train = train[train["x1"] < -1.0]
    here.registry.register(Failing(above=-50.0), name="mute", train=train.assign(x1=-60.0), target="y")
    here.registry.register(Threshold(0.0), name="mute", train=train, target="y")
    muted = here.incidents.open("mute", rows=here.incidents.rows(incident), model="mute")
    report = here.incidents.bisect(muted)
    assert report.trials[0].outcome == "untestable"
    assert report.trials[0].reason == "it answers no row (RuntimeError; a replay shows the error)"


def test_a_version_that_raises_on_single_rows_alone_is_found(here, rows):
    train = tiny_frame(300)[["x1", "group", "y"]]
    for model in (Threshold(0.0), OnlyBatches()):
        here.registry.register(model, name="alone", train=train, target="y")
    asked = rows[["x1"]].assign(__version=2, __error="TypeError")
    incident = here.incidents.open("errors", rows=asked, model="alone")
    report = here.incidents.bisect(incident, Failure(kind="error"))
    assert (report.first_bad, report.last_good, report.outcome) == (2, 1, Outcome.PASS)
    assert report.trials[1].reason == (
        "100 % of 200 rows raise (98.1 % to 100 %); asked one at a time, those that failed in production first"
    )


def test_the_version_taken_as_right_is_never_unsettled_whatever_the_limit(here, rows):
    incident = here.incidents.open("strict", rows=rows, model="limits")
    report = here.incidents.bisect(incident, Failure(kind="disagreement", above=0.001), bad=3, good=1)
    assert report.failure.reference == 1
    assert report.trials[0].reason == "taken as right"
    assert "limits/1" not in report.sentence.partition("too few to be sure")[2]
    strict = here.incidents.bisect(incident, Failure(kind="disagreement", reference=2, above=0.001))
    assert (strict.first_bad, strict.last_good, strict.outcome) == (3, 2, Outcome.PASS)


def test_a_regression_cannot_be_tested_against_labels_in_words(here, rows):
    train = tiny_frame(300)[["x1", "x2"]]
    for _ in range(2):
        here.registry.register(tiny_regressor(train), name="numbers", train=train, target="x2")
    words = rows[["x1"]].assign(x2="many")
    incident = here.incidents.open("words", rows=words, model="numbers")
    failure = Failure(kind="metric", metric="mean_absolute_error", above=0.1)
    report = here.incidents.bisect(incident, failure)
    assert {trial.outcome for trial in report.trials} == {"untestable"}
    assert report.trials[0].reason == "the labels are no numbers"
