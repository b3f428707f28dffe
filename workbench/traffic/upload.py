"""Moving segments from this machine to object storage, in a thread of its own, for as long as it takes."""

from __future__ import annotations

import logging
import threading

from tenacity import RetryError, Retrying, before_sleep_log, retry_if_exception_type, wait_random_exponential
from tenacity.nap import sleep_using_event
from tenacity.stop import stop_when_event_set

from workbench.core.errors import Unavailable
from workbench.traffic.files import lock
from workbench.traffic.storage import LOCK, SpooledStorage

#: Seconds between looks for new segments.
EVERY = 0.25
#: Longest pause, in seconds, between two tries of a storage that does not answer.
PAUSE = 30.0

log = logging.getLogger(__name__)


class Uploader:
    """Moves one endpoint's segments, the oldest first, so that cursors of readers elsewhere miss none.

    A storage that does not answer is tried again and again, with growing pauses. What waits stays on this
    machine, also when the process ends: the next one moves it. The spool's own bound says when exchanges are
    lost instead.

    Args:
        storage: what is moved, and where.
        endpoint: whose. It has one gateway, and so one that moves.
    """

    def __init__(self, storage: SpooledStorage, endpoint: str) -> None:
        self._storage = storage
        self._endpoint = endpoint
        self._closing = threading.Event()
        self._patiently = Retrying(
            retry=retry_if_exception_type((Unavailable, OSError)),
            wait=wait_random_exponential(multiplier=0.5, max=PAUSE),
            stop=stop_when_event_set(self._closing),
            sleep=sleep_using_event(self._closing),
            before_sleep=before_sleep_log(log, logging.WARNING),
        )
        self._thread = threading.Thread(target=self._run, name="upload", daemon=True)
        self._thread.start()

    def close(self, timeout: float = 10.0) -> None:
        """Try once more to move what waits, and end the thread. What is not moved stays on this machine."""
        self._closing.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        last = False
        while not last:
            last = self._closing.wait(EVERY)
            try:
                self._patiently(self._move)
            except RetryError:
                return  # closing

    def _move(self) -> None:
        for name in self._storage.local.names(self._endpoint):
            with lock(self._storage.local.folder / LOCK):
                self._storage.move(self._endpoint, name)
