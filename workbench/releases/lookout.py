"""The lookout: gathers everything that the controller looks at, from traffic, target, people and the gate."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from operator import attrgetter
from typing import TYPE_CHECKING

from workbench.core.clock import Clock
from workbench.core.errors import Unavailable
from workbench.core.values import Outcome
from workbench.gates.records import Verdict
from workbench.models.records import ModelVersion
from workbench.releases import controller, losses, watching
from workbench.releases.analysis import Observations
from workbench.releases.losses import NOTHING_LOST, Losses
from workbench.releases.observe import Ledger
from workbench.releases.people import Voices
from workbench.releases.permission import Permission
from workbench.releases.records import Release
from workbench.releases.state import State
from workbench.releases.targets.base import Target, TargetStatus
from workbench.releases.watching import NOT_YET, Watched

if TYPE_CHECKING:
    from workbench.models.registry import Registry
    from workbench.traffic import TrafficStore


class Lookout:
    """Looks at releases. What it remembers saves reading; another one sees the same.

    Args:
        registry: tells who the author of a candidate is.
        traffic: captured exchanges.
        target: what is in force, refused or killed.
        voices: who has said yes.
        permission: asks the gate again at the door to champion.
        clock: for how old an exchange must be to count, and how long a stage was watched.
        age: how old that is.
    """

    def __init__(
        self,
        registry: Registry,
        traffic: TrafficStore,
        target: Target,
        *,
        voices: Voices,
        permission: Permission,
        clock: Clock,
        age: timedelta,
    ) -> None:
        self._registry = registry
        self._traffic = traffic
        self._target = target
        self._voices = voices
        self._permission = permission
        self._clock = clock
        self._age = age
        self._ledgers: dict[str, Ledger] = {}
        self._losses: dict[tuple[str, int], Losses] = {}
        self._watches: dict[tuple[str, int], Watched] = {}
        self._versions: dict[str, ModelVersion] = {}

    def look(self, state: State) -> Observations:
        """Return what there is to see of a release that is under way.

        Raises:
            Tampered: captured traffic is damaged.
            Unavailable: the journal does not answer.
        """
        release, status = state.release, self._target.status(state.release.endpoint)
        ledger = self._ledgers.setdefault(release.id, Ledger(self._traffic, state.cursor, self._age))
        tallies = ledger.read(state, self._clock.now())
        latency_ms, latency_requests = ledger.thresholds(state)
        seen = Observations(
            tallies=tallies,
            again=ledger.again(release.stage),
            exchanges=ledger.exchanges(release.stage),
            losses=self._lost(state, status),
            latency_ms=latency_ms,
            latency_requests=latency_requests,
            table_version=status.version,
            serving=status.alive,
            refused=status.refused,
            killed=status.killed,
            approved=self._approved(release),
            watched=self._watched(state, tallies[-1].exposure),
        )
        if controller.at_the_door(state, seen):
            seen = replace(seen, permission=self._asked(state))
        return seen

    def _asked(self, state: State) -> Verdict:
        """The gate's word; that it cannot be asked now is none, and no reason to end the release."""
        try:
            return self._permission(state)
        except Unavailable as error:
            if error.field == "journal":
                raise
            silent = {"outcome": Outcome.INCONCLUSIVE, "reason": f"it cannot be asked now. {error.message}"}
            return state.allowed.model_copy(update=silent)

    def _approved(self, release: Release) -> dict[str, tuple[str, ...]]:
        """Who has said yes to the next stage: nobody, while the registry cannot say who the author is."""
        if not release.stages[release.stage + 1].approvals:
            return {}
        if release.candidate not in self._versions:
            try:
                self._versions[release.candidate] = self._registry.version(release.candidate)
            except Unavailable:
                return {}
        return self._voices.counting(release, self._versions[release.candidate])

    def _lost(self, state: State, status: TargetStatus) -> Losses:
        """What of the stage could not be kept, as counted here, or as another controller has written."""
        key = (state.release.id, state.release.stage)
        here = self._losses.get(key, NOTHING_LOST)
        last = max(here, state.losses, key=lambda known: (known.process != "", known.lost))
        found = self._losses[key] = losses.look(last, counted=status.lost, process=status.process)
        return found

    def _watched(self, state: State, exposure: int) -> Watched:
        """How long the stage was watched, by this process or by another that has written more."""
        key = (state.release.id, state.release.stage)
        last = max(self._watches.get(key, NOT_YET), state.watched, key=attrgetter("seconds", "exposure"))
        now, boot = self._clock.monotonic(), watching.this_boot()
        found = self._watches[key] = watching.look(last, exposure, now=now, boot=boot)
        return found
