"""What people see: escaped, self-contained, readable without colour, script or network."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from workbench.audits.explanation_records import (
    Candidate,
    Change,
    Counterfactual,
    Decision,
    Reason,
    ReasonCodes,
)
from workbench.audits.records import Evidence, Figure, Measurement, Report
from workbench.core.records import Shown
from workbench.core.values import Outcome
from workbench.gates.records import RuleResult, Verdict
from workbench.incidents.records import BisectReport, Failure, Incident, ReplayColumn, ReplayReport, Trial
from workbench.models.records import Column, Lineage, ModelVersion
from workbench.releases.records import EvidencePoint, Release, Stage, StageVerdict, Status
from workbench.views import bundle, html_page, mime_type
from workbench.views.formats import interval, number
from workbench.views.overview import ModelGlance, Overview, VerdictGlance, VersionGlance
from workbench.views.summary import concerns, headlines, tally
from workbench.views.tables import WIDEST, tables
from workbench.views.whiskers import whisker

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DIGEST = "sha256:" + "ab" * 32
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def model(name: str = "recidivism") -> ModelVersion:
    return ModelVersion(
        name=name,
        version=3,
        digest=DIGEST,
        run_id="r",
        flavor="sklearn",
        format="skops",
        task="classification",
        target=HOSTILE,
        positive=1,
        classes=(0, 1),
        sensitive=("race", HOSTILE),
        columns=(Column(name=HOSTILE, type="string", categories=(HOSTILE,)), Column(name="age", type="long")),
        author=HOSTILE,
        created=NOW,
        lineage=Lineage(data_digest=DIGEST, data_rows=5000, python="3.11", packages={"scikit-learn": "1.9"}),
    )


def report() -> Report:
    measurements = [
        Measurement(metric="accuracy_score", value=0.68, low=0.66, high=0.7, n=1200, unit="rate"),
        Measurement(metric="roc_auc_score", value=None, n=1200, note=HOSTILE, outcome=Outcome.INCONCLUSIVE),
        *(
            Measurement(metric=m, slice=f"race={g}", value=0.4, low=0.3, high=0.5, n=400, unit="rate")
            for m in ("false_positive_rate", "selection_rate")
            for g in ("African-American", HOSTILE)
        ),
        Measurement(metric="equalized_odds_difference", slice="race", value=0.21, n=800, unit="difference"),
    ]
    figure = Figure(
        title=HOSTILE,
        description=HOSTILE,
        spec={
            "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
            "data": {"values": [{"a": HOSTILE, "b": 1}]},
            "mark": "bar",
            "encoding": {"x": {"field": "b", "type": "quantitative"}, "y": {"field": "a", "type": "nominal"}},
        },
    )
    return Report(
        title="Audit",
        model=model(),
        subject=HOSTILE,
        task="classification",
        target="two_year_recid",
        sensitive=("race",),
        data_digest=DIGEST,
        rows=1200,
        evidence=(
            Evidence(
                audit="fairness",
                outcome=Outcome.MEASURED,
                data_digest=DIGEST,
                measurements=tuple(measurements),
                figures=(figure,),
                notes=(HOSTILE,),
                started=NOW,
                seconds=0.2,
            ),
            Evidence(
                audit="robustness",
                outcome=Outcome.ERROR,
                data_digest=DIGEST,
                error=f"ValueError: {HOSTILE}",
                started=NOW,
                seconds=0.1,
            ),
        ),
        created=NOW,
        code="wb.audit(...)",
    )


def verdict() -> Verdict:
    rule = RuleResult(
        rule=HOSTILE,
        audit="fairness",
        metric="m",
        bound="upper",
        value=0.3,
        limit=0.1,
        outcome=Outcome.FAIL,
        reason=HOSTILE,
    )
    return Verdict(
        model="recidivism/3",
        model_digest=DIGEST,
        policy=HOSTILE,
        policy_digest=DIGEST,
        outcome=Outcome.FAIL,
        reason=HOSTILE,
        rules=(rule,),
        required_approvals={"model-risk": 2},
        given_approvals={"model-risk": (HOSTILE,)},
        time=NOW,
    )


def release() -> Release:
    shadow = StageVerdict(
        stage="shadow",
        metric="disagreement",
        outcome=Outcome.PASS,
        sentence=HOSTILE,
        alpha=0.05,
        margin=0.2,
        candidate_n=300,
        candidate_bad=9,
        points=tuple(
            EvidencePoint(n=n, log_e_worse=-n / 90, log_e_no_worse=n / 60) for n in range(0, 300, 30)
        ),
    )
    return Release(
        id="recidivism-2",
        endpoint="recidivism",
        candidate="recidivism/3",
        candidate_digest=DIGEST,
        champion="recidivism/2",
        plan="canary",
        plan_digest=DIGEST,
        stages=(Stage(name="shadow", kind="shadow"), Stage(name=HOSTILE, kind="canary", weight=0.1)),
        stage=1,
        status=Status.RUNNING,
        weight=0.1,
        reason=HOSTILE,
        verdicts=(shadow,),
        opened=NOW,
        opened_by=HOSTILE,
        stage_since=NOW,
    )


def incident() -> Incident:
    return Incident(
        id="INC-1",
        title=HOSTILE,
        source="window",
        since=NOW,
        until=NOW,
        requests=3,
        rows=4,
        versions=(2, 3),
        model="recidivism",
        digest=DIGEST,
        opened=NOW,
        opened_by=HOSTILE,
    )


def replay() -> ReplayReport:
    accuracy = Measurement(metric="accuracy_score", value=0.7, low=0.6, high=0.8, n=40, unit="rate")
    columns = [
        ReplayColumn(version=v, label=HOSTILE, n=40, errors=1, error=HOSTILE, metrics=(accuracy,))
        for v in (1, 2)
    ]
    return ReplayReport(
        incident="INC-1",
        digest=DIGEST,
        rows=40,
        columns=tuple(columns),
        examples=({HOSTILE: HOSTILE, "v1": 0},),
        time=NOW,
    )


def bisect() -> BisectReport:
    return BisectReport(
        incident="INC-1",
        digest=DIGEST,
        model="recidivism",
        failure=Failure(kind="disagreement", above=0.1),
        trials=(Trial(version=3, outcome="bad", value=0.4, reason=HOSTILE), Trial(version=2, outcome="good")),
        first_bad=3,
        last_good=2,
        monotone=True,
        outcome=Outcome.PASS,
        sentence=HOSTILE,
        changes=(HOSTILE,),
        time=NOW,
    )


def decision(**fields) -> Decision:
    reason = Reason(
        column=HOSTILE, value=HOSTILE, typical=None, contribution=1.5, share=1.0, text=f"{HOSTILE} is high"
    )
    codes = ReasonCodes(
        answer=HOSTILE,
        about=f"log-odds of {HOSTILE!r}",
        unit="log-odds",
        output=1.25,
        base=0.125,
        reasons=(reason,),
        against=(reason.model_copy(update={"contribution": -0.5, "text": HOSTILE}),),
        rest=0.125,
        additivity_gap=0.0,
        method=HOSTILE,
        notes=(HOSTILE,),
    )
    change = Counterfactual(
        answer=HOSTILE,
        wanted=HOSTILE,
        candidates=(
            Candidate(
                changes=(Change(column=HOSTILE, before=HOSTILE, after=None),),
                columns_changed=1,
                distance=1.0,
                answer=HOSTILE,
                score=0.75,
            ),
        ),
        queries=9,
        held={HOSTILE: HOSTILE},
        notes=(HOSTILE,),
    )
    given = {
        "model": "recidivism/3",
        "model_digest": DIGEST,
        "target": HOSTILE,
        "answer": HOSTILE,
        "reasons": codes,
        "change": change,
        "notes": (HOSTILE,),
        "time": NOW,
        "asked_by": HOSTILE,
        "code": HOSTILE,
    }
    return Decision(**(given | fields))


RECORDS = [model, report, verdict, release, incident, replay, bisect, decision]
every_record = pytest.mark.parametrize("make", RECORDS, ids=lambda make: make.__name__)


class Tags(HTMLParser):
    """Every tag and attribute of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


