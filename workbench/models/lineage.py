"""Where a version came from: commit, data, packages."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from workbench.datasets import Dataset
from workbench.models.records import Lineage

#: Seconds git may take. A repository that needs longer gives "not known", never a wrong answer.
_PATIENCE = 5.0

#: The same package under another distribution name.
_ALSO_KNOWN_AS = {"xgboost": "xgboost-cpu"}


def lineage_of(train: Dataset, *, packages: tuple[str, ...], root: Path) -> Lineage:
    """Return the lineage of a model trained on ``train`` in the working tree at ``root``."""
    commit, dirty = git_state(root)
    return Lineage(
        git_commit=commit,
        git_dirty=dirty,
        data_digest=train.digest,
        data_rows=len(train),
        python=platform.python_version(),
        packages=installed(("numpy", "pandas", *packages)),
    )


def git_state(root: Path) -> tuple[str, bool | None]:
    """Return the commit checked out at ``root`` and whether there are changes it does not hold.

    Outside a repository, before its first commit, or without git: ``("", None)``.
    """
    commit = _git(root, "rev-parse", "HEAD")
    if not commit:
        return "", None
    changes = _git(root, "status", "--porcelain")
    return commit, None if changes is None else bool(changes)


def installed(names: tuple[str, ...]) -> dict[str, str]:
    """Return the versions of those distributions that are installed, by name."""
    found = {}
    for name in names:
        for candidate in (name, _ALSO_KNOWN_AS.get(name, name)):
            try:
                found[candidate] = version(candidate)
                break
            except PackageNotFoundError:
                continue
    return dict(sorted(found.items()))


def _git(root: Path, *arguments: str) -> str | None:
    """What git prints; None when it fails, is not there, or takes too long."""
    git = shutil.which("git")
    if git is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments, no shell
            [git, "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},  # reading must not make a commit elsewhere fail
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
