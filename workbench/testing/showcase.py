"""A record of every view, small and alike from run to run, for tests of what draws them.

``records()`` makes them, ``seed(root)`` writes a project that has them in its journal. No model is trained,
so it takes milliseconds; names and notes hold markup and quotes on purpose.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from workbench.audits.explanation_records import (
    Candidate,
    Change,
    Counterfactual,
    Decision,
    Reason,
    ReasonCodes,
)
from workbench.audits.memory import entry_of
from workbench.audits.records import Evidence, Figure, Measurement, Report, ScoreCounts
from workbench.core import digests, project
from workbench.core.records import Shown
from workbench.core.values import Outcome
from workbench.gates.policy_book import PolicyBook
from workbench.gates.records import Verdict
from workbench.gates.streams import Look
from workbench.governance.card import assemble_card
from workbench.incidents.records import BisectReport, Failure, Incident, ReplayColumn, ReplayReport, Trial
from workbench.incidents.state import opened
from workbench.journal import Event, Journal
from workbench.models.records import ModelVersion
from workbench.testing import showcase_gates as gates
from workbench.testing import showcase_releases as releases
from workbench.testing.showcase_base import HOSTILE, NOON, digest, model
from workbench.views.overview import overview

RACES = {"African-American": (1795, 0.4485), "Caucasian": (1488, 0.2345), "Hispanic": (320, 0.2148)}


def _rates(metric: str, overall: float) -> Iterator[Measurement]:
    yield Measurement(
        metric=metric, value=overall, low=overall - 0.02, high=overall + 0.02, n=3603, unit="rate"
    )
    for race, (n, rate) in RACES.items():
        half = 1 / n**0.5
        yield Measurement(
            metric=metric,
            slice=f"race={race}",
            value=rate,
            low=rate - half,
            high=rate + half,
            n=n,
            unit="rate",
        )
    by_sex: dict[str, float | None] = {"Female": overall - 0.06, "Male": overall + 0.01, HOSTILE: None}
    for sex, share in by_sex.items():
        yield Measurement(
            metric=metric,
            slice=f"sex={sex}",
            value=share,
            low=None if share is None else share - 0.03,
            high=None if share is None else share + 0.03,
            n=3 if share is None else 1200,
            unit="rate",
            outcome=Outcome.INCONCLUSIVE if share is None else Outcome.MEASURED,
            note="too few rows: 3" if share is None else "",
        )


def scores() -> ScoreCounts:
    """Ten bins; a slice of all rows and two of one column."""
    groups = {"race=African-American": 1.3, "race=Caucasian": 0.7}
    slices = ("", *groups)
    table = []
    for tilt in (1.0, *groups.values()):
        negative = tuple(round(120 * (10 - b) / 10 / tilt) for b in range(10))
        positive = tuple(round(120 * (b + 1) / 10 * tilt) for b in range(10))
        table.append((negative, positive))
    return ScoreCounts(
        edges=tuple(b / 10 for b in range(11)), slices=slices, counts=tuple(table), threshold=0.5
    )


def _evidence(version: ModelVersion) -> tuple[Evidence, ...]:
    common = {
        "model_digest": version.digest,
        "data_digest": digest("test"),
        "made_by": "ada",
        "started": NOON + timedelta(hours=5),
        "libraries": {"fairlearn": "0.15.0"},
    }
    difference = Measurement(
        metric="equalized_odds_difference", value=0.21, low=0.18, high=0.25, n=3603, unit="difference"
    )
    fairness = (*_rates("false_positive_rate", 0.324), *_rates("false_negative_rate", 0.372), difference)
    return (
        Evidence(
            audit="performance",
            outcome=Outcome.MEASURED,
            seconds=0.4,
            measurements=(
                Measurement(metric="accuracy", value=0.67, low=0.655, high=0.685, n=3603, unit="rate"),
                Measurement(metric="roc_auc", value=0.722, low=0.706, high=0.738, n=3603, unit="score"),
            ),
            figures=(_figure(),),
            **common,
        ),
        Evidence(
            audit="fairness",
            outcome=Outcome.INCONCLUSIVE,
            seconds=0.9,
            measurements=fairness,
            notes=("Intervals: 95 %, from 1,000 draws over the cells of the count table.", HOSTILE),
            **common,
        ),
        Evidence(
            audit="robustness",
            outcome=Outcome.ERROR,
            error="ValueError: the model has no scores",
            seconds=0.1,
            **common,
        ),
    )


def _figure() -> Figure:
    points = [{"score": b / 10, "observed": (b / 10) ** 1.2} for b in range(11)]
    return Figure(
        title="Calibration",
        description="Observed share against mean score in ten bins; the curve lies below the diagonal.",
        spec={
            "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
            "width": 260,
            "height": 180,
            "data": {"values": points},
            "mark": {"type": "line", "point": True},
            "encoding": {
                "x": {"field": "score", "type": "quantitative"},
                "y": {"field": "observed", "type": "quantitative"},
            },
        },
    )


def report(version: int = 3) -> Report:
    """An audit of a version, with an audit that raised and a slice that is too small."""
    about = model(version)
    return Report(
        title="Audit",
        model=about,
        subject=about.ref,
        task="classification",
        target=about.target,
        positive=1,
        sensitive=about.sensitive,
        data_digest=digest("test"),
        rows=3603,
        evidence=_evidence(about),
        scores=scores(),
        created=NOON + timedelta(hours=5),
        code=f'import workbench as wb\n\nbench = wb.open()\nbench.audit("{about.ref}", on=data, seed=0)',
    )


def incident() -> Incident:
    """Frozen traffic of one afternoon."""
    return Incident(
        id="INC-1",
        title="Scores jumped after the Thursday release",
        endpoint="recidivism",
        model="recidivism",
        source="window",
        since=NOON,
        until=NOON + timedelta(minutes=30),
        requests=412,
        rows=860,
        versions=(2, 3),
        digest=digest("frozen"),
        opened=NOON + timedelta(hours=9),
        opened_by="grace",
    )


def replay() -> ReplayReport:
    """Three versions on the frozen rows."""
    return ReplayReport(
        incident="INC-1",
        digest=digest("frozen"),
        rows=860,
        columns=tuple(
            ReplayColumn(
                version=v,
                label=f"recidivism/{v}" + (" (champion)" if v == 2 else ""),
                n=860,
                errors=4 if v == 3 else 0,
                error="ValueError: priors_count is negative" if v == 3 else "",
                disagrees_with_recorded=share,
                disagrees_with_first=share,
                positive_rate=0.45 + share / 2,
                latency_ms=1.2,
            )
            for v, share in ((1, 0.0), (2, 0.021), (3, 0.384))
        ),
        examples=({"age": 23, "priors_count": 4, "recidivism/2": 0, "recidivism/3": 1},),
        time=NOON + timedelta(hours=10),
    )


def bisection() -> BisectReport:
    """Version 3 is the first that is bad."""
    trials = (
        Trial(version=1, outcome="good", value=0.0, reason="0.0 % answered unlike version 1"),
        Trial(version=4, outcome="bad", value=0.391, reason="39.1 % answered unlike version 1"),
        Trial(version=2, outcome="good", value=0.021, reason="2.1 % answered unlike version 1"),
        Trial(version=3, outcome="bad", value=0.384, reason="38.4 % answered unlike version 1"),
    )
    return BisectReport(
        incident="INC-1",
        digest=digest("frozen"),
        model="recidivism",
        failure=Failure(kind="disagreement", reference=1, above=0.1),
        trials=trials,
        first_bad=3,
        last_good=2,
        monotone=True,
        outcome=Outcome.PASS,
        sentence="recidivism/3 is the first version that answers more than 10 % of the rows differently.",
        changes=("priors_count: 0 to 38 became 0 to 3800", "commit 3113580 became 77aa01b"),
        time=NOON + timedelta(hours=11),
    )


def _reason(column: str, value: object, typical: object, contribution: float, share: float) -> Reason:
    # Here, so that a server which shows records loads no pandas.
    from workbench.audits.parts.explainability.one_row import said

    way = "towards 1" if contribution > 0 else "towards 0"
    return Reason(
        column=column,
        value=value,
        typical=typical,
        contribution=contribution,
        share=share,
        text=f"{column} is {said(value)} (typical {said(typical)}): pushed the answer {way}",
    )


def decision() -> Decision:
    """One answer with its reasons and two changes, a column and a value of which are markup."""
    codes = ReasonCodes(
        answer=1,
        about="log-odds of 1",
        unit="log-odds",
        output=0.95,
        base=-0.21,
        reasons=(_reason("priors_count", 7, 2, 1.32, 0.8), _reason(HOSTILE, None, HOSTILE, 0.33, 0.2)),
        against=(_reason("age", 41, 32, -0.52, 1.0),),
        rest=0.03,
        additivity_gap=0.0,
        method="Linear SHAP (closed form)",
        notes=("A reason moved the model's output; it is no cause in the world.",),
    )
    fewer = Change(column="priors_count", before=7, after=3)
    other = Change(column="charge", before=HOSTILE, after="M")
    change = Counterfactual(
        answer=1,
        wanted=0,
        candidates=(
            Candidate(changes=(fewer,), columns_changed=1, distance=0.84, answer=0, score=0.537),
            Candidate(changes=(fewer, other), columns_changed=2, distance=1.31, answer=0, score=0.561),
        ),
        queries=212,
        held={"race": "immutable", HOSTILE: "immutable"},
        notes=("Found by search: a nearer change may exist.",),
    )
    return Decision(
        model="recidivism/3",
        model_digest=model(3).digest,
        target="two_year_recid",
        answer=1,
        score=0.721,
        reasons=codes,
        change=change,
        time=NOON + timedelta(hours=12),
        asked_by="grace",
        code="import workbench as wb\n\nbench = wb.open()\nbench.explain('recidivism/3', row, seed=0)",
    )


def _of_the_seeded_project() -> tuple[Shown, ...]:
    """What is a fold of a whole journal: the overview, and the card of the version that is in release."""
    version = model(2)
    with TemporaryDirectory() as folder, seed(Path(folder)) as journal:
        entries = list(journal.entries())
    look = Look(NOON + timedelta(days=1), gates.PEOPLE)
    card = assemble_card(version, entries, reports=[report(version.version)], look=look)
    return overview(entries, look, releases.beside()), card


def records() -> dict[str, Shown]:
    """One record of every view, by view."""
    made: tuple[Shown, ...] = (
        report(),
        gates.verdict(),
        gates.request(report(3).evidence, report(1).evidence),
        gates.stale(report(3).evidence),
        releases.release(),
        releases.forecast(),
        incident(),
        replay(),
        bisection(),
        decision(),
        model(),
        *_of_the_seeded_project(),
    )
    return {record.view: record for record in made}


def _passed() -> Verdict:
    """The verdict on the version that is in release."""
    return gates.verdict(2, Outcome.PASS, report(2).evidence)


class _Still:
    """A clock that stands at noon, so that a seeded journal is alike from run to run."""

    def now(self) -> datetime:
        return NOON

    def monotonic(self) -> float:
        return 0.0


def seed(root: Path) -> Journal:
    """Make a project whose journal knows three versions, their evidence, a release and an incident."""
    (root / "workbench.toml").write_text('[people]\ngrace = ["model-risk"]\n', encoding="utf-8")
    settings = project.open_settings(root)
    journal = Journal.open(settings.state / "journal.db", actor="ada", clock=_Still())
    for number in (1, 2, 3):
        version = model(number)
        journal.append(f"model/{version.name}", _event("model.registered", version.to_json()))
        _keep(journal, settings.state / "reports", report(number))
    for alias, number in (("champion", 1), ("candidate", 3)):
        journal.append(
            "model/recidivism", Event(kind="model.alias", payload={"alias": alias, "version": number})
        )
    PolicyBook(journal).use(gates.policy())
    journal.append("gate/recidivism/2", _event("gate.judged", _passed().to_json()))
    journal.append("gate/recidivism/3", _event("gate.judged", gates.verdict(3).to_json()))
    gates.approve(journal, _Still(), report(2).evidence)
    for event in releases.reign(gates.verdict(1, Outcome.PASS)):
        journal.append("release/recidivism-1", event)
    for event in releases.walk(releases.release(), _passed()):
        journal.append("release/recidivism-2", event)
    journal.append("incident/INC-1", opened(incident()))
    return journal


def as_json() -> str:
    """Every record as JSON: what the tests of the front end draw."""
    kept = {view: record.model_dump(mode="json") for view, record in records().items()}
    return json.dumps(kept, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _event(kind: str, body: str) -> Event:
    return Event(kind=kind, payload=json.loads(body))


def _keep(journal: Journal, folder: Path, made: Report) -> None:
    body = made.model_dump(mode="json")
    key = digests.of_json(body)
    folder.mkdir(exist_ok=True)
    (folder / f"{key.removeprefix('sha256:')}.json").write_bytes(digests.canonical_json(body))
    payload = {
        "model": made.subject,
        "report": key,
        "outcome": str(made.outcome),
        "rows": made.rows,
        "audits": {e.audit: str(e.outcome) for e in made.evidence},
        **entry_of(made),
    }
    journal.append(f"evidence/{made.subject}", Event(kind="audit.finished", payload=payload))


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(as_json(), encoding="utf-8")
