"""What a client may say in the body of a request: a few keys of bounded size, and never who says it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from workbench.core.errors import InvalidInput, nearest
from workbench.core.records import Record
from workbench.gates.records import Severity

#: Largest body; a note is a few sentences.
MOST_BYTES = 32 * 1024

_LOGIN = "Who acts is read from how the request was authenticated."

Name = Annotated[str, Field(min_length=1, max_length=200)]
Words = Annotated[str, Field(max_length=4000)]


class _Body(Record):
    path: Annotated[str, Field(max_length=4096)] = ""
    """Of the project, relative to the server's root."""


class Ask(_Body):
    """Ask for approval of a version."""

    action: Literal["request"]
    model: Name
    policy: Name = "default"
    note: Words


class Say(_Body):
    """Approve or reject a version."""

    action: Literal["approve", "reject"]
    model: Name
    policy: Name = "default"
    role: Name | None = None
    note: Words
    seen: Annotated[str, Field(max_length=100)] = ""
    """``Matter.seen`` of what the person read. Empty: it is not compared with how it stands now."""


class TakeBack(_Body):
    """Take an approval or a rejection back."""

    action: Literal["revoke"]
    approval: Name
    note: Words


class Open(_Body):
    """Write down a finding."""

    action: Literal["open"]
    model: Name
    title: Words
    severity: Severity = "medium"


class Accept(_Body):
    """Answer for a finding until a day."""

    action: Literal["accept"]
    finding: Name
    reason: Words
    until: Name


class Fix(_Body):
    """Say from which version on a finding is gone."""

    action: Literal["fix"]
    finding: Name
    version: Name
    note: Words


Decided = Annotated[Ask | Say | TakeBack, Field(discriminator="action")]
Found = Annotated[Open | Accept | Fix, Field(discriminator="action")]

DECIDED: TypeAdapter[Ask | Say | TakeBack] = TypeAdapter(Decided)
FOUND: TypeAdapter[Open | Accept | Fix] = TypeAdapter(Found)

Body = TypeVar("Body")


def read(body: bytes, kind: TypeAdapter[Body]) -> Body:
    """Read a body.

    Raises:
        InvalidInput: too large, not JSON, or a key that is unknown, missing or of another kind: names it.
    """
    if len(body) > MOST_BYTES:
        raise InvalidInput(
            f"The body is larger than {MOST_BYTES:,} bytes.", remedy="Say it in fewer words.", field="note"
        )
    try:
        return kind.validate_json(body, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _refusal(first, kind) from None


def _refusal(error: Any, kind: TypeAdapter[Any]) -> InvalidInput:
    # The first part of the place is the action, by which the kind of body was chosen.
    key = ".".join(str(part) for part in error["loc"][1:]) or "action"
    if error["type"] == "json_invalid":
        return InvalidInput("The body is not JSON.", remedy="Send an object with an action.", field="body")
    if error["type"] == "extra_forbidden":
        known = _keys(kind, error["loc"][0])
        remedy = f"{nearest(key, known)} {_LOGIN}"
        return InvalidInput(f"{key[:60]!r} is no key of this body.", remedy=remedy, field=key[:60])
    return InvalidInput(f"{key}: {error['msg']}.", remedy="Correct the value.", field=key)


def _keys(kind: TypeAdapter[Any], action: str) -> list[str]:
    schema = kind.json_schema()
    reference = schema["discriminator"]["mapping"][action].rpartition("/")[2]
    return list(schema["$defs"][reference]["properties"])
