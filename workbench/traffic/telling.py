"""Telling what turned out to be true: the one way by which labels are checked and kept.

Notebook, command line and gateway go through it. A label is held against the model that was asked, where its
exchange is there already, and against those that could have been, where it is not there yet. It is kept with
the endpoint whose request it is: a gateway can tell nothing of another's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

import orjson

from workbench.core.clock import Clock
from workbench.core.errors import InvalidInput
from workbench.core.records import Record
from workbench.traffic.labels import Label, Labels
from workbench.traffic.records import MOST_ROWS
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
        kept = f"{self.labels:,} label{'' if self.labels == 1 else 's'} kept"
        which = "a request that is" if self.waiting == 1 else "requests that are"
        return f"{kept}, {self.waiting:,} of {which} not there (yet)" if self.waiting else kept


class Teller:
    """Checks labels and keeps them: all of what is told at once, or nothing.

    Args:
        store: of the exchanges that they belong to.
        labels: where they go.
        clock: stamps them.
        find: the model of ``name/version``; None where nobody knows it.
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
        patience: float | None = None,
    ) -> None:
        self._store = store
        self._labels = labels
        self._clock = clock
        self._find = find
        self._patience = patience

    def keep(self, told: Collection[Told], *, endpoint: str = "", by: str = "") -> Labelled:
        """Keep what was told.

        Args:
            told: requests, rows and labels.
            endpoint: whose requests are meant; empty: of whichever has them.
            by: who tells it.

        Raises:
            InvalidInput: one of them does not fit, with its request and the field, or several endpoints have
                its request.
            OSError: the disk does not take them.
        """
        endpoints = [endpoint] if endpoint else self._store.endpoints()
        asked = {request_id for request_id, _, _ in told if isinstance(request_id, str)}
        known = self._known(dict.fromkeys(endpoints, asked))
        owners: dict[str, list[str]] = {}
        for owner, request in known:
            owners.setdefault(request, []).append(owner)
        targets, now = Targets(self._find, endpoints), self._clock.now()
        labels = []
        for request_id, row, value in told:
            request, place = request_id_of(request_id), _row(row)
            owner = _only(owners.get(request, [endpoint]), request)
            try:
                fit = targets.fitting(value, place, known.get((owner, request)))
            except InvalidInput as error:
                told_of = f"{error.message} This was told of request {request!r}."
                raise InvalidInput(told_of, remedy=error.remedy, field=error.field) from error
            labels.append(Label(request, place, fit, now, owner, by))
        self._labels.append(labels)
        return Labelled(labels=len(labels), waiting=len({label.request_id for label in labels} - set(owners)))

    def waiting(self, labels: Iterable[Label]) -> set[tuple[str, str]]:
        """Endpoints and ids of the requests among some labels' that have no exchange (yet)."""
        told, endpoints = {label.request for label in labels}, self._store.endpoints()
        wanted = {name: {request for owner, request in told if owner in ("", name)} for name in endpoints}
        there = set(self._known(wanted))
        somewhere = {("", request) for _, request in there}
        return told - there - somewhere

    def _known(self, wanted: Mapping[str, Collection[str]]) -> dict[tuple[str, str], Known]:
        """The requests that have an exchange, of those wanted of each endpoint, by endpoint and id.

        The newest segments are looked at first, and of an endpoint no more once all of its are found.
        """
        found: dict[tuple[str, str], Known] = {}
        left = {endpoint: set(ids) for endpoint, ids in wanted.items() if ids}
        began = monotonic()
        for endpoint, name in self._newest_first(left):
            if self._patience is not None and monotonic() - began > self._patience:
                break
            if not left[endpoint]:
                continue
            ids = self._store.segment(endpoint, name, ("request_id",)).column(0).to_pylist()
            if left[endpoint].isdisjoint(ids):
                continue
            columns = ("request_id", "version", "inputs")
            for exchange in self._store.segment(endpoint, name, columns).to_pylist():
                if exchange["request_id"] in left[endpoint]:
                    rows = len(orjson.loads(exchange["inputs"]))
                    found.setdefault(
                        (endpoint, exchange["request_id"]), Known(endpoint, exchange["version"], rows)
                    )
            left[endpoint].difference_update(ids)
        return found

    def _newest_first(self, endpoints: Iterable[str]) -> Iterator[tuple[str, str]]:
        there = [(endpoint, name) for endpoint in endpoints for name in self._store.storage.names(endpoint)]
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
    if number >= MOST_ROWS:
        raise InvalidInput(
            f"row: {str(place)[:60]!r} is beyond every request: none has more than {MOST_ROWS:,} rows.",
            remedy="Rows are counted from 0.",
            field="row",
        )
    return number


def _only(owners: Sequence[str], request: str) -> str:
    if len(owners) > 1:
        raise InvalidInput(
            f"endpoint: {request!r} is a request of {' and of '.join(sorted(owners))}.",
            remedy="Say which is meant: endpoint=, or --endpoint.",
            field="endpoint",
        )
    return owners[0]
