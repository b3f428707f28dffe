"""Which version was champion at a moment, and what led there: a fold over the journal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from typing import Any, Literal

from workbench.core.clock import Clock
from workbench.core.digests import short
from workbench.core.errors import InvalidInput, NotFound, nearest
from workbench.core.records import Record
from workbench.journal import Entry, Journal
from workbench.models.history import ALIAS, REGISTERED
from workbench.releases.effects import ENDPOINT_KILLED, ENDPOINT_REVIVED
from workbench.releases.state import OPENED, PROMOTED, ROLLED_BACK

What = Literal["registered", "champion", "killed", "revived"]


class Change(Record):
    """One thing that changed, and the entry of the journal that says so."""

    seq: int
    time: datetime
    actor: str
    what: What
    version: str = ""
    """``name/version`` that was registered, or that is champion from here on."""
    digest: str = ""
    """Of its bytes."""
    reason: str = ""

    def __str__(self) -> str:
        said = {
            "registered": f"{self.version} registered",
            "champion": f"{self.version or 'nobody'} is champion",
            "killed": "every model answer stopped",
            "revived": "the champion answers again",
        }[self.what]
        mark = f" ({short(self.digest)})" if self.digest else ""
        why = f": {self.reason}" if self.reason else ""
        return f"#{self.seq}  {_moment(self.time)}  {said}{mark}, by {self.actor}{why}"


class ModelHistory(Record):
    """The champion at a moment, and every change up to it."""

    model: str
    at: datetime
    champion: str = ""
    """``name/version``; empty where there was none."""
    digest: str = ""
    """Of its bytes."""
    since: datetime | None = None
    """When it became champion."""
    killed: bool = False
    """True when at that moment no model answered at all."""
    changes: tuple[Change, ...] = ()
    """Oldest first."""

    def __str__(self) -> str:
        who = f"{self.champion} ({short(self.digest)})" if self.champion else "nobody"
        since = f", since {_moment(self.since)}" if self.since else ""
        stopped = "; every model answer was stopped" if self.killed else ""
        head = f"{self.model} at {_moment(self.at)}: champion {who}{since}{stopped}"
        lines = [head, *map(str, self.changes)]
        return "\n".join("".join(c if c.isprintable() else "\ufffd" for c in line) for line in lines)


def history(
    journal: Journal, model: str, *, clock: Clock, at: datetime | date | str | None = None
) -> ModelHistory:
    """Return who was champion of a model at a moment.

    A release that is promoted or rolled back makes a champion, and so does the alias ``champion`` that is
    moved by hand; what stands last in the journal holds.

    Args:
        journal: the project's journal.
        model: the name of the model.
        clock: says what is to come.
        at: the moment, in UTC where it names no zone. A day means its end, so that all its changes are in the
            list. Default: now.

    Raises:
        NotFound: no such model.
        InvalidInput: ``at`` is no time, or has not come yet.
    """
    registered = journal.read(f"model/{model}")
    if not registered:
        known = [stream.removeprefix("model/") for stream in journal.streams("model/")]
        raise NotFound(f"There is no model {model!r}.", remedy=nearest(model, known), field="model")
    moment = _asked(at, clock.now())
    entries = [*registered, *journal.read(f"endpoint/{model}"), *_releases(journal, model)]
    before = sorted((e for e in entries if e.time <= moment), key=lambda e: e.seq)
    changes = tuple(_Fold(model, entries).changes(before))
    reign = next((c for c in reversed(changes) if c.what == "champion"), None)
    switch = next((c for c in reversed(changes) if c.what in ("killed", "revived")), None)
    return ModelHistory(
        model=model,
        at=moment,
        champion=reign.version if reign else "",
        digest=reign.digest if reign else "",
        since=reign.time if reign else None,
        killed=switch is not None and switch.what == "killed",
        changes=changes,
    )


class _Fold:
    """Reads the entries of one model in their order and says what each changed.

    Names are looked up in all of them: where a clock was wrong, a promotion may come without its beginning.
    """

    def __init__(self, model: str, entries: Iterable[Entry]) -> None:
        self._model = model
        self._candidates: dict[str, str] = {}
        self._digests: dict[str, str] = {}
        for entry in entries:
            if entry.kind == OPENED:
                self._candidates[entry.stream] = entry.payload["candidate"]
            elif entry.kind == REGISTERED:
                self._digests[f"{model}/{entry.payload['version']}"] = entry.payload["digest"]
        self._promoted: dict[str, str] = {}
        """Candidates by release, the earliest promotion first; those rolled back are left out."""
        self._champion = ""

    def changes(self, entries: Iterable[Entry]) -> Iterable[Change]:
        for entry in entries:
            if found := self._registered(entry) or self._switched(entry) or self._crowned(entry):
                yield Change(seq=entry.seq, time=entry.time, actor=entry.actor, **found)

    def _registered(self, entry: Entry) -> dict[str, Any] | None:
        if entry.kind != REGISTERED:
            return None
        ref = f"{self._model}/{entry.payload['version']}"
        return {"what": "registered", "version": ref, "digest": self._digests[ref]}

    def _switched(self, entry: Entry) -> dict[str, Any] | None:
        what = {ENDPOINT_KILLED: "killed", ENDPOINT_REVIVED: "revived"}.get(entry.kind)
        return {"what": what, "reason": _reason(entry)} if what else None

    def _crowned(self, entry: Entry) -> dict[str, Any] | None:
        ref = self._champion_by(entry)
        if ref is None or ref == self._champion:  # the alias follows the release and says the same again
            return None
        self._champion = ref
        digest = self._digests.get(ref, "")
        return {"what": "champion", "version": ref, "digest": digest, "reason": _reason(entry)}

    def _champion_by(self, entry: Entry) -> str | None:
        """The champion that an entry makes; None when it makes none."""
        if entry.kind == PROMOTED:
            self._promoted[entry.stream] = self._candidates[entry.stream]
            return self._promoted[entry.stream]
        if entry.kind == ROLLED_BACK and entry.stream in self._promoted:
            del self._promoted[entry.stream]
            return next(reversed(self._promoted.values()), "")
        if entry.kind == ALIAS and entry.payload["alias"] == "champion":
            return f"{self._model}/{entry.payload['version']}"
        return None


def _reason(entry: Entry) -> str:
    return str(entry.payload.get("reason", ""))


def _releases(journal: Journal, model: str) -> list[Entry]:
    """Entries of the releases of one endpoint. ``a-2-1`` is the first of ``a-2``, not one of ``a``."""
    prefix = f"release/{model}-"
    own = [stream for stream in journal.streams(prefix) if stream.removeprefix(prefix).isdigit()]
    return [entry for stream in own for entry in journal.read(stream)]


def _asked(at: datetime | date | str | None, now: datetime) -> datetime:
    if at is None:
        return now
    try:
        given = _read(at) if isinstance(at, str) else at
        moment = _zoned(given) if isinstance(given, datetime) else datetime.combine(given, time.min, UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(
            f"at: {str(at)[:40]!r} is no time.", remedy="Write 2026-03-01 or 2026-03-01T14:30Z.", field="at"
        ) from error
    if moment > now:
        raise InvalidInput(
            f"at: {_moment(moment)} has not come yet.", remedy="Give a moment that has passed.", field="at"
        )
    return moment if isinstance(given, datetime) else min(now, datetime.combine(given, time.max, UTC))


def _read(text: str) -> datetime | date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return datetime.fromisoformat(text)


def _zoned(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
