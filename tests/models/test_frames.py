"""What a worker and who started it say to each other: one side is a stranger."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest

from workbench.models import frames


def test_a_message_survives_its_journey_and_a_crafted_one_is_refused():
    pipe = io.BytesIO()
    table = pa.table({"a": [1.5, None], "b": ["x", "ü"]})
    frames.send(pipe, {"method": "predict"}, frames.table_to_bytes(table))
    pipe.seek(0)
    message, content = frames.receive(pipe)
    assert (message, frames.table_of(content)) == ({"method": "predict"}, table)
    with pytest.raises(EOFError):
        frames.receive(pipe)
    for bad in (b"\xff" * 12, b"\0\0\0\2" + bytes(8) + b"[]", b"\0\1\0\0" + bytes(8) + b"[" * 65536):
        with pytest.raises(ValueError):
            frames.receive(io.BytesIO(bad))
    with pytest.raises(ValueError, match="too great"):
        frames.receive(io.BytesIO(b"\0\0\0\2" + bytes(7) + b"\4{}junk"), most=3)


@pytest.mark.parametrize(
    "answers",
    [
        np.array([1, 0, 1]),
        np.array([0.25, np.nan, 1e300]),
        np.array([True, False, True]),
        np.array([0.5, 0.1, 1 / 3], "float32"),
        np.array(["yes", "no", "ü"]),
        np.array([1, None, "x"], object),
        np.array([[0.25, 0.75], [1, 0], [0.5, 0.5]]),
    ],
    ids=lambda answers: str(answers.dtype),
)
def test_answers_come_back_as_they_were_given(answers):
    back = frames.answers_of(*frames.answers_to_bytes(answers), 3)
    assert np.array_equal(back, answers, equal_nan=answers.dtype.kind == "f")
    back[0] = back[1]  # they may be written, as a model's own may


@pytest.mark.parametrize(
    ("message", "content"),
    [
        ({}, b""),
        ({"shape": [3], "kind": "<f8"}, bytes(23)),
        ({"shape": [2], "kind": "<f8"}, bytes(16)),
        ({"shape": [3, 10**9], "kind": "<f8"}, bytes(24)),
        ({"shape": [3, -1], "kind": "<f8"}, bytes(24)),
        ({"shape": [3, 1, 1], "kind": "<f8"}, bytes(24)),
        ({"shape": [True], "kind": "<f8"}, bytes(8)),
        ({"shape": [3], "kind": "O"}, bytes(24)),
        ({"shape": [3], "kind": "labels", "labels": ["x"]}, np.array([0, 0, 1]).tobytes()),
        ({"shape": [3], "kind": "labels", "labels": ["x"]}, np.array([0, 0, -1]).tobytes()),
        ({"shape": [3], "kind": "labels", "labels": [{}]}, bytes(24)),
        ({"shape": [3], "kind": "labels", "labels": 7}, bytes(24)),
        ({"shape": "many", "kind": ["<f8"]}, b""),
    ],
)
def test_answers_that_a_worker_made_up_are_refused(message, content):
    with pytest.raises(ValueError, match="answers"):
        frames.answers_of(message, content, 3)
