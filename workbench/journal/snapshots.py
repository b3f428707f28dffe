"""What ``verify`` asks of a database: its raw content, of one moment, without trusting any of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Protocol, Self

from workbench.journal.leaves import Row

_NOT_KEPT = object()


class Snapshot(Protocol):
    """One moment of a journal, as a context manager."""

    #: Stands for the subtrees of a file from before they were kept.
    NOT_KEPT: ClassVar[object] = _NOT_KEPT

    name: str
    errors: tuple[type[Exception], ...]
    """What it raises when something cannot be read."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def flaws(self) -> Iterator[str]:
        """Yield a sentence for each thing wrong with structure, schema and triggers."""
        ...

    def rows(self) -> Iterator[tuple[Row, object]]:
        """Yield every row in order of ``seq``, with the text in ``subtrees`` under it."""
        ...

    def subtrees(self) -> int | None:
        """Return the number of rows in ``subtrees``; None where they are not kept."""
        ...

    def heads(self) -> list[tuple[Any, ...]]:
        """Return size, root and frontier of every head."""
        ...
