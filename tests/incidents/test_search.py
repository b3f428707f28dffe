"""The search finds the first bad of every row that keeps the promise, and sees when the promise is broken."""

from __future__ import annotations

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from workbench.incidents.search import PROBES, SWEEP, search

GOOD, BAD, UNTESTABLE = "good", "bad", "untestable"
MARKS = {"g": GOOD, "b": BAD, "u": UNTESTABLE}


def run(pattern: str):
    asked: list[int] = []

    def test(at: int):
        asked.append(at)
        return MARKS[pattern[at]]

    found = search(len(pattern), test)
    assert len(asked) == len(set(asked)), "a version was scored twice"
    return found


@given(st.integers(2, 400), st.data())
def test_the_first_bad_of_a_monotone_row_is_found_in_about_log2_n_tests(n, data):
    first = data.draw(st.integers(1, n - 1))
    found = run("g" * first + "b" * (n - first))
    assert found.introductions == [(first - 1, first)]
    assert found.monotone
    assert found.searched <= 2 + math.ceil(math.log2(n))
    assert len(found.results) <= (n if n <= SWEEP else found.searched + PROBES)


@given(st.text("gbu", min_size=1, max_size=SWEEP))
def test_all_of_a_short_row_is_tried_and_every_break_of_the_promise_seen(pattern):
    found = run(pattern)
    tested = [(at, MARKS[m]) for at, m in enumerate(pattern) if m != "u"]
    results = [result for _, result in tested]
    assert found.complete
    assert found.tested == tested
    assert found.monotone == (results == sorted(results, reverse=True))  # good before bad
    steps = [(a, b) for (a, x), (b, y) in itertools.pairwise(tested) if (x, y) == (GOOD, BAD)]
    assert found.introductions == steps


@given(st.integers(2, 300), st.data())
def test_versions_that_cannot_be_tested_are_passed_over_and_leave_a_range(n, data):
    first = data.draw(st.integers(1, n - 1))
    untestable = data.draw(st.sets(st.integers(0, n - 1), max_size=n))
    pattern = "".join("u" if at in untestable else "g" if at < first else "b" for at in range(n))
    found = run(pattern)
    good, bad = pattern[:first].rfind("g"), pattern.find("b", first)
    assert found.monotone
    assert found.introductions == ([(good, bad)] if good >= 0 and bad >= 0 else [])
    if found.introductions:
        assert all(at in found.results for at in range(good, bad + 1))


@given(st.text("gb", min_size=SWEEP + 1, max_size=200))
def test_what_is_said_of_a_long_row_is_true_as_far_as_it_was_tried(pattern):
    found = run(pattern)
    results = [MARKS[pattern[at]] for at in sorted(found.results)]
    assert found.monotone == (results == sorted(results, reverse=True))
    assert found.monotone or list(pattern) != sorted(pattern, reverse=True)
    for good, bad in found.introductions[:1]:
        assert bad == good + 1, "the first step is narrowed until nothing is left in it"
        assert (pattern[good], pattern[bad]) == ("g", "b")


def test_a_bad_version_among_good_ones_is_seen_by_the_probes():
    found = run("g" * 10 + "b" * 8 + "g" * 20 + "b" * 12)
    assert not found.monotone
    assert found.introductions[0] == (9, 10)


def test_equal_ends_introduce_nothing():
    assert run("gggg").introductions == []
    assert run("bbb").introductions == []
    assert run("bbg").introductions == []
    assert run("u").tested == []
