"""Servers as processes, and ``wrk`` in front of them: throughput, latency and CPU of one run."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True)
class Figures:
    """What one run of ``wrk`` showed."""

    rate: float
    """Answers a second."""
    p50: float
    """Milliseconds."""
    p99: float
    """Milliseconds."""
    bad: int
    """Answers with another status than 2xx, and broken connections."""
    cpu: float
    """CPU milliseconds a request, of the server with all of its processes."""


@dataclass(frozen=True)
class Server:
    """A server that answers."""

    name: str
    url: str
    """Where a request goes."""
    pid: int
    body: bytes
    """What is sent."""


def free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextmanager
def started(
    name: str, command: Sequence[str | Path], url: str, body: bytes, **environment: str
) -> Iterator[Server]:
    """Start a server, wait until it answers ``body``, and end it with everything it started."""
    log = Path(f"{os.environ.get('TMPDIR', '/tmp')}/serving-{re.sub('[^a-z0-9]+', '-', name.lower())}.log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=output,
            stderr=output,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PATH": _path(), **environment},
            start_new_session=True,
        )
    try:
        _await(url, body, process, log)
        yield Server(name, url, process.pid, body)
    finally:
        _end(process)


def load(server: Server, connections: int, seconds: float, script: Path) -> Figures:
    """Send for some seconds."""
    script.write_text(
        'wrk.method = "POST"\n'
        f"wrk.body = [==[{server.body.decode()}]==]\n"
        'wrk.headers["Content-Type"] = "application/json"\n'
    )
    before = _cpu(server.pid)
    options = ["-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", "-s", str(script)]
    said = subprocess.run([wrk(), *options, server.url], capture_output=True, text=True, check=True).stdout
    after = _cpu(server.pid)
    requests = int(re.search(r"(\d+) requests in", said)[1])
    bad = sum(
        map(int, re.findall(r"(?:Non-2xx or 3xx responses: |connect |read |write |timeout )(\d+)", said))
    )
    return Figures(
        rate=float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]),
        p50=_milliseconds(said, "50%"),
        p99=_milliseconds(said, "99%"),
        bad=bad,
        cpu=(after - before) / max(requests, 1) * 1000,
    )


def wrk() -> str:
    """The load generator: written in C, so that it leaves the cores to whom it measures."""
    found = shutil.which("wrk")
    if found is None:
        sys.exit("wrk is not installed: apt-get install wrk")
    return found


def _path() -> str:
    """Programs of this environment first: ``mlflow`` calls others by their names."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def _milliseconds(said: str, share: str) -> float:
    number, unit = re.search(rf"{share}\s+([\d.]+)(us|ms|s)\b", said).groups()
    return float(number) * _UNITS[unit]


def _cpu(pid: int) -> float:
    """CPU seconds so far of a process and all it has started."""
    whole = psutil.Process(pid)
    return sum(sum(one.cpu_times()[:2]) for one in (whole, *whole.children(recursive=True)))


def _await(url: str, body: bytes, process: subprocess.Popen, log: Path, seconds: float = 180.0) -> None:
    end = time.monotonic() + seconds
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                json.load(answer)
                return
        except (urllib.error.URLError, OSError, ValueError):
            time.sleep(0.2)
    sys.exit(f"{url} does not answer: {log.read_text(errors='replace')[-2000:]}")


def _end(process: subprocess.Popen) -> None:
    family = [process, *_children(process.pid)]
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in family[1:]:
        if child.is_running():
            child.kill()


def _children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
