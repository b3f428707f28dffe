"""What was erased with its event is no suppressed traffic; what is gone without one is named."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import workbench as wb
from workbench.gateway import RoutingTable, read_status, write_table
from workbench.gateway.record import Line, captured, read_record
from workbench.releases.reconciliation import Seen, counts
from workbench.testing.clock import START
from workbench.testing.gateway import GatewayProcess, make_route
from workbench.testing.models import Threshold, tiny_frame
from workbench.traffic import Decided, TrafficStore, segments
from workbench.traffic.removal import PLAN
from workbench.traffic.sending import send

NAME = "tiny"
ROWS = [{"x1": float(number)} for number in range(60)]


def seen(written, there=(), **more):
    decided = [Decided(place, 0.0, 1, 1, None, n, START, START) for place, n in enumerate(there)]
    return Seen(NAME, START, decided=decided, captured=written, **more)


@given(
    there=st.lists(st.integers(1, 10**6)),
    erased=st.integers(0, 10**6),
    more=st.integers(0, 100),
    gone=st.integers(1, 10**6),
)
def test_exactly_what_is_missing_without_an_event_is_named(there, erased, more, gone):
    written = sum(there) + erased
    assert list(counts.problems(seen(written, there, removed=erased))) == []
    assert (
        list(counts.problems(seen(max(0, written - more), there, removed=erased))) == []
    )  # a killed process
    [sentence] = counts.problems(seen(written + gone, there, removed=erased))
    assert f"{gone:,} are gone without" in sentence


def test_nothing_is_said_while_it_cannot_be_known():
    assert list(counts.problems(seen(10, [5], damaged=True))) == []
    assert list(counts.problems(seen(10, [5], removing=True))) == []
    [sentence] = counts.pending(seen(10, [5], removing=True))
    assert "Not yet recorded" in sentence


def test_each_process_begins_to_count_anew_and_a_killed_one_counts_as_far_as_it_told():
    def line(what, n=0):
        return Line(time=START + timedelta(seconds=n), what=what, captured=n)

    told = [line("started"), line("table", 5), line("stopped", 9), line("started"), line("counted", 4)]
    assert captured(told) == 13
    assert captured([*told, line("started"), line("table", 1)]) == 14
    assert captured([]) == 0


# Behind a gateway


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A project whose gateway answered sixty requests in several segments, and stopped."""
    root = tmp_path_factory.mktemp("counted")
    bench = wb.open(root, actor="ada")
    route = make_route(root, Threshold(0.0), tiny_frame()[["x1", "y"]], target="y", name=NAME)
    write_table(bench.settings.state, RoutingTable(endpoint=NAME, version=1, champion=route))
    gateway = GatewayProcess(root, NAME)
    try:
        gateway.wait()
        for place in range(3):
            send(
                read_status(bench.settings.state, NAME).url,
                NAME,
                ROWS[20 * place : 20 * place + 20],
                rate=200,
            )
            time.sleep(0.6)  # a segment is closed meanwhile
        assert gateway.stop() == 0
    finally:
        gateway.end()
    yield bench
    bench.journal.close()


def said(bench):
    return [sentence for sentence in bench.reconcile().problems if "recorded that it wrote" in sentence]


def test_erasing_and_dropping_with_their_events_look_like_nothing_and_without_one_like_what_they_are(served):
    store = TrafficStore.of(served.settings)
    assert captured(read_record(served.settings.state, NAME).lines) == 60
    assert len(store.frame(NAME)) == 60
    assert said(served) == []

    assert served.traffic.erase("x1", 7).exchanges == 1
    assert said(served) == []

    plan = served.settings.state / "traffic" / PLAN
    plan.write_text("{}")  # a removal of somebody else is between its plan and its entry
    assert any("Not yet recorded" in sentence for sentence in served.reconcile().pending)
    plan.unlink()

    name = store.storage.names(NAME)[0]
    whole = store.segment(NAME, name)
    rows_before = whole.num_rows
    assert rows_before >= 2
    body = store.storage.read(NAME, name)
    store.storage.put(NAME, name, segments.encoded(whole.slice(2)))  # its checksums hold, and two are gone
    [sentence] = said(served)
    assert "wrote 60 exchanges; 57 are there" in sentence
    assert "of 1 that were erased or dropped: 2 are gone" in sentence

    store.storage.drop(NAME, name)
    [sentence] = said(served)
    assert f"{rows_before} are gone" in sentence

    store.storage.put(NAME, name, body)
    assert said(served) == []
    time.sleep(0.1)
    dropped = served.traffic.retain(days=1e-6)
    assert dropped.exchanges == 59
    assert said(served) == []
    assert store.frame(NAME).empty