@every_record
def test_no_value_becomes_a_tag_a_script_or_a_handler(make):
    for tag, attributes in Tags(html_page(make())).found:
        assert tag not in ("script", "img", "iframe", "object", "link"), tag
        assert not [name for name in attributes if name.startswith("on")]


@every_record
def test_a_page_fetches_nothing(make):
    page = html_page(make())
    for _, attributes in Tags(page).found:
        assert not {"src", "href", "action"} & set(attributes) or attributes.get("href", "").startswith("#")
    assert not re.search(r"@import|url\(\s*['\"]?http", page)


@every_record
def test_printed_a_record_is_a_few_lines_and_not_its_fields(make):
    record = make()
    own = type(record).__str__ is not Shown.__str__  # a version says its name
    assert own or str(record) == bundle(record)["text/plain"]
    assert len(str(record).splitlines()) < 30


@every_record
def test_the_bundle_holds_text_html_and_the_record_itself(make):
    record = make()
    shown = bundle(record)
    assert set(shown) == {"text/plain", "text/html", mime_type(record)}
    assert type(record).model_validate(shown[mime_type(record)]) == record
    assert json.loads(json.dumps(shown)) == shown
    assert shown["text/plain"].strip()


def test_a_decision_adds_up_from_typical_rows_to_this_row():
    numbers = re.findall(r'<td class="wb-n">(.*?)</td>', html_page(decision()))
    assert numbers == ["+0.12", "+1.50", "-0.50", "+0.12", "+1.25"]


