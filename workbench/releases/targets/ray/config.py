"""What is declared to Ray Serve: the applications of versions and routers, as pure changes of one document.

Serve takes its whole configuration at once and drops what is not in it. So every change begins with what is
declared now, applications of others included, and touches the project's own alone. A router's table is its
``user_config``: changing nothing else, Serve hands it to the running router and restarts nobody.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from workbench.core.errors import Refused
from workbench.core.settings import Settings
from workbench.gateway.ray.names import ROUTER, VERSION, project_prefix, router_name, version_name
from workbench.gateway.routing import Route, RoutingTable

Config = dict[str, Any]
"""Ray Serve's deployment schema, as JSON."""

APPS = "workbench.gateway.ray.apps"
#: What a replica sets aside for itself, in cores. A reservation, no limit: versions mostly wait.
_CORES = {ROUTER: 0.1, VERSION: 0.25}
#: Calls a replica holds at once; the version's own queue is shorter, and says 503 before this one does.
_ONGOING = 1000


def fresh(settings: Settings) -> Config:
    """Return the configuration of a Serve on which nothing runs: one door, on the head, on this address.

    Raises:
        Refused: the settings ask for TLS, which Serve's door would not have from them.
    """
    if settings.gateway_tls_cert:
        raise Refused(
            "The door of Ray Serve does not take gateway_tls_cert.",
            remedy="Leave it out, keep gateway_host on loopback, and put a proxy that speaks TLS in front.",
            field="gateway_tls_cert",
        )
    return {
        "proxy_location": "HeadOnly",
        "http_options": {"host": settings.gateway_host, "port": settings.gateway_port},
        "applications": [],
    }


def declared(answer: Mapping[str, Any], settings: Settings) -> Config:
    """Return what is declared now, from the answer of Serve's ``GET /api/serve/applications/``."""
    apps = (app.get("deployed_app_config") for app in answer.get("applications", {}).values())
    config = fresh(settings) | {"applications": [app for app in apps if app]}
    kept = {name: answer[name] for name in ("proxy_location", "http_options") if answer.get(name)}
    return config | kept if config["applications"] else config


def url_of(config: Config, endpoint: str) -> str:
    """Return where the door of an endpoint is."""
    options = config["http_options"]
    return f"http://{options['host']}:{options['port']}/{endpoint}"


def with_versions(config: Config, settings: Settings, table: RoutingTable) -> Config:
    """Add the applications of a table's versions that are not there."""
    there = {app["name"] for app in config["applications"]}
    wanted = {version_name(settings.root, route): route for route in table.routes}
    new = [_version(settings, name, route) for name, route in wanted.items() if name not in there]
    return config | {"applications": [*config["applications"], *new]}


def with_router(config: Config, settings: Settings, table: RoutingTable) -> Config:
    """Let the router of an endpoint follow a table; it is added where there is none."""
    name = router_name(settings.root, table.endpoint)
    router = _router(settings, name, table, url_of(config, table.endpoint))
    others = [app for app in config["applications"] if app["name"] != name]
    return config | {"applications": [*others, router]}


def without(config: Config, names: Collection[str]) -> Config:
    """Take applications away."""
    return config | {"applications": [app for app in config["applications"] if app["name"] not in names]}


def tidied(config: Config, settings: Settings, tables: Iterable[RoutingTable]) -> Config:
    """Take away versions that neither a router declared nor one of ``tables`` needs."""
    own = project_prefix(settings.root)
    followed = [_table_of(app) for app in config["applications"] if app["import_path"] == f"{APPS}:router"]
    needed = {version_name(settings.root, route) for table in (*followed, *tables) for route in table.routes}
    return config | {
        "applications": [
            app
            for app in config["applications"]
            if not (app["name"].startswith(own) and app["import_path"] == f"{APPS}:version")
            or app["name"] in needed
        ]
    }


def followed_by(config: Config, settings: Settings, endpoint: str) -> RoutingTable | None:
    """Return the table that is declared to an endpoint's router; None when there is none."""
    name = router_name(settings.root, endpoint)
    return next((_table_of(app) for app in config["applications"] if app["name"] == name), None)


def _version(settings: Settings, name: str, route: Route) -> Config:
    return {
        "name": name,
        "route_prefix": None,
        "import_path": f"{APPS}:version",
        "args": {"root": str(settings.root), "route": json.loads(route.to_json())},
        "deployments": [_deployment(VERSION, num_replicas=settings.ray_replicas)],
    }


def _router(settings: Settings, name: str, table: RoutingTable, url: str) -> Config:
    follows = {"url": url, "table": json.loads(table.to_json())}
    return {
        "name": name,
        "route_prefix": f"/{table.endpoint}",
        "import_path": f"{APPS}:router",
        "args": {"root": str(settings.root), "endpoint": table.endpoint},
        "deployments": [_deployment(ROUTER, num_replicas=1, user_config=follows)],
    }


def _deployment(name: str, **more: Any) -> Config:
    options: dict[str, Any] = {"num_cpus": _CORES[name]}
    if name == ROUTER:
        # Where the project's files are: captures, the kill switch, the acknowledgement.
        options["resources"] = {"node:__internal_head__": 0.001}
    return {"name": name, "max_ongoing_requests": _ONGOING, "ray_actor_options": options, **more}


def _table_of(app: Mapping[str, Any]) -> RoutingTable:
    return RoutingTable.from_json(json.dumps(app["deployments"][0]["user_config"]["table"]))
