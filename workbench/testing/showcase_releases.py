"""The showcase's release half way through its canary, the dry run of its plan, and the endpoint it is on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

from workbench.core.values import Outcome
from workbench.gates.records import Verdict
from workbench.gateway.status import Status as GatewayStatus
from workbench.journal import Event
from workbench.releases.forecast_records import Expected, Forecast, StepForecast
from workbench.releases.plan import load_plan
from workbench.releases.records import EvidencePoint, Release, Stage, StageVerdict, Status
from workbench.releases.state import JUDGED, OPENED, PROMOTED, STAGE_ENTERED
from workbench.testing.showcase_base import HOSTILE, NOON, digest, model
from workbench.views.endpoints import Answered, AnswersGlance, Beside


def release() -> Release:
    """A canary that is half way and proves no worse."""
    points = tuple(
        EvidencePoint(n=n, log_e_worse=-0.004 * n, log_e_no_worse=0.0045 * n) for n in range(0, 801, 40)
    )
    return Release(
        id="recidivism-2",
        endpoint="recidivism",
        candidate="recidivism/2",
        candidate_digest=model(2).digest,
        champion="recidivism/1",
        plan="canary",
        plan_digest=digest("plan"),
        stages=(
            Stage(name="shadow", kind="shadow", min_requests=200),
            Stage(name="canary 10 %", kind="canary", weight=0.1, min_requests=500),
            Stage(name="canary 50 %", kind="canary", weight=0.5, min_requests=500),
            Stage(name="champion", kind="champion", weight=1.0),
        ),
        stage=1,
        status=Status.RUNNING,
        weight=0.1,
        reason="",
        verdicts=(
            StageVerdict(
                stage="canary 10 %",
                metric="errors",
                outcome=Outcome.PASS,
                sentence="No worse than 2 times the champion's errors: evidence 36:1 after 800 requests.",
                alpha=0.05,
                margin=2.0,
                candidate_n=80,
                candidate_bad=0,
                champion_n=720,
                champion_bad=3,
                points=points,
            ),
            StageVerdict(
                stage="canary 10 %",
                metric="disagreement",
                outcome=Outcome.INCONCLUSIVE,
                sentence="The candidate answered 4 of 80 pairs differently (5.0 %): not settled, leaning to"
                " below the limit of 10 % (evidence 3.0:1, 20:1 needed)."
                " About 240 more pairs like these would settle it.",
                alpha=0.05,
                margin=0.1,
                candidate_n=80,
                candidate_bad=4,
                still_needed=240,
                points=points[:8],
            ),
        ),
        opened=NOON + timedelta(hours=7),
        opened_by="ada",
        stage_since=NOON + timedelta(hours=8),
    )


def walk(walked: Release, verdict: Verdict) -> Iterator[Event]:
    """The facts that lead to a release in its second stage."""
    yield _opened(walked, verdict)
    yield Event(kind=STAGE_ENTERED, payload={"stage": 1, "since_table": 2})
    judged = [v.model_dump(mode="json") for v in walked.verdicts]
    yield Event(kind=JUDGED, payload={"verdicts": judged, "waits_for": []})


def reign(verdict: Verdict) -> Iterator[Event]:
    """The facts of the release before it, which made the first version champion."""
    first = {"id": "recidivism-1", "candidate": "recidivism/1", "candidate_digest": model(1).digest}
    yield _opened(release().model_copy(update=first | {"champion": ""}), verdict)
    yield Event(kind=PROMOTED, payload={"reason": "There was no champion."})


def _opened(walked: Release, verdict: Verdict) -> Event:
    plan = load_plan("canary")
    kept = {"id", "endpoint", "candidate", "candidate_digest", "champion"}
    payload = walked.model_dump(mode="json", include=kept) | {
        "plan": plan.model_dump(mode="json", exclude_none=True),
        "plan_digest": plan.digest,
        "alpha": plan.alpha,
        "since_table": 1,
        "cursor": "",
        "verdict": json.loads(verdict.to_json()),
    }
    return Event(kind=OPENED, payload=payload)


def beside() -> Beside:
    """A gateway that serves, a version it leaves alone, and a driver whose name is markup."""
    gateway = GatewayStatus(
        endpoint="recidivism",
        pid=1,
        url="http://127.0.0.1:8765",
        started=NOON,
        ready=True,
        table_version=2,
        champion="recidivism/1",
        loaded=("recidivism/1", "recidivism/2"),
        breakers={"recidivism/2": "half-open"},
    )
    answers = (
        AnswersGlance(version=1, minute=271, hour=14_020),
        AnswersGlance(version=2, minute=29, hour=800),
    )
    return Beside(
        gateways=(gateway,),
        drivers={"recidivism": f"{HOSTILE}, process 7 on lab"},
        answered={"recidivism": Answered(answers, NOON + timedelta(hours=8))},
    )


def forecast() -> Forecast:
    """A plan whose shadow is in time, and whose canary asks for a proof that would come too late."""

    def errors(verdict: str, when: str, expectation: int | None, median: int | None) -> Expected:
        return Expected(
            metric="errors",
            verdict=verdict,
            when=when,
            expectation=expectation,
            median=median,
            minutes=None if median is None else median / 30,
        )

    return Forecast(
        endpoint="recidivism",
        candidate="recidivism/2",
        champion="recidivism/1",
        plan="canary",
        plan_digest=digest("plan"),
        alpha=0.05,
        requests=432_000,
        per_minute=300.0,
        champion_bad=43,
        champion_n=4320,
        steps=(
            StepForecast(
                name="shadow",
                kind="shadow",
                weight=0.0,
                min_requests=200,
                exposure_minutes=0.7,
                minutes=0.7,
                waits_for="exposure",
                deadline_minutes=60.0,
                late=False,
            ),
            StepForecast(
                name=f"canary {HOSTILE}",
                kind="canary",
                weight=0.1,
                min_requests=500,
                exposure_minutes=16.7,
                minutes=156.6,
                waits_for="errors",
                deadline_minutes=60.0,
                late=True,
                expected=(
                    errors("worse", "it fails 3 times as often", 470, 451),
                    errors("good", "it is as good as the champion", 4698, 4698),
                    errors("good", "it fails 2 times as often", None, None),
                ),
            ),
        ),
        notes=("Each stage alone: evidence carries over, so that later stages take less.",),
        time=NOON + timedelta(hours=6),
    )
