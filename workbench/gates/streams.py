"""What stands about a version, read from the streams of the journal alone: no model, no data, no report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from workbench.audits.records import Trace
from workbench.core.errors import WorkbenchError
from workbench.core.project import document
from workbench.core.settings import Settings
from workbench.gates.docket import too_old
from workbench.gates.freshness import Freshness, freshness, newest_traces
from workbench.gates.policy import Policy, load_policy
from workbench.gates.policy_book import USED
from workbench.gates.records import Verdict
from workbench.gates.roles import People
from workbench.gates.signatures import KeyBook, Keys
from workbench.gates.standing import Roll, Standing
from workbench.journal import Entry
from workbench.models import history
from workbench.models.records import ModelVersion

Read = Callable[[str], Sequence[Entry]]
"""Returns the entries of a stream, oldest first."""


@dataclass(frozen=True)
class Look:
    """What a project is looked at with, beside its journal."""

    now: datetime
    people: People = field(default_factory=dict)
    listed: Keys = field(default_factory=dict)
    policy: Callable[[str], Policy | None] = lambda name: None  # noqa: ARG005
    """Returns a policy as the project has it now, by name; None where it has none that can be read."""

    @classmethod
    def of(cls, settings: Settings, now: datetime) -> Look:
        """Return the look of a project that is open."""

        def policy(name: str) -> Policy | None:
            try:
                return load_policy(document(settings.root, "policies", name))
            except (WorkbenchError, OSError):  # a file half edited: the text that was used stands in for it
                return None

        return cls(now, settings.people, settings.keys, policy)


@dataclass(frozen=True)
class Streams:
    """The streams of a project, and what it is looked at with."""

    read: Read
    look: Look

    def freshness(self, version: ModelVersion, policy: Policy, standing: Standing) -> Freshness:
        """Return what everything said of a version under a policy rests on, and whether that still holds.

        Args:
            version: the version.
            policy: as it reads now.
            standing: what people have said of it under that policy (``standing``).
        """
        return freshness(
            version,
            policy,
            self.traces(version),
            verdict=self.verdict(version, policy.name),
            standing=standing,
            champion=self.champion(version.name),
            now=self.look.now,
        )

    def standing(self, version: ModelVersion, policy: Policy) -> Standing:
        """Return what people have said of a version, as far as it counts on the evidence there is."""
        entries = self.read(f"approval/{version.ref}")
        keys = KeyBook(self.read, self.look.listed)
        roll = Roll(entries, version, self.look.people, keys, policy=policy, now=self.look.now)
        return roll.standing(self._data(version, policy))

    def traces(self, version: ModelVersion) -> list[Trace]:
        """Return the traces of all evidence about a version, oldest first."""
        finished = (e for e in self.read(f"evidence/{version.ref}") if e.kind == "audit.finished")
        return [Trace.model_validate(one) for entry in finished for one in entry.payload.get("evidence", ())]

    def verdict(self, version: ModelVersion, policy: str = "") -> Verdict | None:
        """Return the newest verdict on a version's bytes, under any policy or one of a name; None without."""
        return newest_verdict(self.read(f"gate/{version.ref}"), version, policy)

    def champion(self, name: str) -> ModelVersion | None:
        """Return the version that the alias ``champion`` points at; None where there is none."""
        entries = list(self.read(f"model/{name}"))
        number = history.aliases(entries).get("champion")
        return None if number is None else history.versions(entries)[number]

    def policy(self, verdict: Verdict) -> Policy:
        """Return the policy of a verdict as it reads now; else the text that was used, or what it tells."""
        if (now := self.look.policy(verdict.policy)) is not None and now.name == verdict.policy:
            return now
        used = [e.payload for e in self.read(f"policy/{verdict.policy}") if e.kind == USED]
        texts = {payload["digest"]: payload["content"] for payload in used}
        told = {"name": verdict.policy, "approvals": verdict.required_approvals}
        return load_policy(texts.get(verdict.policy_digest, told))

    def _data(self, version: ModelVersion, policy: Policy) -> list[str]:
        """Digests of the data that the evidence which a gate would read was measured on."""
        found = newest_traces(version, self.traces(version))
        asked = [found[audit] for audit in policy.asked_audits if audit in found]
        return sorted({t.data for t in asked if not too_old(t.audit, t.at, policy, self.look.now)})


def newest_verdict(entries: Iterable[Entry], version: ModelVersion, policy: str = "") -> Verdict | None:
    """Return the newest verdict in a stream on these bytes, under any policy or one of a name."""
    found = [Verdict.model_validate(e.payload) for e in entries if e.kind == "gate.judged"]
    fitting = [v for v in found if v.model_digest == version.digest and policy in ("", v.policy)]
    return fitting[-1] if fitting else None
