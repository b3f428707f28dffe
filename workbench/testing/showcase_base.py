"""What the showcase's records share: a moment, digests, a model, and a word of markup."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from workbench.core import digests
from workbench.models.records import Column, Lineage, ModelVersion

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOSTILE = '<img src=x onerror="window.wbHacked=1">'


def digest(word: str) -> str:
    """A digest that is alike from run to run."""
    return digests.of_bytes(word.encode())


def model(version: int = 3, name: str = "recidivism") -> ModelVersion:
    """A registered version."""
    return ModelVersion(
        name=name,
        version=version,
        digest=digest(f"{name}/{version}"),
        run_id="0" * 32,
        flavor="sklearn",
        format="skops",
        task="classification",
        target="two_year_recid",
        positive=1,
        classes=(0, 1),
        sensitive=("race", "sex"),
        columns=(
            Column(name="age", type="double", low=18, high=96, integer=True),
            Column(name="priors_count", type="double", low=0, high=38, integer=True),
            Column(name="charge", type="string", categories=("F", "M", HOSTILE)),
        ),
        author="ada",
        created=NOON + timedelta(hours=version),
        lineage=Lineage(
            git_commit="3113580c0ffee",
            git_dirty=version == 3,
            data_digest=digest("train"),
            data_rows=4320,
            python="3.11.7",
            packages={"scikit-learn": "1.9.0", "numpy": "2.4.1"},
        ),
    )
