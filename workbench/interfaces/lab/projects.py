"""The projects under the server's root: found from a client's path, followed while the server runs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.bench import Workbench
from workbench.core.clock import SystemClock
from workbench.core.errors import InvalidInput, WorkbenchError
from workbench.core.settings import FILE, load
from workbench.gates.streams import Look
from workbench.gateway.routing import KILL, STATUS
from workbench.journal import Entry, Journal
from workbench.views.endpoints import endpoints_of, look_beside
from workbench.views.overview import Overview, overview

#: Seconds between looks at a journal. A look is one indexed query.
POLL = 0.5

#: Seconds between looks whether a checkpoint is due.
TICK = 60.0

#: Seconds after which evidence and approvals may have run out, though nothing was written.
HOLDS = 60.0

Moved = Callable[[str, Entry], None]

_log = logging.getLogger(__name__)


class Project:
    """One project folder, read through its journal alone.

    While it is followed no entry waits for a checkpoint longer than the settings allow, whoever wrote it:
    one is signed as a notebook on this server would sign it.
    """

    def __init__(self, root: Path, name: str, moved: Moved) -> None:
        settings = load(root)
        self.root = root
        self.state = settings.state
        self.name = name
        """Path relative to the server's root, with ``/``."""
        self.journal = Journal.open(
            settings.journal, actor=settings.actor, clock=SystemClock(), beside=self.state
        )
        self._file = _which(settings.journal)
        self._settings = settings
        self._moved = moved
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._entries = self.journal.entries()
        self._overview = self._fold()
        self._threads = [
            threading.Thread(target=work, name=f"workbench-{kind} {name}", daemon=True)
            for kind, work in (("journal", self._follow), ("checkpoints", self._sign))
        ]
        for thread in self._threads:
            thread.start()

    @property
    def replaced(self) -> bool:
        """Whether its journal is another file by now: the folder was restored, or another one put there."""
        return _which(self._settings.journal) != self._file

    def overview(self) -> Overview:
        """The project as it stands. Only what came since the last look is read."""
        with self._lock:
            new = self.journal.entries(self._overview.seq)
            self._entries += new
            if new or self._looked_with() != self._with or time.monotonic() > self._holds_until:
                self._overview = self._fold()
            return self._overview

    def close(self) -> None:
        """Stop following, then close the journal."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=5)
        self.journal.close()

    def _fold(self) -> Overview:
        """Fold it by the policies, people and keys of this moment."""
        self._with, self._holds_until = self._looked_with(), time.monotonic() + HOLDS
        settings = load(self.root)
        now = SystemClock().now()
        beside = look_beside(settings, endpoints_of(self._entries), now=now)
        return overview(self._entries, Look.of(settings, now), beside)

    def _looked_with(self) -> dict[Path, int]:
        """The files that say what stands, by when they were changed: no entry tells of them."""
        gateways = (file for name in (STATUS, KILL) for file in self.state.glob(f"gateway/*/{name}"))
        files = (self.root / FILE, *(self.root / "policies").glob("*.yaml"), *gateways)
        return {file: changed for file in files if (changed := _changed(file))}

    def _follow(self) -> None:
        for entry in self.journal.follow(self._overview.seq, poll=POLL, stop=self._stop):
            self._moved(self.name, entry)

    def _sign(self) -> None:
        bench, said = Workbench(self._settings), ""
        while not self._stop.wait(TICK):
            try:
                bench.journal.checkpoint_if_due()
            except WorkbenchError as error:  # nobody says who acts, for one
                if str(error) != said:
                    said = str(error)
                    _log.warning("No checkpoint could be made: %s", said)


def _which(journal: Path | str) -> tuple[int, int] | None:
    """The file that a journal lies in; None for one on a server, and where there is none."""
    try:
        found = Path(journal).stat() if isinstance(journal, Path) else None
    except OSError:
        return None
    return found and (found.st_dev, found.st_ino)


def _changed(file: Path) -> int:
    """When it was changed, in nanoseconds; 0 where there is none: a gateway that ends takes its own away."""
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


class Projects:
    """Every project asked for so far, as it lies there now. Threads may share it."""

    def __init__(self, root: Path, moved: Moved) -> None:
        self._root = root
        self._moved = moved
        self._lock = threading.Lock()
        self._open: dict[Path, Project] = {}

    def folder(self, path: str) -> Path:
        """Return the folder a client means by a path relative to the server's root.

        Raises:
            InvalidInput: the path leads out of the root, also by a link, or no folder can have it.
        """
        with _looking():
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

        Raises:
            InvalidInput: as ``folder``.
        """
        folder = self.folder(path)
        within = [f for f in (folder, *folder.parents) if f.is_relative_to(self._root)]
        with _looking():
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
            if root in self._open and self._open[root].replaced:
                self._open.pop(root).close()
            if root not in self._open:
                self._open[root] = Project(root, self.name(root), self._moved)
            return self._open[root]


@contextmanager
def _looking() -> Iterator[None]:
    """Refuse a path that cannot be looked at: too long, with a NUL, a circle of links, a closed folder."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        raise InvalidInput(
            "path: it cannot be looked at.",
            remedy="Give a path relative to the folder JupyterLab was started in.",
            field="path",
        ) from error
