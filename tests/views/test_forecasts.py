from __future__ import annotations

import pytest

from workbench.views.formats import duration


@pytest.mark.parametrize(
    ("minutes", "text"),
    [
        (0.4, "under a minute"),
        (37.2, "37 min"),
        (89.0, "89 min"),
        (150.0, "2.5 h"),
        (1200.0, "20 h"),
        (5 * 1440.0, "5.0 d"),
        (40_000 * 1440.0, "40\u2009000 d"),
        (None, "never"),
        (float("inf"), "never"),
    ],
)
def test_a_stretch_of_time_has_the_unit_that_suits_it(minutes, text):
    assert duration(minutes) == text
