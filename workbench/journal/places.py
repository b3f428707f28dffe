"""Where a journal lies, and what lies beside it: witness, checkpoints and keys."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

#: What the folder of the public keys is called, beside the journal.
KEYS = "keys"


def is_url(place: Path | str) -> bool:
    """True for an address such as ``postgresql://…``; anything else is a file."""
    return isinstance(place, str) and "://" in place


class Place(NamedTuple):
    """The files of one journal."""

    file: Path | None
    """The SQLite file; None for a server."""
    folder: Path | None
    """What is kept here guards against what happens to the database, so it is never kept in the database."""

    @classmethod
    def of(cls, place: Path | str, beside: Path | None = None) -> Place:
        """Return the place of a file, or of a URL with a folder for what lies beside it."""
        if is_url(place):
            return cls(None, beside)
        file = Path(place)
        return cls(file, beside or file.parent)

    @property
    def stem(self) -> Path | None:
        """What the witness is named after."""
        return self.file or (self.folder / "journal.db" if self.folder else None)

    @property
    def kept(self) -> Path | None:
        """Folder of the checkpoints made here."""
        return self.folder / "checkpoints" if self.folder else None

    @property
    def keys(self) -> Path | None:
        """Folder of the keys that sign here."""
        return self.folder / KEYS if self.folder else None
