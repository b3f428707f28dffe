from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from workbench.audits.records import Evidence, Measurement
from workbench.core.values import Outcome
from workbench.gates import Approval, Finding, Policy, Standing, load_policy
from workbench.gates.difference import Difference
from workbench.journal import Journal
from workbench.models.records import Lineage, ModelVersion

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class FixedClock:
    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def journal(tmp_path: Path, clock: FixedClock) -> Iterator[Journal]:
    with Journal.open(tmp_path / "journal.db", actor="ada", clock=clock) as journal:
        yield journal


@pytest.fixture(scope="session")
def make() -> Make:
    return Make()


@pytest.fixture
def version(make: Make) -> ModelVersion:
    return make.version()


class Make:
    """Small real records. Each method takes the fields that matter to the test."""

    now = NOW
    digest = "sha256:" + "1" * 64
    other_digest = "sha256:" + "2" * 64

    def version(self, **changes) -> ModelVersion:
        fields = {
            "name": "recidivism",
            "version": 3,
            "digest": self.digest,
            "run_id": "r",
            "flavor": "sklearn",
            "format": "skops",
            "task": "classification",
            "target": "two_year_recid",
            "columns": (),
            "author": "ada",
            "created": NOW,
            "lineage": Lineage(data_digest="sha256:d", data_rows=10, python="3.11", packages={}),
        }
        return ModelVersion(**(fields | changes))

    def measurement(self, metric: str, value: float | None, low=None, high=None, **more) -> Measurement:
        return Measurement(metric=metric, value=value, low=low, high=high, **({"n": 6150} | more))

    def evidence(self, audit: str, *measurements: Measurement, minutes: int = 0, **changes) -> Evidence:
        fields = {
            "audit": audit,
            "outcome": Outcome.MEASURED,
            "model_digest": self.digest,
            "data_digest": "sha256:d",
            "measurements": measurements,
            "started": NOW - timedelta(days=1) + timedelta(minutes=minutes),
            "seconds": 1.0,
        }
        return Evidence(**(fields | changes))

    def clock(self, **later) -> FixedClock:
        return FixedClock(NOW + timedelta(**later))

    def standing(self) -> Standing:
        return Standing()

    def difference(self) -> Difference:
        return Difference(candidate="recidivism/3")

    def approval(self, **changes) -> Approval:
        fields = {
            "model": "recidivism/3",
            "model_digest": self.digest,
            "policy_digest": "sha256:" + "a" * 64,
            "role": "model-risk",
            "by": "grace",
            "note": "Looked at the errors.",
            "time": NOW,
        }
        return Approval(**(fields | changes))

    def finding(self, **changes) -> Finding:
        fields = {
            "id": "finding/recidivism#0",
            "model": "recidivism",
            "version": "recidivism/3",
            "title": "Ages above 90 are years of birth.",
            "severity": "high",
            "status": "open",
            "by": "joan",
            "time": NOW,
        }
        return Finding(**(fields | changes))

    def policy(self, *rules: dict, **changes) -> Policy:
        return load_policy({"name": "strict", "rules": list(rules), **changes})
