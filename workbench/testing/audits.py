"""What every audit must keep to, as tests that its author subclasses.

For example::

    class TestShelfLife(AuditContract):
        audit = ShelfLife(days=30)

Run by pytest like any test class. ``subject`` may be overridden where the default data does not fit.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import TypeAdapter

from workbench.audits.base import Audit, Subject, columns_read, options_of
from workbench.audits.records import Evidence
from workbench.audits.runner import run
from workbench.audits.suite import build
from workbench.core import digests
from workbench.core.clock import SystemClock
from workbench.core.errors import InvalidInput
from workbench.core.values import Outcome
from workbench.datasets import fingerprint
from workbench.testing import subjects


class AuditContract:
    """Subclass it, set ``audit``."""

    audit: ClassVar[Any]
    """The audit under test, with the options it is tested with."""
    refused: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """What a person may get wrong: the field an error must name, and the options that are refused for it.

    ``"rows": {"rows": 0}``; a second one for a field is written ``"rows 2"``.
    """

    def subject(self) -> Subject:
        """What it is tried on: a pipeline on generated loans, with a reference and a sensitive column."""
        return subjects.subject()

    def messy_audit(self) -> Any:
        """The audit as it is tried on ``subjects.messy_subject``; override when options name columns."""
        return self.audit

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

    @pytest.mark.parametrize("library", ["pandas", "polars"])
    def test_it_takes_text_labels_three_classes_and_missing_values(self, library: str) -> None:
        subject = subjects.messy_subject(library=library)
        [evidence] = run(subject, [self.messy_audit()], made_by="test", clock=SystemClock())
        assert evidence.outcome is not Outcome.ERROR, evidence.error
        assert evidence.measurements or evidence.notes

    def test_what_it_reads_is_in_the_data(self) -> None:
        subject = self.subject()
        assert set(columns_read(self.audit, subject) or ()) <= set(subject.data.frame.columns)

    def test_bad_options_are_refused_by_name_with_a_remedy(self) -> None:
        for key, options in {**self.refused, "optoin": {"optoin": 1}}.items():
            field = key.split()[0]
            with pytest.raises(InvalidInput) as refusal:
                build(self.audit.name, options)
            assert field in f"{refusal.value.field} {refusal.value}", f"{options}: {refusal.value}"
            assert refusal.value.remedy or field in str(refusal.value)

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