def test_the_bars_of_a_decision_lie_on_both_sides_of_one_zero():
    page = html_page(decision())
    bars = [(float(x), float(w)) for x, w in re.findall(r'<rect x="(.*?)".*? width="(.*?)"', page)]
    [zero] = set(re.findall(r'<line x1="(.*?)"', page))
    assert bars[0] == (float(zero), 112.5)
    assert sum(bars[1]) == float(zero)


@pytest.mark.parametrize("number", [0.0, float("nan"), float("inf")])
def test_a_decision_with_nothing_to_add_up_is_drawn_all_the_same(number):
    codes = decision().reasons.model_copy(
        update={"reasons": (), "against": (), "rest": number, "base": number, "output": number}
    )
    bare = decision(reasons=codes, change=None, code="")
    assert "this row" in html_page(bare)
    assert "What gets" not in html_page(bare)
    assert "this row" in bundle(bare)["text/plain"]


def test_a_decision_says_what_was_wanted_and_that_nothing_was_found():
    change = decision().change
    ranged = change.model_copy(update={"wanted": [100, 120.5], "candidates": ()})
    text = bundle(decision(change=ranged))["text/plain"]
    assert "what gets a prediction from 100 to 120.5: no change was found" in text
    assert "What gets another answer" in html_page(
        decision(change=change.model_copy(update={"wanted": None}))
    )


def test_an_audit_that_raised_says_so_in_words():
    assert "It could not be measured: ValueError" in html_page(report())


def test_an_outcome_is_a_word_and_a_shape_not_only_a_colour():
    assert re.search(r"✕ fail", html_page(verdict()))


def test_a_gate_says_whose_approval_is_missing():
    assert "still needs 1 approval by model-risk" in bundle(verdict())["text/plain"]


def test_a_figure_carries_its_description_for_a_screen_reader():
    page = html_page(release())
    assert 'role="img"' in page
    assert "Evidence over requests for disagreement in shadow" in page


def test_a_report_survives_json_both_ways():
    assert Report.from_json(report().to_json()) == report()


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.4485, "rate", "44.9 %"),
        (0.2105, "difference", "21.1 pp"),
        (None, "rate", "—"),
        (float("nan"), "score", "—"),
        (0.71234, "score", "0.712"),
        (24000, "queries", "24\u2009000"),
    ],
)
def test_numbers_carry_the_digits_their_unit_deserves(value, unit, text):
    assert number(value, unit) == text


def test_an_interval_is_in_the_unit_of_its_value():
    assert interval(0.421, 0.476, "rate") == "[42.1, 47.6]"
    assert interval(None, 0.4) == ""


def measured(metric: str, value: float | None = 0.4, slice: str = "", **fields) -> Measurement:
    return Measurement(metric=metric, slice=slice, value=value, n=100, **{"unit": "rate", **fields})


def evidence(audit: str = "any", *measurements: Measurement, **fields) -> Evidence:
    given = {"outcome": Outcome.MEASURED, "data_digest": DIGEST, "started": NOW, "seconds": 0.1}
    return Evidence(audit=audit, measurements=measurements, **{**given, **fields})


