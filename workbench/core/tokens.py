"""Tokens that prove who acts: read from a variable or a private file, and lent to a process of ours."""

from __future__ import annotations

import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.core.errors import Refused, Unavailable
from workbench.core.settings import Settings

OIDC = "WORKBENCH_OIDC_TOKEN"
JUPYTERHUB = "JUPYTERHUB_API_TOKEN"
#: Of a variable that names a file with the token in it, instead of holding it.
_FILE = "_FILE"
_LARGEST = 64 * 1024


def of_oidc(settings: Settings) -> str:
    """Return the OpenID Connect token of this process; empty where there is none."""
    if settings.oidc_token_file:
        return _in_file(settings.root / Path(settings.oidc_token_file).expanduser(), "oidc_token_file")
    return _clean(os.environ.get(OIDC, ""), OIDC)


def of_jupyterhub() -> str:
    """Return the JupyterHub token of this process; empty where there is none."""
    file = os.environ.get(JUPYTERHUB + _FILE)
    return (
        _in_file(Path(file), JUPYTERHUB + _FILE)
        if file
        else _clean(os.environ.get(JUPYTERHUB, ""), JUPYTERHUB)
    )


@contextmanager
def lent(settings: Settings) -> Iterator[dict[str, str]]:
    """Yield the variables by which a process that we start proves the same person, for as long as it runs.

    The token lies in a private file: what shows its environment, such as an output notebook, shows a path.
    """
    variable = {"oidc": OIDC, "jupyterhub": JUPYTERHUB}.get(settings.identity, "")
    token = of_oidc(settings) if variable == OIDC else of_jupyterhub() if variable else ""
    if not token:
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder:  # only its owner may enter it
        file = Path(folder) / "token"
        os.close(os.open(file, os.O_CREAT | os.O_EXCL, 0o600))
        file.write_text(token, encoding="ascii")
        yield {variable + _FILE: str(file)}


def _in_file(path: Path, field: str) -> str:
    try:
        with path.open("rb") as file:
            _refuse_shared(stat.S_IMODE(os.fstat(file.fileno()).st_mode), path, field)
            return _clean(file.read(_LARGEST).decode("utf-8", "replace"), field)
    except Refused:  # which is an OSError, too
        raise
    except OSError as error:
        raise Unavailable(
            f"The token in {path} cannot be read ({error.strerror or error}).",
            remedy="Put it there again, readable by you alone.",
            field=field,
        ) from error


def _refuse_shared(mode: int, path: Path, field: str) -> None:
    if os.name == "posix" and mode & 0o077:
        raise Refused(
            f"Others can read the token in {path} (mode {mode:o}), so they could act as you.",
            remedy=f"Get a new one, and: chmod 600 {path}",
            field=field,
        )


def _clean(text: str, field: str) -> str:
    """Return the token without the line end of its file. What a header cannot carry is no token."""
    token = text.strip()
    if not re.fullmatch("[!-~]*", token):
        raise Refused("The token has characters that no token has.", remedy="Copy it again.", field=field)
    return token
