"""What was never captured cannot be replayed, and is said; what was sampled out is counted."""

from __future__ import annotations

from datetime import timedelta

import pytest

from workbench.core.errors import InvalidInput, Unavailable
from workbench.traffic.policy import DIGEST, CapturePolicy
from workbench.traffic.removal import Key


def frozen(here, exchange, policy):
    """An incident over forty requests that were captured under a policy."""
    put = [exchange(n, float(n) - 20, inputs=[{"x1": float(n) - 20, "group": "a"}]) for n in range(40)]
    here.capture(map(policy.kept, put))
    window = (put[0].time - timedelta(seconds=1), put[-1].time + timedelta(seconds=1))
    return here.incidents.open("odd", window=window, endpoint="limits")


@pytest.mark.parametrize(
    "policy", [CapturePolicy(redact=frozenset({"x1"})), CapturePolicy(subject="x1", key=b"k" * 32)]
)
def test_rows_without_a_column_that_every_version_reads_are_not_replayed(here, exchange, policy):
    incident = frozen(here, exchange, policy)
    assert incident.redacted == ("x1",)
    assert any("'x1'" in note for note in incident.notes)
    for ask in (here.incidents.replay, here.incidents.bisect):
        with pytest.raises(InvalidInput, match="x1: no value of this column was captured") as refused:
            ask(incident)
        assert refused.value.field == "x1"
        assert "rows=" in refused.value.remedy
    with pytest.raises(InvalidInput, match="x1"):
        here.incidents.save_case(incident, name="odd", expected_from=1, folder=here.root / "cases")


def test_a_column_that_no_version_reads_may_be_missing(here, exchange):
    incident = frozen(here, exchange, CapturePolicy(subject="group", key=b"k" * 32))
    frame = here.incidents.rows(incident)
    assert all(cell.startswith(DIGEST) for cell in frame["group"])
    report = here.incidents.replay(incident)
    assert [column.n for column in report.columns] == [40] * 4
    assert here.incidents.holding(Key("group", "a", secret=b"k" * 32)) == [incident.id]
    assert here.incidents.holding(Key("group", "a", secret=b"other")) == []
    with pytest.raises(Unavailable, match="digests stand for 'group'"):
        here.incidents.holding(Key("group", "a"))


def test_an_incident_says_of_how_many_requests_the_rows_were_kept(here, exchange):
    incident = frozen(here, exchange, CapturePolicy(sample=0.5))
    assert 0 < incident.requests == incident.rows < 40
    said = f"The rows of {incident.rows} of 40 requests were captured (capture_sample)."
    assert said in incident.notes
    assert [column.n for column in here.incidents.replay(incident).columns] == [incident.rows] * 4


def test_a_window_without_any_rows_is_refused(here, exchange):
    with pytest.raises(InvalidInput, match="none of its 40 requests were captured") as refused:
        frozen(here, exchange, CapturePolicy(sample=0.0))
    assert "capture_sample" in refused.value.remedy
