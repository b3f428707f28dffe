"""A replica: one version in a process of its own, on whatever node Serve puts it.

The model is loaded as the gateway loads it: the bytes are copied, their digest and signature checked, and the
copy is opened in worker processes that are killed when they hang. Bytes that were changed start no replica.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from workbench.core.settings import load
from workbench.gateway.answers import Answer, DeadlineExceeded, Failed
from workbench.gateway.batch import Batch
from workbench.gateway.live import Shelf
from workbench.gateway.problems import Problem
from workbench.gateway.routing import Route, RoutingTable

Said = tuple[str, Any]
"""What a replica says of one call, as plain values: an exception of ours would come back as one of Ray's."""


class Replica:
    """Answers for one version.

    Args:
        root: the project folder, as this node sees it.
        route: the version and its place, as JSON.
    """

    async def __init__(self, root: str, route: dict[str, Any]) -> None:  # type: ignore[misc]
        # Serve awaits it: the workers belong to the loop that also answers.
        settings = await asyncio.to_thread(load, Path(root))
        champion = Route.model_validate(route)
        table = RoutingTable(endpoint=champion.model.name, version=1, champion=champion)
        self._shelf = Shelf(settings)
        self._served = (await self._shelf.load(table)).loaded[champion.version]

    async def __call__(self, batch: Batch, *, scores: bool, deadline: float, shadow: bool) -> Said:
        """Ask the version, and say what came of it; see ``heard``."""
        try:
            answer = await self._served.ask(batch, scores=scores, deadline=deadline, shadow=shadow)
        except DeadlineExceeded as error:
            return "late", error.started
        except Problem as error:
            return "problem", (error.message, error.status, error.field, error.retry_after)
        except Failed as error:
            return "failed", str(error)
        return "answer", (answer.predictions, answer.scores)

    async def __del__(self) -> None:
        """End the workers; Serve awaits it when it retires a replica."""
        if hasattr(self, "_shelf"):
            await self._shelf.close()


def heard(said: Said, deadline: float) -> Answer:
    """Return what a replica answered, or raise as the version would have raised here."""
    kind, what = said
    if kind == "answer":
        return Answer(*what)
    if kind == "late":
        raise DeadlineExceeded(deadline, started=what)
    if kind == "problem":
        message, status, field, retry_after = what
        raise Problem(message, status=status, field=field, retry_after=retry_after)
    raise Failed(what)
