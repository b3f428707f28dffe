"""The journal at a million entries: an append beside the bare commit it rests on, verify, proofs, memory.

    OMP_NUM_THREADS=1 python benchmarks/journal.py [--entries 1000000] [--postgres postgresql://…]

On SQLite and on PostgreSQL: a server that is started here, with fsync, or the one of a URL.

1. Append, one entry a transaction, as a project does it: with a signer and a witness beside; on an empty
   journal and on a full one, in turns with a bare commit: one row of the same bytes into a table without
   index or trigger, with the same settings. Promised: less than 1 ms more, at the median, at both sizes.
2. Memory of this process, before and after it appended them all. Promised: flat.
3. Verify of the whole journal. Promised: less than 60 s for a million entries, and no memory that grows with
   them: the peak of a process that verifies all is compared with one that verifies a thousandth.
4. Proofs, and a checkpoint.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from workbench.core.clock import SystemClock
from workbench.journal import Event, Journal, verify
from workbench.journal.signers import SeedSigner
from workbench.testing.postgres import PostgresServer, postgres_binaries

BATCH = 2000
ROUNDS = 300


def event(n: int) -> Event:
    payload = {"stage": "canary", "estimate": n / 7, "low": 0.1, "high": 0.9, "n": n, "note": "looked at it"}
    return Event(kind="release.looked", payload=payload, subjects=(f"sha256:{n:064x}",))


def fill(journal: Journal, size: int) -> None:
    for start in range(journal.size(), size, BATCH):
        writes = [(f"release/r-{n % 1000}", event(n), None) for n in range(start, min(start + BATCH, size))]
        journal.append_many(writes)


def resident() -> float:
    """MiB of this process in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def bare_sqlite(folder: Path) -> Callable[[], None]:
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE bare (text TEXT)")

    def commit() -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO bare VALUES (?)", ("x" * 700,))
        connection.execute("COMMIT")

    return commit


def bare_postgres(url: str) -> Callable[[], None]:
    from workbench.journal.postgres import Address, connect

    connection = connect(Address.parse(url), 5)
    connection.execute("CREATE TEMPORARY TABLE nothing (text TEXT)")  # the connection is warm
    connection.execute("CREATE TABLE IF NOT EXISTS public.bare (text TEXT)")

    def commit() -> None:
        connection.execute("BEGIN")
        connection.execute("INSERT INTO public.bare VALUES (%s)", ("x" * 700,))
        connection.execute("COMMIT")

    return commit


def in_turns(append: Callable[[], None], bare: Callable[[], None]) -> tuple[float, float]:
    """Medians in milliseconds: other work disturbs both alike."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for kept, work in zip(times, (append, bare), strict=True):
            start = time.perf_counter()
            work()
            kept.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times[0]), statistics.median(times[1])


def report_append(journal: Journal, bare: Callable[[], None]) -> None:
    ours, least = in_turns(lambda: journal.append("release/r-1", event(1)), bare)
    print(
        f"  append at {journal.size():>9,} entries: {ours:.2f} ms, bare commit {least:.2f} ms, "
        f"{ours - least:+.2f} ms (promised < 1), ratio {ours / least:.2f}"
    )


def verified(place: Path | str) -> tuple[float, float, int]:
    """Seconds and peak memory in MiB of a process of its own, and the number of entries."""
    done = subprocess.run(
        [sys.executable, __file__, "--verify", str(place)], check=True, capture_output=True, text=True
    )
    seconds, peak, size = done.stdout.split()
    return float(seconds), float(peak), int(size)


def verify_here(place: str) -> None:
    start = time.perf_counter()
    found = verify(place if "://" in place else Path(place))
    assert found.ok, found.problems
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(time.perf_counter() - start, peak, found.size)


def measure(place: Path | str, beside: Path, bare: Callable[[], None], entries: int) -> None:
    signer = SeedSigner("ada", bytes(32))
    journal = Journal.open(place, actor="ada", clock=SystemClock(), beside=beside, signer=signer)
    fill(journal, max(entries // 1000, 10))
    few = verified(place)
    report_append(journal, bare)
    start, before = time.perf_counter(), resident()
    fill(journal, entries)
    print(f"  filled in {time.perf_counter() - start:.0f} s, {BATCH} entries a transaction")
    print(f"  memory of the process that did so: {before:.0f} MiB before, {resident():.0f} MiB after")
    report_append(journal, bare)
    seconds, peak, size = verified(place)
    rate = seconds / size * 1e6
    print(f"  verify of {size:,} entries: {seconds:.1f} s, {rate:.1f} s a million (promised < 60)")
    print(f"  its peak memory: {peak:.0f} MiB, for {few[2]:,} entries {few[1]:.0f} MiB")
    for name, work in {
        "inclusion": lambda: journal.inclusion(size // 3),
        "consistency": lambda: journal.consistency(size // 3),
        "checkpoint": journal.checkpoint,
    }.items():
        start = time.perf_counter()
        for _ in range(50):
            work()
        print(f"  {name}: {(time.perf_counter() - start) / 50 * 1e3:.2f} ms")
    journal.close()


@contextlib.contextmanager
def postgres(url: str) -> Iterator[str]:
    """The server that was given, or one of our own; empty where there is neither."""
    binaries = postgres_binaries()
    if url or binaries is None:
        print("" if url else "no PostgreSQL here: initdb and pg_ctl are not on the path")
        yield url
        return
    server = PostgresServer(binaries, fsync=True, buffers=128)
    try:
        yield server.url("journal")
    finally:
        server.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument(
        "--postgres", default="", help="URL of a server with an empty schema to fill. Default: one of our own"
    )
    parser.add_argument("--verify", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.verify:
        verify_here(options.verify)
        return
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print("SQLite")
        measure(folder / "journal.db", folder, bare_sqlite(folder), options.entries)
    with tempfile.TemporaryDirectory() as name, postgres(options.postgres) as url:
        if url:
            print("PostgreSQL")
            measure(url, Path(name), bare_postgres(url), options.entries)


if __name__ == "__main__":
    main()
