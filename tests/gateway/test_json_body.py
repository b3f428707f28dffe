"""JSON is read one way or refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.gateway.json_body import MOST_DEEP, parse
from workbench.gateway.problems import Problem
from workbench.testing.gateway import status_of

texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
)


@given(values)
def test_valid_json_is_read_as_python_reads_it(value):
    text = json.dumps(value)
    assert parse(text.encode()) == json.loads(text)


@given(st.binary())
def test_any_bytes_are_read_or_refused_with_400(body):
    assert status_of(parse, body) in (None, 400)


@given(st.text(alphabet='[]{}":,\\ u0dD8', max_size=300))
def test_any_text_of_the_alphabet_of_json_is_read_or_refused_with_400(text):
    assert status_of(parse, text.encode()) in (None, 400)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b'{"a": 1} {"b": 2}', "not valid JSON"),
        (b'{"a": 1, "b": 2, "a": 3}', "'a' comes twice"),
        (b'{"o": {"a": 1, "a": 1}}', "'a' comes twice"),
        (b'"\xff"', "not valid UTF-8"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\udfff": 1}', "surrogate"),
        (b"[" * 50_000 + b"]" * 50_000, "deeper"),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "deeper"),
        (b"[" * 1_000_000, "deeper"),
        (b"1" * 5000, "too long"),
    ],
)
def test_what_two_readers_could_read_differently_is_refused(body, reason):
    with pytest.raises(Problem, match=reason) as refused:
        parse(body)
    assert refused.value.status == 400


def test_depth_is_counted_in_brackets_outside_of_text():
    assert parse(json.dumps(["[{" * 500]).encode()) == ["[{" * 500]
    assert parse(json.dumps(['"[' * 500]).encode()) == ['"[' * 500]
    deep = b"[" * MOST_DEEP + b"]" * MOST_DEEP
    assert parse(b"[" + deep[1:-1] + b"]") is not None
    with pytest.raises(Problem, match="deeper"):
        parse(b"[" + deep + b"]")


def test_emoji_nul_and_surrogate_pairs_are_kept():
    assert parse('"\\u0000 😀 \\ud83d\\ude00"'.encode()) == "\0 😀 😀"


def test_a_megabyte_of_quotes_and_backslashes_takes_no_time():
    import time

    start = time.process_time()
    for body in (b'\\"' * 500_000, b'"' * 1_000_000, b"[" * 100 + b'"\\' * 400_000, b"[]" * 500_000):
        with pytest.raises(Problem):
            parse(body)
    assert time.process_time() - start < 2
