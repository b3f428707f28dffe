from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from workbench.core.errors import InvalidInput
from workbench.releases.forecast import forecast
from workbench.releases.today import Today, today
from workbench.releases.yardsticks import OTHER
from workbench.testing.clock import START
from workbench.testing.releases import Traffic, plan
from workbench.views.page import fragment

TENTH = {"name": "tenth", "kind": "canary", "weight": 0.1, "min_requests": 50, "deadline_minutes": 60}
CHAMPION = {"name": "champion", "kind": "champion"}
MEASURED = Today(requests=100_000, per_minute=100.0, champion_n=10_000, champion_bad=100)
ALONE = plan(alpha=0.01, metrics={"errors": {"margin": 2.0}}, stages=[TENTH, CHAMPION])


def foretold(of=ALONE, measured=MEASURED, **changes):
    given = {"endpoint": "tiny", "candidate": "tiny/2", "champion": "tiny/1", "now": START} | changes
    return forecast(of, measured, **given)


def takes(step, metric: str, verdict: str):
    return [e for e in step.expected if (e.metric, e.verdict) == (metric, verdict)]


def test_harm_of_two_three_and_five_times_needs_about_as_many_requests_as_published():
    [step] = foretold().steps
    worse = takes(step, "errors", "worse")
    assert [e.when for e in worse] == [f"it fails {ratio} times as often" for ratio in (2, 3, 5)]
    for one, published in zip(worse, (1363, 451, 162), strict=True):
        assert one.median == pytest.approx(published, rel=0.1)
        assert one.expectation == pytest.approx(one.median, rel=0.3)
        assert one.minutes == pytest.approx(one.median / 10)  # a hundred a minute, a tenth of them


def test_the_proof_of_no_worse_is_named_with_its_thousands_and_a_stage_that_requires_it_as_late():
    asked = plan(
        metrics={"errors": {"margin": 2.0}},
        stages=[TENTH | {"weight": 0.5, "require": ["errors"], "deadline_minutes": 30}, CHAMPION],
    )
    found = foretold(asked)
    [step] = found.steps
    [proof] = takes(step, "errors", "good")
    assert proof.median == pytest.approx(4700 / 2, rel=0.1)  # of both arms 4,700
    assert (step.waits_for, step.late) == ("errors", True)
    assert step.minutes == pytest.approx(proof.median / 50)
    assert found.late == (step,)
    assert "tenth would probably not pass before the deadline, which ends the release" in str(found)


def test_a_stage_that_asks_for_exposure_alone_passes_when_it_has_come():
    [step] = foretold().steps
    assert (step.exposure_minutes, step.minutes, step.waits_for, step.late) == (5.0, 5.0, "exposure", False)
    [slow] = foretold(rate=2.0).steps
    assert (slow.minutes, slow.late) == (250.0, True)
    assert "The rate of 2 a minute was given, not measured." in foretold(rate=2.0).notes


@pytest.mark.parametrize("rate", [-5, 0, float("nan"), float("inf"), "5", True])
def test_a_rate_at_which_no_request_comes_is_refused(rate):
    with pytest.raises(InvalidInput, match="rate:") as refused:
        foretold(rate=rate)
    assert (refused.value.field, "above 0" in refused.value.remedy) == ("rate", True)


@pytest.mark.parametrize(("minutes", "over"), [(1.0, "minute"), (45.4, "45 minutes"), (900.0, "15 hours")])
def test_a_rate_that_was_measured_is_told_with_the_time_it_was_measured_over(minutes, over):
    found = foretold(measured=replace(MEASURED, minutes=minutes))
    assert f"100 requests a minute, measured over the last {over}." in found.notes
    of = plan(sticky="x1", metrics={"errors": {}}, stages=[TENTH, CHAMPION])
    told = foretold(of, replace(MEASURED, per_minute=2.345, minutes=minutes))
    assert f"2.35 new entities a minute, measured over the last {over}." in told.notes
    given = foretold(measured=replace(MEASURED, minutes=minutes), rate=2.0)
    assert not [note for note in given.notes if "measured over" in note]


