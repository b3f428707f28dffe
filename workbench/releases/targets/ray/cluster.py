"""The cluster: its token, and the command that starts one node where there is none.

Who reaches a Ray cluster runs programs on it, so a token is asked for, which its owner alone can read. Ray's
own ports listen on every interface, whatever address a node is given; the token is what guards them.
"""

from __future__ import annotations

import os
import secrets
import shlex
from pathlib import Path
from urllib.parse import urlsplit

from workbench.core.errors import NotFound, Refused
from workbench.core.settings import Settings

#: Ray's own worker ports; an address of ours inside of them would be refused by Ray in other words.
_WORKERS = range(10002, 20000)


def token_file(settings: Settings) -> Path:
    """Where the token lies: as set, or in the project's state."""
    given = settings.ray_token_file
    return settings.root / Path(given).expanduser() if given else settings.state / "ray" / "token"


def token(settings: Settings) -> str:
    """Return the token, making one where there is none.

    Raises:
        NotFound: the settings name a file that is not there.
        Refused: somebody else may read it.
    """
    path = token_file(settings)
    if not path.exists() and not settings.ray_token_file:
        _make(path)
    if not path.is_file():
        raise NotFound(
            f"There is no file {path.name!r} with the token of the Ray cluster.",
            remedy="Name the one its nodes were started with: ray_token_file in workbench.toml.",
            field="ray_token_file",
        )
    if path.stat().st_mode & 0o077:
        raise Refused(
            f"{path.name}, the token of the Ray cluster, can be read by others.",
            remedy=f"Run: chmod 600 {shlex.quote(str(path))}",
            field="ray_token_file",
        )
    return path.read_text("ascii").strip()


def environment(settings: Settings) -> dict[str, str]:
    """Return the variables every node is started with: a token is asked for, and nothing is reported.

    Ray would run its workers at the lowest priority but four; these answer requests.
    """
    return {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token_file(settings)),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_worker_niceness": "0",
    }


def start_command(settings: Settings) -> list[str]:
    """Return the command that starts a head node on this machine, its dashboard on the address in force."""
    at = urlsplit(settings.ray_address)
    port = at.port or 8265
    command = ["ray", "start", "--head", "--block"]
    command += ["--dashboard-host", at.hostname or "127.0.0.1", "--dashboard-port", str(port)]
    if port in _WORKERS or settings.gateway_port in _WORKERS:
        command += ["--min-worker-port", "20000", "--max-worker-port", "20999"]
    return command


def how_to_start(settings: Settings) -> str:
    """Return that command for a shell, with its variables."""
    variables = [f"{name}={shlex.quote(value)}" for name, value in environment(settings).items()]
    return " ".join([*variables, shlex.join(start_command(settings))])


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return  # somebody else was first; theirs is the token
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32))
