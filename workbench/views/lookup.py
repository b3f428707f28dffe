"""One record by its view and key, read from the journal and the kept reports: no model, no data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from workbench.audits.archive import kept
from workbench.core.errors import NotFound, unknown
from workbench.core.records import Shown
from workbench.gates.records import Verdict
from workbench.journal import Entry, Journal
from workbench.models.records import ModelVersion


def lookup(journal: Journal, state: Path, view: str, key: str) -> Shown:
    """Return a record.

    Args:
        journal: the project's journal.
        state: the folder of its stores.
        view: ``model`` or ``verdict`` (key ``name/version``), ``report`` (key is its digest), ``release``,
            ``incident`` or ``bisect`` (key is the id of the release or incident).
        key: which one.

    Raises:
        InvalidInput: no such view.
        NotFound: no such record.
        Tampered: a kept report is not what the journal recorded.
    """
    if view not in _READERS:
        raise unknown("view", "view", view, _READERS)
    return _READERS[view](journal, state, key)


def _model(journal: Journal, _state: Path, key: str) -> Shown:
    name, _, number = key.rpartition("/")
    found = [
        e.payload
        for e in journal.read(f"model/{name}")
        if e.kind == "model.registered" and str(e.payload["version"]) == number
    ]
    if not found:
        raise NotFound(f"No model {key!r}.", field="id")
    return ModelVersion.model_validate(found[-1])


def _verdict(journal: Journal, _state: Path, key: str) -> Shown:
    found = [e.payload for e in journal.read(f"gate/{key}") if e.kind == "gate.judged"]
    if not found:
        raise NotFound(f"No verdict on {key!r}.", remedy="Run: bench.gate(...)", field="id")
    return Verdict.model_validate(found[-1])


def _report(_journal: Journal, state: Path, key: str) -> Shown:
    return kept(key, state / "reports")


def _release(journal: Journal, _state: Path, key: str) -> Shown:
    from workbench.releases.state import fold

    return fold(_stream(journal, "release", key))


def _incident(journal: Journal, _state: Path, key: str) -> Shown:
    from workbench.incidents.state import fold

    return fold(_stream(journal, "incident", key))


def _bisection(journal: Journal, _state: Path, key: str) -> Shown:
    from workbench.incidents.state import bisections

    found = bisections(_stream(journal, "incident", key))
    if not found:
        raise NotFound(f"{key!r} was not bisected.", remedy="Run: bench.bisect(...)", field="id")
    return found[-1]


def _stream(journal: Journal, what: str, key: str) -> list[Entry]:
    entries = journal.read(f"{what}/{key}")
    if not entries:
        raise NotFound(f"No {what} {key!r}.", field="id")
    return entries


_READERS: dict[str, Callable[[Journal, Path, str], Shown]] = {
    "model": _model,
    "verdict": _verdict,
    "report": _report,
    "release": _release,
    "incident": _incident,
    "bisect": _bisection,
}
