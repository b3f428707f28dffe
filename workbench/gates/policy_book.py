"""The policies that were used: each text under its digest, in the journal, so that none can be changed after.

A policy is a file that a team edits. From the moment a gate has judged by it, its text is kept in the stream
``policy/<name>``; another text under the same name is the next version, and old ones can be read for ever.
"""

from __future__ import annotations

from workbench.core.digests import short
from workbench.core.errors import Conflict, NotFound, nearest
from workbench.core.records import Record
from workbench.gates.policy import Policy
from workbench.journal import Event, Journal

#: The journal's word for the first use of a policy's text.
USED = "policy.used"


class UsedPolicy(Record):
    """One text of a policy, as it was first used."""

    version: int
    """Place among the texts of that name, from 1."""
    digest: str
    policy: Policy

    @property
    def ref(self) -> str:
        """``name@digest``, which reads this text wherever a policy is asked for."""
        return f"{self.policy.name}@{short(self.digest)}"


class PolicyBook:
    """Keeps the texts of policies.

    Args:
        journal: where.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def use(self, policy: Policy) -> None:
        """Keep the text of a policy, unless it is kept already."""
        stream = f"policy/{policy.name}"
        entries = self._journal.read(stream)
        if any(entry.payload["digest"] == policy.digest for entry in entries):
            return
        content = policy.model_dump(mode="json", exclude_defaults=True)
        payload = {"name": policy.name, "digest": policy.digest, "content": content}
        fact = Event(kind=USED, payload=payload, subjects=(policy.digest,))
        try:
            self._journal.append(stream, fact, expected=len(entries))
        except Conflict:  # somebody else has kept a text meanwhile: it may be this one
            self.use(policy)

    def of(self, name: str) -> list[UsedPolicy]:
        """Return the texts used under a name, oldest first."""
        return [
            UsedPolicy(
                version=number,
                digest=entry.payload["digest"],
                policy=Policy.model_validate(entry.payload["content"]),
            )
            for number, entry in enumerate(self._journal.read(f"policy/{name}"), start=1)
        ]

    def names(self) -> list[str]:
        """Return the names under which a policy was used, sorted."""
        return [stream.removeprefix("policy/") for stream in self._journal.streams("policy/")]

    def text(self, name: str, digest: str) -> Policy:
        """Return a text by name and digest, or the first hex digits of it.

        Raises:
            NotFound: no such text was used, with those that were.
        """
        known = self.of(name)
        wanted = digest.removeprefix("sha256:")
        fitting = [one for one in known if wanted and one.digest.removeprefix("sha256:").startswith(wanted)]
        if len(fitting) != 1:
            refs = [one.ref for one in known]
            raise NotFound(
                f"No policy {name} of digest {digest!r} was used here.",
                remedy=nearest(f"{name}@{digest}", refs),
                field="policy",
            )
        return fitting[0].policy
