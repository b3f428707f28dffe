"""A version that is served: its private copy, and the crew that answers from it."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from workbench.core.settings import Settings
from workbench.gateway.answers import Answer
from workbench.gateway.batch import Batch
from workbench.gateway.routing import Route
from workbench.gateway.workers.crew import Crew
from workbench.gateway.workers.limits import Limits
from workbench.gateway.workers.nursery import Nursery
from workbench.gateway.workers.program import Order
from workbench.models.records import ModelVersion


class Served:
    """A version in memory, in processes of its own; a ``Loaded``."""

    def __init__(self, model: ModelVersion, crew: Crew, home: Path) -> None:
        self.model = model
        self.crew = crew
        self._home = home

    @property
    def version(self) -> int:
        """The version number."""
        return self.model.version

    async def ask(self, batch: Batch, *, scores: bool, deadline: float, shadow: bool = False) -> Answer:
        """Answer a batch within ``deadline`` seconds; as ``Loaded.ask``."""
        cells = batch.cells(self.model.columns)
        return await self.crew.ask(cells, batch.n, scores=scores, deadline=deadline, shadow=shadow)

    async def close(self) -> None:
        """Let calls under way be answered, and end."""
        await self.crew.close()
        await asyncio.to_thread(shutil.rmtree, self._home, ignore_errors=True)


async def serve_version(route: Route, settings: Settings, nursery: Nursery) -> Served:
    """Check a version's bytes on a private copy, and start its workers on that copy.

    A worker that is replaced later opens the same copy: bytes that change afterwards are not looked at again.

    Raises:
        NotFound: the files are gone.
        Tampered: bytes are not those that were registered, or their signature does not hold.
        Refused: the project names a key to check with, and the version is not signed.
        Unavailable: the model cannot be opened.
    """
    home = Path(tempfile.mkdtemp(prefix="workbench-served-"))
    with ExitStack() as failed:
        failed.callback(shutil.rmtree, home, ignore_errors=True)
        await asyncio.to_thread(partial(_copy, route, settings, home / "model"))
        limits = Limits.of(settings)
        order = Order(
            model=route.model, folder=home / "model", state=settings.state, memory=2 * limits.memory
        )
        crew = Crew(order, limits, nursery)
        try:
            await crew.start()
        except BaseException:
            await crew.close()
            raise
        failed.pop_all()
    return Served(route.model, crew, home)


def _copy(route: Route, settings: Settings, to: Path) -> None:
    from workbench.models.attestations import verify_signature
    from workbench.models.copying import tree_digest
    from workbench.models.loading import require_digest, take

    digests = take(settings.root / route.path, to)
    require_digest(route.model, tree_digest(digests))
    verify_signature(route.model, digests, settings, serving=True)
