"""The releases the journal knows of: streams in, states out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from workbench.core.errors import NotFound, nearest
from workbench.journal import Event, Journal
from workbench.journal.store import Write
from workbench.releases.permission import Unmoved
from workbench.releases.records import Release
from workbench.releases.state import State, fold, fold_state, follow

_PREFIX = "release/"


class Page(NamedTuple):
    """A release as it stands, and how many entries that rests on: what an append compares with."""

    state: State
    length: int

    @property
    def release(self) -> Release:
        """What everybody is shown."""
        return self.state.release


class Book:
    """Reads and continues the streams ``release/<endpoint>-<number>``."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def all(self) -> list[Release]:
        """Return every release, in the order they were opened."""
        streams = [self._journal.read(stream) for stream in self._journal.streams(_PREFIX)]
        return [fold(entries) for entries in sorted(streams, key=lambda entries: entries[0].seq)]

    def of(self, endpoint: str) -> list[Release]:
        """Return the releases of one endpoint, in the order they were opened."""
        numbers = sorted(self._numbers(endpoint))
        return [fold(self._journal.read(f"{_PREFIX}{endpoint}-{number}")) for number in numbers]

    def page(self, release_id: str) -> Page:
        """Return one release.

        Raises:
            NotFound: there is none of that id, with the nearest.
        """
        entries = self._journal.read(f"{_PREFIX}{release_id}")
        if not entries:
            known = [stream.removeprefix(_PREFIX) for stream in self._journal.streams(_PREFIX)]
            raise NotFound(
                f"There is no release {release_id!r}.", remedy=nearest(release_id, known), field="release"
            )
        return Page(fold_state(entries), len(entries))

    def open(
        self,
        release_id: str,
        events: Sequence[Event],
        *,
        ending: tuple[Page, Event] | None = None,
        unmoved: Unmoved = (),
    ) -> None:
        """Begin a release, unless what it rests on has moved.

        Args:
            release_id: of the new one.
            events: its first.
            ending: the release in whose place it begins, as it was read, and how that one ends.
            unmoved: streams that must be as they were read.

        Raises:
            Conflict: somebody else has just begun the one of that id, or appended to the one that ends or to
                a stream of ``unmoved``.
        """
        before: list[Write] = []
        if ending is not None:
            page, event = ending
            follow(page.state, event, time=page.release.stage_since, actor="")
            before = [(f"{_PREFIX}{page.release.id}", event, page.length)]
        self._append(release_id, events, 0, before=before, unmoved=unmoved)

    def append(
        self, page: Page, events: Sequence[Event], *, also: Sequence[Write] = (), unmoved: Unmoved = ()
    ) -> None:
        """Append to the release that was read, in one transaction, and facts of other streams with it.

        Raises:
            Conflict: an event may not follow the state, or somebody else has appended since, to the release
                or to a stream of ``unmoved``.
        """
        state, last = page.state, page.release.stage_since
        for event in events:
            state = follow(state, event, time=last, actor="")
        self._append(page.release.id, events, page.length, also=also, unmoved=unmoved)

    def _append(
        self,
        release_id: str,
        events: Sequence[Event],
        length: int,
        *,
        before: Sequence[Write] = (),
        also: Sequence[Write] = (),
        unmoved: Unmoved,
    ) -> None:
        stream = f"{_PREFIX}{release_id}"
        writes = [(stream, event, length + i) for i, event in enumerate(events)]
        self._journal.append_many([*before, *writes, *also], unmoved=unmoved)

    def _numbers(self, endpoint: str) -> list[int]:
        """Numbers of an endpoint's releases. ``a-2-1`` is the first of ``a-2``, not one of ``a``."""
        prefix = f"{_PREFIX}{endpoint}-"
        ends = [stream.removeprefix(prefix) for stream in self._journal.streams(prefix)]
        return [int(end) for end in ends if end.isdigit()]
