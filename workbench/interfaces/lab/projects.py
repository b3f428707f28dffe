"""The projects under the server's root: found from a client's path, followed while the server runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from workbench.core.clock import SystemClock
from workbench.core.errors import InvalidInput
from workbench.core.settings import FILE, load
from workbench.journal import Entry, Journal
from workbench.views.overview import Overview, overview

#: Seconds between looks at a journal. A look is one indexed query.
POLL = 0.5

Moved = Callable[[str, Entry], None]


class Project:
    """One project folder, read through its journal alone."""

    def __init__(self, root: Path, name: str, moved: Moved) -> None:
        settings = load(root)
        self.state = settings.state
        self.name = name
        """Path relative to the server's root, with ``/``."""
        self.journal = Journal.open(
            settings.journal, actor=settings.actor, clock=SystemClock(), beside=self.state
        )
        self._moved = moved
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._entries = self.journal.entries()
        self._overview = overview(self._entries)
        self._thread = threading.Thread(target=self._follow, name=f"workbench-journal {name}", daemon=True)
        self._thread.start()

    def overview(self) -> Overview:
        """The project as it stands. Only what came since the last look is read."""
        with self._lock:
            new = self.journal.entries(self._overview.seq)
            if new:
                self._entries += new
                self._overview = overview(self._entries)
            return self._overview

    def close(self) -> None:
        """Stop following, then close the journal."""
        self._stop.set()
        self._thread.join(timeout=5)
        self.journal.close()

    def _follow(self) -> None:
        for entry in self.journal.follow(self._overview.seq, poll=POLL, stop=self._stop):
            self._moved(self.name, entry)


class Projects:
    """Every project asked for so far. Threads may share it."""

    def __init__(self, root: Path, moved: Moved) -> None:
        self._root = root
        self._moved = moved
        self._lock = threading.Lock()
        self._open: dict[Path, Project] = {}

    def folder(self, path: str) -> Path:
        """Return the folder a client means by a path relative to the server's root.

        Raises:
            InvalidInput: the path leads out of the root, also by a link.
        """
        folder = (self._root / path.lstrip("/")).resolve()
        if not folder.is_relative_to(self._root):
            raise InvalidInput(
                "path: it leads out of the server's folder.",
                remedy="Give a path relative to the folder JupyterLab was started in.",
                field="path",
            )
        return folder

    def find(self, path: str) -> Project | None:
        """Return the project ``path`` lies in: the nearest folder upwards that has a ``workbench.toml``.

        The search ends at the server's root: what lies above it is not the server's to show.
        """
        folder = self.folder(path)
        within = [f for f in (folder, *folder.parents) if f.is_relative_to(self._root)]
        root = next((f for f in within if (f / FILE).is_file()), None)
        return None if root is None else self._project(root)

    def close(self) -> None:
        """Close every project."""
        with self._lock:
            for project in self._open.values():
                project.close()
            self._open.clear()

    def name(self, folder: Path) -> str:
        """The path a client would use for a folder under the root; empty for the root itself."""
        name = folder.relative_to(self._root).as_posix()
        return "" if name == "." else name

    def _project(self, root: Path) -> Project:
        with self._lock:
            if root not in self._open:
                self._open[root] = Project(root, self.name(root), self._moved)
            return self._open[root]
