import threading

import numpy as np
import pytest

from workbench.audits.parts.robustness.gather import Ask, gather


def doubled(questions):
    return [points * 2 for _, points in questions]


def test_searches_of_different_length_are_answered_together():
    seen: dict[int, list[float]] = {0: [], 1: [], 2: []}

    def search(i: int):
        def run(ask: Ask) -> None:
            for step in range(i + 1):
                seen[i] += ask(np.array([float(10 * i + step)])).tolist()

        return run

    rounds = gather([search(0), search(1), search(2)], doubled)
    assert rounds == 3  # as many calls as the longest search asks, not six
    assert seen == {0: [0.0], 1: [20.0, 22.0], 2: [40.0, 42.0, 44.0]}


def test_only_one_search_runs_at_a_time_and_always_in_the_same_order():
    def draws() -> list[float]:
        drawn: list[float] = []

        def run(ask: Ask) -> None:
            for _ in range(3):
                drawn.append(rng.random())
                ask(np.zeros(1))

        rng = np.random.default_rng(0)
        gather([run] * 5, doubled)
        return drawn

    assert draws() == draws()


def test_a_search_that_raises_stops_the_others_and_is_heard():
    def waits(ask: Ask) -> None:
        while True:
            ask(np.zeros(1))

    def raises(ask: Ask) -> None:
        ask(np.zeros(1))
        raise ZeroDivisionError

    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        gather([waits, raises, waits], doubled)
    assert threading.active_count() == before


def test_an_interruption_of_the_model_stops_every_search():
    def waits(ask: Ask) -> None:
        while True:
            ask(np.zeros(1))

    def interrupted(questions):
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        gather([waits] * 3, interrupted)
    assert threading.active_count() == before


def test_no_search_asks_nothing():
    assert gather([], doubled) == 0
