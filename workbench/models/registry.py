"""The registry: versions of models. Artifacts live in MLflow; the journal remembers what was registered."""

from __future__ import annotations

import tempfile
import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

from workbench.core.clock import Clock
from workbench.core.errors import Conflict, InvalidInput, NotFound, nearest
from workbench.core.settings import Settings
from workbench.datasets import Dataset
from workbench.journal import Entry, Journal
from workbench.models import history, reference_data, waivers
from workbench.models.attestations import attest, verify_signature
from workbench.models.candidates import Candidate, examine
from workbench.models.copying import tree_digest
from workbench.models.elsewhere import examine_foreign
from workbench.models.frameworks.mlflow import Pyfunc
from workbench.models.intake import Foreign, bring
from workbench.models.isolation import Remote
from workbench.models.lineage import source_of
from workbench.models.loading import load_version, opened, take
from workbench.models.mlflow_session import quiet
from workbench.models.predictors import Predictor
from workbench.models.records import ModelVersion, Parent, Scan, Task, Waiver
from workbench.models.references import parse, require_name
from workbench.models.scan import programs, require_known, scan_tree
from workbench.models.store import Kept, Store

#: Loaded predictors kept in memory. Two versions of the same bytes may differ in their positive label.
_KEEP = 8

#: How often an append is tried again because another process appended first.
_ATTEMPTS = 20


