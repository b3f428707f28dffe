"""The bench and traffic: releases, the ways back, batch scoring, alerts."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from workbench.bench.registering import Registering
from workbench.core.errors import Conflict, Unavailable, nearest

if TYPE_CHECKING:
    import threading

    from workbench.gates.records import StageApproval, StageRevocation
    from workbench.models.records import ModelVersion
    from workbench.monitoring.records import Alert
    from workbench.releases.batch import BatchRun, Done
    from workbench.releases.drills_records import Drill
    from workbench.releases.forecast_records import Forecast
    from workbench.releases.records import Release


class Releasing(Registering):
    """Versions on their way to production, and back."""

    def release(
        self,
        model: str | ModelVersion,
        *,
        plan: str | Path = "canary",
        policy: str | Path = "default",
        supersede: bool = False,
    ) -> Release:
        """Open a release: the gate is judged again, then the plan's first stage takes effect.

        The endpoint has the model's name. Nothing moves further by itself: ``watch`` drives it here, and
        ``workbench release run`` or ``workbench up`` without anybody at hand.

        Args:
            model: the candidate.
            plan: a file, or a name in ``plans/``.
            policy: a file, or a name in ``policies/``.
            supersede: take the place of a release that is under way, which ends with it.

        Raises:
            Refused: the verdict is not pass, approvals are missing, or the waiver of a pickle has run out.
            Conflict: a release of this endpoint is active. Of the same version, ``watch`` goes on with it.
            InvalidInput: the plan cannot be read or walked, or asks approval of a role that nobody has.
        """
        from workbench.releases.permission import resting_on
        from workbench.releases.plan import plan_of

        version, rules = self.model(model), self.decisions.policy(policy)
        self.registry.require_waiver(version)
        self.decisions.policies.use(rules)
        unmoved = resting_on(self.journal, version.ref)
        begin = self.releases.supersede if supersede else self.releases.open
        return begin(
            version,
            plan_of(self.settings.root, plan),
            endpoint=version.name,
            verdict=self.decisions.judge(version, rules),
            unmoved=unmoved,
        )

    def forecast(
        self, model: str | ModelVersion, *, plan: str | Path = "canary", rate: float | None = None
    ) -> Forecast:
        """Say what a release would take on the traffic of the last day: a dry run, nothing is opened.

        Args:
            model: the candidate.
            plan: a file, or a name in ``plans/``.
            rate: requests a minute (of a sticky plan entities) in place of the measured ones, above 0.
        """
        from workbench.releases.plan import plan_of

        version = self.model(model)
        return self.releases.forecast(version, plan_of(self.settings.root, plan), version.name, rate=rate)

    def advance(self, release: str | Release) -> Release:
        """One look of the controller: read new traffic, judge, act.

        Raises:
            Conflict: another controller drives this endpoint; it is named.
        """
        return self.releases.tick(self._release_id(release))

    def pause(self, release: str | Release, *, reason: str) -> Release:
        """Hold the stage and its deadline. Harm still ends the release."""
        return self.releases.pause(self._release_id(release), reason)

    def resume(self, release: str | Release, *, reason: str) -> Release:
        """Go on after a pause."""
        return self.releases.resume(self._release_id(release), reason)

    def abort(self, release: str | Release, *, reason: str) -> Release:
        """End a release that is not over; the champion keeps the traffic."""
        return self.releases.abort(self._release_id(release), reason)

    def retry(self, release: str | Release) -> Release:
        """Try an aborted candidate again by the same plan, with half the error budget."""
        return self.releases.retry(self._release_id(release))

    def approve_stage(
        self, release: str | Release, *, note: str, stage: str | None = None, role: str | None = None
    ) -> StageApproval:
        """Say, signed with your own key, that a release may go on to its next stage.

        Args:
            release: which.
            note: what you looked at.
            stage: its name. Default: the one that comes next; another one is refused.
            role: in which role. Default: the one that is still missing.

        Raises:
            Refused: you may not, or nobody is asked.
        """
        from workbench.journal.keys import signer_of

        return self.releases.approve_stage(
            self._release_id(release),
            note=note,
            signer=signer_of(self.settings),
            stage=stage,
            role=role,
            vouched=self._vouched(),
        )

    def revoke_stage(
        self, release: str | Release, *, note: str, given_by: str | None = None
    ) -> StageRevocation:
        """Take back an approval of a release's next stage, until that is entered.

        Args:
            release: which.
            note: why.
            given_by: whose approval. Default: your own; another's for those in the role it was given in.

        Raises:
            Refused: there is none that stands, or you may not.
        """
        from workbench.journal.keys import signer_of

        return self.releases.revoke_stage(
            self._release_id(release),
            note=note,
            signer=signer_of(self.settings),
            given_by=given_by,
            vouched=self._vouched(),
        )

    def drill(self, endpoint: str, *, progress: Callable[[str], None] = lambda _: None) -> Drill:
        """Go to the standby of an endpoint and come back, on captured requests, and measure it.

        While a controller drives the endpoint, that one is asked to do it, and waited for: at most two
        minutes, or until Ctrl-C.

        Args:
            endpoint: which.
            progress: gets a line when a controller is asked.

        Raises:
            Conflict: a release is active, the endpoint is killed, or somebody moved its traffic meanwhile.
            Refused: there is no standby, or no captured request to replay.
            Unavailable: no gateway serves it or lets in whoever drills, or the controller did not do it.
        """
        return self.releases.drill(endpoint, progress)

    def watch(
        self, release: str | Release, *, every: float = 1.0, timeout: float = 3600.0
    ) -> Iterator[Release]:
        """Drive a release and yield it whenever it changed, until it is final or ``timeout`` seconds passed.

        Stopping early loses nothing: the next ``watch`` goes on from the journal. While another controller
        drives the endpoint this one only looks on.
        """
        release_id, end, last = self._release_id(release), self.clock.monotonic() + timeout, None
        while True:
            try:
                now = self.releases.tick(release_id)
            except Conflict as error:
                if error.field != "lease":
                    raise
                now = self.releases.get(release_id)
            if now != last:
                last = now
                yield now
            if now.status.final or self.clock.monotonic() >= end:
                return
            time.sleep(every)

    def score(
        self,
        model: str | ModelVersion,
        data: str | Path,
        *,
        to: str | Path,
        resume: bool = False,
        any_version: bool = False,
        jobs: int = 1,
        backend: Literal["loky", "ray"] = "loky",
        progress: Callable[[Done], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> BatchRun:
        """Score the rows of a file by the code that answers requests; the journal is told.

        Every row is scored or rejected, and the rejects say which row and why.

        Args:
            model: ``name`` or ``name@champion``: the champion. Another version needs ``any_version``.
            data: ``.csv``, ``.csv.gz`` or ``.parquet``.
            to: ``.csv`` or ``.parquet``; it must not be there.
            resume: go on with a run that was killed or cancelled; it gives the same bytes.
            any_version: let a version answer that is not the champion.
            jobs: processes that score at once.
            backend: ``loky``, on this machine, or ``ray``.
            progress: called after each chunk.
            cancel: when set, the run stops after the chunk under way.

        Raises:
            InvalidInput: a file cannot be read or written, or a column that the model needs is missing.
            Refused: the version is not the champion; or the endpoint is killed.
            Conflict: the output is there, or the run to go on with began with something else.

        Example:
            >>> bench.score("recidivism", "2024.csv", to="2024-scored.parquet")  # doctest: +SKIP
        """
        from workbench.releases.batch import Batches

        batches = Batches(self.settings, self.journal, self.registry)
        return batches.score(
            model,
            data,
            to,
            resume=resume,
            any_version=any_version,
            jobs=jobs,
            backend=backend,
            progress=progress,
            cancel=cancel,
        )

    def rollback(self, endpoint: str, *, reason: str) -> Release:
        """Take the candidate out, or put the previous champion back: the pointer first, then the record.

        Raises:
            NotFound: nothing was ever released to it.
            Refused: there is nothing to go back to, or somebody else went back just now.
            Unavailable: traffic has gone back, and the journal or MLflow does not take the record yet.
        """
        return self._by_hand.rollback(
            endpoint,
            reason,
            self._in_a_hurry(),
            record=lambda took_out: self.releases.settle(endpoint, took_out),
        )

    def kill(self, endpoint: str, *, reason: str) -> None:
        """Stop every model answer of an endpoint now. Works with the database down.

        A name that nothing was ever released to is killed as well, with a warning: it may be mistyped.

        Raises:
            Unavailable: answers have stopped, and the journal does not take the record yet.
        """
        from workbench.gateway import routed

        self._by_hand.kill(endpoint, reason, record=lambda: self.releases.settle(endpoint))
        known = routed(self._opened.state)
        if endpoint not in known:
            meant = f" {nearest(endpoint, known)}" if known else ""
            warnings.warn(f"Nothing was ever released to {endpoint}. Is that its name?{meant}", stacklevel=2)

    def revive(self, endpoint: str, *, reason: str) -> None:
        """Let a killed endpoint answer again, with the champion."""
        self.releases.revive(endpoint, reason)

    def monitor(self, endpoint: str) -> list[Alert]:
        """Look at the captured traffic of an endpoint and return the alerts that fire now."""
        return self.monitoring.check(endpoint)

    def _in_a_hurry(self) -> str:
        """Who acts, for what must not wait until a hub or provider answers again."""
        try:
            return self.person.name
        except Unavailable:
            return f"{self._opened.actor} (not proven)"

    @staticmethod
    def _release_id(release: str | Release) -> str:
        return release if isinstance(release, str) else release.id
