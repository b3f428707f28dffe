"""The bench and its records: pages, packs, history, playbooks, the journal's own checks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.bench.registering import Registering
from workbench.core.errors import Conflict

if TYPE_CHECKING:
    from datetime import date, datetime

    from workbench.governance.card import ModelCard
    from workbench.governance.history import ModelHistory
    from workbench.governance.pack import PackRecord
    from workbench.journal.checkpoints import Checkpoint
    from workbench.journal.records import Verification
    from workbench.models.records import ModelVersion
    from workbench.playbooks import PlaybookRun
    from workbench.releases.reconciliation import Reconciliation
    from workbench.views.overview import Overview


class Proving(Registering):
    """What others read, and how they check it."""

    def overview(self) -> Overview:
        """Models, versions, verdicts, releases, endpoints and incidents as they stand."""
        from workbench.gates.streams import Look
        from workbench.views.endpoints import endpoints_of, look_beside
        from workbench.views.overview import overview

        entries, now = self.journal.entries(), self.clock.now()
        beside = look_beside(self.settings, endpoints_of(entries), self.traffic, now=now)
        return overview(entries, Look.of(self.settings, now), beside)

    def card(self, model: str | ModelVersion) -> ModelCard:
        """The page for somebody who must decide: what it is, what was found, who said yes, what happened."""
        from workbench.gates.streams import Look
        from workbench.governance.card import assemble_card

        version = self.model(model)
        reports = self._reports(version)
        look = Look.of(self.settings, self.clock.now())
        signed = self.journal.checkpoints()
        return assemble_card(
            version,
            self.journal.entries(),
            reports=reports,
            look=look,
            checkpoint=signed[-1].note if signed else "",
        )

    def pack(self, model: str | ModelVersion, *, to: str | Path = "pack.zip") -> PackRecord:
        """Write the evidence about a version into one file that is verified without this product.

        It holds entries of the journal with their proofs, reports, figures, policies, approvals and an index
        page; never a row of data. That it was made is an entry of the journal, too.

        Args:
            model: the version.
            to: the file; it must not be there.

        Returns:
            Where it is, and the public key that its reader needs beside it.

        Raises:
            Conflict: there is such a file: somebody may have its digest already.
            Tampered: something kept is not as it was written, or the pack would not hold.
            Unavailable: the file cannot be written, or there is no key to sign with.
        """
        from workbench.governance.pack import Sources, make_pack

        if Path(to).exists():
            raise Conflict(f"{Path(to).name} is there already.", remedy="Give another name.", field="to")
        version = self.model(model)
        sources = Sources(root=self.settings.root, reports=self._archive, card=self.card(version))
        return make_pack(version, Path(to), journal=self.journal, sources=sources)

    def history(self, model: str, *, at: datetime | date | str | None = None) -> ModelHistory:
        """Return who was champion of a model at a moment, and every change up to it.

        Args:
            model: the name of the model.
            at: the moment, in UTC where it names no zone; a day means its end. Default: now.
        """
        from workbench.governance.history import history

        return history(self.journal, model, at=at, clock=self.clock)

    def playbook(self, name: str, **parameters: Any) -> PlaybookRun:
        """Run a parameterised notebook and keep what it leaves."""
        from workbench.playbooks import run_playbook

        return run_playbook(name, parameters, settings=self.settings, clock=self.clock)

    def checkpoint(self, *, to: Sequence[str | Path] = ()) -> Checkpoint:
        """Sign the journal as it is now, and hand that out: to ``witnesses`` of the settings, and to others.

        The project does so by itself after whatever matters, such as an approval. One more place is MLflow's
        tag ``workbench.checkpoint``: written by itself where this process has loaded MLflow anyway, and here
        in any case, where the project has one.

        Args:
            to: more places: a folder, a git repository, another person's file.

        Raises:
            InvalidInput: the journal is empty.
            Tampered: the journal does not go on from what was handed out to one of these places.
            Unavailable: there is no key to sign with, or one of these places cannot be written. A witness of
                the settings that cannot is logged.
        """
        from workbench.models import checkpoint_tag

        checkpoint_tag.load(self.settings)
        made = self.journal.checkpoint()
        for place in to:
            self.journal.hand_out(made, Path(place))
        return made

    def verify(self) -> Verification:
        """Recompute the whole journal: every leaf, link and the root."""
        return self.journal.verify()

    def reconcile(self) -> Reconciliation:
        """Hold the gateway's own record of routes against the journal, and name what was never written."""
        from workbench.releases.reconciliation import look

        return look(self._opened, self.clock)
