"""The rooms of an open project, and who acts in it."""

from __future__ import annotations

from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.core import project
from workbench.core.clock import Clock, SystemClock
from workbench.core.errors import Refused
from workbench.core.identity import Identity, Person, identified, whoami
from workbench.core.settings import FILE, Settings
from workbench.journal import Journal

if TYPE_CHECKING:
    from workbench.audits.records import Evidence, Report
    from workbench.deciding import Decisions
    from workbench.incidents import Incidents
    from workbench.models.records import ModelVersion
    from workbench.models.registry import Registry
    from workbench.monitoring import Monitoring
    from workbench.releases import Releases
    from workbench.releases.by_hand import ByHand
    from workbench.releases.gateway_keys import GatewayKeys
    from workbench.traffic.room import Traffic


class Rooms:
    """An open project. Rooms come in when they are first used, so that opening is quick."""

    def __init__(
        self, settings: Settings, *, person: Person | None = None, clock: Clock | None = None
    ) -> None:
        self._opened = settings
        self._given = person
        self.clock: Clock = clock or SystemClock()

    def __repr__(self) -> str:
        asks_nobody = self._given or self._opened.identity == "settings"
        who = f"actor={self.person.name!r}" if asks_nobody else f"identity={self._opened.identity!r}"
        return f"Workbench({str(self._opened.root)!r}, {who})"

    @cached_property
    def person(self) -> Person:
        """Who acts, proven as the settings ask, or vouched for by the server that opened this bench.

        Asked when it is first needed, so that ``kill`` works while a hub is down.
        """
        return self._given or whoami(self._opened)

    @cached_property
    def settings(self) -> Settings:
        """The settings of the project. Their ``actor`` is whoever acts."""
        return self._opened.model_copy(update={"actor": self.person.name})

    def whoami(self) -> Identity:
        """Say who acts, in which groups, and which roles that gives, each with where it comes from.

        This asks anew: a token that has run out, or a group that somebody has left, counts no longer.

        Raises:
            Refused: there is no proof, it does not hold, or it is another person's by now.
            Unavailable: whoever should say so does not answer.
        """
        now = self._given or whoami(self._opened)
        if now.name != self.person.name:
            raise Refused(
                f"{self.person.name} opened this project, and {now.name} acts by now.",
                remedy="Open it again: wb.open()",
                field="actor",
            )
        return identified(now, self.settings)

    @cached_property
    def journal(self) -> Journal:
        """The project's memory. Opened when first asked, so that ``kill`` works while it is damaged."""
        from workbench.journal.opening import open_journal
        from workbench.models.checkpoint_tag import tag

        return open_journal(self.settings, self.clock, handed_to=[partial(tag, self.settings)])

    @cached_property
    def registry(self) -> Registry:
        """Model versions, in MLflow."""
        from workbench.models.registry import Registry

        return Registry(self.settings, self.journal, self.clock)

    @cached_property
    def traffic(self) -> Traffic:
        """Captured exchanges, with their labels."""
        from workbench.traffic.policy import known_key
        from workbench.traffic.room import Traffic
        from workbench.traffic.storage import storage_of

        return Traffic(
            self.settings.state / "traffic",
            self.clock,
            storage_of(self.settings),
            secret=lambda: known_key(self.settings.state),
            journal=lambda: self.journal,
            registry=lambda: self.registry,
            frozen=lambda key: self.incidents.holding(key),  # noqa: PLW0108 - incidents rest on this room
            actor=lambda: self.settings.actor,
        )

    @cached_property
    def releases(self) -> Releases:
        """Candidates on their way to champion."""
        from workbench.releases import Releases

        return Releases(
            self.settings,
            self.journal,
            self.registry,
            self.traffic,
            self.clock,
            permission=lambda state: self.decisions.judge_again(state.allowed),
        )

    @cached_property
    def decisions(self) -> Decisions:
        """Verdicts, approvals, findings and policies."""
        from workbench.deciding import Decisions
        from workbench.journal.keys import signer_of

        return Decisions(
            self.settings,
            self.journal,
            self.registry,
            self.clock,
            signer=signer_of(self.settings),
            evidence=self._evidence,
            vouched=self._vouched,
        )

    @cached_property
    def _by_hand(self) -> ByHand:
        from workbench.releases.by_hand import ByHand

        return ByHand.of(self._opened, self.clock)

    @cached_property
    def gateway_keys(self) -> GatewayKeys:
        """Who may call the gateway."""
        from workbench.releases.gateway_keys import GatewayKeys

        return GatewayKeys(
            self._opened.state,
            self.clock,
            actor=lambda: self.settings.actor,
            journal=lambda: self.journal,
        )

    @cached_property
    def incidents(self) -> Incidents:
        """Frozen failures."""
        from workbench.incidents import Incidents

        return Incidents(self.settings, self.journal, self.registry, self.traffic, self.clock)

    @cached_property
    def monitoring(self) -> Monitoring:
        """Alerts on captured traffic."""
        from workbench.monitoring import Monitoring

        return Monitoring(self.journal, self.registry, self.traffic, self.clock)

    def _vouched(self) -> dict[str, str]:
        """Roles of the actor that the settings do not give, by who vouches for them."""
        now = self.whoami()
        if self.settings.roles and not now.roles and now.note:
            raise Refused(
                f"No role of {now.name} is known: {now.note}.",
                remedy=f"Make the groups known, or give the role to the person: [people] in {FILE}.",
                field="role",
            )
        return {role.name: role.by for role in now.roles if role.by != FILE}

    def _file(self, folder: str, name: str | Path) -> str | Path:
        return project.document(self.settings.root, folder, name)

    @property
    def _archive(self) -> Path:
        return self.settings.state / "reports"

    def _reports(self, version: ModelVersion) -> list[Report]:
        """Every report kept about a version, oldest first."""
        from workbench.audits.archive import kept

        entries = self.journal.read(f"evidence/{version.ref}")
        return [kept(e.payload["report"], self._archive) for e in entries if e.kind == "audit.finished"]

    def _evidence(self, version: ModelVersion) -> list[Evidence]:
        return [e for report in self._reports(version) for e in report.evidence]
