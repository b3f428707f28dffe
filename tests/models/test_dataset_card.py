from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.models.dataset_card import DatasetCard, dataset_card
from workbench.testing.models import Threshold, tiny_frame


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    bench = wb.open(tmp_path_factory.mktemp("cards"))
    frame = tiny_frame()
    frame.loc[:4, "group"] = None
    frame["y"] = frame["y"].astype(float)
    frame.loc[198:, "y"] = np.nan
    frame.to_csv(bench.settings.root / "train.csv", index=False)
    bench.register(
        Threshold(), name="told", train=bench.settings.root / "train.csv", target="y", sensitive=["group"]
    )
    bench.register(Threshold(), name="untold", train=tiny_frame()[["x1", "y"]], target="y")
    return bench


def test_every_column_has_its_role(bench):
    card = bench.dataset_card("told")
    assert (card.target, card.features, card.sensitive) == ("y", ("x1",), ("group",))
    assert card.unread == ("x2", "colour")
    assert (card.rows, card.file) == (198, "train.csv")
    assert card.digest == bench.model("told").lineage.data_digest


def test_gaps_are_rows_left_out_values_that_are_missing_and_what_was_not_said(bench):
    assert bench.dataset_card("told").gaps == (
        "2 of 200 rows have no 'y' and were left out.",
        "group: 5 of 198 values are missing.",
    )
    assert bench.dataset_card("untold").gaps == (
        "Where it came from was not said.",
        "No sensitive column was named: groups cannot be compared.",
    )


def test_a_version_from_before_columns_were_written_down_says_so(bench):
    version = bench.model("told")
    old = version.model_copy(update={"lineage": version.lineage.model_copy(update={"data_columns": ()})})
    assert "It was registered before columns were written down." in dataset_card(old).gaps


def test_a_card_is_text_and_reads_back(bench):
    card = bench.dataset_card("told")
    assert str(card).splitlines()[0].startswith("told/1 was trained on 198 rows (")
    assert "gap       group: 5 of 198 values are missing." in str(card)
    assert DatasetCard.from_json(card.to_json()) == card
