"""Telling what turned out to be true: the one way by which labels are checked and kept.

Notebook, command line and gateway go through it. A label is held against the model that was asked, where its
exchange is there already, and against those that could have been, where it is not there yet.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any

import orjson

from workbench.core.clock import Clock
from workbench.core.errors import InvalidInput
from workbench.core.records import Record
from workbench.traffic.labels import Label, Labels
from workbench.traffic.store import TrafficStore
from workbench.traffic.targets import Known, Targets

if TYPE_CHECKING:
    from workbench.models.records import ModelVersion

Told = tuple[Any, Any, Any]
"""A request id, the place of its row, and what was true of it, as somebody gave them."""

#: Longest request id that is looked for; the gateway gives and takes shorter ones.
_LONGEST_ID = 200


class Labelled(Record):
    """What became of labels that were told."""

    labels: int
    waiting: int
    """Of requests of which there is no exchange, or none yet: joined when it comes."""

    def __str__(self) -> str:
        waiting = f", {self.waiting:,} of them of requests that are not there (yet)" if self.waiting else ""
        return f"{self.labels:,} labels kept{waiting}"


class Teller:
    """Checks labels and keeps them: all of what is told at once, or nothing.

    Args:
        store: of the exchanges that they belong to.
        labels: where they go.
        clock: stamps them.
        find: the model of ``name/version``; None where nobody knows it.
        endpoints: whose requests are meant; None: of all that have traffic.
        patience: seconds to look for exchanges; the newest are looked at first, and those of requests that
            were not found by then count as not there yet. None: as long as it takes.
    """

    def __init__(
        self,
        store: TrafficStore,
        labels: Labels,
        clock: Clock,
        find: Callable[[str], ModelVersion | None],
        *,
        endpoints: Callable[[], list[str]] | None = None,
        patience: float | None = None,
    ) -> None:
        self._store = store
        self._labels = labels
        self._clock = clock
        self._find = find
        self._endpoints = endpoints or store.endpoints
        self._patience = patience

    def keep(self, told: Collection[Told]) -> Labelled:
        """Keep what was told.

        Raises:
            InvalidInput: one of them does not fit, with its request and the field.
            OSError: the disk does not take them.
        """
        known = self.known({request_id for request_id, _, _ in told if isinstance(request_id, str)})
        targets, now = Targets(self._find, self._endpoints()), self._clock.now()
        labels = []
        for request_id, row, value in told:
            request, place = request_id_of(request_id), _row(row)
            try:
                fit = targets.fitting(value, place, known.get(request))
            except InvalidInput as error:
                told_of = f"{error.message} This was told of request {request!r}."
                raise InvalidInput(told_of, remedy=error.remedy, field=error.field) from error
            labels.append(Label(request, place, fit, now))
        self._labels.append(labels)
        return Labelled(labels=len(labels), waiting=len({label.request_id for label in labels} - set(known)))

    def known(self, wanted: Collection[str]) -> dict[str, Known]:
        """The requests that have an exchange, newest segments first until all are found."""
        found: dict[str, Known] = {}
        wanted = frozenset(wanted)
        began = monotonic()
        for endpoint, name in self._newest_first() if wanted else ():
            late = self._patience is not None and monotonic() - began > self._patience
            if late or len(found) == len(wanted):
                break
            ids = self._store.segment(endpoint, name, ("request_id",)).column(0).to_pylist()
            if wanted.isdisjoint(ids):
                continue
            columns = ("request_id", "version", "inputs")
            for exchange in self._store.segment(endpoint, name, columns).to_pylist():
                if exchange["request_id"] in wanted:
                    rows = len(orjson.loads(exchange["inputs"]))
                    found.setdefault(exchange["request_id"], Known(endpoint, exchange["version"], rows))
        return found

    def _newest_first(self) -> Iterator[tuple[str, str]]:
        there = [
            (endpoint, name) for endpoint in self._endpoints() for name in self._store.storage.names(endpoint)
        ]
        yield from sorted(there, key=lambda place: place[1], reverse=True)


def by_request(labels: Mapping[Any, Any]) -> list[Told]:
    """Unfold request ids and what was true of each: one label, or a list with one for each row.

    Raises:
        InvalidInput: a list is empty.
    """
    told: list[Told] = []
    for request_id, value in labels.items():
        several = value if isinstance(value, list) else [value]
        if not several:
            raise InvalidInput(
                f"label: there is none for request {str(request_id)[:60]!r}.",
                remedy="Give one for each row.",
                field="label",
            )
        told += [(request_id, row, label) for row, label in enumerate(several)]
    return told


def request_id_of(text: Any) -> str:
    """Return a request id.

    Raises:
        InvalidInput: it is none.
    """
    if not isinstance(text, str) or not 0 < len(text) <= _LONGEST_ID:
        raise InvalidInput(
            f"request_id: {str(text)[:60]!r} is none.",
            remedy="Give the id of the answer's header X-Request-Id, as text.",
            field="request_id",
        )
    return text


def _row(place: Any) -> int:
    number = place.item() if hasattr(place, "item") else place
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise InvalidInput(
            f"row: {str(place)[:60]!r} is no place.", remedy="Rows are counted from 0.", field="row"
        )
    return number
