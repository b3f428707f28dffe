"""Kubernetes: a seam. It renders what KServe would be told, and moves no traffic.

``render`` gives an ``InferenceService`` to review and to apply by hand or from a repository. To move traffic
it would also have to see what is in force, and to stop everything at once. KServe has a weight for its newest
revision, and no shadow, no entity that keeps its arm, no check of digests, no capture and no kill. Where one
of them is asked for, this says so instead of rendering half of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import yaml

from workbench.core.errors import Refused, Unavailable
from workbench.core.settings import Settings
from workbench.models.records import ModelVersion
from workbench.releases.targets.base import Deployment, Routing, TargetStatus
from workbench.releases.targets.tables import checked

#: The volume claim that holds the project's folder in the cluster.
CLAIM = "model-workbench"


class Kubernetes:
    """Renders KServe manifests.

    Args:
        settings: the project.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def deploy(self, version: ModelVersion, folder: Path) -> Deployment:
        """Check the files, so that what is rendered names bytes that are those registered.

        Raises:
            NotFound: there are none.
            Tampered: they are not those that were registered, or their signature does not hold.
            Refused: the project names a key to check with, and the version is not signed.
        """
        return checked(version, folder, self._settings)

    def render(self, routing: Routing) -> str:
        """Return the ``InferenceService`` of an endpoint, as YAML.

        With a candidate it is the newest revision and has its share; the champion is the revision that was
        rolled out before, so the manifest without a candidate must have been applied first.

        Raises:
            Refused: the routing asks for what KServe does not do.
        """
        _require_known_to_kserve(routing)
        newest = routing.candidate or routing.champion
        predictor: dict[str, Any] = {
            "model": {
                "modelFormat": {"name": "mlflow"},
                "protocolVersion": "v2",
                "storageUri": f"pvc://{CLAIM}/{newest.place}",
            }
        }
        if routing.candidate is not None:
            predictor = {"canaryTrafficPercent": round(routing.share * 100), **predictor}
        manifest = {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": {"name": _dns_name(routing.endpoint), "annotations": _told(routing)},
            "spec": {"predictor": predictor},
        }
        return yaml.safe_dump(manifest, sort_keys=False)

    def route(self, routing: Routing, *, expected: int, token: int | None = None) -> int:  # noqa: ARG002
        """Move no traffic.

        Raises:
            Unavailable: always.
        """
        _moves_nothing(routing.endpoint)

    def status(self, endpoint: str) -> TargetStatus:
        """See nothing.

        Raises:
            Unavailable: always.
        """
        _moves_nothing(endpoint)

    def kill(self, endpoint: str, reason: str) -> None:  # noqa: ARG002
        """Stop nothing.

        Raises:
            Unavailable: always.
        """
        _moves_nothing(endpoint)

    def revive(self, endpoint: str) -> None:
        """Start nothing.

        Raises:
            Unavailable: always.
        """
        _moves_nothing(endpoint)

    def remove(self, endpoint: str) -> None:
        """Remove nothing.

        Raises:
            Unavailable: always.
        """
        _moves_nothing(endpoint)


def _moves_nothing(endpoint: str) -> NoReturn:
    raise Unavailable(
        f"The target kubernetes renders manifests; it does not move the traffic of {endpoint}.",
        remedy="Apply what it renders with kubectl, or set target = 'local' or 'ray' in workbench.toml.",
        field="target",
    )


def _require_known_to_kserve(routing: Routing) -> None:
    asked = [
        ("a shadow", routing.shadow is not None),
        ("an entity that keeps its arm", bool(routing.sticky)),
        (
            "a share of less than a whole percent",
            abs(routing.share * 100 - round(routing.share * 100)) > 1e-9,
        ),
    ]
    for what, is_asked in asked:
        if is_asked:
            raise Refused(
                f"KServe does not do {what}.",
                remedy="Release in another way on Kubernetes, or use the target 'ray' for this stage.",
                field="target",
            )


def _told(routing: Routing) -> dict[str, str]:
    """Who was meant, for people: KServe checks no digest."""
    told = {"champion": routing.champion, "candidate": routing.candidate}
    return {
        f"model-workbench/{role}": f"{one.model.ref} {one.model.digest}"
        for role, one in told.items()
        if one is not None
    }


def _dns_name(endpoint: str) -> str:
    """The endpoint as Kubernetes lets an object be called.

    Raises:
        Refused: it cannot be written so without two endpoints becoming one.
    """
    if not (endpoint.replace("-", "").isalnum() and endpoint.islower() and endpoint.strip("-") == endpoint):
        raise Refused(
            f"Kubernetes takes no object called {endpoint!r}.",
            remedy="Use lower-case letters, digits and hyphens in the model's name.",
            field="endpoint",
        )
    return endpoint
