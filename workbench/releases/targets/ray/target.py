"""``Ray``: a routing is a table that is declared to Ray Serve, and acknowledged by the router it is for."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from workbench.core.errors import Unavailable
from workbench.core.settings import Settings
from workbench.gateway import routing as table
from workbench.gateway.ray.names import router_name, version_name
from workbench.gateway.routing import Route, RoutingTable
from workbench.gateway.status import read_status
from workbench.models.records import ModelVersion
from workbench.releases.targets.base import Deployment, Routing, TargetStatus
from workbench.releases.targets.ray import config
from workbench.releases.targets.ray.config import Config
from workbench.releases.targets.ray.dashboard import Dashboard, failure, running
from workbench.releases.targets.tables import as_routing, as_table, checked, killed, same

#: Seconds that applications have to start: a process a version, and its libraries.
_STARTING = 120.0
#: Seconds that a running router has to follow; Serve hands a table on within half a second.
_FOLLOWING = 15.0
_POLL = 0.02
_POLL_SERVE = 0.25


class Ray:
    """Moves the traffic of a Ray cluster that runs already.

    The routing table is written first, as for the local gateway, so that of two controllers one is refused.
    Then versions that are new are started, and only when all of them run is the table declared to the router,
    as its ``user_config`` and nothing else: no process starts for a change of weights, or for going back.

    All nodes must see the project folder under the same path. Two projects may share a cluster as long as
    they do not release at the same moment: Serve takes its configuration as a whole.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._state = settings.state
        self._serve = Dashboard(settings)

    def deploy(self, version: ModelVersion, folder: Path) -> Deployment:
        """Check the files where they are; every replica checks them again before it opens them.

        Raises:
            NotFound: there are none.
            Tampered: they are not those that were registered, or their signature does not hold.
            Refused: the project names a key to check with, and the version is not signed.
        """
        return checked(version, folder, self._settings)

    def route(self, routing: Routing, *, expected: int, token: int | None = None) -> int:
        """Write the table, start what is new, and wait until the router has acknowledged the table.

        When versions do not start in time the table stays written and the traffic where it was; ``status``
        says so, and setting the same routing again goes on.

        Raises:
            Conflict: somebody has written another table since version ``expected``, or holds a later lease.
            Unavailable: no cluster answers. Nothing is written then.
        """
        before = table.read_table(self._state, routing.endpoint)
        now = as_table(routing, before, version=expected + 1, token=token)
        if before is not None and same(now, before):
            table.fence(self._state, routing.endpoint, now.token)
            if self._acknowledged(before):
                return before.version
            now, retry = before, []
        else:
            self._serve.read()  # who cannot be told must not be written to
            table.write_table(self._state, now)
            retry = [self._name(route) for route in now.routes]
        self._drop_failed([*retry, router_name(self._settings.root, now.endpoint)])
        self._follow(now)
        return now.version

    def status(self, endpoint: str) -> TargetStatus:
        """Read the table, the kill switch and what the router says of itself.

        Ray is asked only for why versions do not start; when it does not answer, nothing else is missing.
        """
        now = table.read_table(self._state, endpoint)
        router = read_status(self._state, endpoint)
        version = now.version if now else 0
        in_force = router.table_version if router else 0
        refused = router.refused if router and router.refused_version == version else ""
        if now is not None and in_force < version and not refused:
            refused = self._failure(now)
        return TargetStatus(
            routing=as_routing(now) if now else None,
            version=version,
            token=now.token if now else 0,
            alive=router is not None,
            in_force=in_force,
            refused=refused,
            killed=killed(self._state, endpoint),
            process=f"{router.pid} since {router.started.isoformat()}" if router else "",
            lost=router.lost if router else 0,
        )

    def kill(self, endpoint: str, reason: str) -> None:
        """Write the file that stops every model answer. Neither Ray nor a database is asked."""
        table.kill(self._state, endpoint, reason)

    def revive(self, endpoint: str) -> None:
        """Remove that file."""
        table.revive(self._state, endpoint)

    def remove(self, endpoint: str) -> None:
        """Take the router and the versions that it alone needed out of Serve, then the table away.

        Raises:
            Unavailable: the router runs, and the cluster does not answer.
        """
        (table.folder_of(self._state, endpoint) / table.ROUTES).unlink(missing_ok=True)
        try:
            self._declare(lambda now: config.without(now, {router_name(self._settings.root, endpoint)}))
            self._tidy()
        except Unavailable:
            if read_status(self._state, endpoint) is not None:
                raise
            return
        self._until(lambda: read_status(self._state, endpoint) is None, _FOLLOWING)

    def render(self, routing: Routing) -> str:
        """Return what would be declared for this endpoint, as YAML for ``serve deploy``."""
        before = table.read_table(self._state, routing.endpoint)
        now = as_table(routing, before, version=before.version + 1 if before else 1, token=None)
        whole = config.with_versions(config.fresh(self._settings), self._settings, now)
        return yaml.safe_dump(config.with_router(whole, self._settings, now), sort_keys=False)

    def _follow(self, now: RoutingTable) -> None:
        """Start the versions, tell the router, let go of what nobody needs any more."""
        self._declare(lambda there: config.with_versions(there, self._settings, now))
        names = [self._name(route) for route in now.routes]
        if not self._started(names):
            return
        self._declare(lambda there: self._newest(there, now))
        router = router_name(self._settings.root, now.endpoint)
        if read_status(self._state, now.endpoint) is None and not self._started([router]):
            return
        if self._until(lambda: self._answered(now), _FOLLOWING):
            self._tidy()

    def _drop_failed(self, names: list[str]) -> None:
        """Take out applications that could not start, so that they are tried again: Serve does not by itself.

        A version that failed is not tried again under the routing it failed under: whoever reads ``refused``
        must get to see it.
        """
        apps = self._serve.read().get("applications", {})
        failed = {name for name in names if apps.get(name, {}).get("status") == "DEPLOY_FAILED"}
        if failed:
            self._declare(lambda there: config.without(there, failed))

    def _newest(self, there: Config, now: RoutingTable) -> Config:
        """Declare the table unless the router has been told a later one meanwhile."""
        told = config.followed_by(there, self._settings, now.endpoint)
        if told is not None and told.version > now.version:
            return there
        return config.with_router(there, self._settings, now)

    def _started(self, names: list[str]) -> bool:
        """Wait until these applications run; False when one cannot, or they take too long."""
        self._until(lambda: self._settled(names), _STARTING, every=_POLL_SERVE)
        return running(self._serve.read(), names)

    def _settled(self, names: list[str]) -> bool:
        answer = self._serve.read()
        return running(answer, names) or bool(failure(answer, names))

    def _acknowledged(self, now: RoutingTable) -> bool:
        router = read_status(self._state, now.endpoint)
        return router is not None and router.table_version >= now.version

    def _answered(self, now: RoutingTable) -> bool:
        """Whether the router follows, or refuses."""
        router = read_status(self._state, now.endpoint)
        return router is not None and now.version <= max(router.table_version, router.refused_version or 0)

    def _failure(self, now: RoutingTable) -> str:
        names = [self._name(route) for route in now.routes]
        names.append(router_name(self._settings.root, now.endpoint))
        try:
            return failure(self._serve.read(), names)
        except Unavailable:
            return ""

    def _tidy(self) -> None:
        tables = [table.read_table(self._state, path.parent.name) for path in self._tables()]
        wanted = [one for one in tables if one is not None]
        self._declare(lambda there: config.tidied(there, self._settings, wanted))

    def _name(self, route: Route) -> str:
        return version_name(self._settings.root, route)

    def _tables(self) -> list[Path]:
        return sorted((self._state / "gateway").glob(f"*/{table.ROUTES}"))

    def _declare(self, change: Callable[[Config], Config]) -> None:
        """Change what is declared. One process of this project at a time, each from what is there."""
        with self._one_writer():
            there = config.declared(self._serve.read(), self._settings)
            wanted = change(there)
            if wanted != there:
                self._serve.put(wanted)

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        folder = self._state / "ray"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (folder / ".declare.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @staticmethod
    def _until(holds: Callable[[], bool], seconds: float, every: float = _POLL) -> bool:
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > end:
                return False
            time.sleep(every)
        return True
