"""What targets of this project share: the table that says what a routing says, and the check of bytes.

The table is a file under ``.workbench/gateway/<endpoint>/``, with its version and the token of a lease: of
two who write at once one is refused, whatever serves. What serves differs from target to target.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from workbench.core.digests import short
from workbench.core.errors import Tampered
from workbench.core.settings import Settings
from workbench.gateway import routing as table
from workbench.gateway.routing import Route, RoutingTable
from workbench.models.attestations import verify_signature
from workbench.models.copying import tree_digest
from workbench.models.loading import take
from workbench.models.records import ModelVersion
from workbench.releases.targets.base import Deployment, Routing


def checked(version: ModelVersion, folder: Path, settings: Settings) -> Deployment:
    """Check the files of a version where they are, and return their place relative to the project.

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
    verify_signature(version, digests, settings, serving=True)
    root = settings.root.resolve()
    inside = folder.resolve().is_relative_to(root)
    place = folder.resolve().relative_to(root) if inside else folder.resolve()
    return Deployment(model=version, place=place.as_posix())


def killed(state: Path, endpoint: str) -> str | None:
    """Why the kill switch of an endpoint was thrown; None when it is off."""
    if not table.is_killed(state, endpoint):
        return None
    path = table.folder_of(state, endpoint) / table.KILL
    return path.read_text("utf-8").strip() or "by hand"


def same(now: RoutingTable, before: RoutingTable | None) -> bool:
    """Whether a table says, but for its version and lease, what is there already."""
    if before is None:
        return False
    return now.model_copy(update={"version": before.version, "token": before.token}) == before


def as_table(
    routing: Routing, before: RoutingTable | None, *, version: int, token: int | None
) -> RoutingTable:
    """Return the table that says what the routing says, and keeps what is not the controller's.

    Args:
        routing: what is wanted.
        before: the table there is; its declared fallback stays.
        version: of the new table.
        token: of the lease; None leaves the one there.
    """
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


def as_routing(now: RoutingTable) -> Routing | None:
    """Return what a table says, as a routing; None when it has no champion."""
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
