"""The embedded gateway on this machine: a routing is a file that it watches."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from workbench.core.digests import short
from workbench.core.errors import Tampered
from workbench.core.settings import Settings
from workbench.gateway import routing as table
from workbench.gateway.routing import Route, RoutingTable
from workbench.gateway.status import read_status
from workbench.models.attestations import verify_signature
from workbench.models.copying import tree_digest
from workbench.models.loading import take
from workbench.models.records import ModelVersion
from workbench.releases.targets.base import Deployment, Routing, TargetStatus

#: Seconds a gateway has to load what a routing asks for. When it needs longer it follows when it is ready.
_PATIENCE = 10.0
_POLL = 0.01


class Local:
    """Moves the traffic of ``workbench gateway``. With none running, the routing waits for the next one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._root = settings.root
        self._state = settings.state

    def deploy(self, version: ModelVersion, folder: Path) -> Deployment:
        """Check the files where they are: the gateway reads the same folder.

        Raises:
            NotFound: there are none.
            Tampered: they are not those that were registered, or their signature does not hold.
            Refused: the project names a key to check with, and the version is not signed.
        """
        with tempfile.TemporaryDirectory(prefix="workbench-deploy-") as home:
            digests = take(folder, Path(home) / "model")
        found = tree_digest(digests)
        if found != version.digest:
            raise Tampered(
                f"{version.ref} was registered as {short(version.digest)}, and its files are {short(found)}.",
                remedy="Restore the artifact from a backup, or register the model again.",
                field="model",
            )
        verify_signature(version, digests, self._settings, serving=True)
        inside = folder.resolve().is_relative_to(self._root.resolve())
        place = folder.resolve().relative_to(self._root.resolve()) if inside else folder.resolve()
        return Deployment(model=version, place=place.as_posix())

    def route(self, routing: Routing, *, expected: int, token: int | None = None) -> int:
        """Write the routing table, unless it says so already, and wait for the gateway to follow.

        Raises:
            Conflict: somebody has written another table since version ``expected``, or holds a later lease.
        """
        before = table.read_table(self._state, routing.endpoint)
        now = _as_table(routing, before, version=expected + 1, token=token)
        if before is not None and now.model_copy(update={"version": before.version}) == before:
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
            routing=_as_routing(now) if now else None,
            version=version,
            token=now.token if now else 0,
            alive=gateway is not None,
            in_force=gateway.table_version if gateway else 0,
            refused=refused,
            killed=self._killed(endpoint),
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
        return _as_table(routing, before, version=version, token=None).to_json(indent=1)

    def _killed(self, endpoint: str) -> str | None:
        if not table.is_killed(self._state, endpoint):
            return None
        path = table.folder_of(self._state, endpoint) / table.KILL
        return path.read_text("utf-8").strip() or "by hand"

    def _await(self, wanted: RoutingTable) -> None:
        """Wait until the gateway follows or refuses; not at all when there is none."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            gateway = read_status(self._state, wanted.endpoint)
            if gateway is None or wanted.version <= max(gateway.table_version, gateway.refused_version or 0):
                return
            time.sleep(_POLL)


def _as_table(
    routing: Routing, before: RoutingTable | None, *, version: int, token: int | None
) -> RoutingTable:
    """The table that says what the routing says, and keeps what is not the controller's: the fallback."""
    return RoutingTable(
        endpoint=routing.endpoint,
        version=version,
        champion=_as_route(routing.champion),
        candidate=_as_route(routing.candidate),
        share=routing.share,
        shadow=_as_route(routing.shadow),
        standby=_as_route(routing.standby),
        token=(before.token if before else 0) if token is None else token,
        sticky=routing.sticky,
        salt=routing.salt,
        arms=routing.arms,
        killed=before.killed if before else False,
        fallback=before.fallback if before else None,
    )


def _as_route(deployment: Deployment | None) -> Route | None:
    return Route(model=deployment.model, path=deployment.place) if deployment else None


def _as_routing(now: RoutingTable) -> Routing | None:
    champion = _as_deployment(now.champion)
    if champion is None:
        return None
    return Routing(
        endpoint=now.endpoint,
        champion=champion,
        candidate=_as_deployment(now.candidate),
        share=now.share,
        shadow=_as_deployment(now.shadow),
        standby=_as_deployment(now.standby),
        sticky=now.sticky,
        salt=now.salt,
        arms=now.arms,
    )


def _as_deployment(route: Route | None) -> Deployment | None:
    return Deployment(model=route.model, place=route.path) if route else None