def test_a_role_that_nobody_has_is_told_before_anything_is_opened():
    asking = plan(
        metrics={"errors": {}}, stages=[TENTH, CHAMPION | {"approvals": {"model-rsk": 1, "owner": 1}}]
    )
    notes = foretold(asking, roles={"model-risk", "owner"}).notes
    assert (
        "Nobody has the role 'model-rsk', which the stage 'champion' asks for: this plan is refused. "
        "Did you mean 'model-risk'?"
    ) in notes
    assert not [note for note in foretold(asking, roles={"model-rsk", "owner"}).notes if "Nobody" in note]


def test_time_that_a_stage_asks_for_is_waited_for():
    of = plan(
        metrics={"errors": {}}, stages=[TENTH | {"min_minutes": 40.0, "deadline_minutes": 60.0}, CHAMPION]
    )
    [step] = foretold(of).steps
    assert (step.minutes, step.waits_for) == (40.0, "time")


def test_every_step_of_every_kind_is_foretold_by_what_can_be_judged_in_it():
    of = plan(
        sticky="x1",
        metrics={
            "errors": {},
            "disagreement": {"at_most": 0.1},
            "latency": {"objective_ms": 50.0},
            "objective": {"at_most": 0.02},
            "guardrails": {"column": "x1"},
        },
        stages=[
            {"name": "shadow", "kind": "shadow", "min_requests": 100},
            {"name": "ramp", "kind": "progressive", "weights": [0.1, 0.3], "min_requests": 50},
            {"name": "split", "kind": "ab", "weight": 0.5, "arms": ["old", "new"], "min_requests": 50},
            {"name": "all", "kind": "blue_green", "min_requests": 50},
            CHAMPION,
        ],
    )
    latencies = np.random.default_rng(0).exponential(10.0, 2000)
    measured = replace(MEASURED, latencies=latencies, groups={"0": 0.9, "1": 0.1})
    found = foretold(of, measured, groups=("0", "1", OTHER))
    shadow, tenth, third, split, whole = found.steps
    assert [step.name for step in found.steps] == ["shadow", "ramp 10 %", "ramp 30 %", "split", "all"]
    assert {e.metric for e in shadow.expected} == {"errors", "disagreement"}
    for step in (tenth, third, split):
        assert {e.metric for e in step.expected} == {"errors", "latency", "objective", "guardrail"}
    assert {e.metric for e in whole.expected} == {"objective"}
    assert {e.group for e in takes(tenth, "guardrail", "worse")} == {"1"}  # the rarest
    slower = [e.median for e in takes(split, "latency", "worse")]
    assert slower == sorted(slower, reverse=True)
    assert found.minutes == pytest.approx(sum(step.minutes for step in found.steps))


def test_what_a_good_candidate_cannot_prove_is_not_to_be_expected():
    of = plan(
        metrics={"objective": {"at_most": 0.005}},
        stages=[
            {"name": "all", "kind": "blue_green", "min_requests": 50, "require": ["objective"]},
            CHAMPION,
        ],
    )
    found = foretold(of)  # the champion itself fails 1 %
    [step] = found.steps
    [proof] = takes(step, "objective", "good")
    assert (proof.expectation, proof.median, proof.minutes) == (None, None, None)
    assert (step.minutes, step.late, found.minutes) == (None, True, None)
    assert "cannot pass" in str(found)


def test_a_proof_within_a_close_margin_is_long_and_not_impossible():
    of = plan(
        metrics={"errors": {"margin": 1.1}},
        stages=[TENTH | {"weight": 0.5, "require": ["errors"]}, CHAMPION],
    )
    [step] = foretold(of, replace(MEASURED, champion_bad=200)).steps
    [proof] = takes(step, "errors", "good")
    assert 0.6 * proof.expectation < proof.median < proof.expectation
    assert step.minutes == pytest.approx(proof.median / 50)


def test_slower_answers_show_before_the_counts_that_are_expected_would_show_them():
    latencies = np.random.default_rng(0).lognormal(3.0, 0.8, 5000)
    of = plan(metrics={"errors": {}, "latency": {}}, stages=[TENTH, CHAMPION])
    [step] = foretold(of, replace(MEASURED, latencies=latencies)).steps
    for one, simulated in zip(takes(step, "latency", "worse"), (415, 79, 29), strict=True):
        assert one.median == pytest.approx(simulated, rel=0.12)
        assert one.minutes == pytest.approx(one.median / 10)


