"""When a worker is too large: not for what its model needs by nature, and not again and again without a pause."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.gateway.workers.growth import FIRST_PATIENCE, LONGEST_PATIENCE, Growth

WATERMARK = 1000


def grown(opened, patience=FIRST_PATIENCE):
    return Growth(WATERMARK, opened, since=100.0, patience=patience)


def test_a_small_model_may_grow_to_the_watermark():
    assert not grown(200).too_large(1000, 200.0)
    assert grown(200).too_large(1001, 200.0)


@given(st.integers(0, 2 * WATERMARK - 8))
def test_a_model_of_any_size_is_left_alone_at_its_size_and_replaced_before_its_allocations_fail(opened):
    assert not grown(opened).too_large(opened, 1e9)
    assert max(opened, WATERMARK - 1) < grown(opened).bound < 2 * WATERMARK


@pytest.mark.parametrize(("seconds", "replaced"), [(0.4, False), (0.5, True), (60.0, True)])
def test_a_new_worker_is_left_alone_for_a_moment(seconds, replaced):
    assert grown(200).too_large(1500, 100.0 + seconds) is replaced


def test_who_is_too_large_at_once_each_time_is_left_alone_for_longer_and_longer():
    now, growth, lived = 0.0, Growth(WATERMARK), []
    for _ in range(10):
        growth = growth.begun(200, now)
        while not growth.too_large(1500, now):
            now += 0.5
        lived.append(now - growth.since)
        growth = growth.next(now)
    assert lived == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, *[LONGEST_PATIENCE] * 4]


def test_a_leak_that_takes_its_time_is_never_waited_for():
    growth = grown(200)
    for _ in range(10):
        growth = growth.begun(200, 100.0)
        assert growth.too_large(1001, 110.0)
        growth = growth.next(110.0)
        assert growth.patience == FIRST_PATIENCE
