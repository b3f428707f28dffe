"""What the OpenAPI document says of the door: how callers prove who they are, and how they are refused."""

from __future__ import annotations

from typing import Any

from workbench.gateway.door.authentication import Way
from workbench.gateway.door.callers import PROBES, needed

Json = dict[str, Any]

WHY = {
    401: "No key or token, or one that is not valid here.",
    403: "The key or token was given for something else, or a page of another origin asks.",
    421: "The request names a host that this is not.",
    429: "The quota is used up, or too many attempts have failed; Retry-After says for how long.",
}

_SCHEMES: Json = {
    "key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Api-Key",
        "description": "A key of this gateway. It may come as `Authorization: Bearer` or as the password of "
        "`Authorization: Basic` as well.",
    },
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token of the project's OpenID Connect provider.",
    },
}
_OF_WAY: dict[Way, tuple[str, ...]] = {
    "none": (),
    "keys": ("key",),
    "oidc": ("token",),
    "both": ("key", "token"),
}


def schemes(way: Way) -> Json:
    """Return the security schemes of a gateway."""
    return {name: _SCHEMES[name] for name in _OF_WAY[way]}


def behind_the_door(paths: Json, way: Way) -> Json:
    """Return the paths with what the door asks of each operation, and the statuses it may answer."""
    return {path: _item(path, item, way) for path, item in paths.items()}


def _item(path: str, item: Json, way: Way) -> Json:
    if path in PROBES:
        return item
    asked = [{name: [needed(path)]} for name in _OF_WAY[way]]
    refused = {str(status): {"$ref": f"#/components/responses/Error{status}"} for status in WHY}
    return {
        name: part
        if name == "parameters"
        else {**part, "security": asked, "responses": {**refused, **part["responses"]}}
        for name, part in item.items()
    }
