"""Incidents: a failure frozen, replayed on any version, and bisected to the version that introduced it.

To **freeze** is to write the rows, with what production answered, into a file of their own under a digest:
everybody who looks into the incident looks at the same bytes. To **replay** is to score those rows on other
versions and compare. To **bisect** is to find the first version that shows the **failure**, a predicate on
a version: it answers unlike a reference, it raises, or a metric is beyond a bound. The rows on which it
fails become a behaviour **case** that every later audit runs.

An incident is the stream ``incident/INC-n``; its present state is a fold over it (``state.fold``). Rows
never enter the journal, only their digest does.
"""

from __future__ import annotations

from workbench.incidents.incidents import Incidents
from workbench.incidents.records import BisectReport, Failure, Incident, ReplayReport

__all__ = ["BisectReport", "Failure", "Incident", "Incidents", "ReplayReport"]
