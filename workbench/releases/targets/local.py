"""The embedded gateway on this machine: a routing is a file that it watches."""

from __future__ import annotations

import time
from pathlib import Path

from workbench.core.settings import Settings
from workbench.gateway import routing as table
from workbench.gateway.routing import RoutingTable
from workbench.gateway.status import read_status
from workbench.models.records import ModelVersion
from workbench.releases.targets.base import Deployment, Routing, TargetStatus
from workbench.releases.targets.tables import as_routing, as_table, checked, killed, same

#: Seconds a gateway has to load what a routing asks for. When it needs longer it follows when it is ready.
_PATIENCE = 10.0
_POLL = 0.01


class Local:
    """Moves the traffic of ``workbench gateway``. With none running, the routing waits for the next one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._state = settings.state

    def deploy(self, version: ModelVersion, folder: Path) -> Deployment:
        """Check the files where they are: the gateway reads the same folder.

        Raises:
            NotFound: there are none.
            Tampered: they are not those that were registered, or their signature does not hold.
            Refused: the project names a key to check with, and the version is not signed.
        """
        return checked(version, folder, self._settings)

    def route(self, routing: Routing, *, expected: int, token: int | None = None) -> int:
        """Write the routing table, unless it says so already, and wait for the gateway to follow.

        Raises:
            Conflict: somebody has written another table since version ``expected``, or holds a later lease.
        """
        before = table.read_table(self._state, routing.endpoint)
        now = as_table(routing, before, version=expected + 1, token=token)
        if before is not None and same(now, before):
            table.fence(self._state, routing.endpoint, now.token)
            return before.version
        table.write_table(self._state, now)
        self._await(now)
        return now.version

    def status(self, endpoint: str) -> TargetStatus:
        """Read the table, the kill switch and what the gateway says of itself."""
        now = table.read_table(self._state, endpoint)
        gateway = read_status(self._state, endpoint)
        version = now.version if now else 0
        refused = gateway.refused if gateway and gateway.refused_version == version else ""
        return TargetStatus(
            routing=as_routing(now) if now else None,
            version=version,
            token=now.token if now else 0,
            alive=gateway is not None,
            in_force=gateway.table_version if gateway else 0,
            refused=refused,
            killed=killed(self._state, endpoint),
            process=f"{gateway.pid} since {gateway.started.isoformat()}" if gateway else "",
            lost=gateway.lost if gateway else 0,
        )

    def kill(self, endpoint: str, reason: str) -> None:
        """Write the file that stops every model answer."""
        table.kill(self._state, endpoint, reason)

    def revive(self, endpoint: str) -> None:
        """Remove that file."""
        table.revive(self._state, endpoint)

    def remove(self, endpoint: str) -> None:
        """Remove the routing table; a gateway that runs keeps what it has loaded until it is stopped."""
        (table.folder_of(self._state, endpoint) / table.ROUTES).unlink(missing_ok=True)

    def render(self, routing: Routing) -> str:
        """Return the routing table as JSON."""
        before = table.read_table(self._state, routing.endpoint)
        version = before.version + 1 if before else 1
        return as_table(routing, before, version=version, token=None).to_json(indent=1)

    def _await(self, wanted: RoutingTable) -> None:
        """Wait until the gateway follows or refuses; not at all when there is none."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            gateway = read_status(self._state, wanted.endpoint)
            if gateway is None or wanted.version <= max(gateway.table_version, gateway.refused_version or 0):
                return
            time.sleep(_POLL)
