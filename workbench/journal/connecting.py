"""Opens the database that a journal lies in."""

from __future__ import annotations

from pathlib import Path

from workbench.core.errors import Unavailable
from workbench.journal.base import Connection
from workbench.journal.filesystems import refuse_network
from workbench.journal.places import is_url
from workbench.journal.sqlite import SQLite


def connect(place: Path | str, patience: float) -> Connection:
    """Open a file, made with its folder when there is none, or the server of a URL."""
    if is_url(place):
        from workbench.journal.postgres import Postgres

        return Postgres(str(place), patience=patience)
    _make_folder(Path(place))
    return SQLite(Path(place), patience=patience)


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(
            f"{path.parent} cannot be made ({error.strerror}).",
            remedy="Open the project in a folder you may write to.",
            field="path",
        ) from error
    refuse_network(path.parent)
