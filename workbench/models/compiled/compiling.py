"""``workbench compile``: a copy is made in a process of its own, with a time limit, and recorded."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.core.clock import Clock
from workbench.core.settings import Settings
from workbench.journal import Event, Journal
from workbench.models.compiled.keeping import content_of, keep, record_of
from workbench.models.compiled.records import Compiled
from workbench.models.isolation import Remote
from workbench.models.records import ModelVersion
from workbench.models.registry import Registry

COMPILED = "model.compiled"

#: Converters have been seen that never come back.
SECONDS = 180


def compile_version(
    version: ModelVersion, *, settings: Settings, registry: Registry, journal: Journal, clock: Clock
) -> Compiled:
    """Make, compare and keep a compiled copy of a version; the journal remembers it.

    Returns:
        The record. Where there can be no copy it says why: the model itself answers then.

    Raises:
        Tampered: the model's files are not those that were registered.
        NotFound: they are gone.
    """
    made, content = _made(version, settings, registry)
    record = made.model_copy(update={"by": settings.actor, "time": clock.now()})
    keep(record, content, settings.state)
    said = {**record.model_dump(mode="json"), "version": version.version}
    event = Event(kind=COMPILED, payload=said, subjects=(version.digest,))
    journal.append(f"model/{version.name}", event)
    return record


def _made(version: ModelVersion, settings: Settings, registry: Registry) -> tuple[Compiled, bytes]:
    none = Compiled(model=version.ref, digest=version.digest)
    if isinstance(registry.load(version).model, Remote):
        reason = "Its file is a program of another person's, which is opened in a process of its own only."
        return none.model_copy(update={"reason": reason}), b""
    with tempfile.TemporaryDirectory(prefix="workbench-compile-") as home:
        told = {
            "version": version.model_dump(mode="json"),
            "folder": str(registry.artifact_path(version)),
            "state": str(settings.state),
            "to": home,
        }
        reason = _run(told)
        found = record_of(version.digest, Path(home))
        if reason or found is None:
            return none.model_copy(update={"reason": reason or "Compiling left nothing behind."}), b""
        return found, content_of(found, Path(home)) if found.kind else b""


def _run(told: Mapping[str, Any]) -> str:
    """Compile in another process; return why that did not end well, empty where it did."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "workbench.models.compiled.building"],
            input=json.dumps(told).encode(),
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"Compiling took longer than {SECONDS} seconds, and was stopped."
    if done.returncode == 0:
        return ""
    last = (done.stderr.decode(errors="replace").strip().splitlines() or [""])[-1]
    return f"Compiling ended with {done.returncode}: {last[:200]}"