class Registry:
    """Registers, finds and loads versions.

    Args:
        settings: where MLflow and the state folder are, and who acts.
        journal: holds ``model.registered`` and ``model.alias`` in the stream ``model/<name>``.
        clock: stamps versions.
    """

    def __init__(self, settings: Settings, journal: Journal, clock: Clock) -> None:
        self._settings = settings
        self._journal = journal
        self._clock = clock
        self._store = Store(settings)
        self._loaded: OrderedDict[tuple[str, str, bool], Predictor] = OrderedDict()
        self._lock = threading.Lock()

    def register(
        self,
        model: Any,
        *,
        name: str,
        train: Any,
        target: str,
        sensitive: Sequence[str] = (),
        task: Task | None = None,
        positive: Any = None,
        source: str = "",
        parents: Sequence[str] = (),
    ) -> ModelVersion:
        """Keep a fitted model as the next version of ``name`` and point the alias ``candidate`` at it.

        Files are copied, scanned, and opened only when each is in a known format; a pickle from elsewhere
        needs a waiver. The model answers some training rows before anything is written, and again after it
        was read back from its files. Two processes registering at once get different versions. When a step
        fails, those before it are taken back.

        Args:
            model: a fitted estimator, a function of a frame, a file, or an MLflow folder or URI.
            name: letters, digits, ``.``, ``_`` and ``-``, at most 100.
            train: the data it was trained on; at most 50,000 rows are kept in ``.workbench/reference``.
            target: column with the truth.
            sensitive: columns to compare groups by, read by the model or not.
            task: default: read from the target.
            positive: the positive label of a binary target.
            source: the query or address that ``train`` came from; of a file the path is kept anyway.
            parents: versions it was made from, by any reference.

        Raises:
            InvalidInput: not a name, no model, not fitted, a file that may not be opened, a missing column …
            Refused: a pickle that nobody has answered for.
            Unavailable: MLflow or the disk does not take it.
        """
        require_name(name)
        origin: dict[str, Any] = {"parents": self._parents(parents)}
        data = Dataset.of(train, target=target, sensitive=sensitive, task=task, positive=positive)
        origin |= source_of(train, source, self._settings.root)
        foreign = self._bring(model)
        if foreign is None:
            candidate = examine(model, data, root=self._settings.root)
        else:
            self._basis(foreign.scan, name, foreign)
            candidate = examine_foreign(foreign, data, root=self._settings.root)
        with quiet(), tempfile.TemporaryDirectory(prefix="workbench-register-") as home, ExitStack() as undo:
            trusted = frozenset(self._settings.trusted_types)
            form = candidate.save(Path(home) / "saved", trusted)
            folder = Path(home) / "model"
            digests = take(Path(home) / "saved", folder)
            scan, digest = scan_tree(folder, digests, trusted), tree_digest(digests)
            require_known(scan, name)
            basis = self._basis(scan, name, foreign)
            tags = {
                "workbench.digest": digest,
                "workbench.target": target,
                "workbench.task": data.task,
                "workbench.data": data.digest,
                "workbench.author": self._settings.actor,
            }
            kept = self._store.keep(folder, name=name, tags=tags, undo=undo)
            version = self._version(name, kept, candidate, digest=digest, form=form).model_copy(
                update={
                    "scan": scan,
                    "program_by": basis,
                    "source": "" if foreign is None else foreign.scan.digest,
                    "lineage": candidate.lineage.model_copy(update=origin),
                }
            )
            self._require_new(
                version, self._journal.read(f"model/{name}")
            )  # before files of that name are written
            version = attest(version, folder, self._settings, undo)
            candidate.compare(opened(version, folder, isolated=isinstance(candidate.model, Remote)))
            reference_data.keep(data, self._settings.state)
            self._store.set_alias(name, "candidate", version.version, undo)
            self._record(version)
            undo.pop_all()
        return version

    def version(self, ref: str | ModelVersion) -> ModelVersion:
        """Return a version by ``name`` (the latest), ``name/3``, ``name@champion`` or ``models:/name/3``.

        Raises:
            InvalidInput: another form.
            NotFound: no such model, version or alias, with what there is.
        """
        if isinstance(ref, ModelVersion):
            return ref
        wanted = parse(ref)
        entries = self._entries(wanted.name)
        versions = history.versions(entries)
        number = max(versions) if wanted.version is None else wanted.version
        if wanted.alias is not None:
            aliases = history.aliases(entries)
            if wanted.alias not in aliases:
                raise NotFound(
                    f"{wanted.name} has no alias {wanted.alias!r}.", remedy=nearest(wanted.alias, aliases)
                )
            number = aliases[wanted.alias]
        if number not in versions:
            raise NotFound(
                f"{wanted.name} has no version {number}.",
                remedy=f"There is: {', '.join(map(str, versions))}.",
                field="model",
            )
        return versions[number]

    def names(self) -> list[str]:
        """Return the names of all registered models, sorted."""
        return [stream.removeprefix("model/") for stream in self._journal.streams("model/")]

    def versions(self, name: str) -> list[ModelVersion]:
        """Return the versions of a model, oldest first."""
        return list(history.versions(self._entries(name)).values())

    def aliases(self, name: str) -> dict[str, int]:
        """Return the version every alias of a model points at."""
        return history.aliases(self._entries(name))

    def set_alias(self, name: str, alias: str, version: int) -> None:
        """Point an alias at a version: in the journal, then in MLflow. Doing it twice is doing it once.

        Raises:
            InvalidInput: the alias is no name, or one MLflow keeps for itself.
            NotFound: no such version.
        """
        require_name(alias, field="alias")
        if alias == "latest" or (alias[0] in "vV" and alias[1:].isdigit()):
            raise InvalidInput(
                f"alias: MLflow keeps {alias!r} for itself.", remedy="Use a word.", field="alias"
            )
        target = self.version(f"{name}/{version}")
        if self.aliases(name).get(alias) != version:
            self._journal.append(f"model/{name}", history.alias_event(target, alias))
        self._store.set_alias(name, alias, version)

    def load(self, version: ModelVersion, *, isolated: bool | None = None) -> Predictor:
        """Return a predictor for a version, from memory or from disk after its digest was checked.

        Args:
            version: the record.
            isolated: open it in a process of its own, with no network, no credentials and limits. Default:
                a program that somebody answers for by a waiver, or that another person made: it would run
                here with all that this person may do, such as approve.

        Raises:
            Tampered: the files are not those that were registered, or their signature does not hold.
            Refused: they are signed and the project names no key to check that with.
            NotFound: the files are gone.
        """
        isolated = self.is_foreign(version) if isolated is None else isolated
        key = (version.ref, version.digest, isolated)
        with self._lock:
            if key in self._loaded:
                self._loaded.move_to_end(key)
                return self._loaded[key]
        predictor = load_version(
            version,
            self.artifact_path(version),
            check=lambda digests: verify_signature(version, digests, self._settings),
            isolated=isolated,
        )
        with self._lock:
            self._loaded[key] = predictor
            while len(self._loaded) > _KEEP:
                self._loaded.popitem(last=False)
        return predictor

    def artifact_path(self, version: ModelVersion) -> Path:
        """Return the local folder with the files of a version; not checked: ``load`` does that."""
        cache = self._settings.state / "cache" / version.digest.removeprefix("sha256:")
        return self._store.folder(version.artifact, cache=cache)

    def reference(self, version: ModelVersion) -> Dataset | None:
        """Return the kept training data of a version (at most 50,000 rows); None when it is gone."""
        return reference_data.read(version, self._settings.state)

    def waive(self, model: str, *, kind: str, reason: str, until: date | str) -> Waiver:
        """Answer for a model that comes as a pickle, until a day.

        Raises:
            InvalidInput: another kind, no reason, or a day that has passed.
        """
        return waivers.give(
            self._journal,
            self._clock,
            kind=kind,
            model=model,
            reason=reason,
            until=until,
            by=self._settings.actor,
        )

    def waivers(self, model: str) -> list[Waiver]:
        """Return every waiver given for a model, oldest first."""
        return waivers.given(self._journal, model)

    def require_waiver(self, version: ModelVersion) -> None:
        """Refuse a version that a waiver let in when none holds today; what already answers is not asked.

        Raises:
            Refused: none does.
        """
        waivers.require_for_release(self._journal, self._clock, version)

    def _bring(self, model: Any) -> Foreign | None:
        """Return the files of a model that comes as files or that MLflow opened; None for another object."""
        source = model.folder if isinstance(model, Pyfunc) else model
        return bring(source, self._settings.trusted_types) if isinstance(source, str | Path) else None

    def _basis(self, scan: Scan, name: str, foreign: Foreign | None) -> str:
        """Return what lets a program be kept: ``own``, the id of a waiver, or nothing where all is data.

        Raises:
            Refused: nothing does.
        """
        if scan.verdict == "data":
            return ""
        if self._settings.pickles == "own" and (foreign is None or self._is_own(foreign.scan.digest)):
            return "own"
        return waivers.require(self._journal, self._clock, name, programs(scan)).id

    def _parents(self, refs: Sequence[str]) -> tuple[Parent, ...]:
        found = (self.version(ref) for ref in ([refs] if isinstance(refs, str) else refs))
        return tuple(dict.fromkeys(Parent(ref=one.ref, digest=one.digest) for one in found))

    def is_foreign(self, version: ModelVersion) -> bool:
        """Whether opening a version runs code that the acting person has not run already."""
        by_waiver = version.program_by.startswith("waiver/") or version.flavor == "program"
        return by_waiver or (version.program_by == "own" and version.author != self._settings.actor)

    def _is_own(self, digest: str) -> bool:
        """Return whether these very bytes were registered here from an object in its author's memory."""
        every = (version for name in self.names() for version in self.versions(name))
        return any(version.digest == digest and version.program_by == "own" for version in every)

    def _entries(self, name: str) -> list[Entry]:
        entries = self._journal.read(f"model/{name}")
        if not entries:
            raise NotFound(f"There is no model {name!r}.", remedy=nearest(name, self.names()), field="model")
        return entries

    def _version(
        self, name: str, kept: Kept, candidate: Candidate, *, digest: str, form: str
    ) -> ModelVersion:
        data = candidate.data
        return ModelVersion(
            name=name,
            version=kept.version,
            digest=digest,
            run_id=kept.run_id,
            artifact=kept.artifact,
            flavor=candidate.framework.name,
            format=form,
            task=data.task,
            target=data.target,
            positive=data.positive,
            classes=candidate.predictor.classes or data.classes,
            sensitive=data.sensitive,
            columns=candidate.columns,
            input_example=(candidate.example,),
            author=self._settings.actor,
            created=self._clock.now(),
            lineage=candidate.lineage,
        )

    def _require_new(self, version: ModelVersion, entries: Sequence[Entry]) -> None:
        if version.version in history.versions(entries):
            raise Conflict(
                f"The journal already has {version.ref}, and MLflow gave that number again.",
                remedy="MLflow's database was replaced: restore .workbench/mlflow.db from a backup.",
            )

    def _record(self, version: ModelVersion) -> None:
        """Write the version into the journal, unless somebody else has registered that number."""
        stream = f"model/{version.name}"
        events = (history.registered_event(version), history.alias_event(version, "candidate"))
        for attempt in range(_ATTEMPTS):
            entries = self._journal.read(stream)
            self._require_new(version, entries)
            try:
                self._journal.append_many([(stream, events[0], len(entries)), (stream, events[1], None)])
            except Conflict:  # another process appended in between: look again
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                return
