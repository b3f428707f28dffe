"""JupyterHub says who acts: the process shows the token it was started with, and the hub answers whose it is.

The variable ``JUPYTERHUB_USER`` is never believed: whoever runs the process can set it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from workbench.core import tokens
from workbench.core.errors import Refused, Unavailable
from workbench.core.identity import Person, require_name
from workbench.core.web import get_json

_REMEDY = "Look whether the hub runs, and try again. JUPYTERHUB_API_URL is where it was asked."


def whoami() -> Person:
    """Return the person whose token this process has, with their groups.

    Raises:
        Refused: there is no token, the hub does not accept it, or it is not a person's.
        Unavailable: the hub does not answer.
    """
    address, token = os.environ.get("JUPYTERHUB_API_URL", ""), tokens.of_jupyterhub()
    if not address or not token:
        raise Refused(
            "JupyterHub should say who acts, and this process has no address and token of it.",
            remedy="Work in a server that JupyterHub started, or put a token from the hub's page Token into "
            "JUPYTERHUB_API_TOKEN, and the address of its API into JUPYTERHUB_API_URL.",
            field="identity",
        )
    headers = {"Authorization": f"token {token}"}
    status, model = get_json(f"{address.rstrip('/')}/user", headers=headers, remedy=_REMEDY)
    if status in (401, 403):
        raise Refused(
            "JupyterHub does not accept the token of this process.",
            remedy="Stop and start your server, which gets a new one.",
            field="identity",
        )
    if status != 200 or not isinstance(model, dict):
        raise Unavailable(
            f"JupyterHub does not say who acts (it answered with status {status}).",
            remedy=_REMEDY,
            field="identity",
        )
    return person_of(model)


def person_of(model: Mapping[str, Any]) -> Person:
    """Read the hub's model of a user: what ``GET /user`` answers, and ``hub_user`` of a request to a server.

    Raises:
        Refused: it is a service's, or has no name.
    """
    if model.get("kind") != "user":
        raise Refused(
            "The JupyterHub token is a service's, and a service is nobody.",
            remedy="Act with a token of a person.",
            field="identity",
        )
    groups = model.get("groups")
    known = isinstance(groups, list) and all(isinstance(group, str) for group in groups)
    return Person(
        name=require_name(model.get("name"), "JupyterHub's answer"),
        groups=tuple(groups) if known and groups else (),
        source="jupyterhub",
        note=""
        if known
        else "JupyterHub does not tell the groups: its token lacks the scope read:users:groups",
    )
