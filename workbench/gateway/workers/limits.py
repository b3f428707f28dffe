"""What the workers of one version may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from workbench.core.settings import Settings


@dataclass(frozen=True)
class Limits:
    """Bounds of a crew."""

    workers: int = 2
    """Processes."""
    seconds: float = 2.0
    """What one call may take in a worker; then the worker is killed."""
    memory: int = 2 << 30
    """Bytes of resident memory at which a worker is replaced. At twice that its allocations fail."""
    join_seconds: float = 0.0
    """Calls that wait anyway are joined into one as long as it should take no longer than this; 0: never."""
    waiting: int = 256
    """Calls that may wait before one is turned away."""
    shadow_waiting: int = 100
    """Shadow calls that may wait before one is dropped."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Read them from the project's settings."""
        return cls(
            workers=settings.gateway_workers,
            seconds=settings.gateway_deadline_seconds,
            memory=settings.gateway_worker_memory_mb << 20,
            join_seconds=settings.gateway_join_ms / 1000,
        )