@pytest.mark.parametrize("least", [100, 4000])
def test_harm_to_a_group_is_told_no_sooner_than_so_many_of_it_have_come(least):
    of = plan(
        metrics={"errors": {}, "guardrails": {"column": "x1", "min_requests": least}},
        stages=[TENTH, CHAMPION],
    )
    measured = replace(MEASURED, champion_bad=500, groups={"0": 0.9, "1": 0.1})
    [step] = foretold(of, measured, groups=("0", "1", OTHER)).steps
    for one in takes(step, "guardrail", "worse"):
        assert one.median >= 0.1 * least / 0.1
        assert one.expectation >= 0.1 * least / 0.1


def test_a_further_attempt_is_foretold_with_the_budget_that_is_left():
    first, third = foretold(), foretold(attempts=2)
    assert (third.alpha, third.notes[0]) == (
        0.0025,
        "Attempt 3 with these bytes: the error budget is 0.0025.",
    )
    [before], [now] = ([e.median for e in takes(f.steps[0], "errors", "good")] for f in (first, third))
    assert now > 1.1 * before


def test_a_project_foretells_a_second_attempt_as_it_would_open_it(project):
    project.promote(1)
    project.open(2)
    project.releases.rollback("tiny", "a slip")
    assert project.releases.forecast(project.version(2), plan(), "tiny").alpha == plan().alpha / 2
    assert project.releases.forecast(project.version(3), plan(), "tiny").alpha == plan().alpha


def test_without_traffic_nothing_is_foretold_and_the_notes_say_so():
    found = foretold(plan(), Today())
    assert found.per_minute == 0
    assert all(step.minutes is None and step.late for step in found.steps)
    assert not any(e.metric == "errors" for step in found.steps for e in step.expected)
    assert "Nothing was captured in the last day" in found.notes[0]


def test_a_champion_without_a_failure_is_reckoned_with_half_of_one_and_the_notes_say_so():
    found = foretold(measured=replace(MEASURED, champion_bad=0))
    assert "The champion failed none of 10,000 requests" in found.notes[0]
    assert takes(found.steps[0], "errors", "worse")[0].median > 10_000


def test_it_is_the_same_every_time_and_survives_json():
    once = foretold()
    assert once == foretold()
    assert type(once).from_json(once.to_json()) == once


def test_it_reads_as_text_and_as_html_whatever_the_names_are():
    hostile = foretold(ALONE.model_copy(update={"name": "<script>alert(1)</script>"}))
    text, html = str(foretold()), fragment(hostile)
    assert "errors proved worse if it fails 3 times as often: about" in text
    assert "requests to the candidate" in text
    assert "<script>" not in html
    assert "it fails 3 times as often" in html


def test_today_is_measured_from_what_was_captured():
    source = Traffic(0)
    made = source.canary(200, 0.0, table=1, time=START - timedelta(minutes=20), champion_bad=0.1)
    made += source.canary(200, 0.0, table=1, time=START - timedelta(minutes=1), champion_bad=0.1)
    made = [e.model_copy(update={"inputs": [{"x1": float(i % 8)}]}) for i, e in enumerate(made)]
    frame = pd.DataFrame([dict(e) for e in made])
    found = today(frame, 1, ALONE, (), START)
    assert (found.requests, found.champion_n) == (400, 400)
    assert found.per_minute == pytest.approx(20.0)
    assert found.champion_bad == sum(e.error != "" for e in made)
    assert len(found.latencies) == 400 - found.champion_bad
    sticky = ALONE.model_copy(update={"sticky": "x1"})
    assert today(frame, 1, sticky, (), START).per_minute == pytest.approx(8 / 20)
    guarded = plan(metrics={"errors": {}, "guardrails": {"column": "x1"}})
    met = today(frame, 1, guarded, ("0", "1", OTHER), START).groups
    assert met == pytest.approx({"0": 1 / 8, "1": 1 / 8, OTHER: 6 / 8})


