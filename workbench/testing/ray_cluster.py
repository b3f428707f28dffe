"""A Ray cluster of one machine for tests: loopback addresses, free ports, a token; ended by its own pids.

``ray start --block`` stays in front of its node and ends it when it is ended itself, so nothing but what was
started here is stopped, whatever else runs on the machine.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from workbench.core.errors import Unavailable
from workbench.core.settings import Settings
from workbench.releases.targets.ray.cluster import environment, start_command, token
from workbench.releases.targets.ray.dashboard import Dashboard

#: Seconds that a cluster has to come up on a busy machine.
_PATIENCE = 120.0
#: What ``ray start`` says when its node has joined.
_UP = "Ray runtime started."


def free_port() -> int:
    """Return a port nobody listens on, outside of those that Ray gives its workers."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = int(listener.getsockname()[1])
        if port >= 30_000:
            return port


class Node:
    """One node of a cluster, as a process in front of it."""

    def __init__(self, command: list[str], variables: dict[str, str]) -> None:
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        self._process = subprocess.Popen(  # noqa: S603 - Ray's own command
            command,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **variables, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    @property
    def output(self) -> str:
        """What it has written."""
        self._output.seek(0)
        return self._output.read().decode(errors="replace")

    def stop(self) -> None:
        """End the node: it takes its processes with it, and its group is killed should it not."""
        if not self.ended:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._output.close()


@contextmanager
def running_cluster(settings: Settings, *, nodes: int = 2, cpus: int = 4) -> Iterator[list[Node]]:
    """Run a cluster at ``settings.ray_address`` for as long as the block runs; the first node is the head.

    Args:
        settings: of the project: its token, its dashboard's address, its door's.
        nodes: on this machine, each with an address of its own.
        cpus: that each says it has.

    Raises:
        Unavailable: it did not come up, with what it wrote.
    """
    token(settings)
    folder = Path(tempfile.mkdtemp(prefix="ray-"))  # short: Ray's sockets lie in it
    gcs = free_port()
    ray = [str(Path(sys.executable).with_name("ray")), *start_command(settings)[1:]]
    head = [*ray, "--port", str(gcs), "--temp-dir", str(folder)]
    joins = [ray[0], "start", "--block", "--address", f"127.0.0.2:{gcs}"]
    with ExitStack() as ended:
        ended.callback(shutil.rmtree, folder, ignore_errors=True)
        started = []
        for number in range(nodes):
            command = [*(joins if number else head), *_of_its_own(number, cpus)]
            started.append(Node(command, environment(settings)))
            ended.callback(started[-1].stop)
            _wait(settings, started[-1])
        yield started


def _of_its_own(number: int, cpus: int) -> list[str]:
    """The address and ports of a node, so that several live on one machine."""
    low = 20_000 + 1000 * number
    return [
        "--node-ip-address",
        f"127.0.0.{number + 2}",
        "--num-cpus",
        str(cpus),
        "--object-store-memory",
        "100000000",
        "--min-worker-port",
        str(low),
        "--max-worker-port",
        str(low + 999),
        "--dashboard-agent-listen-port",
        str(free_port()),
        "--include-log-monitor",
        "false",
    ]


def _wait(settings: Settings, node: Node) -> None:
    """Until a node has joined and the dashboard answers, or the node has ended."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and not node.ended:
        if _UP in node.output:
            with suppress(Unavailable):
                Dashboard(settings).read()
                return
        time.sleep(0.2)
    raise Unavailable(f"Ray did not come up: {node.output[-3000:]}")
