"""The same file on a Ray cluster that lives as long as the run."""

from __future__ import annotations

import pytest


@pytest.mark.slow
def test_ray_gives_the_same_bytes_as_one_process(batches, csv_of, tmp_path):
    source = csv_of("x1", *(str(at / 10 - 3) for at in range(60)))
    batches.score("tiny", source, tmp_path / "one.csv")
    run = batches.score("tiny", source, tmp_path / "ray.csv", rows=20, jobs=2, backend="ray")
    assert run.scored == 60
    assert (tmp_path / "ray.csv").read_bytes() == (tmp_path / "one.csv").read_bytes()
