"""The contract of an audit: a frozen dataclass whose fields are its options, and one verb, ``measure``."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, runtime_checkable

from workbench.audits.records import Figure, Measurement
from workbench.core.values import Outcome
from workbench.datasets import Dataset
from workbench.models.predictors import Predictor


@dataclass(frozen=True)
class Subject:
    """What is audited: a predictor on data, beside the reference it was trained on."""

    predictor: Predictor
    data: Dataset
    reference: Dataset | None = None
    """Training data, for drift and for the ranges an attack must respect."""
    seed: int = 0


@dataclass(frozen=True)
class Finding:
    """What ``measure`` returns; the runner adds who, when and digests and makes ``Evidence`` of it."""

    measurements: list[Measurement]
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    outcome: Outcome = Outcome.MEASURED
    libraries: tuple[str, ...] = ()
    """Distributions whose versions matter to the numbers."""


@runtime_checkable
class Audit(Protocol):
    """One audit: a frozen dataclass, from whose fields YAML, forms and CLI help are made."""

    name: ClassVar[str]

    def applies(self, subject: Subject) -> str:
        """Return why it cannot be done on this subject, or an empty string when it can."""
        ...

    def measure(self, subject: Subject) -> Finding:
        """Measure. What it raises becomes evidence with outcome ``error``."""
        ...


def options_of(audit: Audit) -> dict[str, Any]:
    """Return an audit's options as JSON values (NaN becomes None)."""
    from pydantic import TypeAdapter

    spec: dict[str, Any] = json.loads(TypeAdapter(type(audit)).dump_json(audit))
    return spec
