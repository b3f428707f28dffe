"""The gateway: the process that answers requests for one endpoint, and the files by which it is steered.

An **endpoint** has the name of its model. Its **routing table** says who answers: the champion, a candidate
on a share of the requests, a shadow whose answers nobody sees, a standby that waits in memory. A controller
writes the table (``write_table``); the gateway takes it within a tenth of a second and says so in its
``Status``.
``kill`` stops every model answer with nothing but a file.

Callers speak the Open Inference Protocol V2 or MLflow's ``/invocations``; every exchange is captured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.gateway.routing import (
    Route,
    RoutingTable,
    is_killed,
    kill,
    read_table,
    revive,
    routed,
    write_table,
)
from workbench.gateway.status import Status, read_status, running

if TYPE_CHECKING:
    from workbench.gateway.server import serve

__all__ = [
    "Route",
    "RoutingTable",
    "Status",
    "is_killed",
    "kill",
    "read_status",
    "read_table",
    "revive",
    "routed",
    "running",
    "serve",
    "write_table",
]


def __getattr__(name: str) -> Any:
    """Bring in ``serve`` when it is asked for: who steers a gateway needs no web server."""
    if name == "serve":
        from workbench.gateway.server import serve

        return serve
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
