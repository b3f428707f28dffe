"""An alert: something the traffic shows that the plan or the reference did not promise."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from workbench.core.records import Record


class Alert(Record):
    """One alarm with its numbers, and the exchanges it rests on."""

    id: str
    endpoint: str
    trigger: Literal["errors", "drift"]
    sentence: str
    """``error share 4.1 % (12 of 290), objective 1 %: evidence 95:1 at threshold 20:1``."""
    column: str = ""
    """The column that drifted, for drift."""
    value: float
    low: float | None = None
    high: float | None = None
    limit: float
    n: int
    since: datetime
    until: datetime
    """The window of exchanges, as ``open_incident(window=...)`` takes it."""
    time: datetime
