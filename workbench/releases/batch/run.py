"""``Batches``: who may score, in which order chunks are finished, and what the journal is told."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from workbench.core.digests import of_file
from workbench.core.errors import Conflict, InvalidInput, Refused, Unavailable, unknown
from workbench.core.optional import require
from workbench.core.settings import Settings
from workbench.gateway import is_killed
from workbench.journal import Event, Journal
from workbench.models.records import ModelVersion
from workbench.models.references import parse
from workbench.releases.batch.answering import Order, Scored, score
from workbench.releases.batch.parts import Parts
from workbench.releases.batch.reading import Rows, Source
from workbench.releases.batch.records import BatchRun, Done, Manifest

if TYPE_CHECKING:
    from workbench.models.registry import Registry

Backend = Literal["loky", "ray"]

#: Rows that the model sees together, and that are done again at most when a run is killed.
ROWS = 10_000
SCORED = "batch.scored"


class Batches:
    """Scores files.

    Args:
        settings: the project.
        journal: is told of every finished run.
        registry: where versions are.
    """

    def __init__(self, settings: Settings, journal: Journal, registry: Registry) -> None:
        self._settings = settings
        self._journal = journal
        self._registry = registry

    def score(
        self,
        model: str | ModelVersion,
        data: str | Path,
        to: str | Path,
        *,
        resume: bool = False,
        any_version: bool = False,
        jobs: int = 1,
        backend: Backend = "loky",
        rows: int = ROWS,
        progress: Callable[[Done], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> BatchRun:
        """Score every row of a file, and write the answers to another.

        Args:
            model: ``name`` or ``name@champion``: the champion. Another version needs ``any_version``.
            data: ``.csv``, ``.csv.gz`` or ``.parquet``. Columns that the model does not read are passed over.
            to: ``.csv`` or ``.parquet``; it must not be there. Beside it ``….rejects.csv`` says which rows
                were not scored, and why.
            resume: go on with a run that was not finished.
            any_version: let a version answer that is not the champion.
            jobs: processes that score at once.
            backend: ``loky``, on this machine, or ``ray``: the cluster of ``RAY_ADDRESS``, or one that lives
                as long as the run.
            rows: of a chunk: seen by the model together.
            progress: called after each chunk.
            cancel: when set, the run stops after the chunk under way; it can be resumed.

        Returns:
            The account of the run.

        Raises:
            InvalidInput: a file cannot be read or written, or a column that the model needs is missing.
            Refused: the version is not the champion; or the endpoint is killed.
            Conflict: the output is there, a run was not finished, or what it worked on has changed.
            Tampered: the model's files are not those that were registered.
            Unavailable: the run was cancelled; what is finished is kept.
        """
        version, champion = self._version(model, any_version=any_version)
        self._require_alive(version.name, begun=resume)
        source, parts = Source(Path(data).expanduser()), Parts(_output(to), version)
        source.require(version.columns)
        manifest = self._manifest(source, parts, version, rows=rows, resume=resume)
        order = Order(
            version,
            self._registry.artifact_path(version).resolve(),
            self._settings,
            self._registry.is_foreign(version),
        )
        with _workers(jobs, backend) as parallel:
            for scored in parallel(order, source.chunks(rows, after=len(manifest.chunks))):
                manifest = parts.add(manifest, scored)
                if progress is not None:
                    progress(_done(manifest, source.rows))
                self._require_alive(version.name, begun=True)
                if cancel is not None and cancel.is_set():
                    raise Unavailable(
                        f"Cancelled after {_done(manifest, source.rows).scored} scored rows; they are kept.",
                        remedy="Go on with resume=True, or --resume.",
                        field="to",
                    )
        return self._finish(source, parts, manifest, version, champion=champion)

    def _version(self, model: str | ModelVersion, *, any_version: bool) -> tuple[ModelVersion, bool]:
        """The version that is meant, and whether it is the champion."""
        named = parse(model) if isinstance(model, str) else None
        if named is not None and named.version is None and named.alias is None:
            model = f"{named.name}@champion"
        version = self._registry.version(model)
        champion = self._registry.aliases(version.name).get("champion") == version.version
        if not champion and not any_version:
            raise Refused(
                f"{version.ref} is not the champion: nobody has let it answer.",
                remedy="Release it; or say that any version may answer (--any), and the journal says so too.",
                field="model",
            )
        return version, champion

    def _require_alive(self, endpoint: str, *, begun: bool) -> None:
        if is_killed(self._settings.state, endpoint):
            then = "Then go on with --resume." if begun else "Then score again."
            raise Refused(
                f"{endpoint} is switched off: no model answers, in a batch either.",
                remedy=f'To undo: workbench revive {endpoint} --reason "…". {then}',
                field="model",
            )

    def _manifest(
        self, source: Source, parts: Parts, version: ModelVersion, *, rows: int, resume: bool
    ) -> Manifest:
        """A new manifest, or that of the run to go on with, as far as it is sound."""
        if rows < 1:
            raise InvalidInput("rows: a chunk has at least one row.", remedy="Leave it out.", field="rows")
        new = Manifest(
            id=uuid.uuid4().hex,
            input_digest=of_file(source.path),
            model=version.ref,
            model_digest=version.digest,
            rows=rows,
            form=parts.output.suffix.lower().removeprefix("."),
        )
        begun = parts.begun
        if begun is None:
            if parts.output.exists():
                raise Conflict(
                    f"{parts.output.name} is there already.", remedy="Give another name.", field="to"
                )
            parts.begin(new)
            return new
        if not resume:
            raise Conflict(
                f"A run to {parts.output.name} was not finished.",
                remedy="Go on with --resume.",
                field="resume",
            )
        same = new.model_copy(update={"id": begun.id, "chunks": begun.chunks})
        if same != begun:
            changed = [name for name in Manifest.model_fields if getattr(same, name) != getattr(begun, name)]
            raise Conflict(
                f"The run to {parts.output.name} cannot go on: {', '.join(changed)} changed since it began.",
                remedy="Go on with what it began with, or write to another file.",
                field="resume",
            )
        return parts.sound(begun)

    def _finish(
        self, source: Source, parts: Parts, manifest: Manifest, version: ModelVersion, *, champion: bool
    ) -> BatchRun:
        """Put the output in place, then tell the journal, once.

        Raises:
            Conflict: the input is another file by now than the one whose digest was taken.
        """
        if of_file(source.path) != manifest.input_digest:
            raise Conflict(
                f"{source.path.name} was changed while it was read.",
                remedy=f"Score it again, to another file than {parts.output.name}.",
                field="data",
            )
        done = _done(manifest, source.rows)
        read = {column.name for column in version.columns}
        run = BatchRun(
            id=manifest.id,
            model=version.ref,
            model_digest=version.digest,
            champion=champion,
            input=source.path.name,
            input_digest=manifest.input_digest,
            output_digest=parts.finish(manifest),
            output=parts.output.name,
            rejects=parts.rejects.name if done.rejected else "",
            rows=done.scored + done.rejected,
            scored=done.scored,
            rejected=done.rejected,
            passed_over=tuple(name for name in source.names if name not in read),
        )
        stream = f"batch/{version.name}"
        known = {entry.payload.get("id") for entry in self._journal.read(stream)}
        if run.id not in known:
            fact = Event(kind=SCORED, payload=_payload(run), subjects=(version.digest, manifest.input_digest))
            self._journal.append(stream, fact)
        parts.clear()
        return run


def _payload(run: BatchRun) -> dict[str, Any]:
    return run.model_dump(mode="json")


def _done(manifest: Manifest, rows: int) -> Done:
    return Done(
        sum(chunk.scored for chunk in manifest.chunks),
        sum(chunk.rejected for chunk in manifest.chunks),
        rows,
    )


def _output(to: str | Path) -> Path:
    path = Path(to).expanduser()
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise InvalidInput(
            f"to: {path.name} is neither .csv nor .parquet.", remedy="Name it as one of them.", field="to"
        )
    if not path.parent.is_dir():
        raise InvalidInput(f"to: there is no folder {str(path.parent)!r}.", remedy="Make it.", field="to")
    return path


@contextmanager
def _workers(jobs: int, backend: str) -> Iterator[Callable[[Order, Iterator[Rows]], Iterator[Scored]]]:
    """Processes that score chunks, and give them back in their order."""
    from joblib import Parallel, delayed, parallel_config

    if backend not in ("loky", "ray"):
        raise unknown("backend", "backend", backend, ("loky", "ray"))
    if jobs < 1:
        raise InvalidInput("jobs: at least one process scores.", remedy="Leave it out.", field="jobs")

    def parallel(order: Order, chunks: Iterator[Rows]) -> Iterator[Scored]:
        tasks = (delayed(score)(order, rows) for rows in chunks)
        if backend == "loky":
            yield from Parallel(n_jobs=jobs, return_as="generator", pre_dispatch="2*n_jobs", batch_size=1)(
                tasks
            )
        else:  # ray's hands back everything at once: in batches, so that a stop keeps what was finished
            with Parallel(n_jobs=jobs) as pool:  # one for all of them: another one waits for the first to end
                while some := list(islice(tasks, jobs)):
                    yield from pool(some)

    with _ray(jobs) if backend == "ray" else _nothing(), parallel_config(backend=backend):
        yield parallel


@contextmanager
def _ray(jobs: int) -> Iterator[None]:
    """A cluster for joblib: the one there is, or one of this run's own."""
    ray = require("ray", extra="ray")
    from ray.util.joblib import register_ray

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    own = not ray.is_initialized()
    if own:
        here = {} if os.environ.get("RAY_ADDRESS") else {"num_cpus": jobs, "include_dashboard": False}
        ray.init(log_to_driver=False, logging_level="ERROR", **here)
    try:
        register_ray()  # type: ignore[no-untyped-call]
        yield
    finally:
        if own:
            ray.shutdown()


@contextmanager
def _nothing() -> Iterator[None]:
    yield
