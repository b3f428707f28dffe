"""The bench and evidence: audits, explanations, and what is kept of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.auditing import examine
from workbench.bench.registering import Registering
from workbench.core.errors import NotFound
from workbench.journal import Event

if TYPE_CHECKING:
    from workbench.audits.explanation_records import Decision
    from workbench.audits.memory import Kept
    from workbench.audits.records import Evidence, Report
    from workbench.audits.runner import Progress
    from workbench.audits.suite import Suite
    from workbench.models.predictors import Predictor
    from workbench.models.records import ModelVersion


class Auditing(Registering):
    """Measures versions."""

    def audit(
        self,
        model: str | ModelVersion,
        *,
        on: Any,
        audits: Any = None,
        seed: int = 0,
        n_jobs: int = 1,
        fresh: bool = False,
        progress: Progress | None = None,
    ) -> Report:
        """Audit a registered version on data and keep the evidence, of an interrupted run what was finished.

        What was measured before on the same model, columns, options and code is recalled, not measured again.
        Audits that compare do so with the champion of that name.

        Args:
            model: the version.
            on: data with the target and the sensitive columns.
            audits: as in ``wb.audit``. Cases saved from incidents in ``cases/`` are always run.
            seed: of every random draw.
            n_jobs: audits run side by side in so many processes, -1 for one a core.
            fresh: measure everything again.
            progress: called with an ``audits.Step`` when an audit starts and when it has finished.
        """
        from workbench.datasets import Dataset

        version = self.model(model)
        data = Dataset.of(
            on,
            target=version.target,
            sensitive=version.sensitive,
            positive=version.positive,
            task=version.task,
        )
        suite = self._suite(audits, version)
        report = examine(
            self.registry.load(version),
            data,
            self.registry.reference(version),
            audits=suite,
            seed=seed,
            made_by=self.settings.actor,
            code="import workbench as wb\n\nbench = wb.open()\n"
            f"bench.audit({version.ref!r}, on=data, seed={seed})",
            n_jobs=n_jobs,
            progress=progress,
            model=version,
            champion=self._champion(version) if any(getattr(a, "compares", False) for a in suite) else None,
            memory=None if fresh else self._memory(version),
            clock=self.clock,
        )
        self._keep(report, version)
        return report

    def explain(
        self,
        model: str | ModelVersion,
        row: Any,
        *,
        data: Any = None,
        wanted: Any = None,
        immutable: Sequence[str] | None = None,
        rising: Sequence[str] = (),
        falling: Sequence[str] = (),
        seed: int = 0,
    ) -> Decision:
        """Say why a version answers one row as it does, and which nearest change gets another answer.

        What is typical is read from the kept training data. Nothing about the row is kept.

        Args:
            model: the version.
            row: columns and values as a mapping, a Series or a frame of one row; or a place, counted from 0,
                in ``data``.
            data: where a place is counted. Default: the kept training data. Where none is kept, it also says
                what is typical.
            wanted: the label to get, or ``(low, high)`` of a regression. Default: any other label.
            immutable: columns that must stay. Default: the sensitive ones.
            rising: columns that may only rise.
            falling: columns that may only fall.
            seed: of every random draw.

        Raises:
            InvalidInput: the row does not fit the model, an unknown column or label, or the row gets the
                wanted answer as it is.
        """
        from workbench.explaining import decision

        version = self.model(model)
        return decision(
            version,
            self.registry.load(version),
            self.registry.reference(version),
            row,
            data=data,
            wanted=wanted,
            immutable=immutable,
            rising=rising,
            falling=falling,
            seed=seed,
            asked_by=self.settings.actor,
            clock=self.clock,
        )

    def evidence(self, model: str | ModelVersion) -> list[Evidence]:
        """Every piece of evidence kept about a version, oldest first, checked against its digest."""
        return self._evidence(self.model(model))

    def reports(self, model: str | ModelVersion) -> list[Report]:
        """Every report kept about a version, oldest first.

        Raises:
            Tampered: a kept report is not what the journal recorded.
        """
        return self._reports(self.model(model))

    def _suite(self, audits: Any, version: ModelVersion) -> Suite:
        """Whatever suite was asked for, and the saved cases of this model."""
        from workbench.audits import load_suite
        from workbench.audits.cases import load_cases

        spec = self._file("suites", audits) if isinstance(audits, str | Path) else audits
        own = self.settings.root / "suites" / "default.yaml"
        default = own if own.is_file() else None
        return load_suite(
            spec, default=default, cases=load_cases(self.settings.root / "cases", model=version.name)
        )

    def _champion(self, version: ModelVersion) -> tuple[ModelVersion, Predictor] | None:
        """The version in production, when that is another one."""
        try:
            champion = self.registry.version(f"{version.name}@champion")
        except NotFound:
            return None
        return None if champion.digest == version.digest else (champion, self.registry.load(champion))

    def _memory(self, version: ModelVersion) -> Kept:
        from workbench.audits.memory import Kept

        entries = self.journal.read(f"evidence/{version.ref}")
        return Kept([e.payload for e in entries if e.kind == "audit.finished"], self._archive)

    def _keep(self, report: Report, version: ModelVersion) -> None:
        """Write the report under its digest, then the fact into the journal."""
        from workbench.audits.archive import keep
        from workbench.audits.memory import entry_of

        event = Event(
            kind="audit.finished",
            subjects=(version.digest, report.data_digest),
            payload={
                "model": version.ref,
                "report": keep(report, self._archive),
                "outcome": str(report.outcome),
                "rows": report.rows,
                "audits": {e.audit: str(e.outcome) for e in report.evidence},
                **entry_of(report),
            },
        )
        self.journal.append(f"evidence/{version.ref}", event)
