"""Unusual values: answered, told by column in a header, in the record and in the metrics, for microseconds."""

from __future__ import annotations

import time
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.gateway.unusual import Usual, header
from workbench.models.records import Column

COLUMNS = (
    Column(name="age", type="long", low=18, high=90, integer=True),
    Column(name="income", type="double", low=-1.5, high=9e4),
    Column(name="colour", type="string", categories=("blue", "red")),
    Column(name="note", type="string"),
    Column(name="member", type="boolean"),
)
USUAL = Usual.of(COLUMNS)


def outside(*rows):
    names = [column.name for column in COLUMNS]
    cells = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    return USUAL.outside(cells, len(rows))


def test_the_ends_of_the_training_range_are_usual():
    assert outside((18, 9e4, "blue", "anything", True)) == ()
    assert outside((90, -1.5, "red", "", False), (18, 0.0, "blue", "x", True)) == ()


def test_each_column_with_a_value_from_outside_is_named_in_order():
    assert outside((17, 1e308, "mauve", "x", True)) == ("age", "income", "colour")
    assert outside((18, 0.0, "red", "x", True), (91, 0.0, "Red", "x", True)) == ("age", "colour")
    assert outside((18, -1e308, "red", "x", True)) == ("income",)


def test_a_missing_value_is_not_unusual():
    assert outside((None, None, None, None, None)) == ()
    assert outside((None, None, None, None, None), (18, 1e308, "red", None, None)) == ("income",)


@given(
    st.lists(
        st.tuples(st.none() | st.integers(0, 120), st.none() | st.sampled_from(["blue", "red", "x"])),
        min_size=1,
    )
)
def test_many_rows_are_unusual_where_one_of_them_is(rows):
    rows = [(age, 0.0, colour, "", True) for age, colour in rows]
    assert set(outside(*rows)) == {name for row in rows for name in outside(row)}


def test_names_cannot_end_the_header_and_do_not_grow_it():
    hostile = ["a,b", "c\r\nX-Evil: 1", "größe", "%"]
    text = header(hostile)
    assert [unquote(name) for name in text.split(",")] == hostile
    assert text.isascii()
    assert "\n" not in text
    text = header([f"column {n}" for n in range(1000)])
    assert len(text) < 2100
    *names, more = text.split(",")
    assert len(names) + int(more.removeprefix("+")) == 1000
    assert header(["x" * 5000]) == "+1"


def test_a_row_of_twenty_columns_costs_microseconds(capsys):
    numbers = [Column(name=f"n{i}", type="double", low=-3.0, high=3.0) for i in range(15)]
    texts = [Column(name=f"c{i}", type="string", categories=("a", "b", "c")) for i in range(5)]
    usual = Usual.of([*numbers, *texts])
    cells = {column.name: [0.5] for column in numbers} | {column.name: ["b"] for column in texts}
    best = min(_seconds(usual, cells) for _ in range(50))
    with capsys.disabled():
        print(f"\n  a row of 20 columns is looked at in {best * 1e6:.1f} µs")  # noqa: T201
    assert best < 50e-6


def _seconds(usual, cells, n=200):
    start = time.perf_counter()
    for _ in range(n):
        usual.outside(cells, 1)
    return (time.perf_counter() - start) / n


@pytest.fixture(scope="module")
def gateway(gateways, routes):
    return gateways(champion=routes.pipeline)


def ask(gateway, **row):
    status, headers, body = gateway.post(
        {"dataframe_records": [row]}, "/invocations", Content_Type="application/json"
    )
    return status, headers.get("X-Workbench-Unusual"), body


def test_what_training_never_showed_is_answered_and_told(gateway):
    assert ask(gateway, x1=0.1, x2=0.1, colour="red")[:2] == (200, None)
    status, told, body = ask(gateway, x1=1e308, x2=0.1, colour="mauve")
    assert (status, told) == (200, "x1,colour")
    assert body["predictions"] in ([0], [1])
    usual, unusual = gateway.captured(2)
    assert usual.unusual == ()
    assert unusual.unusual == ("x1", "colour")
    assert unusual.inputs == [{"x1": 1e308, "x2": 0.1, "colour": "mauve"}]
    counted = gateway.request("GET", "/metrics")[2].decode().splitlines()
    assert 'workbench_unusual_total{column="x1"} 1.0' in counted
    assert 'workbench_unusual_total{column="colour"} 1.0' in counted
    assert not any('column="x2"' in line for line in counted)


def test_an_answer_that_is_no_number_out_there_is_still_refused(gateway, routes):
    for _ in range(2):  # then no champion from before can answer
        gateway.take(champion=routes.regressor)
    assert ask(gateway, x1=1e308)[:2] == (200, "x1")
    for _ in range(2):
        gateway.take(champion=routes.nan)
    assert ask(gateway, x1=1e308)[:2] == (500, "x1")


def test_who_names_a_version_is_told_too(gateway, routes):
    gateway.take(champion=routes.champion, candidate=routes.pipeline)
    tensor = {"name": "x1", "shape": [1], "datatype": "FP64", "data": [1e9]}
    _, headers, _ = gateway.post({"inputs": [tensor]}, "/v2/models/tiny/versions/1/infer")
    assert headers["X-Workbench-Unusual"] == "x1"
