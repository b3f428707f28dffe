"""Intents: what somebody decided and did while the journal could not be asked, kept until the journal has it.

Going back moves the traffic first and writes the record second. Between the two the journal still says that
the candidate runs, and a controller that believed it would send the candidate traffic again. The intent is on
disk before the traffic moves and removed after the record: while one is there, nobody else may route.
"""

from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path
from typing import Self

from workbench.core.records import Record
from workbench.core.settings import Settings


class Rollback(Record):
    """Somebody went one version back."""

    endpoint: str
    took_out: str
    """``name/version`` that answers no more."""
    reason: str
    by: str
    time: datetime


class Intents:
    """Intents of all endpoints, one file each under ``folder/<endpoint>``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the intents of a project."""
        return cls(settings.state / "releases")

    def write(self, intent: Rollback) -> Path:
        """Keep an intent and return its file; when this returns it is on the disk."""
        folder = self._folder / intent.endpoint
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{time.time_ns():020d}-{os.getpid()}.json"
        part = path.with_suffix(".tmp")
        with part.open("w", encoding="utf-8") as file:
            file.write(intent.to_json())
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        return path

    def waiting(self, endpoint: str) -> list[Path]:
        """Return the files of the intents that wait for their record, oldest first."""
        return sorted((self._folder / endpoint).glob("*.json"))
