"""The bench: opens a project folder and wires the rooms. Every door calls the methods of this class."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from workbench.auditing import examine
from workbench.core import project
from workbench.core.clock import Clock, SystemClock
from workbench.core.errors import Conflict, NotFound, Refused, Unavailable
from workbench.core.identity import Identity, Person, identified, whoami
from workbench.core.settings import FILE, Settings
from workbench.journal import Event, Journal

if TYPE_CHECKING:
    import threading
    from datetime import date, datetime

    from workbench.audits.explanation_records import Decision
    from workbench.audits.memory import Kept
    from workbench.audits.records import Evidence, Report
    from workbench.audits.runner import Progress
    from workbench.audits.suite import Suite
    from workbench.deciding import Decisions
    from workbench.gates.freshness import Freshness
    from workbench.gates.policy_diff import PolicyDiff
    from workbench.gates.records import (
        Approval,
        Finding,
        Revocation,
        Severity,
        StageApproval,
        Verdict,
    )
    from workbench.gates.requests import ApprovalRequest
    from workbench.governance.card import ModelCard
    from workbench.governance.history import ModelHistory
    from workbench.governance.pack import PackRecord
    from workbench.incidents import Incidents
    from workbench.incidents.records import BisectReport, Failure, Incident, ReplayReport
    from workbench.journal.checkpoints import Checkpoint
    from workbench.journal.records import Verification
    from workbench.models.compiled import Compiled
    from workbench.models.dataset_card import DatasetCard
    from workbench.models.lineage_tree import LineageTree
    from workbench.models.predictors import Predictor
    from workbench.models.records import ModelVersion, Task, Waiver
    from workbench.models.registry import Registry
    from workbench.monitoring import Monitoring
    from workbench.monitoring.records import Alert
    from workbench.playbooks import PlaybookRun
    from workbench.releases import Releases
    from workbench.releases.batch import BatchRun, Done
    from workbench.releases.by_hand import ByHand
    from workbench.releases.drills_records import Drill
    from workbench.releases.forecast_records import Forecast
    from workbench.releases.gateway_keys import GatewayKeys
    from workbench.releases.reconciliation import Reconciliation
    from workbench.releases.records import Release
    from workbench.traffic.room import Traffic
    from workbench.views.overview import Overview


def open(path: str | Path = ".", *, actor: str | None = None) -> Workbench:
    """Open the project at ``path``, making it where there is none. Nothing has to be started.

    Args:
        path: the project folder; ``"."`` finds the nearest parent that is a project.
        actor: who acts, as written into the journal. Default: ``workbench.toml``, then the login name. Where
            the project asks JupyterHub or a provider who acts, another name than theirs is refused.

    Example:
        >>> bench = wb.open()  # doctest: +SKIP
    """
    return Workbench(project.open_settings(path, actor=actor))


class Workbench:
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

    # Who acts

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

    # The rooms, wired here and nowhere else.

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
            secret=known_key(self.settings.state),
            journal=lambda: self.journal,
            registry=lambda: self.registry,
            frozen=lambda key: self.incidents.holding(key),  # noqa: PLW0108 - incidents rest on this room
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
            evidence=self.evidence,
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

    # Register

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

    # Audit

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
        return [e for report in self.reports(model) for e in report.evidence]

    def reports(self, model: str | ModelVersion) -> list[Report]:
        """Every report kept about a version, oldest first.

        Raises:
            Tampered: a kept report is not what the journal recorded.
        """
        from workbench.audits.archive import kept

        entries = self.journal.read(f"evidence/{self.model(model).ref}")
        return [kept(e.payload["report"], self._archive) for e in entries if e.kind == "audit.finished"]

    # Gate and approve

    def gate(self, model: str | ModelVersion, policy: str | Path = "default") -> Verdict:
        """Judge the kept evidence of a version by a policy: pass, fail or inconclusive, with reasons.

        The text of the policy is kept with the first verdict under it, and can be read as ``name@digest``.
        """
        return self.decisions.gate(self.model(model), self.decisions.policy(policy))

    def request_approval(
        self, model: str | ModelVersion, *, note: str, policy: str | Path = "default"
    ) -> ApprovalRequest:
        """Ask for approval: the version is judged, and put beside the champion for whoever must decide.

        Whoever asks cannot approve.

        Args:
            model: the version.
            note: why it should be released.
            policy: under which policy.

        Raises:
            InvalidInput: no note.
            Refused: the policy asks for no approval.
        """
        return self.decisions.request(self.model(model), self.decisions.policy(policy), note)

    def requests(self, model: str | ModelVersion) -> list[ApprovalRequest]:
        """Every request for approval of a version, oldest first, as it was shown."""
        return self.decisions.requests(self.model(model))

    def approve(
        self,
        model: str | ModelVersion,
        *,
        note: str,
        policy: str | Path = "default",
        role: str | None = None,
    ) -> Approval:
        """Say yes to these bytes under this policy, on the evidence as it is now. Not for the author.

        It is signed with the actor's own key, and holds until the policy's ``approval_days`` are over, until
        it is taken back, or until model, policy or data are others.

        Args:
            model: the version.
            note: why; it is kept for ever.
            policy: the policy whose approval is given.
            role: the role acted in, when the actor has several that the policy asks for.

        Raises:
            Refused: the actor is the author or has requested it, has no role that the policy asks for, or
                signs with a key that is not theirs.
        """
        version, rules = self.model(model), self.decisions.policy(policy)
        return self.decisions.say(version, rules, "approve", note=note, role=role)

    def reject(
        self,
        model: str | ModelVersion,
        *,
        note: str,
        policy: str | Path = "default",
        role: str | None = None,
    ) -> Approval:
        """Say no to these bytes under this policy: nothing is released until it is taken back.

        Arguments and errors as ``approve``.
        """
        version, rules = self.model(model), self.decisions.policy(policy)
        return self.decisions.say(version, rules, "reject", note=note, role=role)

    def revoke(self, approval: str | Approval, *, note: str) -> Revocation:
        """Take an approval or a rejection back: for whoever gave it, and for others in that role.

        Args:
            approval: it, or its id.
            note: why.

        Raises:
            NotFound: there is none of that id.
            Refused: somebody else, the author among them.
        """
        return self.decisions.revoke(approval if isinstance(approval, str) else approval.id, note)

    def freshness(self, model: str | ModelVersion, policy: str | Path = "default") -> Freshness:
        """Evidence, verdict, approvals of a version: what each rests on, and how to renew what is stale."""
        return self.decisions.freshness(self.model(model), self.decisions.policy(policy))

    def policy_diff(self, old: str | Path, new: str | Path) -> PolicyDiff:
        """Say which versions a change of a policy would give another verdict, on the evidence there is.

        Args:
            old: a file, a name, or ``name@digest`` of a text that was used.
            new: the same.
        """
        return self.decisions.policy_diff(old, new)

    def open_finding(
        self, model: str | ModelVersion, title: str, *, severity: Severity = "medium"
    ) -> Finding:
        """Write down something about a version that somebody must fix or answer for.

        Args:
            model: the version in which it was found.
            title: what was found, in a sentence.
            severity: ``low``, ``medium``, ``high`` or ``critical``; a policy says how many may be open.
        """
        return self.decisions.open_finding(self.model(model), title, severity)

    def accept_finding(self, finding: str | Finding, *, reason: str, until: date | str) -> Finding:
        """Answer for a finding until a day, on which it is open again. Not for the author of the version.

        Args:
            finding: it, or its id.
            reason: why it may stay; kept for ever.
            until: the last day, as a date or ``"2027-01-31"``.
        """
        found = finding if isinstance(finding, str) else finding.id
        return self.decisions.accept_finding(found, reason=reason, until=until)

    def fix_finding(self, finding: str | Finding, *, version: str | ModelVersion, note: str) -> Finding:
        """Say that a finding is gone from a later version on, and how that was checked."""
        found = finding if isinstance(finding, str) else finding.id
        return self.decisions.fix_finding(found, self.model(version), note)

    def findings(self, model: str) -> list[Finding]:
        """Every finding about a model, oldest first."""
        return self.decisions.findings.of(model)

    # Release

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
            Conflict: another release of this endpoint is active.
        """
        from workbench.releases import load_plan
        from workbench.releases.permission import resting_on

        version, rules = self.model(model), self.decisions.policy(policy)
        self.registry.require_waiver(version)
        self.decisions.policies.use(rules)
        unmoved = resting_on(self.journal, version.ref)
        begin = self.releases.supersede if supersede else self.releases.open
        return begin(
            version,
            load_plan(self._file("plans", plan)),
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
            rate: requests a minute (of a sticky plan entities) in place of the measured ones.
        """
        version = self.model(model)
        return self.releases.forecast(version, self._file("plans", plan), version.name, rate=rate)

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

    def drill(self, endpoint: str) -> Drill:
        """Go to the standby of an endpoint and come back, on captured requests, and measure it.

        Raises:
            Conflict: a release is active, the endpoint is killed, or another controller drives it.
            Refused: there is no standby, or no captured request to replay.
            Unavailable: no gateway serves it.
        """
        return self.releases.drill(endpoint)

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
            Refused: there is nothing to go back to, or somebody else went back just now.
            Unavailable: traffic has gone back, and the journal or MLflow does not take the record yet.
        """
        return self._by_hand.rollback(
            endpoint, reason, self._in_a_hurry(), record=lambda: self.releases.settle(endpoint)
        )

    def kill(self, endpoint: str, *, reason: str) -> None:
        """Stop every model answer of an endpoint now. Works with the database down.

        Raises:
            Unavailable: answers have stopped, and the journal does not take the record yet.
        """
        self._by_hand.kill(endpoint, reason, record=lambda: self.releases.settle(endpoint))

    def revive(self, endpoint: str, *, reason: str) -> None:
        """Let a killed endpoint answer again, with the champion."""
        self.releases.revive(endpoint, reason)

    # Observe

    def monitor(self, endpoint: str) -> list[Alert]:
        """Look at the captured traffic of an endpoint and return the alerts that fire now."""
        return self.monitoring.check(endpoint)

    # Incidents

    def open_incident(
        self,
        title: str,
        *,
        window: Any = None,
        alert: str | Alert | None = None,
        rows: Any = None,
        endpoint: str = "",
        model: str = "",
    ) -> Incident:
        """Freeze the exchanges that somebody must answer for.

        Args:
            title: what went wrong, for people.
            window: ``(since, until)`` or ``"last 30 minutes"``, of an endpoint's traffic.
            alert: an alert or its id; its window is frozen.
            rows: rows that did not come through a gateway, as a frame or a file.
            endpoint: whose traffic; needed with ``window`` when there are several.
            model: whose versions are suspects; default: the endpoint's.
        """
        return self.incidents.open(
            title, window=window, alert=alert, rows=rows, endpoint=endpoint, model=model
        )

    def replay(self, incident: str | Incident, against: Sequence[str | ModelVersion] = ()) -> ReplayReport:
        """Score the frozen rows on versions and compare. Default: every version of the model."""
        return self.incidents.replay(self._incident_id(incident), list(against))

    def bisect(self, incident: str | Incident, failure: Failure | None = None) -> BisectReport:
        """Find the first version that shows the failure. Default: it answers unlike the oldest version."""
        return self.incidents.bisect(self._incident_id(incident), failure)

    def save_case(self, incident: str | Incident, *, name: str, expected_from: int | str = "labels") -> Path:
        """Save the failure as a behaviour case in ``cases/``, which every later audit runs."""
        return self.incidents.save_case(
            self._incident_id(incident),
            name=name,
            expected_from=expected_from,
            folder=self.settings.root / "cases",
        )

    # Show and check

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
        reports = self.reports(version)
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
            to: the file.

        Returns:
            Where it is, and the public key that its reader needs beside it.

        Raises:
            Tampered: something kept is not as it was written, or the pack would not hold.
            Unavailable: the file cannot be written, or there is no key to sign with.
        """
        from workbench.governance.pack import Sources, make_pack

        version = self.model(model)
        sources = Sources(root=self.settings.root, reports=self._archive, card=self.card(version))
        return make_pack(version, Path(to), journal=self.journal, sources=sources)

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

    def _in_a_hurry(self) -> str:
        """Who acts, for what must not wait until a hub or provider answers again."""
        try:
            return self.person.name
        except Unavailable:
            return f"{self._opened.actor} (not proven)"

    # Files of the project

    def _file(self, folder: str, name: str | Path) -> str | Path:
        return project.document(self.settings.root, folder, name)

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

    @property
    def _archive(self) -> Path:
        return self.settings.state / "reports"

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

    @staticmethod
    def _release_id(release: str | Release) -> str:
        return release if isinstance(release, str) else release.id

    @staticmethod
    def _incident_id(incident: str | Incident) -> str:
        return incident if isinstance(incident, str) else incident.id