def large() -> Report:
    """Fourteen audits of six hundred numbers, some of which fail."""
    found = [
        measured(f"metric_{i}", slice=slice, low=0.3, high=0.5, outcome=outcome)
        for slice, outcome in (("", Outcome.MEASURED), ("race=A", Outcome.PASS), ("race=B", Outcome.FAIL))
        for i in range(200)
    ]
    return report().model_copy(
        update={
            "evidence": tuple(
                evidence(f"audit_{i}", *found, outcome=Outcome.FAIL, notes=("A note.",)) for i in range(14)
            )
        }
    )


def test_a_large_report_is_a_few_lines_in_a_terminal_and_says_where_the_rest_is():
    lines = bundle(large())["text/plain"].splitlines()
    assert len(lines) == 3 + 14 * 7
    assert "200 fail of 600" in lines[2]
    assert "and 195 more that fail" in lines[8]
    assert ".frame()" in lines[-1]
    assert ".to_html(path)" in lines[-1]


def test_a_page_says_first_how_every_audit_ended_and_folds_what_is_many():
    page = html_page(large())
    assert len(page.encode()) < 1000 * 14 * 600  # a full report has about 1,000 numbers and three megabytes
    assert page.index("14 audits: 14 fail") < page.index('<ul class="wb-lines"') < page.index("<h3")
    assert len(re.findall(r'<h3 id="wb-', page)) == len(re.findall(r'<a href="#wb-', page)) == 14
    outside = re.sub(r"<details.*?</details>", "", page, flags=re.DOTALL)
    assert outside.count("<tr>") < 14 * 8


def test_every_number_is_on_the_page():
    page = html_page(large())
    [folded] = re.findall(r'<details class="wb-all"><summary>audit_0 .*?</details>', page, flags=re.DOTALL)
    assert folded.count("<tr>") == 601


def test_what_was_recalled_says_when_it_was_measured():
    first, *others = report().evidence
    recalled = first.model_copy(update={"recalled": NOW.replace(day=21)})
    shown = bundle(report().model_copy(update={"evidence": (recalled, *others)}))
    assert "measured on 2026-11-20 12:00:00 UTC, recalled" in shown["text/plain"]
    assert "measured on 2026-11-20 12:00:00 UTC, recalled" in shown["text/html"]
    assert "recalled" not in bundle(report())["text/html"].replace("to be recalled", "")


def test_an_audit_leads_with_the_figure_that_answers_it_whatever_came_first():
    found = evidence(
        "robustness",
        measured("clean_accuracy"),
        measured("attack_success_rate", None, note="no row was attacked"),
        measured("adversarial_accuracy"),
    )
    assert [m.metric for m in headlines(found)] == ["adversarial_accuracy"]


def test_a_model_is_worth_what_it_gains_over_its_strongest_rival():
    rivals = [measured("accuracy_score_difference", v, f"against={v}") for v in (0.3, 0.01, 0.2)]
    assert headlines(evidence("worth", *rivals))[0].value == 0.01
    assert headlines(evidence("corruption", *rivals))[0].value == 0.3


def test_an_audit_nobody_wrote_leads_for_leads_with_gaps_between_groups_then_with_all_rows():
    gap = measured("odds_difference", slice="race")
    assert headlines(evidence("own", measured("a"), measured("a", slice="race=A"), gap)) == (gap,)
    assert [m.metric for m in headlines(evidence("own", measured("a", slice="x"), measured("b")))] == ["b"]
    assert headlines(evidence("own")) == ()


def test_what_failed_is_named_and_what_is_open_only_where_nothing_failed():
    failed = measured("a", slice="x", outcome=Outcome.FAIL)
    open_ = measured("b", outcome=Outcome.INCONCLUSIVE)
    assert concerns(evidence("own", failed, open_, outcome=Outcome.FAIL)) == (failed,)
    assert concerns(evidence("own", open_, outcome=Outcome.INCONCLUSIVE)) == (open_,)
    assert tally(evidence("own", failed, open_)) == "1 fail, 1 inconclusive of 2"
    assert tally(evidence("own", notes=("It has no labels.",))) == "It has no labels."


