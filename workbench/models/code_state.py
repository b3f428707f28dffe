"""The code a model was trained with, as git has it: commit, what the commit lacks, where it is kept."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from workbench.core.digests import of_file, of_json
from workbench.core.settings import STATE

#: Seconds git may take. A repository that needs longer gives "not known", never a wrong answer.
_PATIENCE = 5.0

#: Files git does not know yet: more of them, or greater ones, are data. Of a greater one its size is told.
_MOST_FILES = 5_000
_MOST_BYTES = 16 << 20

#: What this product writes itself is no change of the code.
_CODE = ("--", ".", f":(exclude,glob)**/{STATE}/**", f":(exclude){STATE}")


def git_state(root: Path) -> tuple[str, bool | None]:
    """Return the commit checked out at ``root`` and whether there are changes it does not hold.

    Outside a repository, before its first commit, or without git: ``("", None)``.
    """
    commit = _words(root, "rev-parse", "HEAD")
    if not commit:
        return "", None
    changes = _words(root, "status", "--porcelain")
    return commit, None if changes is None else bool(changes)


def git_diff(root: Path) -> str:
    """Return the digest of what the working tree holds and its commit does not.

    It covers the differences of the files git knows, byte by byte, and every new file that is not ignored.
    Empty when it cannot be told: too many new files, or git takes too long.
    """
    top = _words(root, "rev-parse", "--show-toplevel")
    if not top:
        return ""
    folder = Path(top)
    exact = ("--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--binary", "--full-index")
    diff = _git(folder, "diff", *exact, "HEAD", *_CODE)
    new = _git(folder, "ls-files", "--others", "--exclude-standard", "-z", *_CODE)
    if diff is None or new is None:
        return ""
    names = sorted(filter(None, new.split(b"\0")))
    if len(names) > _MOST_FILES:
        return ""
    try:
        files = {name.decode("utf-8", "backslashreplace"): _new_file(folder, name) for name in names}
    except OSError:  # one was taken away just now
        return ""
    return of_json({"diff": hashlib.sha256(diff).hexdigest(), "new": files})


def git_remote(root: Path) -> str:
    """Return the address of ``origin`` without user and password; empty where there is none."""
    return without_credentials(_words(root, "remote", "get-url", "origin") or "")


def without_credentials(address: str) -> str:
    """Return an address without the user, the password and the query that may stand in it."""
    parts = urlsplit(address) if "://" in address else None
    if parts is None or not parts.netloc:
        return address
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _new_file(folder: Path, name: bytes) -> str:
    path = folder / os.fsdecode(name)
    if path.is_symlink():
        return f"link to {path.readlink()}"
    if not path.is_file():
        return "no file"  # a repository inside this one
    size = path.stat().st_size
    return of_file(path) if size <= _MOST_BYTES else f"{size} bytes"


def _words(root: Path, *arguments: str) -> str | None:
    told = _git(root, *arguments)
    return None if told is None else told.decode("utf-8", "replace").strip()


def _git(root: Path, *arguments: str) -> bytes | None:
    """What git prints; None when it fails, is not there, or takes too long."""
    git = shutil.which("git")
    if git is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments, no shell
            [git, "-C", str(root), *arguments],
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},  # reading must not make a commit elsewhere fail
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout if done.returncode == 0 else None
