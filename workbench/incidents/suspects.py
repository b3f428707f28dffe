"""Which versions a bisection searches."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.core.errors import InvalidInput
from workbench.incidents.records import Incident
from workbench.models.records import ModelVersion


def suspects_of(
    incident: Incident,
    versions: Sequence[ModelVersion],
    *,
    reference: ModelVersion | None,
    good: ModelVersion | None,
    bad: ModelVersion | None,
) -> list[ModelVersion]:
    """Return the versions from the good end to the bad end, oldest first.

    Args:
        incident: whose model it is.
        versions: every version of the model, oldest first.
        reference: of a disagreement: the good end when none is given, unless it is newer than the bad end.
        good: the good end. Default: the oldest.
        bad: the bad end. Default: the newest that answered the frozen rows, else the newest.

    Raises:
        InvalidInput: an end that is of another model, or the good one comes after the bad one.
    """
    for field, end in (("good", good), ("bad", bad)):
        if end is not None and end.name != incident.model:
            raise InvalidInput(
                f"{field}: {end.ref} is no version of {incident.model}, which the incident is about.",
                remedy=f"Give one of its versions, for example {field}={versions[0].version}.",
                field=field,
            )
    served = [v for v in versions if v.version in incident.versions]
    last = (bad or (served or versions)[-1]).version
    starts = good or reference
    usable = (
        starts is not None and starts.name == incident.model and (good is not None or starts.version <= last)
    )
    first = starts.version if starts is not None and usable else versions[0].version
    if first > last:
        raise InvalidInput(
            f"good: {incident.model}/{first} comes after {incident.model}/{last}.",
            remedy="Give a good version that is older than the bad one.",
            field="good",
        )
    return [v for v in versions if first <= v.version <= last]