def test_tables_show_every_metric_and_are_never_wider_than_a_page():
    many = [measured(f"m{i}", slice=f"race={g}") for i in range(15) for g in "ABCDEFGH"]
    [by_race] = tables(evidence("own", *many)).sliced
    assert [len(p.columns) for p in by_race.pivots] == [6, 6, 3]
    assert by_race.label == "by race"
    assert by_race.pivots[0].rows[0][0] == "A"


def test_few_slices_with_many_metrics_lie_on_their_side():
    found = [measured(f"m{i}", slice=f"race={g}") for i in range(WIDEST + 1) for g in "AB"]
    [by_race] = tables(evidence("own", *found)).sliced
    [pivot] = by_race.pivots
    assert (pivot.by, pivot.columns, len(pivot.rows)) == ("metric", ("A", "B"), WIDEST + 1)


def test_gaps_between_groups_are_not_taken_for_columns():
    columns = [measured("psi", slice=name) for name in ("age", "race")]
    found = [measured("rate", slice="race=A"), measured("gap", slice="race"), *columns]
    assert [s.label for s in tables(evidence("own", *found)).sliced] == [
        "by race",
        "between groups",
        "by column",
    ]


@pytest.mark.parametrize(
    ("value", "low", "high", "at"),
    [
        (0.5, 0.25, 1.0, (60, 30, 120, None)),
        (-0.5, -0.75, 0.0, (30, 15, 60, 60)),
        (0.5, -1.5, 1.5, (90, 0, 120, 60)),
        (0.0, None, None, (0, 0, 0, None)),
    ],
)
def test_a_whisker_lies_on_the_scale_of_its_unit(value, low, high, at):
    found = whisker(measured("m", value, low=low, high=high))
    assert (found.value, found.low, found.high, found.zero) == pytest.approx(at)


@pytest.mark.parametrize("m", [measured("m", None), measured("m", 3.0), measured("m", unit="ms")])
def test_what_has_no_scale_has_no_whisker(m):
    assert whisker(m) is None


def test_a_long_reason_that_versions_share_stands_once_in_the_overview():
    long = "drift: age moved from one quarter to the next, by more than the policy of this model lets pass."
    reasons = [long, "all 3 rules hold", long, "all 3 rules hold"]
    versions = tuple(
        VersionGlance(
            version=number,
            digest=DIGEST,
            target="y",
            author="ada",
            created=NOW,
            verdict=VerdictGlance(outcome=Outcome.PASS, reason=reason, policy="default", time=NOW),
        )
        for number, reason in enumerate(reasons, 1)
    )
    text = str(Overview(seq=3, models=(ModelGlance(name="credit", versions=versions),)))
    assert text.count(long) == 1
    assert "credit/3 : as credit/1" in text
    assert text.count("all 3 rules hold") == 2


def test_a_replays_numbers_stand_under_their_headings_whatever_a_version_was_measured_by():
    def measured(metric: str, value: float) -> Measurement:
        return Measurement(metric=metric, value=value, n=40, unit="rate")

    columns = (
        ReplayColumn(version=1, label="m/1", n=0, error="NotFound"),
        ReplayColumn(version=2, label="m/2", n=40, metrics=(measured("accuracy_score", 0.7),), latency_ms=2),
        ReplayColumn(
            version=3,
            label="m/3",
            n=40,
            metrics=(measured("recall_score", 0.5), measured("accuracy_score", 0.9)),
            latency_ms=3,
        ),
    )
    page = html_page(replay().model_copy(update={"columns": columns}))
    [head, *rows] = re.findall(r"<tr>(.*?)</tr>", page.partition("<details>")[0], re.DOTALL)

    def texts(row: str) -> list[str]:
        cells = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL)
        return [re.sub(r"<[^>]+>", "", cell).strip() for cell in cells]

    assert texts(head)[3:] == [
        "unlike m/2",
        "positive rate",
        "accuracy score",
        "recall score",
        "median ms",
        "n",
    ]
    shown = [texts(row)[5:7] for row in rows]
    assert shown[0] == ["—", "—"]
    assert shown[1][0].startswith("70.0 %")
    assert shown[1][1] == "—"
    assert (shown[2][0][:6], shown[2][1][:6]) == ("90.0 %", "50.0 %")
    assert {len(texts(row)) for row in (head, *rows)} == {9}
