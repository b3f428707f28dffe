"""People between the stages: who may say that a release goes on, and whose word counts when the step is due.

The rules are those of the gates. The author of the version never; whoever opened the release has asked for
every step of it and cannot grant one; a person counts once a step; the role must be theirs, now as then; and
the word is bound to the bytes and to the plan and signed with the person's own key.

A word is about the step that comes next, and ends with it: nobody says yes to what they have not seen yet.
Until that step is entered a word can be taken back, by whoever gave it and by others in its role.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from workbench.core.clock import Clock
from workbench.core.errors import InvalidInput, Refused, unknown
from workbench.gates import roles
from workbench.gates.records import SETTINGS, StageApproval, StageRevocation
from workbench.gates.roles import People
from workbench.gates.signatures import KeyBook, Keys, holds, signed
from workbench.journal import Event, Journal, Signer
from workbench.journal.store import Write
from workbench.models.records import ModelVersion
from workbench.releases.records import Release, Stage
from workbench.releases.state import APPROVAL_REVOKED, APPROVED

Word = TypeVar("Word", StageApproval, StageRevocation)


class Said(NamedTuple, Generic[Word]):
    """A word, to be appended: the event, and what must stand beside it so that others can check it."""

    word: Word
    event: Event
    enrolment: list[Write]


class Voices:
    """What people say of going on.

    Args:
        journal: where keys are.
        people: roles by person, from the settings.
        listed: keys by person, from the settings.
        clock: says when.
    """

    def __init__(self, journal: Journal, *, people: People, listed: Keys, clock: Clock) -> None:
        self._people = people
        self._keys = KeyBook(journal.read, listed)
        self._clock = clock

    def say(
        self,
        release: Release,
        version: ModelVersion,
        *,
        by: str,
        note: str,
        signer: Signer,
        stage: str | None = None,
        role: str | None = None,
        vouched: Mapping[str, str] | None = None,
    ) -> Said[StageApproval]:
        """Return a person's yes to the next step, signed.

        Args:
            release: as it stands.
            version: its candidate.
            by: who says it.
            note: why. Kept for ever.
            signer: holds the person's own key.
            stage: name of the step that they read about; refused when it is not the next one (any more).
            role: the role acted in. Default: the one role that they have and the step asks for.
            vouched: further roles of the person, by what vouches for them.

        Raises:
            Refused: the step asks nobody, or not this person: the author, whoever opened the release,
                somebody without the role or who has spoken already, or a key that is not theirs.
            InvalidInput: no note, a role that the step does not ask for, or one of several must be chosen.
        """
        _require_note(note)
        step = _asking(release, stage)
        held = roles.held(by, self._people, vouched or {})
        self._refuse(release, version, by)
        chosen = self._role(step, by, role, held, version.author, release.opened_by)
        said = StageApproval(
            release=release.id,
            stage=release.stage + 1,
            stage_name=step.name,
            model=release.candidate,
            model_digest=release.candidate_digest,
            plan_digest=release.plan_digest,
            role=chosen,
            role_from=held[chosen],
            by=by,
            note=note.strip(),
            time=self._clock.now(),
        )
        return self._signed(said, APPROVED, release, signer)

    def take_back(
        self,
        release: Release,
        version: ModelVersion,
        *,
        by: str,
        note: str,
        signer: Signer,
        given_by: str | None = None,
        vouched: Mapping[str, str] | None = None,
    ) -> Said[StageRevocation]:
        """Return that a person takes a yes to the next step back, signed.

        Args:
            release: as it stands.
            version: its candidate.
            by: who takes it back: whoever gave it, or somebody else in the role it was given in.
            note: why. Kept for ever.
            signer: holds the person's own key.
            given_by: whose word. Default: their own.
            vouched: as for ``say``.

        Raises:
            Refused: no such word stands, or it is another's and they may not: the author, whoever opened the
                release, somebody without the role, or a key that is not theirs.
            InvalidInput: no note.
        """
        _require_note(note)
        step, giver = _asking(release, None), given_by or by
        held = roles.held(by, self._people, vouched or {})
        standing = {
            place: one
            for place, one in self._standing(release, version).items()
            if one.by.casefold() == giver.casefold()
        }
        if not standing:
            raise Refused(
                f"No approval of {step.name} by {giver} stands in {release.id}.",
                remedy="A word can be taken back until the step that it is about is entered.",
                field="given_by",
            )
        own = by.casefold() == giver.casefold()
        may = own or not _is_party(by, version, release)
        place = next((n for n, one in standing.items() if may and (own or one.role in held)), None)
        if place is None:
            role = next(iter(standing.values())).role
            able = roles.who_may(role, self._people, version.author, release.opened_by, giver)
            raise Refused(
                f"{by} cannot take back what {giver} said as {role}.",
                remedy=f"{giver} may. {able}",
                field="by",
            )
        taken = StageRevocation(
            release=release.id,
            stage=release.stage + 1,
            stage_name=step.name,
            word=place,
            by=by,
            role_from=held.get(standing[place].role, SETTINGS),
            note=note.strip(),
            time=self._clock.now(),
        )
        return self._signed(taken, APPROVAL_REVOKED, release, signer)

    def counting(self, release: Release, version: ModelVersion) -> dict[str, tuple[str, ...]]:
        """Return who has said yes to the next step, by role, as far as it counts now."""
        found: dict[str, tuple[str, ...]] = {}
        people: set[str] = set()
        for one in self._standing(release, version).values():
            if one.by.casefold() not in people and self._has_role(one):
                people.add(one.by.casefold())
                found[one.role] = (*found.get(one.role, ()), one.by)
        return found

    def _signed(self, said: Word, kind: str, release: Release, signer: Signer) -> Said[Word]:
        said = signed(said, signer)
        subjects = (release.candidate_digest, release.plan_digest)
        event = Event(kind=kind, payload=json.loads(said.to_json()), subjects=subjects)
        return Said(said, event, self._keys.enrolment(said.by, signer))

    def _standing(self, release: Release, version: ModelVersion) -> dict[int, StageApproval]:
        """Return the words about the next step that nobody took back, by their place among all."""
        taken = {
            one.word
            for one in release.revocations
            if one.word < len(release.approvals) and self._takes_back(one, release, version)
        }
        return {
            place: one
            for place, one in enumerate(release.approvals)
            if place not in taken and self._bound(one, release, version)
        }

    def _takes_back(self, one: StageRevocation, release: Release, version: ModelVersion) -> bool:
        """Whoever took a word back had to have its role then; that they lost it since brings no word back."""
        said = release.approvals[one.word]
        if (one.release, one.stage) != (release.id, said.stage):
            return False
        own = one.by.casefold() == said.by.casefold()
        return (own or not _is_party(one.by, version, release)) and self._holds(one)

    def _holds(self, one: StageApproval | StageRevocation) -> bool:
        return holds(one, self._keys.of(one.by))

    def _has_role(self, one: StageApproval) -> bool:
        return one.role_from != SETTINGS or one.role in self._people.get(one.by, ())

    def _bound(self, one: StageApproval, release: Release, version: ModelVersion) -> bool:
        bound = (one.release, one.stage, one.model_digest, one.plan_digest)
        if bound != (release.id, release.stage + 1, release.candidate_digest, release.plan_digest):
            return False
        if _is_party(one.by, version, release) or one.role not in release.stages[one.stage].approvals:
            return False
        return self._holds(one)

    def _refuse(self, release: Release, version: ModelVersion, by: str) -> None:
        step = release.stages[release.stage + 1]
        able = [
            roles.who_may(role, self._people, version.author, release.opened_by) for role in step.approvals
        ]
        if _is_party(by, version, release):
            did = "registered" if by.casefold() == version.author.casefold() else "opened the release of"
            raise Refused(
                f"{by} {did} {version.ref} and cannot let it into {step.name}.",
                remedy=" ".join(able),
                field="by",
            )
        if any(by in names for names in self.counting(release, version).values()):
            raise Refused(
                f"{by} has approved {step.name} of {release.id} already, and a person counts once.",
                remedy=" ".join(able),
                field="by",
            )

    def _role(self, step: Stage, by: str, role: str | None, held: Mapping[str, str], *but: str) -> str:
        if role is not None and role not in step.approvals:
            raise unknown("role", "role", role, step.approvals)
        asked = list(step.approvals) if role is None else [role]
        fitting = [one for one in asked if one in held]
        if not fitting:
            raise Refused(
                f"{by} does not have the role {' or '.join(asked)}, which {step.name} asks for.",
                remedy=" ".join(roles.who_may(one, self._people, *but) for one in asked),
                field="role",
            )
        if len(fitting) > 1:
            raise InvalidInput(
                f"role: {by} has several that {step.name} asks for: {', '.join(fitting)}.",
                remedy=f"Say which: role={fitting[0]!r}.",
                field="role",
            )
        return fitting[0]


def lacking(step: Stage, given: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return the roles that a step still asks for, and how many people of each."""
    left = {role: need - len(given.get(role, ())) for role, need in step.approvals.items()}
    return {role: count for role, count in left.items() if count > 0}


def _asking(release: Release, stage: str | None) -> Stage:
    """The step that may be approved now, which is the next one."""
    if release.status.final:
        raise Refused(
            f"{release.id} is over: {release.reason}", remedy="Nothing is to be approved.", field="release"
        )
    step = release.stages[release.stage + 1]
    if stage is not None and stage != step.name:
        raise Refused(
            f"{release.id} is in {release.current.name}: the step to approve is {step.name}, not {stage}.",
            remedy="Look at it again, then decide.",
            field="stage",
        )
    if not step.approvals:
        raise Refused(
            f"{step.name} of {release.id} asks for no approval.",
            remedy="Add it to the plan of the next release, for example: approvals: {owner: 1}",
            field="stage",
        )
    return step


def _require_note(note: str) -> None:
    if not note.strip():
        raise InvalidInput("note: an approval needs a reason.", remedy="Say why in a sentence.", field="note")


def _is_party(by: str, version: ModelVersion, release: Release) -> bool:
    return by.casefold() in (version.author.casefold(), release.opened_by.casefold())
