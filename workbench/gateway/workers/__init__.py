"""Workers: the processes in which models answer, apart from the gateway, so that one can be killed.

A version has a **crew** of workers. A call goes to one that is idle. One that does not come back from a call
is killed at its limit, one that dies fails the call it was at, one that grows beyond its memory is replaced;
each time another takes its place while the rest go on. Nothing a model does reaches the gateway's process.
"""

from __future__ import annotations

from workbench.gateway.workers.crew import Crew
from workbench.gateway.workers.limits import Limits
from workbench.gateway.workers.nursery import Nursery
from workbench.gateway.workers.served import Served, serve_version

__all__ = ["Crew", "Limits", "Nursery", "Served", "serve_version"]
