"""Alerts: raised once while they fire, on evidence, and silent where there is too little of it."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from workbench.core.errors import NotFound
from workbench.datasets import Dataset
from workbench.monitoring import Monitoring, check
from workbench.monitoring.records import Alert
from workbench.testing.models import tiny_frame

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_errors_above_the_objective_raise_one_alert_with_its_numbers(watched, exchange):
    watched.capture(exchange(n, failed=n % 20 == 0) for n in range(300))
    [alert] = watched.monitoring.check("limits")
    assert (alert.id, alert.trigger, alert.column) == ("limits-alert-1", "errors", "")
    assert alert.value == 15 / 300
    assert alert.low < alert.value < alert.high
    assert (alert.limit, alert.n) == (0.01, 300)
    assert (alert.since, alert.until) == (NOON, NOON + timedelta(seconds=299))
    assert alert.sentence.startswith("error share 5 % (15 of 300), objective 1 %: evidence ")
    assert alert.sentence.endswith(":1 at threshold 20:1")
    assert Alert.from_json(alert.to_json()) == alert
    assert watched.monitoring.get("limits-alert-1") == alert
    assert watched.monitoring.alerts("limits") == [alert]


def test_what_goes_on_firing_is_one_alert(watched, exchange):
    watched.capture(exchange(n, failed=n % 5 == 0) for n in range(100))
    first = watched.monitoring.check("limits")
    for _ in range(3):
        watched.clock.time += timedelta(minutes=5)
        assert watched.monitoring.check("limits") == first
    later = NOON + 2 * HOUR
    watched.capture(exchange(n, failed=n % 5 == 0, start=later) for n in range(100))
    watched.clock.time = later + timedelta(minutes=5)
    assert watched.monitoring.check("limits") == first
    assert watched.monitoring.alerts("limits") == first
    assert watched.journal.verify().ok


def test_what_stopped_and_comes_back_is_a_new_alert_unless_the_windows_overlap(watched, exchange):
    def look(at: datetime, *, failing: bool) -> list[str]:
        watched.capture(exchange(n, failed=failing and n % 2 == 0, start=at) for n in range(200))
        watched.clock.time = at + timedelta(seconds=200)
        return [alert.id for alert in watched.monitoring.check("limits", window=timedelta(minutes=4))]

    assert look(NOON, failing=True) == ["limits-alert-1"]
    assert look(NOON + HOUR, failing=False) == []
    assert look(NOON + 2 * HOUR, failing=True) == ["limits-alert-2"]
    assert look(NOON + 3 * HOUR, failing=False) == []
    watched.clock.time += timedelta(seconds=1)
    assert [a.id for a in watched.monitoring.check("limits", window=2 * HOUR)] == ["limits-alert-2"]
    kinds = [entry.kind for entry in watched.journal.read("alert/limits")]
    assert kinds == ["alert.raised", "alert.cleared", "alert.raised", "alert.cleared"]


def test_no_traffic_neither_alarms_nor_clears(watched, exchange):
    assert watched.monitoring.check("limits") == []
    watched.capture(exchange(n, failed=True) for n in range(50))
    [alert] = watched.monitoring.check("limits")
    watched.clock.time += 5 * HOUR
    assert watched.monitoring.check("limits") == []
    assert [entry.kind for entry in watched.journal.read("alert/limits")] == ["alert.raised"]
    assert watched.monitoring.alerts("limits") == [alert]


def test_few_requests_say_nothing(watched, exchange):
    watched.capture(exchange(n, failed=True) for n in range(19))
    assert watched.monitoring.check("limits") == []


def test_what_the_client_got_wrong_is_no_failure_of_the_endpoint(watched, exchange):
    watched.capture(
        exchange(n, status=422, error="x1 is text", served_by=None, outputs=None) for n in range(100)
    )
    assert watched.monitoring.check("limits") == []


def test_a_candidate_that_failed_counts_even_when_the_champion_answered(watched, exchange):
    watched.capture(exchange(n, error="timeout", arm="candidate", version=2) for n in range(100))
    assert [alert.value for alert in watched.monitoring.check("limits")] == [1.0]


def test_a_column_that_moved_raises_drift_and_names_it(watched, exchange):
    x1 = np.random.default_rng(0).normal(loc=1.0, size=400)
    watched.capture(exchange(n, x1=float(x)) for n, x in enumerate(x1))
    [alert] = watched.monitoring.check("limits")
    assert (alert.trigger, alert.column, alert.limit) == ("drift", "x1", 0.2)
    assert 0.2 < alert.low < alert.value < alert.high
    assert alert.sentence.startswith("x1 has moved from the training data of limits/1: PSI ")
    assert watched.monitoring.check("limits") == [alert]


def test_columns_that_did_not_move_and_too_few_rows_raise_nothing(watched, exchange):
    x1 = np.random.default_rng(0).normal(size=400)
    watched.capture(exchange(n, x1=float(x)) for n, x in enumerate(x1))
    assert watched.monitoring.check("limits") == []
    frame = watched.traffic.frame("limits").head(100)
    moved = frame.assign(inputs=[[{"x1": 9.0}]] * 100)
    version = watched.registry.version("limits")
    reference = watched.registry.reference(version)
    assert check(moved, endpoint="limits", version=version, reference=reference, now=NOON) == []


def test_a_column_that_went_missing_has_moved(watched, exchange):
    watched.capture(exchange(n, inputs=[{"x1": None}]) for n in range(300))
    [alert] = watched.monitoring.check("limits")
    assert alert.column == "x1"


def test_texts_that_are_mostly_distinct_are_not_compared(watched, exchange):
    frame = tiny_frame(400).assign(name=[f"person {n}" for n in range(400)])
    watched.registry.register(_by_sign, name="named", train=frame[["x1", "name", "y"]], target="y")
    version = watched.registry.version("named")
    assert [c.name for c in version.columns] == ["x1", "name"]
    watched.capture(
        exchange(n, endpoint="named", inputs=[{"x1": float(x), "name": "same"}])
        for n, x in enumerate(frame["x1"])
    )
    assert watched.monitoring.check("named") == []


def _by_sign(frame):
    return (frame["x1"] > 0).astype(int)


def test_an_endpoint_without_a_registered_model_is_watched_for_errors_alone(watched, exchange):
    watched.capture(exchange(n, failed=True, endpoint="other") for n in range(50))
    assert [alert.trigger for alert in watched.monitoring.check("other")] == ["errors"]


@pytest.mark.parametrize("rate", [0.0, 0.005, 0.01])
def test_a_window_within_the_objective_seldom_alarms(rate):
    """The e-value bounds false alarms by 5 % a window, even one that is looked at request by request."""
    from workbench.stats.sequential import log_e_objective

    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(200):
        bad = np.cumsum(rng.random(500) < rate)
        alarms += any(
            log_e_objective(bad[n], n + 1 - bad[n], 0.01) >= math.log(20) for n in range(19, 500, 40)
        )
    assert alarms <= 10


def test_the_objective_and_the_margin_are_the_workbenches_to_set(watched, exchange):
    x1 = np.random.default_rng(0).normal(loc=1.0, size=400)
    watched.capture(exchange(n, x1=float(x), failed=n % 20 == 0) for n, x in enumerate(x1))
    tolerant = Monitoring(
        watched.journal, watched.registry, watched.traffic, watched.clock, objective=0.2, psi_margin=5.0
    )
    assert tolerant.check("limits") == []


def test_an_unknown_alert_is_not_found(watched):
    with pytest.raises(NotFound):
        watched.monitoring.get("limits-alert-1")


def test_checking_one_frame_needs_no_project(watched, exchange):
    watched.capture(exchange(n, failed=True) for n in range(30))
    frame = watched.traffic.frame("limits")
    [alert] = check(frame, endpoint="limits", version=None, reference=None, now=NOON)
    assert (alert.id, alert.n) == ("", 30)
    reference = Dataset.of(tiny_frame(300), target="y")
    version = watched.registry.version("limits")
    assert check(frame.head(0), endpoint="limits", version=version, reference=reference, now=NOON) == []


def test_drift_says_of_how_many_requests_the_rows_were_kept_and_knows_nothing_of_redacted_columns(
    watched, exchange
):
    from workbench.traffic.policy import CapturePolicy

    def capture(policy):
        watched.capture(policy.kept(exchange(n, x1=float(x))) for n, x in enumerate(x1))

    x1 = np.random.default_rng(0).normal(loc=1.0, size=600)
    capture(CapturePolicy(sample=0.5))
    [alert] = watched.monitoring.check("limits")
    frame = watched.traffic.frame("limits")
    kept = int(frame["kept"].sum())
    assert alert.n == kept < 600
    assert f"on {kept} rows (of the {kept} of 600 requests whose rows were kept)" in alert.sentence
    redacted = frame.assign(redacted=[["x1"]] * len(frame))
    version = watched.registry.version("limits")
    reference = watched.registry.reference(version)
    told = {"endpoint": "limits", "version": version, "reference": reference, "now": watched.clock.now()}
    assert check(frame, **told)
    assert check(redacted, **told) == []
