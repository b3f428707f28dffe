"""What every audit must keep to, as tests that its author subclasses.

For example::

    class TestShelfLife(AuditContract):
        audit = ShelfLife(days=30)

Run by pytest like any test class. ``subject`` may be overridden where the default data does not fit.
"""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import TypeAdapter

from workbench.audits.base import Audit, Subject, options_of
from workbench.audits.records import Evidence
from workbench.audits.runner import run
from workbench.core import digests
from workbench.core.clock import SystemClock
from workbench.core.values import Outcome
from workbench.datasets import fingerprint
from workbench.testing import subjects


class AuditContract:
    """Subclass it, set ``audit``."""

    audit: ClassVar[Any]
    """The audit under test, with the options it is tested with."""

    def subject(self) -> Subject:
        """What it is tried on: a pipeline on generated loans, with a reference and a sensitive column."""
        return subjects.subject()

    def evidence(self) -> Evidence:
        """Run the audit once."""
        [evidence] = run(self.subject(), [self.audit], made_by="test", clock=SystemClock())
        return evidence

    def test_it_is_a_frozen_dataclass_with_a_name(self) -> None:
        assert isinstance(self.audit, Audit)
        assert self.audit.name
        option = next((f.name for f in dataclasses.fields(type(self.audit))), "name")  # type: ignore[arg-type]
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(self.audit, option, None)

    def test_every_option_has_a_default_and_survives_yaml(self) -> None:
        audit = type(self.audit)
        built = TypeAdapter(audit).validate_python(json.loads(json.dumps(options_of(audit()))))
        assert built == audit()

    def test_it_measures_what_it_says_it_can(self) -> None:
        assert self.audit.applies(self.subject()) == ""
        evidence = self.evidence()
        assert evidence.outcome is not Outcome.ERROR, evidence.error
        assert evidence.measurements

    def test_a_value_lies_in_its_interval_and_has_an_n(self) -> None:
        for m in self.evidence().measurements:
            assert m.n >= 0
            assert m.value is not None or m.note, f"{m.metric}: no value and no reason"
            if m.value is not None and m.low is not None and m.high is not None:
                assert m.low - 1e-12 <= m.value <= m.high + 1e-12, f"{m.metric} {m.slice}"

    def test_metric_and_slice_name_one_measurement(self) -> None:
        names = [(m.metric, m.slice) for m in self.evidence().measurements]
        assert len(names) == len(set(names))

    def test_the_same_seed_gives_the_same_numbers(self) -> None:
        assert self.evidence().measurements == self.evidence().measurements

    def test_the_evidence_can_be_hashed_and_read_back(self) -> None:
        evidence = self.evidence().model_copy(update={"started": datetime(2026, 1, 1, tzinfo=UTC)})
        assert digests.of_json(evidence.model_dump(mode="json"))
        assert Evidence.from_json(evidence.to_json()) == evidence

    def test_it_leaves_data_and_global_draws_as_they_were(self) -> None:
        subject = self.subject()
        rows, draws = fingerprint(subject.data.frame), _global_state()
        run(subject, [self.audit], made_by="test", clock=SystemClock())
        assert fingerprint(subject.data.frame) == rows
        assert _global_state() == draws


def _global_state() -> str:
    return str(np.random.get_state(legacy=False))  # noqa: NPY002 - the generator that libraries share
