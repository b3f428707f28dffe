"""A PostgreSQL server of one's own, for tests and benchmarks of the journal."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Literal

_CONFIG = """
listen_addresses = ''
unix_socket_directories = '{folder}'
shared_buffers = {buffers}MB
max_connections = 40
fsync = {fsync}
"""


def postgres_binaries() -> Path | None:
    """Folder of ``initdb`` and ``pg_ctl``: on the path, or where Debian puts them."""
    found = shutil.which("pg_ctl")
    if found:
        return Path(found).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    return versions[-1].parent if versions else None


class PostgresServer:
    """A server on a socket in a folder of its own; where we are root, ``postgres`` runs it.

    Args:
        binaries: as ``postgres_binaries`` finds them.
        fsync: False for tests: the machine does not lose power there, and what a crash of the server loses is
            still lost.
        buffers: shared memory, in MB.
    """

    def __init__(self, binaries: Path, *, fsync: bool = False, buffers: int = 16) -> None:
        self._binaries = binaries
        # short: a socket's name has 107 bytes
        self.folder = Path(tempfile.mkdtemp(prefix="wb-pg-", dir="/tmp"))
        self.data = self.folder / "data"
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self._run(
            "initdb", "-D", str(self.data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"
        )
        with (self.data / "postgresql.conf").open("a") as config:
            on = "on" if fsync else "off"
            config.write(_CONFIG.format(folder=self.folder, buffers=buffers, fsync=on))
        self.start()

    def url(self, schema: str) -> str:
        """Address of a journal in this schema."""
        return f"postgresql://postgres@/postgres?host={self.folder}&schema={schema}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._run("pg_ctl", "-D", str(self.data), "-l", str(self.folder / "log"), "-w", "start")

    def stop(self, how: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """Stop it; ``immediate`` is a crash: the next start recovers."""
        self._run("pg_ctl", "-D", str(self.data), "-m", how, "-w", "stop")

    def close(self) -> None:
        """Stop it and take its files away."""
        with contextlib.suppress(RuntimeError):
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), *arguments]
        if os.geteuid() == 0:  # PostgreSQL refuses to run as the superuser
            command = ["runuser", "-u", "postgres", "--", *command]
        done = subprocess.run(  # noqa: S603 - no shell, our own words
            command,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr}")
