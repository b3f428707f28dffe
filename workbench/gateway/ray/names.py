"""What applications are called in Serve, so that who declares them and who asks them agree."""

from __future__ import annotations

from pathlib import Path

from workbench.core.digests import of_bytes, short
from workbench.gateway.routing import Route

ROUTER, VERSION = "Router", "Version"
"""The deployments, by kind of application."""


def project_prefix(root: Path) -> str:
    """Return what the names of a project's applications begin with: several may share a cluster."""
    return f"{short(of_bytes(str(root.resolve()).encode()))}."


def router_name(root: Path, endpoint: str) -> str:
    """Return the name of an endpoint's router application."""
    return f"{project_prefix(root)}{endpoint}"


def version_name(root: Path, route: Route) -> str:
    """Return the name of a version's application: other bytes or another place have another one."""
    said = short(of_bytes(route.to_json().encode()))
    return f"{project_prefix(root)}{route.model.name}.{route.version}.{said}"
