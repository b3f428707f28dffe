"""Entities of a sticky plan: each counts once in shadow, once under the coins, once for the candidate."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from workbench.journal import Event
from workbench.releases import Status
from workbench.releases.analysis import mismatch
from workbench.releases.observe import Ledger
from workbench.releases.state import STAGE_ENTERED
from workbench.releases.tallies import CanaryTally
from workbench.testing.clock import START
from workbench.testing.releases import Traffic, after, opened, plan
from workbench.traffic import CaptureWriter, TrafficStore

HALF = {"name": "half", "kind": "canary", "weight": 0.5, "min_requests": 50}
MORE = {"name": "more", "kind": "canary", "weight": 0.9, "min_requests": 50}
GREEN = {"name": "green", "kind": "blue_green", "min_requests": 20}
CHAMPION = {"name": "champion", "kind": "champion"}
METRICS = {"errors": {}, "objective": {"at_most": 0.02}}


def sticky(*stages):
    return plan(sticky="x1", metrics=METRICS, stages=[*stages, CHAMPION])


def met(units: str, arm: str, share: float, *, table: int, second: int = 0, error: str = ""):
    """One request of each entity, by the table of a step."""
    made = Traffic(table).canary(len(units), share, table=table, time=START + timedelta(seconds=second))
    version = {"champion": 1, "candidate": 2}[arm]
    return [
        exchange.model_copy(update={"unit": unit, "arm": arm, "version": version, "error": error})
        for exchange, unit in zip(made, units, strict=True)
    ]


@pytest.fixture
def look(tmp_path):
    """Capture these requests and count them in the second step of a plan."""

    def counted(of, *exchanges) -> tuple[Ledger, CanaryTally]:
        writer = CaptureWriter(tmp_path)
        for exchange in exchanges:
            writer.put(exchange)
        writer.close()
        entered = Event(kind=STAGE_ENTERED, payload={"stage": 1, "since_table": 4, "reason": ""})
        ledger, state = Ledger(TrafficStore(tmp_path), "", timedelta()), after(opened(of), [entered])
        return ledger, ledger.read(state, START + timedelta(minutes=1))[1]

    return counted


def test_who_had_the_champion_under_a_coin_counts_once_where_the_candidate_answers_everything(look):
    failed = {"table": 5, "error": "ValueError: no"}
    _, green = look(
        sticky(HALF, GREEN),
        *met("abc", "champion", 0.5, table=2),
        *met("abc", "candidate", 1.0, second=1, **failed),
        *met("abc", "candidate", 1.0, second=2, **failed),
    )
    assert (green.candidate_n, green.candidate_bad) == (3, 3)


def test_whom_the_candidate_was_counted_for_is_not_counted_for_it_again(look):
    ledger, green = look(
        sticky(HALF, GREEN),
        *met("ab", "candidate", 0.5, table=2),
        *met("abc", "candidate", 1.0, table=5, second=1),
        *met("abc", "candidate", 1.0, table=5, second=2),
    )
    assert green.candidate_n == 1
    assert ledger.again(1) == 2


def test_who_was_met_under_an_earlier_coin_is_told_of_and_counts_no_more(look):
    ledger, more = look(
        sticky(HALF, MORE),
        *met("ab", "champion", 0.5, table=2),
        *met("abbc", "candidate", 0.9, table=5, second=1),
    )
    assert (more.candidate_n, ledger.again(0), ledger.again(1)) == (1, 0, 2)


def sessions(share: float, *, hard: float, seed: int):
    """Entities that come once: the candidate's whom a hard time turns away come again, in a calm one."""
    rng, made = np.random.default_rng(seed), Traffic(seed)
    for number, (coin, when) in enumerate(zip(rng.random(2000), rng.random(2000), strict=True)):
        arm, version = ("candidate", 2) if coin < share else ("champion", 1)
        arms = [arm] if when >= hard else ["none", "candidate"] if arm == "candidate" else ["none"]
        for again, of in enumerate(arms):
            [one] = made.canary(1, share, table=2, time=START + timedelta(seconds=number + again))
            yield one.model_copy(update={"arm": of, "version": version, "unit": f"entity-{number}"})


def test_hard_times_void_no_release_in_which_the_coin_was_honest(tmp_path):
    of, store = sticky(HALF, MORE), TrafficStore(tmp_path)
    with closing(CaptureWriter(tmp_path)) as writer:
        for seed in range(3):
            for one in sessions(0.5, hard=0.3, seed=seed):
                writer.put(one.model_copy(update={"endpoint": f"tiny-{seed}"}))
    for seed in range(3):
        state = opened(of)
        state = replace(state, release=state.release.model_copy(update={"endpoint": f"tiny-{seed}"}))
        [found] = Ledger(store, "", timedelta()).read(state, START + timedelta(hours=1))
        assert 1300 < found.n < 1500  # who came in a calm time
        assert mismatch(of, [found]) == ""


class Customers:
    """The same three hundred, who come back."""

    def __init__(self, project) -> None:
        self._project = project
        self._came = 0

    def come(self, *, bad: float = 0.0) -> None:
        now = self._project.table()
        self._came += 1
        source = Traffic(self._came, champion=1, candidate=2, endpoint="tiny")
        made = source.canary(300, now.share, table=now.version, time=self._project.clock.now(), bad=bad)
        self._project.capture([e.model_copy(update={"unit": f"customer-{i}"}) for i, e in enumerate(made)])


def test_harm_to_those_a_canary_has_met_ends_a_release_whose_candidate_answers_everything(project):
    project.open(1)
    release = project.open(2, plan=sticky(HALF, GREEN))
    customers = Customers(project)
    customers.come()
    release = project.releases.tick(release.id)
    assert release.current.name == "green"
    customers.come(bad=1.0)
    release = project.releases.tick(release.id)
    assert release.status is Status.ABORTED
    assert "proved above the objective" in release.reason


def test_a_step_that_meets_nobody_new_says_why_while_it_waits_and_when_it_ends(project):
    project.open(1)
    release = project.open(2, plan=sticky(HALF, MORE))
    customers = Customers(project)
    customers.come()
    release = project.releases.tick(release.id)
    assert release.current.name == "more"
    customers.come()
    release = project.releases.tick(release.id)
    said = "entities that came were counted before and count no more"
    assert said in release.reason
    project.clock.advance(minutes=61)
    release = project.releases.tick(release.id)
    assert release.status is Status.ABORTED
    assert said in release.reason
