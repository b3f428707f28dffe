"""``POST /labels``: what turned out to be true of requests that this gateway answered.

Checked as ``bench.traffic.label_many`` checks, by the same code, and kept in the same file. A label is read
by nobody who answers requests: it cannot slow them, for it is looked at in a thread, one body at a time.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from workbench.core.clock import SystemClock
from workbench.core.errors import InvalidInput, Tampered, Unavailable
from workbench.gateway import json_body
from workbench.gateway.problems import Problem, malformed, overloaded, shown, unprocessable, unsupported
from workbench.traffic import TrafficStore
from workbench.traffic.labels import Labels
from workbench.traffic.telling import Labelled, Teller, Told, by_request

if TYPE_CHECKING:
    from workbench.core.settings import Settings
    from workbench.gateway.dataplane import DataPlane
    from workbench.models.records import ModelVersion

#: Labels of one body.
MOST = 10_000
#: Bodies that may wait for the one that is looked at.
WAITING = 8
#: Seconds to look for the exchanges of a body's requests. Older ones count as not there yet.
PATIENCE = 1.0

log = logging.getLogger(__name__)

_FIELDS = {"request_id", "label", "row"}


class LabelDesk:
    """Takes labels for one endpoint.

    Args:
        settings: of the project.
        plane: knows the models in force.
    """

    def __init__(self, settings: Settings, plane: DataPlane) -> None:
        self._plane = plane
        store = TrafficStore.of(settings)
        self._teller = Teller(store, Labels(store.folder), SystemClock(), self._model, patience=PATIENCE)
        self._waiting = 0
        self._turn = asyncio.Lock()

    async def take(self, body: bytes, content_type: str, by: str = "") -> Labelled:
        """Keep the labels of a body: all of them, on the disk, or none.

        Args:
            body: as it came.
            content_type: as the caller says.
            by: the caller's name.

        Raises:
            Problem: 400, 415 or 422 with the field that is wrong; 503 while no champion is loaded, while
                others wait, when the disk does not take them, or when a segment that may hold their
                exchanges is damaged.
        """
        self._plane.serving()
        told = read(body, content_type)
        if self._waiting >= WAITING:
            raise overloaded()
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(self._teller.keep, told, endpoint=self._plane.endpoint, by=by)
        except InvalidInput as error:
            raise _refused(error) from error
        except Tampered as error:
            log.exception("labels could not be held against what was captured")
            said = f"The labels were not kept. {error.message}"
            raise Problem(said, status=503, remedy=error.remedy) from error
        except (OSError, Unavailable) as error:
            raise Problem("The labels could not be kept now.", status=503, retry_after=1) from error
        finally:
            self._waiting -= 1

    def _model(self, ref: str) -> ModelVersion | None:
        """The version that was asked; the champion, where that one is not loaded or not known."""
        live = self._plane.live
        if live is None or live.champion is None:
            return None
        number = ref.partition("/")[2]
        asked = live.loaded.get(int(number)) if number else None
        return (asked or live.champion).model


def read(body: bytes, content_type: str) -> list[Told]:
    """Read a body: an object of request ids, or a list of objects; no content type means JSON.

    Raises:
        Problem: 400, 415 or 422, with what is wrong.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in ("", "application/json"):
        raise unsupported(f"Content-Type {shown(kind)} is not read here.", remedy="Send application/json.")
    content = json_body.parse(body)
    if isinstance(content, dict):
        try:
            told = by_request(content)
        except InvalidInput as error:
            raise _refused(error) from error
    elif isinstance(content, list):
        told = [_told(entry, place) for place, entry in enumerate(content)]
    else:
        raise malformed("The body must be an object of request ids and labels, or a list of objects.")
    if not 0 < len(told) <= MOST:
        raise unprocessable(f"The body holds {len(told):,} labels.", remedy=f"Send 1 to {MOST:,}.")
    return told


def _refused(error: InvalidInput) -> Problem:
    return Problem(error.message, status=422, remedy=error.remedy, field=error.field)


def _told(entry: Any, place: int) -> Told:
    if not isinstance(entry, dict):
        raise malformed(f"Entry {place} is no object.", remedy="Send request_id, label and, if needed, row.")
    if strange := sorted(set(entry) - _FIELDS):
        raise unprocessable(f"{shown(strange[0])}: entry {place} has this field, which is not read.")
    for name in ("request_id", "label"):
        if name not in entry:
            raise unprocessable(f"{name}: entry {place} has none.")
    return entry["request_id"], entry.get("row", 0), entry["label"]
