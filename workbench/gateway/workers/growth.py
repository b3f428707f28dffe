"""When a worker has grown too large, seen from how large it was when it opened."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

#: Seconds that a new worker is left alone, and at most where those before it were replaced in vain.
FIRST_PATIENCE, LONGEST_PATIENCE = 0.5, 30.0


@dataclass(frozen=True)
class Growth:
    """Of one worker.

    A model may need more than the watermark by nature: its successor is as large as it was. So what it has
    when it opens, and some of the room above that, is no growth; and where a successor is too large again at
    once, the next is left alone for longer, and so on.
    """

    watermark: int
    """Bytes of resident memory at which a worker is replaced. At twice that its allocations fail."""
    opened: int = 0
    """Bytes it had when it had opened the version and answered its example."""
    since: float = 0.0
    """When that was."""
    patience: float = FIRST_PATIENCE
    """Seconds that it is left alone."""

    @property
    def bound(self) -> int:
        """Bytes above which it has grown: a quarter of the room it had left is not growth."""
        return max(self.watermark, self.opened + max(0, 2 * self.watermark - self.opened) // 4)

    def too_large(self, size: int, now: float) -> bool:
        """Whether it is to be replaced now."""
        return size > self.bound and now - self.since >= self.patience

    def in_vain(self, now: float) -> bool:
        """Whether it is too large so soon that the next one will be too."""
        return now - self.since <= 2 * self.patience

    def next(self, now: float) -> Self:
        """What holds for the one that takes its place, until that has opened."""
        patience = min(2 * self.patience, LONGEST_PATIENCE) if self.in_vain(now) else FIRST_PATIENCE
        return replace(self, patience=patience)

    def begun(self, size: int, now: float) -> Self:
        """Of a worker that has just opened the version."""
        return replace(self, opened=size, since=now)
