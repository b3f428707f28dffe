"""Approvals: people's signed yes or no to the bytes of a model, under a policy, on data. Never the author's.

Everything is an event in the stream ``approval/<name>/<version>``; what counts is told by ``standing``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from workbench.core.clock import Clock
from workbench.core.errors import InvalidInput, NotFound, Refused, nearest
from workbench.gates import roles
from workbench.gates.policy import Policy
from workbench.gates.records import SETTINGS, Approval, Revocation
from workbench.gates.roles import People
from workbench.gates.signatures import KeyBook, Keys, signed
from workbench.gates.standing import KINDS, REVOKED, Roll, Standing, Words, same_person
from workbench.journal import Entry, Event, Journal, Signer

if TYPE_CHECKING:
    from workbench.models.records import ModelVersion


class Approvals:
    """Takes approvals and tells which count.

    Args:
        journal: where they are kept.
        people: roles by person, from the settings.
        listed: keys by person, from the settings (``signatures.KeyBook``).
        clock: says when.
    """

    def __init__(self, journal: Journal, *, people: People, listed: Keys, clock: Clock) -> None:
        self._journal = journal
        self._people = people
        self._keys = KeyBook(journal.read, listed)
        self._clock = clock

    def say(
        self,
        version: ModelVersion,
        policy: Policy,
        *,
        decision: Literal["approve", "reject"],
        by: str,
        note: str,
        signer: Signer,
        data: Sequence[str] = (),
        role: str | None = None,
        vouched: Mapping[str, str] | None = None,
    ) -> Approval:
        """Write one person's approval or rejection into the journal.

        Args:
            version: what it is about.
            policy: under which policy; one that asks for no approval takes none.
            decision: yes or no.
            by: who says it.
            note: why. Kept for ever.
            signer: holds the person's own key.
            data: digests of the data that the evidence was measured on.
            role: the role acted in. Default: the one role that the person has and the policy asks for.
            vouched: further roles of the person, by what vouches for them, such as a group of JupyterHub.

        Raises:
            Refused: the author, whoever requested it, somebody without the role, a person whose word stands
                already, or a key that is not the person's.
            InvalidInput: no note, a role the policy does not ask for, or one of several must be chosen.
            Conflict: somebody else wrote in the same moment.
        """
        _require_note(note)
        roll, held = self._roll(version, policy), roles.held(by, self._people, vouched or {})
        chosen = self._voice(roll, by, role, held, data)
        now = self._clock.now()
        said = Approval(
            id=f"{_stream(version)}#{len(roll.entries)}",
            decision=decision,
            model=version.ref,
            model_digest=version.digest,
            policy=policy.name,
            policy_digest=policy.digest,
            data=tuple(sorted(data)),
            request=next(reversed(roll.requests), ""),
            role=chosen,
            role_from=held[chosen],
            by=by,
            note=note.strip(),
            time=now,
            until=now + timedelta(days=policy.approval_days) if decision == "approve" else None,
        )
        said = signed(said, signer)
        self._write(roll, KINDS[decision], said, signer)
        return said

    def require_voice(
        self,
        version: ModelVersion,
        policy: Policy,
        *,
        by: str,
        role: str,
        data: Sequence[str] = (),
        vouched: Mapping[str, str] | None = None,
    ) -> None:
        """Refuse whom ``say`` would refuse, before they say anything; arguments and errors as there."""
        held = roles.held(by, self._people, vouched or {})
        self._voice(self._roll(version, policy), by, role, held, data)

    def revoke(
        self,
        version: ModelVersion,
        approval: str,
        *,
        by: str,
        note: str,
        signer: Signer,
        vouched: Mapping[str, str] | None = None,
    ) -> Revocation:
        """Take an approval or a rejection back.

        Whoever gave it may, and so may others in the role it was given in: stopping must not wait for one
        person. The author may not, or a rejection would not stand. ``vouched`` as for ``say``.

        Raises:
            Refused: somebody else, or it was taken back already.
            NotFound: there is none of that id.
        """
        _require_note(note)
        roll = Words(self._entries(version), version, self._people, self._keys)
        if approval not in roll.said:
            raise NotFound(
                f"{version.ref} has no approval {approval!r}.",
                remedy=nearest(approval, roll.said),
                field="approval",
            )
        found = roll.said[approval]
        if approval in roll.taken:
            raise Refused(
                f"{approval} was taken back already.", remedy="Nothing is to be done.", field="approval"
            )
        held = roles.held(by, self._people, vouched or {})
        if not roll.may_revoke(by, found, held):
            raise Refused(
                f"{by} cannot take back what {found.by} said as {found.role}.",
                remedy=f"{found.by} may. {roles.who_may(found.role, self._people, version.author)}",
                field="by",
            )
        taken = Revocation(
            approval=approval,
            by=by,
            role_from=held.get(found.role, SETTINGS),
            note=note.strip(),
            time=self._clock.now(),
        )
        taken = signed(taken, signer)
        self._write(roll, REVOKED, taken, signer)
        return taken

    def standing(self, version: ModelVersion, policy: Policy, data: Sequence[str] = ()) -> Standing:
        """Return what counts now, of evidence on ``data`` (``Roll.standing``)."""
        return self._roll(version, policy).standing(data)

    def _voice(
        self, roll: Roll, by: str, role: str | None, held: Mapping[str, str], data: Sequence[str]
    ) -> str:
        """Return the role that somebody speaks in, or refuse."""
        roles.refuse_author(roll.version, roll.policy, by, self._people)
        self._refuse_requester(roll, by)
        author = roll.version.author
        chosen = roles.role_of(by, role, roll.policy, held, people=self._people, author=author)
        self._refuse_second(roll, roll.standing(data), by, chosen)
        return chosen

    def _roll(self, version: ModelVersion, policy: Policy) -> Roll:
        return Roll(
            self._entries(version), version, self._people, self._keys, policy=policy, now=self._clock.now()
        )

    def _entries(self, version: ModelVersion) -> list[Entry]:
        return self._journal.read(_stream(version))

    def _write(self, roll: Words, kind: str, said: Approval | Revocation, signer: Signer) -> None:
        """Append the word, and the key that others check it with, in one transaction."""
        subjects = (said.model_digest, said.policy_digest) if isinstance(said, Approval) else ()
        fact = Event(kind=kind, payload=json.loads(said.to_json()), subjects=subjects)
        enrolment = self._keys.enrolment(said.by, signer)
        self._journal.append_many([*enrolment, (_stream(roll.version), fact, len(roll.entries))])

    def _refuse_requester(self, roll: Roll, by: str) -> None:
        if roll.requested_by(by):
            author, asked = roll.version.author, roll.policy.approvals
            raise Refused(
                f"{by} requested the approval of {roll.version.ref} and cannot give it.",
                remedy=" ".join(roles.who_may(role, self._people, author, by) for role in asked),
                field="by",
            )

    def _refuse_second(self, roll: Roll, now: Standing, by: str, role: str) -> None:
        for earlier in (*now.given, *now.rejected):
            if same_person(earlier, by, role, roll.policy):
                did = "approved" if earlier.decision == "approve" else "rejected"
                others = roles.who_may(role, self._people, roll.version.author, by)
                raise Refused(
                    f"{by} {did} {roll.version.ref} as {earlier.role} already, on {earlier.time:%Y-%m-%d}.",
                    remedy=f"A second word must be another's. {others} To take it back: "
                    f"workbench revoke {earlier.id}",
                    field="by",
                )


def _stream(version: ModelVersion) -> str:
    return f"approval/{version.ref}"


def _require_note(note: str) -> None:
    if not note.strip():
        raise InvalidInput("note: an approval needs a reason.", remedy="Say why in a sentence.", field="note")
