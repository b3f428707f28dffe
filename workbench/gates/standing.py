"""What people have said of a version, and what of it counts now: a fold of the stream of its approvals.

Whatever was written by whatever door, a word counts only while it is bound to the present bytes, signed by
its person's key, in date, not taken back, and from somebody who may give it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from workbench.gates import roles
from workbench.gates.policy import Policy
from workbench.gates.records import SETTINGS, Approval, Lapse, Revocation
from workbench.gates.roles import People
from workbench.gates.signatures import KeyBook, holds
from workbench.journal import Entry

if TYPE_CHECKING:
    from workbench.models.records import ModelVersion

REQUESTED = "approval.requested"
GIVEN = "approval.given"
REJECTED = "approval.rejected"
REVOKED = "approval.revoked"

#: The journal's word for each decision.
KINDS = {"approve": GIVEN, "reject": REJECTED}


@dataclass(frozen=True)
class Standing:
    """What people have said of a version under a policy, as far as it counts now."""

    given: tuple[Approval, ...] = ()
    rejected: tuple[Approval, ...] = ()
    lapsed: tuple[Lapse, ...] = ()
    """What no longer counts, and why."""


@dataclass(frozen=True)
class Words:
    """The entries of one version's approvals: who said what, and what was taken back."""

    entries: Sequence[Entry]
    version: ModelVersion
    people: People
    keys: KeyBook

    @cached_property
    def said(self) -> dict[str, Approval]:
        """Approvals and rejections by id. One whose id is not its place in the stream is passed over."""
        found = {}
        for entry in self.entries:
            if entry.kind in (GIVEN, REJECTED):
                one = Approval.model_validate(entry.payload)
                if KINDS[one.decision] == entry.kind and one.id == _place(entry):
                    found[one.id] = one
        return found

    @cached_property
    def taken(self) -> dict[str, Revocation]:
        """Revocations that count, by what they take back: signed, and by somebody who may."""
        found = {}
        for entry in self.entries:
            if entry.kind == REVOKED:
                one = Revocation.model_validate(entry.payload)
                said = self.said.get(one.approval)
                held = roles.held(one.by, self.people, {})
                if said and one.role_from != SETTINGS:
                    held[said.role] = one.role_from
                if said and self.may_revoke(one.by, said, held) and holds(one, self.keys.of(one.by)):
                    found[one.approval] = one
        return found

    def may_revoke(self, by: str, said: Approval, held: Mapping[str, str]) -> bool:
        """Return whether somebody may take a word back: who gave it, or others in its role but the author.

        Args:
            by: who would.
            said: the word.
            held: the roles that they have, and what gives each.
        """
        is_author = by.casefold() == self.version.author.casefold()
        return by.casefold() == said.by.casefold() or (said.role in held and not is_author)


@dataclass(frozen=True)
class Roll(Words):
    """The same, read under a policy at a moment: what counts."""

    policy: Policy
    now: datetime

    @cached_property
    def requests(self) -> dict[str, str]:
        """Who requested approval of these bytes under this text of the policy, by id of the request."""
        bound_to = [self.version.digest, self.policy.digest]
        return {
            _place(entry): str(entry.payload["by"])
            for entry in self.entries
            if entry.kind == REQUESTED
            and [entry.payload["model_digest"], entry.payload["policy_digest"]] == bound_to
        }

    def requested_by(self, person: str) -> bool:
        """Return whether somebody is among those who requested it."""
        return person.casefold() in {by.casefold() for by in self.requests.values()}

    def standing(self, data: Sequence[str] = ()) -> Standing:
        """Return what counts now.

        Args:
            data: digests of the data that the evidence to be judged was measured on: an approval that was
                given on other data does not count. A rejection does: bad news stays news.
        """
        given: list[Approval] = []
        rejected: list[Approval] = []
        lapsed: list[Lapse] = []
        for one in self.said.values():
            if why := self._flaw(one, data) or self._second(one, given):
                lapsed.append(Lapse(approval=one, why=why))
            else:
                (given if one.decision == "approve" else rejected).append(one)
        return Standing(tuple(given), tuple(rejected), tuple(lapsed))

    def _flaw(self, one: Approval, data: Sequence[str]) -> str:
        """Return why a word does not count; empty when it does."""
        return next(chain(self._unbound(one, data), self._not_theirs(one), self._ended(one)), "")

    def _unbound(self, one: Approval, data: Sequence[str]) -> Iterator[str]:
        if one.model_digest != self.version.digest:
            yield "is about other bytes of the model"
        if one.policy_digest != self.policy.digest:
            yield "was given under another text of the policy"
        if one.decision == "approve" and not set(data) <= set(one.data):
            yield "was given on evidence from other data"

    def _not_theirs(self, one: Approval) -> Iterator[str]:
        if one.by.casefold() == self.version.author.casefold():
            yield "is the author's own"
        if self.requested_by(one.by):
            yield "is by whoever requested it"
        if one.role not in self.policy.approvals:
            yield f"is in the role {one.role}, which the policy does not ask for"
        if not holds(one, self.keys.of(one.by)):
            yield f"is not signed by {one.by}'s key"
        if one.role_from == SETTINGS and one.role not in self.people.get(one.by, ()):
            yield f"is by somebody who no longer has the role {one.role}"

    def _ended(self, one: Approval) -> Iterator[str]:
        if taken := self.taken.get(one.id):
            yield f"was taken back by {taken.by}: {taken.note}"
        if one.until is not None and self.now >= one.until:
            yield f"ended on {one.until:%Y-%m-%d}"

    def _second(self, one: Approval, given: Sequence[Approval]) -> str:
        """Return why a further approval by the same person does not count."""
        for earlier in given if one.decision == "approve" else ():
            if same_person(earlier, one.by, one.role, self.policy):
                return f"is {one.by}'s second, and a person counts once"
        return ""


def same_person(earlier: Approval, by: str, role: str, policy: Policy) -> bool:
    """Return whether a word is a person's own already, so that a second would count twice."""
    same = earlier.by.casefold() == by.casefold()
    return same and (earlier.role == role or not policy.same_person_may_fill_roles)


def _place(entry: Entry) -> str:
    return f"{entry.stream}#{entry.position}"
