"""A version on Ray, as the gateway's data plane asks it: a ``Loaded`` that is elsewhere.

Ray may hold a call for many seconds, when a node is lost or a replica does not report its queue. So time and
number of calls are bounded here, whatever Ray does: what is late is given up, what finds no room is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from workbench.core.settings import Settings
from workbench.gateway.answers import Answer, DeadlineExceeded, Failed, Loaded
from workbench.gateway.batch import Batch
from workbench.gateway.limits import Limits
from workbench.gateway.live import Live, Shelf
from workbench.gateway.problems import overloaded
from workbench.gateway.ray.names import version_name
from workbench.gateway.ray.replica import heard
from workbench.gateway.routing import Route, RoutingTable
from workbench.models.records import ModelVersion

#: Calls to one version that may be under way at once, and of those nobody waits for.
MOST, MOST_SHADOW = 256, 100
#: Seconds beyond the deadline in which a replica may still say itself that it was late.
GRACE = 0.25


class Remote:
    """Asks one version's application.

    Args:
        model: the version.
        handle: Serve's handle of its application.
    """

    def __init__(self, model: ModelVersion, handle: Any) -> None:
        self.model = model
        self._handle = handle
        self._under_way = {False: 0, True: 0}
        """Calls, by whether a shadow's."""

    @property
    def version(self) -> int:
        """The version number."""
        return self.model.version

    async def ask(self, batch: Batch, *, scores: bool, deadline: float, shadow: bool = False) -> Answer:
        """Answer a batch within ``deadline`` seconds, and a moment for the way; as ``Loaded.ask``."""
        if self._under_way[shadow] >= (MOST_SHADOW if shadow else MOST):
            raise overloaded()
        self._under_way[shadow] += 1
        try:
            return await self._ask(batch, scores=scores, deadline=deadline, shadow=shadow)
        finally:
            self._under_way[shadow] -= 1

    async def _ask(self, batch: Batch, *, scores: bool, deadline: float, shadow: bool) -> Answer:
        call = None
        try:
            async with asyncio.timeout(deadline + GRACE):
                call = self._handle.remote(batch, scores=scores, deadline=deadline, shadow=shadow)
                said = await call
        except TimeoutError:
            if call is not None:
                call.cancel()
            # Whether it began nobody knows. What could not be found out must not speak for the version.
            raise DeadlineExceeded(deadline, started=True) from None
        except Exception as error:
            raise Failed(f"{type(error).__name__}: {self.model.ref} could not be asked on Ray.") from error
        return heard(said, deadline)


class Handles(Shelf):
    """Versions on Ray in place of versions in memory: nothing is loaded here.

    Args:
        settings: the project, by which applications are named.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._remotes: dict[str, Remote] = {}
        """By the name of the application."""

    def live(self, table: RoutingTable) -> Live:
        """Return the table with a way to ask each version.

        Raises:
            RayServeException: a version has no application.
        """
        loaded: dict[int, Loaded] = {route.version: self._remote(route) for route in table.routes}
        return Live(table, loaded, Limits.of(self._settings))

    def keep(self, lives: Iterable[Live]) -> None:
        """Forget those that nobody needs."""
        needed = {self._name(route) for live in lives for route in live.table.routes}
        self._remotes = {name: one for name, one in self._remotes.items() if name in needed}

    @property
    def refs(self) -> tuple[str, ...]:
        """``name/version`` of all that can be asked."""
        return tuple(sorted(one.model.ref for one in self._remotes.values()))

    def _remote(self, route: Route) -> Remote:
        from ray import serve

        name = self._name(route)
        if name not in self._remotes:
            self._remotes[name] = Remote(route.model, serve.get_app_handle(name))
        return self._remotes[name]

    def _name(self, route: Route) -> str:
        return version_name(self._settings.root, route)
