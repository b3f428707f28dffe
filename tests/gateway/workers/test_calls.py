"""Which calls are joined: no more than the bound allows, in order, and each gets its own part."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.gateway.workers import wire
from workbench.gateway.workers.calls import Call, Waiting, question, settle

SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=30)


def calls(sizes, *, shadow=False):
    loop = asyncio.new_event_loop()
    made = [Call({"x": [i] * n}, n, False, loop.create_future(), 0.0, shadow) for i, n in enumerate(sizes)]
    loop.close()
    return made


def drained(waiting):
    taken = []
    while part := waiting.next():
        taken.append(part)
    return taken


@given(SIZES, st.floats(0.0001, 0.1), st.floats(0.00001, 0.01))
def test_what_is_joined_should_take_no_longer_than_the_bound(sizes, bound, row):
    waiting = Waiting(bound)
    waiting.took(1, row)
    for call in calls(sizes):
        waiting.add(call)
    taken = drained(waiting)
    assert [call.n for part in taken for call in part] == sizes
    for part in taken:
        assert len(part) == 1 or sum(call.n for call in part) * row <= bound * (1 + 1e-9)


@given(SIZES)
def test_without_a_bound_and_before_anything_was_seen_each_goes_alone(sizes):
    never, unknown = Waiting(0.0), Waiting(1.0)
    never.took(1, 1e-6)
    for waiting in (never, unknown):
        for call in calls(sizes):
            waiting.add(call)
        assert [len(part) for part in drained(waiting)] == [1] * len(sizes)


def test_calls_of_the_shadow_come_last_and_are_not_joined_with_those_that_are_sent():
    waiting = Waiting(1.0)
    waiting.took(1, 1e-6)
    for call in (*calls([1], shadow=True), *calls([2, 3])):
        waiting.add(call)
    assert [[call.n for call in part] for part in drained(waiting)] == [[2, 3], [1]]


def test_what_comes_again_comes_first_and_alone():
    waiting = Waiting(1.0)
    waiting.took(1, 1e-6)
    first, second, third = calls([1, 2, 3])
    waiting.add(third)
    waiting.again([first, second])
    assert drained(waiting) == [[first], [second], [third]]


@given(SIZES)
def test_each_call_gets_its_own_part_of_a_joined_answer(sizes):
    made = calls(sizes)
    asked = question(made)
    assert asked["n"] == sum(sizes)
    settle(made, {"predictions": asked["cells"]["x"], "scores": None})
    assert [call.answer.result().predictions for call in made] == [[i] * n for i, n in enumerate(sizes)]


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"predictions": [1]},
        {"predictions": [1, 2, 3]},
        {"predictions": "ab"},
        {"predictions": [1, 2], "scores": [0.5]},
        {"predictions": {"0": 1, "1": 2}},
    ],
)
def test_what_is_no_answer_to_the_rows_is_not_believed(message):
    made = calls([2])
    with pytest.raises(ValueError, match="no answer"):
        settle(made, message)
    assert not made[0].answer.done()


@given(st.binary(max_size=200), st.integers(1, 50))
def test_frames_that_come_in_pieces_are_put_together(content, piece):
    frame = wire.encode({"x": content.hex()})
    reader = wire.Reader()
    twice = frame + frame
    found = [list(reader.each(twice[i : i + piece])) for i in range(0, len(twice), piece)]
    assert [message for part in found for message in part] == [{"x": content.hex()}] * 2


def test_a_frame_without_end_is_refused_before_it_is_read():
    with pytest.raises(ValueError, match="a frame of"):
        list(wire.Reader().each(b"\xff\xff\xff\xff"))
