"""The contract of an audit: a frozen dataclass whose fields are its options, and one verb, ``measure``."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, runtime_checkable

from workbench.audits.records import Figure, Measurement
from workbench.core.values import Outcome
from workbench.datasets import Dataset
from workbench.models.predictors import Predictor

if TYPE_CHECKING:
    import numpy as np

Answers = TypeVar("Answers")


@dataclass(frozen=True)
class Subject:
    """What is audited: a predictor on data, beside the reference it was trained on.

    What the model answers is asked once and kept: every audit of a run shares it.
    """

    predictor: Predictor
    data: Dataset
    reference: Dataset | None = None
    """Training data with its truth: for drift, baselines, leakage, and the ranges an attack must respect."""
    champion: Predictor | None = None
    """The version in production, to compare with; None when there is none, or when it is the one audited."""
    seed: int = 0
    _asked: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def answers(self) -> np.ndarray:
        """Labels or numbers the model gives for ``data``, shape (n,)."""
        return self._once("answers", lambda: self.predictor.predict(self.data.frame))

    @property
    def scores(self) -> np.ndarray | None:
        """Probability of the positive label for ``data``, shape (n,), or None."""
        return self._once("scores", lambda: self.predictor.scores(self.data.frame))

    @property
    def probabilities(self) -> np.ndarray | None:
        """Probability of every label for ``data``, shape (n, k) in the order of its classes, or None."""
        return self._once("probabilities", lambda: self.predictor.probabilities(self.data.frame))

    @property
    def reference_answers(self) -> np.ndarray | None:
        """Labels or numbers the model gives for ``reference``, or None without one."""
        reference = self.reference
        if reference is None:
            return None
        return self._once("reference_answers", lambda: self.predictor.predict(reference.frame))

    @property
    def reference_scores(self) -> np.ndarray | None:
        """Probability of the positive label for ``reference``, or None without one or the other."""
        reference = self.reference
        if reference is None:
            return None
        return self._once("reference_scores", lambda: self.predictor.scores(reference.frame))

    @property
    def reference_probabilities(self) -> np.ndarray | None:
        """Probability of every label for ``reference``, shape (n, k), or None without one or the other."""
        reference = self.reference
        if reference is None:
            return None
        return self._once("reference_probabilities", lambda: self.predictor.probabilities(reference.frame))

    @cached_property
    def features(self) -> list[str]:
        """Columns the model reads; when it does not say, every column of ``data`` that has no role."""
        return self.predictor.columns or self.data.features

    @property
    def columns(self) -> list[str]:
        """Columns a measure of answers against truth rests on: features, target, prediction and score."""
        data = self.data
        roles = (data.target, data.prediction, data.score)
        return list(dict.fromkeys([*self.features, *(name for name in roles if name is not None)]))

    def seen_by(self, audit: Audit) -> Subject:
        """Return what ``audit`` says that it rests on, and no more: nothing else can make it stale."""
        columns = columns_read(audit, self)
        fewer: dict[str, Any] = {} if getattr(audit, "compares", False) else {"champion": None}
        if columns is not None:
            fewer["data"] = self.data.only(columns)
            fewer["reference"] = self.reference and self.reference.only(columns)
        view = replace(self, **fewer)
        object.__setattr__(view, "_asked", self._asked)
        return view

    def _once(self, what: str, ask: Callable[[], Answers]) -> Answers:
        if what not in self._asked:
            self._asked[what] = ask()
        answers: Answers = self._asked[what]
        return answers


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
    """One audit: a frozen dataclass, from whose fields YAML, forms and CLI help are made.

    It may say more of itself: ``reads(subject)``, the columns it rests on (it is shown no others, and a
    change of the others does not make its evidence stale); ``content()``, a digest of what its options only
    point at, files for instance; ``compares = True``, that it wants to see the champion.
    """

    name: ClassVar[str]

    def applies(self, subject: Subject) -> str:
        """Return why it cannot be done on this subject, or an empty string when it can."""
        ...

    def measure(self, subject: Subject) -> Finding:
        """Measure. What it raises becomes evidence with outcome ``error``."""
        ...


def columns_read(audit: Audit, subject: Subject) -> list[str] | None:
    """Return the columns an audit rests on; None: it does not say, so on every column."""
    reads = getattr(audit, "reads", None)
    return None if reads is None else list(reads(subject))


def options_of(audit: Audit) -> dict[str, Any]:
    """Return an audit's options as JSON values (NaN becomes None)."""
    from pydantic import TypeAdapter

    spec: dict[str, Any] = json.loads(TypeAdapter(type(audit)).dump_json(audit))
    return spec
