"""``workbench up``: the gateways and the controller of a project on one machine, kept running.

One process for each endpoint that has a champion or was named, and one that drives releases. Each of them is
safe to kill: a gateway answers what has begun and holds no state, the controller goes on from the journal. So
this only starts them, starts again what ends, and ends them all. It asks neither the journal nor MLflow.

A gateway that somebody else has started is left alone, and started here when it ends.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from workbench.core.errors import Conflict, Unavailable, WorkbenchError
from workbench.core.settings import Settings
from workbench.gateway import read_status, read_table
from workbench.models.references import require_name

#: Seconds between two looks at the processes.
_EVERY = 0.2
#: Who dies sooner than this, so often in a row, is not started again.
_QUICK, _TRIES = 10.0, 5
#: Seconds until the second start, doubled with each quick death, and the most.
_FIRST, _MOST = 0.5, 30.0
#: Seconds beyond twice the gateway's deadline that a process has to end by itself.
_PATIENCE = 10.0

CONTROLLER = "controller"

Say = Callable[[str, str, str], None]
"""Gets what happened (``started``, ``serves``, ``ready``, ``not all``, ``ended``, ``gave up``,
``unreadable``, ``stopped``), to whom, and a sentence, which may be empty."""


@dataclass
class Child:
    """One process that is kept running."""

    name: str
    """An endpoint, or ``controller``."""
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    next_start: float = 0.0
    quick: int = 0
    """Quick deaths in a row."""
    gave_up: bool = False
    told: str = ""
    """Where it was said to serve."""

    @property
    def delay(self) -> float:
        """Seconds until the next start."""
        return min(_MOST, _FIRST * 2.0 ** max(0, self.quick - 1))


class Supervisor:
    """Keeps the processes of a project running.

    Args:
        settings: the project.
        endpoints: to be served though nothing was released to them yet.
        say: gets one line for each event.
        stop: set it to end everything. SIGTERM and Ctrl-C set it, too.
    """

    def __init__(
        self,
        settings: Settings,
        endpoints: Iterable[str],
        *,
        say: Say,
        stop: threading.Event | None = None,
    ) -> None:
        self._settings = settings
        self._state = settings.state
        self._named = [require_name(name, field="endpoint") for name in endpoints]
        self._say = say
        self._stop = stop or threading.Event()
        self._children: dict[str, Child] = {}
        self._summed = ""
        """What was said last of everything together."""
        self._unreadable: dict[str, str] = {}
        """By endpoint, what was told of a routing table that cannot be read."""

    def run(self) -> None:
        """Keep everything running until stopped, then end it all.

        Raises:
            Conflict: another ``workbench up`` runs on this project.
            Unavailable: something died again and again and was not started any more.
        """
        with _only_one(self._state):
            before = {n: signal.signal(n, self._end) for n in (signal.SIGTERM, signal.SIGINT)}
            try:
                while not self._stop.is_set():
                    self._look()
                    self._stop.wait(_EVERY)
            finally:
                self._end_all()
                for number, handler in before.items():
                    signal.signal(number, handler)
        lost = [child.name for child in self._children.values() if child.gave_up]
        if lost:
            raise Unavailable(
                f"{', '.join(lost)} could not be kept running.",
                remedy="The lines above say why.",
                field="endpoint",
            )

    def _end(self, *_: object) -> None:
        self._stop.set()

    def _look(self) -> None:
        """Look once at everything: start what is new or has ended, and say what has come up."""
        for name in (*self._endpoints(), CONTROLLER):
            child = self._children.get(name)
            if child is None:
                child = self._children[name] = Child(name, port=self._port(name))
            self._keep(child)
        if all(child.gave_up for child in self._children.values()):
            self._stop.set()
        elif all(child.gave_up or self._is_up(child) for child in self._children.values()):
            self._sum_up()

    def _sum_up(self) -> None:
        """Say once, when everything is up or stays down, what is served and what is not."""
        gateways = [child for name, child in self._children.items() if name != CONTROLLER]
        served = [f"{child.name} at {child.told}" for child in gateways if not child.gave_up]
        lost = [child.name for child in gateways if child.gave_up]
        parts = [f"serves {', '.join(served)}"] if served else []
        parts += [f"does not serve {', '.join(lost)}, as said above"] if lost else []
        parts += [] if gateways else [self._nothing()]
        undriven = self._children[CONTROLLER].gave_up
        parts += ["drives no releases, as said above"] if undriven else []
        sentence = "; ".join(parts)
        if sentence != self._summed:
            self._summed = sentence
            self._say("not all" if lost or undriven else "ready", self._settings.root.name, sentence)

    def _nothing(self) -> str:
        """Say why no gateway is kept, and how to begin."""
        if self._settings.target != "local":
            return f"drives releases; requests are answered where target = {self._settings.target!r} says"
        begin = "workbench register, then workbench release NAME/1"
        return f"serves nothing yet: {begin}; what is released is served here at once"

    def _endpoints(self) -> list[str]:
        """Those that were named, and those that have a champion, where this machine serves them."""
        if self._settings.target != "local":
            return self._named
        tables = sorted((self._state / "gateway").glob("*/routes.json"))
        served = (path.parent.name for path in tables)
        return list(dict.fromkeys([*self._named, *filter(self._has_champion, served)]))

    def _has_champion(self, endpoint: str) -> bool:
        return endpoint in self._children or bool(self._champion(endpoint))

    def _champion(self, endpoint: str) -> bool | None:
        """Whether it has one. None where its table cannot be read: told of once, and stops nobody else."""
        try:
            table = read_table(self._state, endpoint)
        except WorkbenchError as error:
            if self._unreadable.get(endpoint) != str(error):
                self._unreadable[endpoint] = str(error)
                self._say("unreadable", endpoint, str(error))
            return None
        self._unreadable.pop(endpoint, None)
        return table is not None and table.champion is not None

    def _port(self, name: str) -> int:
        """The port of the settings for the first endpoint; a free one for each other."""
        first = not any(child.name != CONTROLLER for child in self._children.values())
        return self._settings.gateway_port if first and name != CONTROLLER else 0

    def _keep(self, child: Child) -> None:
        if child.gave_up:
            return
        if child.process is None:
            if time.monotonic() >= child.next_start and not self._served_by_others(child):
                self._start(child)
        elif (code := child.process.poll()) is not None:
            self._ended(child, code)
        elif child.name != CONTROLLER:
            self._tell(child)

    def _served_by_others(self, child: Child) -> bool:
        if child.name == CONTROLLER:
            return False
        status = read_status(self._state, child.name)
        if status is not None and child.told != status.url:
            child.told = status.url
            self._say("serves", child.name, f"{status.url}, started by somebody else (process {status.pid})")
        return status is not None

    def _start(self, child: Child) -> None:
        root = str(self._settings.root)
        if child.name == CONTROLLER:
            command = ["-m", "workbench.interfaces.cli.main", "release", "run", "-C", root]
        else:
            command = ["-m", "workbench.gateway", root, child.name, "--port", str(child.port)]
        acting = {"WORKBENCH_ACTOR": self._settings.actor} if self._settings.identity == "settings" else {}
        child.process = subprocess.Popen(  # noqa: S603 - our own modules
            [sys.executable, *command],
            stdin=subprocess.DEVNULL,
            stdout=2,  # standard output is for our own lines, which scripts read
            env={**os.environ, **acting},
            start_new_session=True,  # Ctrl-C is ours: we end them, in our order
        )
        child.began = time.monotonic()
        self._say("started", child.name, f"process {child.process.pid}")

    def _ended(self, child: Child, code: int) -> None:
        """Start it again, later each time it lived but a moment."""
        child.process, child.told = None, ""
        child.quick = child.quick + 1 if time.monotonic() - child.began < _QUICK else 0
        if child.quick >= _TRIES:
            child.gave_up = True
            sentence = f"it ended {_TRIES} times within {_QUICK:g} s, at last with {code}; it stays down"
            self._say("gave up", child.name, sentence)
            return
        child.next_start = time.monotonic() + child.delay
        self._say("ended", child.name, f"with {code}; it is started again in {child.delay:g} s")

    def _tell(self, child: Child) -> None:
        """Say where it serves, once it does, and keep its port for when it must be started again."""
        status = read_status(self._state, child.name)
        if status is None or child.process is None or status.pid != child.process.pid:
            return
        if child.told != status.url:
            child.told = status.url
            child.port = urlsplit(status.url).port or child.port
            self._say("serves", child.name, f"{status.url}, process {status.pid}")

    def _is_up(self, child: Child) -> bool:
        """It runs, and a gateway whose endpoint has a champion is ready."""
        if child.name == CONTROLLER:
            return child.process is not None
        status = read_status(self._state, child.name)
        empty = self._champion(child.name) is False
        return status is not None and (status.ready or empty) and bool(child.told)

    def _end_all(self) -> None:
        """The controller first, so that it moves nothing while gateways end; then all gateways at once."""
        gateways = [child for name, child in self._children.items() if name != CONTROLLER]
        controller = [child for name, child in self._children.items() if name == CONTROLLER]
        for group in (controller, gateways):
            _terminate([child.process for child in group if child.process is not None], self._patience())
        self._say("stopped", self._settings.root.name, "")

    def _patience(self) -> float:
        return 2 * self._settings.gateway_deadline_seconds + _PATIENCE


def _terminate(processes: Sequence[subprocess.Popen[bytes]], patience: float) -> None:
    """End processes by SIGTERM, and by SIGKILL those that do not."""
    for process in processes:
        process.terminate()
    until = time.monotonic() + patience
    for process in processes:
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _only_one(state: Path) -> IO[str]:
    """Be the only one on this project, for as long as the file is open; the kernel lets go when we end.

    Raises:
        Conflict: another one is.
    """
    state.mkdir(parents=True, exist_ok=True)
    file = (state / "up.lock").open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        other = file.read().strip()
        file.close()
        raise Conflict(
            f"workbench up runs on this project already: process {other or 'unknown'}.",
            remedy=f"End that one first: kill {other}" if other else "End that one first.",
            field="project",
        ) from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
