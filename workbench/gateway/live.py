"""What is in force: a routing table with its versions in memory, swapped as one pointer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from workbench.core.settings import Settings
from workbench.gateway.answers import Loaded
from workbench.gateway.batch import Schema
from workbench.gateway.limits import Limits
from workbench.gateway.problems import not_here
from workbench.gateway.routing import Route, RoutingTable
from workbench.gateway.workers import Nursery, Served, serve_version


@dataclass(frozen=True)
class Live:
    """A table in force. Never changed: a new one takes its place."""

    table: RoutingTable
    loaded: dict[int, Loaded]
    """By version number: every route of the table."""
    limits: Limits
    """Of a request."""

    @cached_property
    def champion(self) -> Loaded | None:
        """Who answers."""
        return self._of(self.table.champion)

    @cached_property
    def candidate(self) -> Loaded | None:
        """Who is tried on a share of the requests."""
        return self._of(self.table.candidate)

    @cached_property
    def shadow(self) -> Loaded | None:
        """Who only listens."""
        return self._of(self.table.shadow)

    @cached_property
    def named(self) -> dict[int, Loaded]:
        """Versions a caller may ask for by number."""
        routes = (self.table.champion, self.table.candidate, self.table.standby)
        return {route.version: self.loaded[route.version] for route in routes if route is not None}

    @cached_property
    def answering(self) -> frozenset[int]:
        """Versions whose answers may go to a caller who named none."""
        return frozenset(one.version for one in (self.champion, self.candidate) if one is not None)

    @cached_property
    def schema(self) -> Schema:
        """What a request may carry: the champion's columns, and what candidate or shadow read beside them."""
        if self.champion is None:
            return Schema(())
        others = (one.model.columns for one in (self.candidate, self.shadow) if one is not None)
        return Schema.of(self.champion.model.columns, others, self.limits)

    def version(self, number: int) -> Loaded:
        """Return a version that a caller named.

        Raises:
            Problem: 404, it is not loaded.
        """
        if number not in self.named:
            there = ", ".join(map(str, sorted(self.named)))
            raise not_here(f"Version {number} is not loaded.", remedy=f"There is: {there}.")
        return self.named[number]

    def _of(self, route: Route | None) -> Loaded | None:
        return None if route is None else self.loaded[route.version]


class Shelf:
    """Versions in memory, by reference and digest: bytes that are loaded are not loaded again.

    Args:
        settings: the project: routes' paths are relative to its folder, and it may name a key.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._nursery = Nursery()
        self._served: dict[tuple[str, str], Served] = {}
        self._loading: dict[tuple[str, str], asyncio.Task[Served]] = {}
        self._pending: list[RoutingTable] = []
        self._leaving: set[asyncio.Task[None]] = set()

    def live(self, table: RoutingTable) -> Live | None:
        """Return the table with its versions when all of them are in memory."""
        if any(_key(route) not in self._served for route in table.routes):
            return None
        return self._of(table)

    async def load(self, table: RoutingTable) -> Live:
        """Load what is missing, and return the table with its versions.

        Raises:
            WorkbenchError: as ``serve_version``.
        """
        self._pending.append(table)
        try:
            await asyncio.gather(*(self._load(route) for route in table.routes))
        finally:
            self._pending.remove(table)
        return self._of(table)

    def _of(self, table: RoutingTable) -> Live:
        loaded: dict[int, Loaded] = {route.version: self._served[_key(route)] for route in table.routes}
        return Live(table, loaded, Limits.of(self._settings))

    async def _load(self, route: Route) -> None:
        """Load one version once, whoever else asks for it meanwhile."""
        key = _key(route)
        if key in self._served:
            return
        task = self._loading.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(serve_version(route, self._settings, self._nursery))
            self._loading[key] = task
            task.add_done_callback(lambda _: self._loading.pop(key, None))
        self._served.setdefault(key, await task)

    def keep(self, lives: Iterable[Live]) -> None:
        """Let go of versions that neither ``lives`` nor a table that is loading needs."""
        tables = [*(live.table for live in lives), *self._pending]
        needed = {_key(route) for table in tables for route in table.routes}
        for key in self._served.keys() - needed:
            self._leave(self._served.pop(key))

    async def close(self) -> None:
        """Let every call under way be answered, and end all workers."""
        for task in self._loading.values():
            task.cancel()
        for one in self._served.values():
            self._leave(one)
        if waiting := {*self._leaving, *self._loading.values()}:
            await asyncio.wait(waiting)
        await self._nursery.close()

    @property
    def refs(self) -> tuple[str, ...]:
        """``name/version`` of all that is in memory."""
        return tuple(sorted(one.model.ref for one in self._served.values()))

    @property
    def workers(self) -> dict[str, tuple[int, ...]]:
        """The processes of each version, by ``name/version``."""
        return {one.model.ref: one.crew.pids for one in self._served.values()}

    @property
    def compiled(self) -> dict[str, str]:
        """Whether a compiled copy of each version answers, and why."""
        return {one.model.ref: one.crew.compiled for one in self._served.values()}

    def _leave(self, one: Served) -> None:
        task = asyncio.get_running_loop().create_task(one.close())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)


def _key(route: Route) -> tuple[str, str]:
    return route.model.ref, route.digest
