"""What somebody must decide: a version as it stands under a policy, and what one person may say of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from workbench.bench import Workbench
from workbench.core.digests import of_json
from workbench.core.errors import Refused
from workbench.core.identity import Role
from workbench.core.records import Record
from workbench.core.settings import FILE
from workbench.gates import ApprovalRequest, KeyBook, Policy
from workbench.gates.difference import Difference
from workbench.gates.freshness import Freshness
from workbench.gates.records import Approval, Finding, Lapse, Verdict
from workbench.gates.standing import Roll, Standing
from workbench.models.records import ModelVersion


class Powers(Record):
    """What one person may do."""

    person: str
    """Who acts, as the server knows them."""
    roles: tuple[Role, ...] = ()
    """Roles that they may approve or reject in now, each with what gives it."""
    refused: str = ""
    """Why they may do neither; empty when they may."""
    remedy: str = ""
    """Who may instead, or what else to do."""
    revocable: tuple[str, ...] = ()
    """Ids of what they may take back."""
    silent: bool = False
    """True: this person writes nothing through this server, not even a request."""


class Matter(Record):
    """A version as it stands now, beside the champion, and what people have said of it."""

    model: str
    """``name/version``."""
    author: str
    policy: str
    asks: dict[str, int]
    """How many people of each role the policy asks for."""
    request: ApprovalRequest | None = None
    """The newest about these bytes under a policy of that name; None when nobody has asked."""
    since: tuple[str, ...] = ()
    """What is different now from what the request shows, in sentences."""
    verdict: Verdict
    """As a gate would judge now; nothing was written."""
    difference: Difference
    freshness: Freshness
    given: tuple[Approval, ...] = ()
    rejected: tuple[Approval, ...] = ()
    lapsed: tuple[Lapse, ...] = ()
    findings: tuple[Finding, ...] = ()
    """Every finding about the model, oldest first."""
    powers: Powers
    seen: str
    """Digest of what a decision rests on: sent back with it, so that nobody signs what they did not read."""


@dataclass(frozen=True)
class Hearing:
    """One look of one person at one version under a policy. Nothing is written."""

    bench: Workbench
    """Of that person."""
    version: ModelVersion
    policy: Policy
    barred: Refused | None = None
    """Why this person can write nothing through this server; None when they can."""

    @cached_property
    def verdict(self) -> Verdict:
        """As a gate would judge now."""
        return self.bench.decisions.judge(self.version, self.policy)

    @cached_property
    def difference(self) -> Difference:
        """The version beside the champion, now."""
        return self.bench.decisions.difference(self.version)

    @property
    def seen(self) -> str:
        """Digest of what somebody reads before they decide, whoever else approves meanwhile."""
        judged = self.verdict.model_dump(mode="json", exclude={"time", "given_approvals"})
        return of_json({"verdict": judged, "difference": self.difference.model_dump(mode="json")})

    def matter(self) -> Matter:
        """Return all of it."""
        bench, version, policy = self.bench, self.version, self.policy
        standing = self._roll.standing(self.verdict.data)
        request = self._request()
        return Matter(
            model=version.ref,
            author=version.author,
            policy=policy.name,
            asks=policy.approvals,
            request=request,
            since=tuple(self._since(request)) if request else (),
            verdict=self.verdict,
            difference=self.difference,
            freshness=bench.decisions.freshness(version, policy),
            given=standing.given,
            rejected=standing.rejected,
            lapsed=standing.lapsed,
            findings=tuple(bench.findings(version.name)),
            powers=self._powers(standing),
            seen=self.seen,
        )

    @cached_property
    def _roll(self) -> Roll:
        settings, read = self.bench.settings, self.bench.journal.read
        return Roll(
            read(f"approval/{self.version.ref}"),
            self.version,
            settings.people,
            KeyBook(read, settings.keys),
            policy=self.policy,
            now=self.bench.clock.now(),
        )

    def _request(self) -> ApprovalRequest | None:
        bound = (self.version.digest, self.policy.name)
        asked = [r for r in self.bench.requests(self.version) if (r.model_digest, r.policy) == bound]
        return asked[-1] if asked else None

    def _since(self, request: ApprovalRequest) -> Iterator[str]:
        then, now = request.difference, self.difference
        if request.policy_digest != self.policy.digest:
            yield f"The text of policy {self.policy.name} is another one."
        if set(request.verdict.evidence) != set(self.verdict.evidence):
            yield f"{self.version.ref} was audited again."
        if then.champion != now.champion:
            yield f"The champion was {then.champion or 'nobody'} and is {now.champion or 'nobody'}."
        if [one.id for one in then.findings] != [one.id for one in now.findings]:
            yield "Other findings are open."

    def _powers(self, standing: Standing) -> Powers:
        name = self.bench.person.name
        if self.barred:
            said = self.barred
            return Powers(person=name, refused=said.message, remedy=said.remedy, silent=True)
        held = {role.name: role for role in reversed(self.bench.whoami().roles)}
        given = {role.name: role.by for role in held.values()}
        refusals = {role: self._refusal(role, held) for role in self.policy.approvals}
        able = [role for role, refused in refusals.items() if refused is None]
        # Of several reasons the first about a role that they have: the others only say that they lack it.
        told = [refused for _, refused in sorted(refusals.items(), key=lambda one: one[0] not in held)]
        why = None if able else next(iter(told), None)
        words = (*standing.given, *standing.rejected)
        return Powers(
            person=name,
            roles=tuple(held[role] for role in able),
            refused=why.message if why else "",
            remedy=why.remedy if why else "",
            revocable=tuple(one.id for one in words if self._roll.may_revoke(name, one, given)),
        )

    def _refusal(self, role: str, held: Mapping[str, Role]) -> Refused | None:
        """Ask the rules themselves why whoever acts may not speak in a role."""
        try:
            self.bench.decisions.approvals.require_voice(
                self.version,
                self.policy,
                by=self.bench.person.name,
                role=role,
                data=self.verdict.data,
                vouched={one.name: one.by for one in held.values() if one.by != FILE},
            )
        except Refused as refused:
            return refused
        return None
