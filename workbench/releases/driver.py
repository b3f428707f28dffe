"""The driver: reads the journal and the traffic, asks the controller, appends, then moves traffic.

Every effect follows its entry and can be done again, so a process that dies anywhere leaves either nothing
or an entry whose effect the next tick makes good. A controller acts under a lease (``lease.py``); people
act without one: of two who saw the same state one gets to append, and a routing is set only over the one
that was seen before the journal was read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.core import plugins
from workbench.core.clock import Clock
from workbench.core.errors import Conflict, NotFound, Refused, Tampered, Unavailable, WorkbenchError
from workbench.core.settings import Settings
from workbench.gates.records import StageApproval, StageRevocation, Verdict
from workbench.journal import Event, Journal, Signer
from workbench.models.records import ModelVersion
from workbench.models.references import require_name
from workbench.releases import controller, permission, routes
from workbench.releases.by_hand import ByHand
from workbench.releases.drilling import Drilling, Progress
from workbench.releases.drills import Drills
from workbench.releases.drills_records import Drill
from workbench.releases.effects import ENDPOINT_REVIVED, Effects, retried
from workbench.releases.intents import Intents
from workbench.releases.lease import Lease, Leases
from workbench.releases.looking import Looking
from workbench.releases.lookout import Lookout
from workbench.releases.opener import Candidacy, Opener
from workbench.releases.people import Said, Voices, Word
from workbench.releases.permission import Permission, Unmoved
from workbench.releases.plan import Plan, load_plan
from workbench.releases.records import Release, Status
from workbench.releases.state import ABORTED, PAUSED, PROMOTED, RESUMED, State
from workbench.releases.targets.base import Target

if TYPE_CHECKING:
    from workbench.models.registry import Registry
    from workbench.traffic import TrafficStore

#: Seconds beyond the gateway's deadline until an exchange is surely on disk.
_CAPTURE_SECONDS = 1.5
#: Seconds to wait while another controller takes its step.
_PATIENCE = 5.0


class Releases(Looking):
    """Candidates on their way to champion.

    Args:
        settings: the project.
        journal: its memory.
        registry: where versions and the alias ``champion`` are.
        traffic: captured exchanges.
        clock: for deadlines, and for how old an exchange must be to count.
        permission: asks the gate again at the door to champion.
        target: where traffic is moved; default: as set.
    """

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        registry: Registry,
        traffic: TrafficStore,
        clock: Clock,
        *,
        permission: Permission,
        target: Target | None = None,
    ) -> None:
        super().__init__(settings, journal, traffic, clock)
        self._actor = settings.actor
        self._age = timedelta(seconds=settings.gateway_deadline_seconds + _CAPTURE_SECONDS)
        self._target: Target = target or plugins.load("targets", settings.target)(settings)
        intents = Intents.of(settings)
        self._by_hand = ByHand(settings.state, self._target, intents, clock)
        self._effects = Effects(journal, registry=registry, target=self._target, intents=intents, clock=clock)
        self._leases = Leases.of(settings, journal)
        self._drills = Drills(settings, journal, traffic, self._target, clock)
        self._drilling = Drilling(
            self._drills,
            state=settings.state,
            actor=settings.actor,
            clock=clock,
            driving=self.driving,
            settle=self._settle,
            active=self.active,
        )
        self._registry = registry
        self._voices = Voices(journal, people=settings.people, listed=settings.keys, clock=clock)
        self._lookout = Lookout(
            registry,
            traffic,
            self._target,
            voices=self._voices,
            permission=permission,
            clock=clock,
            age=self._age,
        )
        self._opener = Opener(
            journal,
            registry=registry,
            traffic=traffic,
            target=self._target,
            effects=self._effects,
            permission=permission,
            roles=self._roles,
            clock=clock,
            actor=settings.actor,
        )

    # Open and drive

    def open(
        self,
        version: ModelVersion,
        plan: Plan | str | Path | Mapping[str, Any],
        *,
        endpoint: str,
        verdict: Verdict,
        unmoved: Unmoved = (),
    ) -> Release:
        """Open a release and put its first stage into effect. With no champion yet it is champion at once.

        Args:
            version: the candidate.
            plan: checked whole before anything happens, also against the columns of the candidate.
            endpoint: whose traffic.
            verdict: the gate's, on these bytes.
            unmoved: what the verdict rests on (``permission.resting_on``).

        Raises:
            Refused: the verdict does not let these bytes through.
            Conflict: a release of this endpoint is active, the candidate is its champion already, the
                endpoint is killed, or what the verdict rests on has moved.
            InvalidInput: the plan cannot be walked, names a column that requests do not have, or asks
                approval of a role that nobody has.
            Tampered: the files are not those that were registered.
        """
        what = Candidacy(version, load_plan(plan), endpoint, verdict, unmoved)
        return self.get(self._opener.open(what))

    def supersede(
        self,
        version: ModelVersion,
        plan: Plan | str | Path | Mapping[str, Any],
        *,
        endpoint: str,
        verdict: Verdict,
        unmoved: Unmoved = (),
    ) -> Release:
        """Open a release in the place of the one under way, which ends in the same transaction.

        Arguments as ``open``; where nothing is under way, it does what ``open`` does.

        Raises:
            Conflict: the candidate is the one under way, or as for ``open``; other errors as there.
        """
        what = Candidacy(version, load_plan(plan), endpoint, verdict, unmoved)
        return self.get(self._opener.supersede(what))

    def retry(self, release_id: str) -> Release:
        """Try an aborted candidate again: the same bytes by the same plan, with half the error budget.

        The gate is asked again, under the text of the policy that let the aborted release open.

        Raises:
            Conflict: it was not aborted, or as for ``open``; other errors as there.
        """
        return self.get(self._opener.retry(release_id))

    def approve_stage(
        self,
        release_id: str,
        *,
        note: str,
        signer: Signer,
        stage: str | None = None,
        role: str | None = None,
        vouched: Mapping[str, str] | None = None,
    ) -> StageApproval:
        """Say yes, as whoever acts, to the next stage of a release; arguments as ``Voices.say``.

        Raises:
            Conflict: others kept appending to the release; other errors as there.
        """
        more: dict[str, Any] = {"stage": stage, "role": role, "vouched": vouched}
        say = partial(self._voices.say, by=self._actor, note=note, signer=signer, **more)
        return retried(partial(self._speak, release_id, say))

    def revoke_stage(
        self,
        release_id: str,
        *,
        note: str,
        signer: Signer,
        given_by: str | None = None,
        vouched: Mapping[str, str] | None = None,
    ) -> StageRevocation:
        """Take back, as whoever acts, a yes to the next stage; arguments as ``Voices.take_back``.

        Raises:
            Conflict: others kept appending to the release; other errors as there.
        """
        more: dict[str, Any] = {"given_by": given_by, "vouched": vouched}
        say = partial(self._voices.take_back, by=self._actor, note=note, signer=signer, **more)
        return retried(partial(self._speak, release_id, say))

    def tick(self, release_id: str) -> Release:
        """Take one step: make good what was left undone, read new traffic, judge, append, move traffic.

        Of two drivers that step at once one is first; the other waits for it, and reads again.

        Raises:
            Conflict: another controller drives this endpoint, or has taken it over.
            NotFound: there is no such release.
            Tampered: captured traffic is damaged, or the files of a version that traffic should go to now.
            Unavailable: MLflow, the journal or the target does not answer. The release was looked at all the
                same, where that could be done: harm ends it.
        """
        with self.driving(self.get(release_id).endpoint) as lease:
            failed = _failure(partial(self._settle, lease))
            if retried(partial(self._step, release_id, lease)):
                failed = _failure(partial(self._effects.take, lease.endpoint, lease))
            self._effects.inspect(lease.endpoint)
            if failed is not None:
                raise failed
        return self.get(release_id)

    @contextmanager
    def driving(self, endpoint: str, *, patience: float = _PATIENCE) -> Iterator[Lease]:
        """Be the one controller of an endpoint while the block runs. ``tick`` does so for its step.

        Args:
            endpoint: which.
            patience: seconds to wait while another controller takes its step.

        Raises:
            Conflict: another controller goes on driving it; the message names it.
        """
        with self._leases.hold(endpoint, patience=patience) as lease:
            self._effects.fence(lease)
            yield lease

    def pause(self, release_id: str, reason: str) -> Release:
        """Hold the stage: nothing moves on and the deadline stands still. Harm still aborts."""
        return self._say(release_id, PAUSED, f"Paused by {self._actor}: {reason}")

    def resume(self, release_id: str, reason: str) -> Release:
        """Go on after a pause."""
        return self._say(release_id, RESUMED, f"Resumed by {self._actor}: {reason}")

    def abort(self, release_id: str, reason: str) -> Release:
        """End a release that is not over; the champion keeps the traffic."""
        return self._say(release_id, ABORTED, f"Aborted by {self._actor}: {reason}")

    def keep(self, endpoint: str) -> None:
        """Make good, as the controller, what was left undone where no release is active.

        Raises:
            Conflict: another controller drives this endpoint.
            Unavailable: the journal or MLflow does not answer.
        """
        with self.driving(endpoint) as lease:
            self._settle(lease)
            self._effects.inspect(endpoint)

    def drill(self, endpoint: str, progress: Progress = lambda _: None) -> Drill:
        """Go to the standby and come back, on captured requests, and measure it.

        While another controller drives the endpoint, that one is asked to do it, and waited for.

        Args:
            endpoint: which.
            progress: gets a line when a controller is asked.

        Raises:
            Conflict: a release is active, the endpoint is killed, or somebody moved its traffic meanwhile.
            Refused: there is no standby, or no captured request to replay.
            Unavailable: no gateway serves it or lets this process in, the standby is not loaded, or the
                controller did not do it in time.
        """
        return self._drilling.drill(endpoint, progress)

    def drill_if_due(self, endpoint: str) -> Drill | None:
        """Drill an endpoint where ``drill_hours`` have passed, and where that is possible now."""
        return self._drilling.drill_if_due(endpoint)

    def asked(self, endpoint: str) -> bool:
        """Whether somebody has asked the controller for a drill."""
        return self._drilling.asked(endpoint)

    def drill_asked(self, endpoint: str) -> None:
        """Do, as the controller, the drills that others ask for; as ``Drilling.drill_asked``."""
        self._drilling.drill_asked(endpoint)

    # Go back and stop

    def rollback(self, endpoint: str, reason: str) -> Release:
        """Take the candidate out, or put the previous champion back; as ``ByHand.rollback``."""
        return self._by_hand.rollback(endpoint, reason, self._actor, record=partial(self.settle, endpoint))

    def kill(self, endpoint: str, reason: str) -> None:
        """Stop every model answer; as ``ByHand.kill``."""
        self._by_hand.kill(endpoint, reason, record=partial(self.settle, endpoint))

    def settle(self, endpoint: str, took_out: str = "") -> Release | None:
        """Record what was done by hand, and let traffic follow.

        Args:
            endpoint: whose traffic was moved.
            took_out: ``name/version`` that was taken out, for who asks after its release.

        Returns:
            The release that was rolled back, whoever recorded that of ``took_out``; None when there is none.
        """
        release = self._effects.settle(endpoint)
        self._effects.take(endpoint)
        if not took_out or (release is not None and release.candidate == took_out):
            return release
        newest = routes.newest_of(self._book.of(endpoint), took_out)
        return newest if newest and newest.status is Status.ROLLED_BACK else release or newest

    def revive(self, endpoint: str, reason: str) -> None:
        """Let a killed endpoint answer again, with its champion.

        Raises:
            Conflict: it is not killed.
        """
        require_name(endpoint, field="endpoint")
        if self._target.status(endpoint).killed is None:
            raise Conflict(f"{endpoint} is not killed.", remedy="Nothing is to be done.", field="endpoint")
        self.settle(endpoint)
        fact = Event(kind=ENDPOINT_REVIVED, payload={"reason": reason})
        self._journal.append(f"endpoint/{endpoint}", fact)
        self._target.revive(endpoint)

    def _settle(self, lease: Lease) -> None:
        """What ``settle`` does, as the controller."""
        self._effects.settle(lease.endpoint)
        self._effects.take(lease.endpoint, lease)
        self._drills.tidy(lease)

    def _step(self, release_id: str, lease: Lease) -> bool:
        """Look once and append what follows; True when the traffic may have to follow too."""
        lease.require()
        page = self._book.page(release_id)
        if page.release.status.final:
            return False
        resting_on = permission.resting_on(self._journal, page.release.candidate)
        follows = self._follows(page.state)
        if follows.events:
            promotes = any(event.kind == PROMOTED for event in follows.events)
            unmoved = (*lease.unmoved, *(resting_on if promotes else ()))
            self._book.append(page, follows.events, unmoved=unmoved)
        return follows.moves

    def _follows(self, state: State) -> controller.Step:
        """What follows from one look. The candidate's bytes come last: what ends anyway waits for none."""
        seen, now = self._lookout.look(state), self._clock.now()
        found = controller.step(state, seen, now)
        if found.state.release.status in (Status.ABORTED, Status.KILLED):
            return found
        damaged = self._effects.damage(state.release.candidate)
        return controller.step(state, replace(seen, damaged=damaged), now) if damaged else found

    def _speak(self, release_id: str, say: Callable[[Release, ModelVersion], Said[Word]]) -> Word:
        page = self._book.page(release_id)
        said = say(page.release, self._registry.version(page.release.candidate))
        self._book.append(page, [said.event], also=said.enrolment)
        return said.word

    def _say(self, release_id: str, kind: str, reason: str) -> Release:
        page = self._book.page(release_id)
        fact = Event(kind=kind, payload={"reason": reason}, subjects=(page.release.candidate_digest,))
        self._book.append(page, [fact])
        self._effects.take(page.release.endpoint)
        return self.get(release_id)


def _failure(action: Callable[[], None]) -> WorkbenchError | None:
    """Do something; return why it could not be done, for later: the release is looked at first."""
    try:
        action()
    except (NotFound, Refused, Tampered, Unavailable) as error:
        return error
    return None
