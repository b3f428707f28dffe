"""Traffic: captured exchanges, an exchange being one request and its answer.

The gateway hands every exchange to a ``CaptureWriter``, which never makes it wait; a background thread
closes Parquet **segments** of at most 500 exchanges or half a second. A ``TrafficStore`` reads them: a window
for people, or only what is new since a cursor for a controller. The unit of every count is the request;
``rows`` unfolds a frame of requests into one row per input row, for drift and replay. ``room.Traffic``
adds late labels, joined when exchanges are read, and takes exchanges away: of one subject, or all old ones.

Layout: ``<state>/traffic/<endpoint>/<closed>-<earliest>-<latest>-<pid>.parquet``, times in microseconds.
"""

from __future__ import annotations

from workbench.traffic.decided import Decided
from workbench.traffic.records import Arm, Exchange
from workbench.traffic.store import TrafficStore, rows
from workbench.traffic.writer import CaptureWriter

__all__ = ["Arm", "CaptureWriter", "Decided", "Exchange", "TrafficStore", "rows"]
