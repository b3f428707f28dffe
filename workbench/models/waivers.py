"""Waivers: somebody's word, with a last day, that a model may be kept although reading it runs code.

A waiver is asked for when a model is registered and when a release of it opens. One that has run out stops
those two, and nothing that already answers: a date must not take a champion away at midnight. Audits go on
too, since they read such a model in a process of its own.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from workbench.core.clock import Clock, last_day
from workbench.core.errors import InvalidInput, Refused
from workbench.journal import Event, Journal
from workbench.models.records import ModelVersion, Waiver
from workbench.models.references import require_name

GIVEN = "waiver.given"
KINDS = ("pickle",)


def give(
    journal: Journal, clock: Clock, *, kind: str, model: str, reason: str, until: date | str, by: str
) -> Waiver:
    """Write a waiver into the journal.

    Raises:
        InvalidInput: another kind, no reason, no day, or a day that has passed.
        Conflict: somebody else gave one in the same moment.
    """
    require_name(model, field="model")
    if kind not in KINDS:
        raise InvalidInput(
            f"kind: there is no waiver for {kind!r}.", remedy="There is: 'pickle'.", field="kind"
        )
    if not isinstance(reason, str) or not reason.strip():
        raise InvalidInput("reason: a waiver needs one.", remedy="Say why in a sentence.", field="reason")
    now = clock.now()
    last = last_day(until, now)
    stream = f"waiver/{model}"
    before = len(journal.read(stream))
    waiver = Waiver(
        id=f"{stream}#{before}",
        kind="pickle",
        model=model,
        reason=reason.strip(),
        until=last,
        by=by,
        time=now,
    )
    journal.append(stream, Event(kind=GIVEN, payload=waiver.model_dump(mode="json")), expected=before)
    return waiver


def given(journal: Journal, model: str) -> list[Waiver]:
    """Return every waiver ever given for a model, oldest first."""
    return [
        Waiver.model_validate(entry.payload)
        for entry in journal.read(f"waiver/{model}")
        if entry.kind == GIVEN
    ]


def holding(journal: Journal, model: str, now: datetime) -> Waiver | None:
    """Return the waiver of a model that holds longest from now; None when none does."""
    today = now.astimezone(UTC).date()
    return max(
        (one for one in given(journal, model) if one.until >= today), key=lambda one: one.until, default=None
    )


def require(journal: Journal, clock: Clock, model: str, what: str) -> Waiver:
    """Return the waiver that holds for a model, or refuse and say how to get one.

    Args:
        journal: where waivers are.
        clock: says what day it is.
        model: the name.
        what: which file is a program, for the message.

    Raises:
        Refused: there is none, or the last has run out.
    """
    if (waiver := holding(journal, model, clock.now())) is not None:
        return waiver
    earlier = given(journal, model)
    ended = f" Its waiver ended on {max(one.until for one in earlier)}." if earlier else ""
    raise Refused(
        f"{model}: {what}, and no waiver holds for it.{ended}",
        remedy="Save it as skops or ONNX. If it must stay as it is, somebody answers for it: "
        f"workbench waive {model} --kind pickle --reason TEXT --until DATE",
        field="model",
    )


def require_for_release(journal: Journal, clock: Clock, version: ModelVersion) -> None:
    """Refuse a release of a version that was let in by a waiver when none holds today.

    Raises:
        Refused: none does.
    """
    if version.program_by.startswith("waiver/"):
        require(journal, clock, version.name, f"{version.ref} is kept as a program")
