"""The bench and models: register, waive, compile, look up, and what a version was made of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.bench.rooms import Rooms

if TYPE_CHECKING:
    from datetime import date

    from workbench.models.compiled import Compiled
    from workbench.models.dataset_card import DatasetCard
    from workbench.models.lineage_tree import LineageTree
    from workbench.models.records import ModelVersion, Task, Waiver


class Registering(Rooms):
    """Models, their versions, their lineage."""

    def register(
        self,
        model: Any,
        *,
        name: str,
        train: Any,
        target: str,
        sensitive: Sequence[str] = (),
        task: Task | None = None,
        positive: Any = None,
        source: str = "",
        parents: Sequence[str] = (),
    ) -> ModelVersion:
        """Put a fitted model into the registry, with lineage and a digest of its bytes.

        Args:
            model: a fitted estimator, a function of a frame, a file, or an MLflow folder or URI. Files are
                scanned before they are opened, and a pickle among them needs a waiver: ``bench.waive``.
            name: letters, digits, ``.``, ``_`` and ``-``.
            train: the data it was trained on: reference for drift, and its fingerprint is lineage.
            target: column with the truth.
            sensitive: columns to compare groups by; the model need not read them.
            task: ``classification`` or ``regression``; default: read from the target.
            positive: the positive label of a binary target.
            source: the query or address that ``train`` came from; of a file the path is kept anyway.
            parents: versions it was made from, such as ``["recidivism/2"]``.

        Returns:
            The new version, which is now the alias ``candidate``.
        """
        return self.registry.register(
            model,
            name=name,
            train=train,
            target=target,
            sensitive=sensitive,
            task=task,
            positive=positive,
            source=source,
            parents=parents,
        )

    def waive(self, model: str, *, reason: str, until: date | str, kind: str = "pickle") -> Waiver:
        """Answer for a model that comes as a pickle, until a day. Reading a pickle runs what it holds.

        Args:
            model: the name it is, or will be, registered under.
            reason: why; it is kept for ever.
            until: the last day it holds, as a date or ``"2027-01-31"``.
            kind: what is waived.
        """
        return self.registry.waive(model, kind=kind, reason=reason, until=until)

    def compile(self, model: str | ModelVersion) -> Compiled:
        """Make a copy of a version that answers the same, sooner: gateways use it from their next start on.

        The copy is compared with the model on its example, kept training rows and drawn rows. Only one that
        gives every label, and every number within the recorded tolerance, is used.

        Args:
            model: the version.

        Returns:
            The record of the comparison, or of why there is no copy and the model itself goes on answering.
        """
        from workbench.models.compiled.compiling import compile_version

        return compile_version(
            self.model(model),
            settings=self.settings,
            registry=self.registry,
            journal=self.journal,
            clock=self.clock,
        )

    def model(self, ref: str | ModelVersion) -> ModelVersion:
        """Return a version by ``name`` (the latest), ``name/3``, ``name@champion`` or ``models:/name/3``."""
        return self.registry.version(ref)

    def models(self) -> list[str]:
        """Names of all registered models."""
        return self.registry.names()

    def lineage(self, model: str | ModelVersion) -> LineageTree:
        """What a version was made of: code, data, environment, parameters, and its parents with theirs."""
        from workbench.models.lineage_tree import lineage_tree

        return lineage_tree(self.model(model), self.model)

    def export_lineage(self, model: str | ModelVersion, to: str | Path) -> list[dict[str, Any]]:
        """Say the same as OpenLineage events, of the version and of all it was made from; returns them.

        Args:
            model: the version.
            to: a file, which gets one event in a line, or the address of a server, such as
                ``http://localhost:5000/api/v1/lineage``.

        Raises:
            Unavailable: the server does not take an event, or the file cannot be written.
        """
        from workbench.models.lineage_tree import ancestors
        from workbench.models.openlineage import events, send

        said = events(ancestors(self.model(model), self.model), namespace=self.settings.root.name)
        send(said, to)
        return said

    def dataset_card(self, model: str | ModelVersion) -> DatasetCard:
        """The data a version was trained on: roles, source, fingerprints, known gaps; never a row of it."""
        from workbench.models.dataset_card import dataset_card

        return dataset_card(self.model(model))