def came(n: int, *, kept: float, redacted=(), column="x1") -> pd.DataFrame:
    """Requests of eight entities over twenty minutes, of which the rows of a share were kept."""
    made = Traffic(0).canary(n, 0.0, table=1, time=START - timedelta(minutes=20))
    rows = [
        {"inputs": [{column: float(i % 8)}]} if i < kept * n else {"inputs": [{}], "kept": False}
        for i in range(n)
    ]
    return pd.DataFrame(
        [dict(e.model_copy(update=row | {"redacted": redacted})) for e, row in zip(made, rows, strict=True)]
    )


STICKY = ALONE.model_copy(update={"sticky": "x1"})


def test_entities_are_counted_where_their_rows_were_kept_and_the_rate_is_said_to_be_a_least_one():
    measured = today(came(400, kept=0.1), 1, STICKY, (), START)
    assert measured.per_minute == pytest.approx(8 / 20)
    assert measured.unnamed == 360
    said = foretold(STICKY, measured).notes
    assert "Of 360 of 400 requests the entity was not kept: the true rate of entities may be higher." in said


def test_where_no_entity_was_kept_the_rate_of_entities_is_unknown_and_the_notes_ask_for_it():
    measured = today(came(400, kept=1.0, redacted=("x1",), column="x2"), 1, STICKY, (), START)
    assert (measured.per_minute, measured.unnamed) == (0.0, 400)
    found = foretold(STICKY, measured)
    assert all(step.minutes is None for step in found.steps)
    assert any("how many entities came is not known: give a rate." in note for note in found.notes)
    assert foretold(STICKY, measured, rate=5.0).steps[0].minutes is not None


def test_a_request_that_names_no_entity_is_one_of_its_own():
    exchanges = came(40, kept=1.0, column="x2")
    assert today(exchanges, 1, STICKY, (), START).per_minute == pytest.approx(40 / 20)
    exchanges["inputs"] = [[{"x1": None}]] * 40
    assert today(exchanges, 1, STICKY, (), START).per_minute == pytest.approx(40 / 20)


def test_a_subject_of_which_a_digest_was_kept_counts_as_an_entity():
    measured = today(came(400, kept=1.0, redacted=("x1",)), 1, STICKY, (), START)
    assert (measured.per_minute, measured.unnamed) == (pytest.approx(8 / 20), 0)


def serve_alone(project, n: int, *, bad: float = 0.0) -> None:
    """Let the champion of a project answer, with no candidate beside it."""
    at = {"table": project.table().version, "time": project.clock.now()}
    project.capture(Traffic(0).canary(n, 0.0, champion_bad=bad, **at))


def test_a_project_foretells_from_its_own_traffic_and_opens_nothing(project):
    project.promote(1)
    serve_alone(project, 400, bad=0.02)
    before = project.releases.all()
    found = project.releases.forecast(project.version(2), plan(), "tiny")
    assert (found.champion, found.candidate) == ("tiny/1", "tiny/2")
    assert (found.champion_n, found.champion_bad > 0) == (400, True)
    assert found.per_minute > 0
    assert project.releases.all() == before
    assert json.loads(found.to_json())["endpoint"] == "tiny"


def test_a_plan_that_guards_no_groups_of_the_candidate_is_refused_before_it_is_opened(project):
    of = plan(metrics={"errors": {}, "guardrails": {"column": "x1"}}, stages=[TENTH, CHAMPION])
    with pytest.raises(ValueError, match="the values of x1 are no groups"):
        project.releases.forecast(project.version(2), of, "tiny")


def test_a_release_freezes_the_champions_latencies_of_the_day_before_when_it_opens(project):
    project.promote(1)
    serve_alone(project, 400)
    of = plan(metrics={"errors": {}, "latency": {"objective_ms": 30.0}}, stages=[TENTH, CHAMPION])
    release = project.open(2, plan=of)
    opened = project.journal.read(f"release/{release.id}")[0].payload["yardsticks"]
    assert opened["latency_ms"] == [1.0] * 5 + [30.0]
    assert opened["latency_requests"] == 400
    again = project.another().tick(release.id)
    assert {v.metric for v in again.verdicts} == {"errors", "latency"}
