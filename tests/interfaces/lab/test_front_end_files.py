"""What the front end's own tests read was written by Python, and is as Python would write it now."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.testing import showcase
from workbench.views import formats, summary

TESTING = Path(__file__).parents[3] / "extensions" / "ui" / "src" / "testing"


def test_the_records_it_draws_are_real_ones():
    committed = (TESTING / "showcase.json").read_text(encoding="utf-8")
    assert committed == showcase.as_json(), (
        "run: python -m workbench.testing.showcase extensions/ui/src/testing/showcase.json"
    )


@pytest.mark.parametrize("case", json.loads((TESTING / "format.cases.json").read_text(encoding="utf-8")))
def test_numbers_are_written_as_the_front_end_writes_them(case):
    assert formats.number(case["value"], case["unit"]) == case["text"]


@pytest.mark.parametrize("case", json.loads((TESTING / "duration.cases.json").read_text(encoding="utf-8")))
def test_stretches_of_time_are_written_as_the_front_end_writes_them(case):
    assert formats.duration(case["minutes"]) == case["text"]


@pytest.mark.parametrize("case", json.loads((TESTING / "value.cases.json").read_text(encoding="utf-8")))
def test_values_of_a_row_are_written_as_the_front_end_writes_them(case):
    assert formats.value(case["value"]) == case["text"]


@pytest.mark.parametrize("case", json.loads((TESTING / "signed.cases.json").read_text(encoding="utf-8")))
def test_numbers_that_add_up_are_written_as_the_front_end_writes_them(case):
    places = formats.places(case["values"])
    assert [formats.signed(value, places) for value in case["values"]] == case["texts"]


@pytest.mark.parametrize(
    "case", json.loads((TESTING / "estimate.cases.json").read_text(encoding="utf-8")), ids=str
)
def test_values_and_intervals_are_written_as_the_front_end_writes_them(case):
    assert list(formats.estimate(*case["given"])) == case["texts"]


@pytest.mark.parametrize("case", json.loads((TESTING / "change.cases.json").read_text(encoding="utf-8")))
def test_differences_are_written_as_the_front_end_writes_them(case):
    assert formats.change(case["value"], case["unit"]) == case["text"]


def test_a_report_is_summed_up_as_the_front_end_sums_it_up():
    cases = json.loads((TESTING / "summary.cases.json").read_text(encoding="utf-8"))
    evidence = showcase.records()["report"].evidence
    assert {audit: list(metrics) for audit, metrics in summary.LEADS.items()} == cases["leads"]
    assert list(summary.LEAST) == cases["least"]
    assert summary.outcomes(evidence) == cases["outcomes"]
    assert [
        {
            "headlines": [[m.metric, m.slice] for m in summary.headlines(e)],
            "tally": summary.tally(e),
            "taken": summary.taken(e),
        }
        for e in evidence
    ] == cases["evidence"]
