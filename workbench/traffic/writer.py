"""The writer of captured traffic: putting never waits, losing is counted."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from contextlib import suppress
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.models.references import require_name
from workbench.traffic import segments
from workbench.traffic.policy import CapturePolicy
from workbench.traffic.records import MOST_ROWS, Exchange
from workbench.traffic.storage import LocalStorage, SpooledStorage, Storage, storage_of
from workbench.traffic.upload import Uploader

if TYPE_CHECKING:
    from workbench.core.settings import Settings

#: A segment is closed at this many exchanges …
SEGMENT_EXCHANGES = 500
#: … or this many seconds after its first exchange: with the writing, readable within half a second.
SEGMENT_SECONDS = 0.35

log = logging.getLogger(__name__)


class CaptureWriter:
    """Writes exchanges to segments under ``folder``, one sub-folder an endpoint, from a thread of its own.

    An endpoint has one writer at a time (its gateway); then segments appear in the order of their names,
    which is what a reader's cursor rests on.

    Args:
        folder: ``<state>/traffic``.
        storage: where segments go; None: into ``folder``.
        policy: what of an exchange may be written; None: all of it.
        uploader: moves segments on, and ends with this.
        max_rows: input rows that may wait in memory; an exchange that finds no room is lost, and counted.

    Example:
        >>> writer = CaptureWriter.of(settings, "lending")  # doctest: +SKIP
        >>> writer.put(exchange)                            # doctest: +SKIP
        >>> writer.close()                                  # doctest: +SKIP
    """

    def __init__(
        self,
        folder: Path,
        storage: Storage | None = None,
        policy: CapturePolicy | None = None,
        *,
        uploader: Uploader | None = None,
        max_rows: int = MOST_ROWS,
    ) -> None:
        self.lost = 0
        """Exchanges that were not kept: no room in memory, or the disk refused them."""
        self.written = 0
        """Exchanges that are on the disk."""
        self._storage = storage or LocalStorage(folder)
        self._policy = policy or CapturePolicy()
        self._uploader = uploader
        self._max_rows = max_rows
        self._waiting: deque[Exchange] = deque()
        self._rows = 0
        self._put = 0
        self._settled = 0
        """Of the exchanges put, how many are on disk or lost: ``flush`` waits for it."""
        self._flush_to = 0
        self._since = 0.0
        self._closing = False
        self._change = threading.Condition()
        self._newest: dict[str, int] = {}
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._thread.start()

    @classmethod
    def of(cls, settings: Settings, endpoint: str) -> CaptureWriter:
        """Return the writer of an endpoint's gateway, as the project's settings want it.

        Raises:
            InvalidInput: ``capture_url`` is of no storage that is known here.
            Unavailable: the key of ``capture_subject`` cannot be kept.
        """
        storage, policy = storage_of(settings), CapturePolicy.of(settings)
        with suppress(OSError):  # then nothing can be written either, which is counted
            storage.tidy(0, endpoint)  # it has no other writer
        uploader = Uploader(storage, endpoint) if isinstance(storage, SpooledStorage) else None
        return cls(settings.state / "traffic", storage, policy, uploader=uploader)

    def put(self, exchange: Exchange) -> None:
        """Hand over an exchange. Returns at once, whatever the disk does.

        Raises:
            InvalidInput: the endpoint's name cannot name a folder.
        """
        require_name(exchange.endpoint, field="endpoint")
        rows = max(1, len(exchange.inputs))
        with self._change:
            if self._closing or self._rows + rows > self._max_rows:
                self.lost += 1
                return
            if not self._waiting:
                self._since = time.monotonic()
            self._waiting.append(exchange)
            self._rows += rows
            self._put += 1
            if len(self._waiting) in (1, SEGMENT_EXCHANGES):
                self._change.notify_all()

    def flush(self, timeout: float = 10.0) -> None:
        """Wait until everything put so far is on disk or lost, at most ``timeout`` seconds."""
        with self._change:
            self._flush_to = target = self._put
            self._change.notify_all()
            self._change.wait_for(lambda: self._settled >= target, timeout)

    def close(self, timeout: float = 10.0) -> None:
        """Flush and end the thread. What is put afterwards is lost, and counted."""
        with self._change:
            self._closing = True
            self._change.notify_all()
        self._thread.join(timeout)
        if self._uploader is not None:
            self._uploader.close(timeout)

    def _run(self) -> None:
        while True:
            with self._change:
                while not self._due():
                    self._change.wait(self._patience())
                batch = [self._waiting.popleft() for _ in range(min(SEGMENT_EXCHANGES, len(self._waiting)))]
                if not batch:
                    return  # closing, and nothing is left
            self._write(batch)
            with self._change:
                self._rows -= sum(max(1, len(exchange.inputs)) for exchange in batch)
                self._settled += len(batch)
                self._since = time.monotonic()
                self._change.notify_all()

    def _due(self) -> bool:
        """Whether to write now: a full segment, an old one, somebody waits, or the end."""
        return self._closing or (
            bool(self._waiting)
            and (
                len(self._waiting) >= SEGMENT_EXCHANGES
                or self._settled < self._flush_to
                or self._patience() == 0.0
            )
        )

    def _patience(self) -> float | None:
        """Seconds until the first waiting exchange must be written; None when there is none."""
        if not self._waiting:
            return None
        return max(0.0, self._since + SEGMENT_SECONDS - time.monotonic())

    def _write(self, batch: list[Exchange]) -> None:
        by_endpoint = attrgetter("endpoint")
        for endpoint, group in groupby(sorted(batch, key=by_endpoint), by_endpoint):
            exchanges = list(group)
            try:
                kept = list(map(self._policy.kept, exchanges))
                name, body = segments.made(kept, closed=self._next(endpoint))
                self._storage.put(endpoint, name, body)
                self.written += len(exchanges)
            except Exception:
                # Serving goes on whatever happens to its record (a full disk); the loss is shown, not hidden.
                self.lost += len(exchanges)
                log.exception("%d exchanges of %s could not be written", len(exchanges), endpoint)

    def _next(self, endpoint: str) -> int:
        """The next closing time: later than every one there is, even when the clock was set back."""
        newest = self._newest.get(endpoint)
        if newest is None:
            last = segments.Segment.parse(self._storage.newest(endpoint))
            newest = last.closed if last else 0
        self._newest[endpoint] = closed = max(time.time_ns() // 1000, newest + 1)
        return closed
