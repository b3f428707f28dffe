"""Requests: somebody asks for approval, and what the approver is shown is kept as it was shown."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar

from workbench.core.clock import Clock
from workbench.core.errors import InvalidInput, Refused
from workbench.core.records import Shown
from workbench.gates.difference import Difference
from workbench.gates.policy import Policy
from workbench.gates.records import Verdict
from workbench.gates.standing import REQUESTED
from workbench.journal import Entry, Event, Journal
from workbench.models.records import ModelVersion


class ApprovalRequest(Shown):
    """A candidate beside the champion, as it was when somebody asked for approval."""

    view: ClassVar[str] = "request"

    id: str
    """``approval/<name>/<version>#<place in that stream>``."""
    model: str
    model_digest: str
    policy: str
    policy_digest: str
    by: str
    """Who asks; they cannot approve."""
    note: str
    time: datetime
    verdict: Verdict
    difference: Difference


def request(
    journal: Journal,
    version: ModelVersion,
    policy: Policy,
    *,
    verdict: Verdict,
    difference: Difference,
    by: str,
    note: str,
    clock: Clock,
) -> ApprovalRequest:
    """Ask for approval, and keep what is shown.

    Raises:
        InvalidInput: no note.
        Refused: the policy asks for no approval.
        Conflict: somebody else wrote in the same moment.
    """
    if not note.strip():
        raise InvalidInput(
            "note: a request needs one.", remedy="Say in a sentence why it should be released.", field="note"
        )
    if not policy.approvals:
        raise Refused(
            f"Policy {policy.name} asks for no approval.",
            remedy="Add one to it, for example: approvals: {model-risk: 1}",
            field="policy",
        )
    stream = f"approval/{version.ref}"
    before = journal.length(stream)
    asked = ApprovalRequest(
        id=f"{stream}#{before}",
        model=version.ref,
        model_digest=version.digest,
        policy=policy.name,
        policy_digest=policy.digest,
        by=by,
        note=note.strip(),
        time=clock.now(),
        verdict=verdict,
        difference=difference,
    )
    fact = Event(
        kind=REQUESTED, payload=json.loads(asked.to_json()), subjects=(version.digest, policy.digest)
    )
    journal.append(stream, fact, expected=before)
    return asked


def requests_of(entries: Iterable[Entry]) -> list[ApprovalRequest]:
    """Return the requests among the entries of a version's approvals, oldest first."""
    return [ApprovalRequest.model_validate(e.payload) for e in entries if e.kind == REQUESTED]
