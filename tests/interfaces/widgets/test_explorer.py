from __future__ import annotations

import math

import pytest

from workbench.core.errors import InvalidInput
from workbench.interfaces.widgets.explorer import Explorer, explore
from workbench.testing import showcase


@pytest.fixture
def explorer():
    return explore(showcase.report())


def test_it_begins_at_the_threshold_in_use(explorer):
    assert explorer.threshold == showcase.scores().threshold


def test_the_rates_are_those_of_the_counts(explorer):
    explorer.threshold = 0.3
    negative, positive = showcase.scores().counts[0]
    everyone = explorer.rates().iloc[0]
    assert everyone["slice"] == ""
    assert everyone["n"] == sum(negative) + sum(positive)
    assert everyone["true_positive_rate"] == sum(positive[3:]) / sum(positive)
    assert everyone["false_positive_rate"] == sum(negative[3:]) / sum(negative)
    assert everyone["false_negative_rate"] == pytest.approx(1 - everyone["true_positive_rate"])
    assert everyone["selection_rate"] == (sum(positive[3:]) + sum(negative[3:])) / everyone["n"]


def test_a_threshold_between_two_edges_moves_to_the_nearest(explorer):
    explorer.threshold = 0.47
    assert explorer.threshold == 0.5


def test_a_slice_keeps_everyone_and_itself(explorer):
    explorer.slice = "race=Caucasian"
    assert list(explorer.rates()["slice"]) == ["", "race=Caucasian"]
    explorer.slice = "race"
    assert len(explorer.rates()) == 3


def test_an_unknown_slice_is_refused_with_the_nearest(explorer):
    with pytest.raises(InvalidInput, match="race=Caucasian"):
        explorer.slice = "race=Caucasion"


def test_a_report_without_scores_says_what_to_do():
    with pytest.raises(InvalidInput, match="score="):
        explore(showcase.report().model_copy(update={"scores": None}))


def test_without_a_kernel_an_escaped_table_remains():
    scores = showcase.scores().model_copy(update={"slices": ("", showcase.HOSTILE, "race=Caucasian")})
    explorer = Explorer(scores, title=showcase.HOSTILE)
    data, _ = explorer._repr_mimebundle_()
    assert "<img" not in data["text/html"]
    assert "&lt;img" in data["text/html"]
    assert "0.500" in data["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in data


def test_a_slice_without_a_label_has_no_rate_of_it():
    scores = showcase.scores()
    empty = (tuple([0] * 10), scores.counts[0][1])
    explorer = Explorer(scores.model_copy(update={"counts": (empty, *scores.counts[1:])}))
    assert math.isnan(explorer.rates().iloc[0]["false_positive_rate"])


def test_the_bundle_stays_small_for_a_notebook_keeps_it_with_every_output(explorer):
    assert len(explorer._esm) + len(explorer._css) < 50_000
