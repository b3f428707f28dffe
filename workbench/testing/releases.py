"""Releases in the small, for tests: a plan, a state, counts, seeded traffic as a gateway would capture it.

For example::

    state = opened()
    state, actions = step(state, seen(quiet_shadow()), START)
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any, Literal

from workbench.core.values import Outcome
from workbench.gates.records import Verdict
from workbench.journal import Event
from workbench.models.records import ModelVersion
from workbench.releases.analysis import Observations
from workbench.releases.plan import Plan, load_plan
from workbench.releases.state import OPENED, State, follow
from workbench.releases.tallies import CanaryTally, ShadowTally, Tally
from workbench.releases.yardsticks import NOTHING_FROZEN, Yardsticks
from workbench.testing.clock import START
from workbench.traffic import Exchange

BYTES = "sha256:" + "1" * 64

#: A shadow stage, two canary steps, champion.
PLAN: dict[str, Any] = {
    "name": "steps",
    "alpha": 0.05,
    "metrics": {"errors": {"margin": 2.0}, "disagreement": {"at_most": 0.2}},
    "stages": [
        {"name": "shadow", "kind": "shadow", "min_requests": 100, "deadline_minutes": 60},
        {"name": "canary 10 %", "kind": "canary", "weight": 0.1, "min_requests": 50, "deadline_minutes": 60},
        {"name": "canary 50 %", "kind": "canary", "weight": 0.5, "min_requests": 100, "deadline_minutes": 60},
        {"name": "champion", "kind": "champion"},
    ],
}


def plan(**changes: Any) -> Plan:
    """Return ``PLAN``, some of its keys changed."""
    return load_plan(PLAN | changes)


def verdict(
    outcome: Outcome = Outcome.PASS, *, digest: str = BYTES, model: str = "tiny/2", **changes: Any
) -> Verdict:
    """Return what a gate says of ``tiny/2``."""
    fields: dict[str, Any] = {
        "model": model,
        "model_digest": digest,
        "policy": "strict",
        "policy_digest": "sha256:" + "a" * 64,
        "outcome": outcome,
        "reason": f"1 rule: {outcome}.",
        "time": START,
    }
    return Verdict(**(fields | changes))


def verdict_on(version: ModelVersion, outcome: Outcome = Outcome.PASS, **changes: Any) -> Verdict:
    """Return what a gate says of a version."""
    return verdict(outcome, digest=version.digest, model=version.ref, **changes)


def opened(
    of: Plan | None = None,
    *,
    time: datetime = START,
    alpha: float | None = None,
    yardsticks: Yardsticks = NOTHING_FROZEN,
) -> State:
    """A release of ``tiny/2`` against ``tiny/1`` that has just been opened, at routing table version 1."""
    of = of or plan()
    payload = {
        "id": "tiny-2",
        "endpoint": "tiny",
        "candidate": "tiny/2",
        "candidate_digest": BYTES,
        "champion": "tiny/1",
        "plan": of.model_dump(mode="json", exclude_none=True),
        "plan_digest": of.digest,
        "alpha": alpha or of.alpha,
        "verdict": json.loads(verdict().to_json()),
        "since_table": 1,
        "cursor": "",
        "yardsticks": yardsticks.model_dump(mode="json"),
    }
    return follow(None, Event(kind=OPENED, payload=payload), time=time, actor="ada")


def after(state: State, events: list[Event], *, minutes: float = 0) -> State:
    """The state after these events, so many minutes after the start."""
    for event in events:
        state = follow(state, event, time=START + timedelta(minutes=minutes), actor="ada")
    return state


def quiet_shadow(
    pairs: int = 200, *, differ: int = 4, candidate_bad: int = 0, champion_bad: int = 0
) -> ShadowTally:
    """Return the counts of a shadow stage, harmless unless said otherwise."""
    requests = pairs + champion_bad
    return ShadowTally(requests, champion_bad, pairs, candidate_bad, differ)


def quiet_canary(
    share: float, requests: int = 1000, *, candidate_bad: int = 0, champion_bad: int = 0
) -> CanaryTally:
    """Return the counts of a canary stage in which the coin gave exactly its share."""
    candidate = round(share * requests)
    return CanaryTally(candidate, candidate_bad, requests - candidate, champion_bad)


def seen(*tallies: Tally, **changes: Any) -> Observations:
    """Return what the controller looks at, by the counts of every stage entered."""
    return Observations(tallies=tallies, **changes)


class Traffic:
    """Seeded requests of an endpoint, as the gateway would have captured them."""

    def __init__(self, seed: int, *, champion: int = 1, candidate: int = 2, endpoint: str = "tiny") -> None:
        import numpy as np

        self.random = np.random.default_rng(seed)
        self.champion, self.candidate, self.endpoint = champion, candidate, endpoint
        self.sent = 0

    def shadow(
        self, n: int, *, table: int, time: datetime, differ: float = 0.0, bad: float = 0.0
    ) -> list[Exchange]:
        """Return ``n`` requests of the champion, each copied to the candidate."""
        answers = []
        for _ in range(n):
            failed, unlike = self.random.random() < bad, self.random.random() < differ
            copy: dict[str, Any] = (
                {"shadow_error": "ValueError: no"} if failed else {"shadow_outputs": [int(unlike)]}
            )
            answers.append(self._one(table, time, "champion", 0.0, shadow_version=self.candidate, **copy))
        return answers

    def canary(
        self, n: int, share: float, *, table: int, time: datetime, bad: float = 0.0, champion_bad: float = 0.0
    ) -> list[Exchange]:
        """Return ``n`` requests, each given to the candidate by a coin."""
        answers = []
        for _ in range(n):
            arm: Literal["champion", "candidate"] = (
                "candidate" if self.random.random() < share else "champion"
            )
            failed = self.random.random() < (bad if arm == "candidate" else champion_bad)
            answers.append(self._one(table, time, arm, share, error="ValueError: no" if failed else ""))
        return answers

    def _one(
        self,
        table: int,
        time: datetime,
        arm: Literal["champion", "candidate"],
        share: float,
        *,
        error: str = "",
        **shadow: Any,
    ) -> Exchange:
        self.sent += 1
        version = self.candidate if arm == "candidate" else self.champion
        served_by = version if not error else self.champion if arm == "candidate" else None
        return Exchange(
            request_id=f"r{self.sent}",
            time=time,
            endpoint=self.endpoint,
            table_version=table,
            arm=arm,
            share=share,
            version=version,
            served_by=served_by,
            status=200 if served_by else 500,
            error=error,
            latency_ms=1.0,
            inputs=[{"x1": 0.5}],
            outputs=[0] if served_by else None,
            **shadow,
        )
