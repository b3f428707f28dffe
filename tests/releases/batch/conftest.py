from __future__ import annotations

import pytest

from workbench.releases.batch import Batches


@pytest.fixture
def batches(settings, journal, registry):
    """The project's batches; ``tiny/1`` is the champion."""
    registry.set_alias("tiny", "champion", 1)
    return Batches(settings, journal, registry)


@pytest.fixture
def csv_of(tmp_path):
    """Write lines as a CSV and return its path."""

    def write(*lines: str, name: str = "rows.csv"):
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", "utf-8")
        return path

    return write
