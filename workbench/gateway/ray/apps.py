"""What the declared configuration names: functions from which Serve builds an application."""

from __future__ import annotations

from typing import Any

from ray import serve

from workbench.gateway.ray.names import ROUTER, VERSION
from workbench.gateway.ray.replica import Replica
from workbench.gateway.ray.router import Router


def version(args: dict[str, Any]) -> serve.Application:
    """The application of one version; ``args`` are those of ``Replica``."""
    return _application(Replica, VERSION, args)


def router(args: dict[str, Any]) -> serve.Application:
    """The application of one endpoint's router; ``args`` are those of ``Router``."""
    return _application(serve.ingress()(Router), ROUTER, args)


def _application(of: type, name: str, args: dict[str, Any]) -> serve.Application:
    deployment: Any = serve.deployment(of, name=name)  # its types know the decorator alone
    application: serve.Application = deployment.bind(**args)
    return application
