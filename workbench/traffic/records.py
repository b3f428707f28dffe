"""One request and its answer, as captured by the gateway."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from workbench.core.records import Record

Arm = Literal["champion", "candidate", "none"]
"""``none`` when no coin was thrown, or its result did not count: the caller named a version, the endpoint was
killed, the version was taken out during the call, or so many requests were under way that those of the
candidate were turned away. No comparison of versions may count such an exchange."""

MOST_ROWS = 50_000
"""Input rows that may wait to be written: no captured request has more."""


class Exchange(Record):
    """One captured request. A request may carry several rows; the unit of every count is the request."""

    request_id: str
    time: datetime
    endpoint: str
    table_version: int
    """Version of the routing table that decided."""
    arm: Arm
    """The arm the coin assigned, whoever answered in the end."""
    share: float
    """Probability with which the coin gave the candidate: the ρ of the kernel."""
    coin: float | None = None
    """What the coin showed, 0 to 1: below ``share`` is the candidate. None when none was thrown, or when it
    was an entity's and a column must not be kept: it could be guessed from."""
    unit: str = ""
    """The entity for which the coin was thrown, as a digest, a keyed one where a column must not be kept;
    empty when it was for this request alone."""
    arm_name: str = ""
    """What the table calls the arm in an A/B test; empty outside one."""
    version: int
    """Model version of the assigned arm, or the one the caller named."""
    served_by: int | None
    """Version that answered; another one when ``version`` failed; None when nobody could."""
    status: int
    error: str = ""
    """Why the assigned arm failed; empty when it answered."""
    latency_ms: float
    inputs: list[dict[str, Any]]
    """The rows, by column name; as many empty ones where they were not kept."""
    outputs: list[Any] | None
    """One prediction a row, as answered. Of rows that were not kept only where a shadow answered, too."""
    shadow_version: int | None = None
    shadow_outputs: list[Any] | None = None
    shadow_error: str = ""
    shadow_latency_ms: float | None = None
    unusual: tuple[str, ...] = ()
    """Columns that held a value from outside what training showed: out of range, or an unknown category."""
    kept: bool = True
    """False: sampling left the rows out (``capture_sample``). Everything else is there."""
    redacted: tuple[str, ...] = ()
    """Columns of which no value was written: left out of the rows, or a keyed digest in its place."""
