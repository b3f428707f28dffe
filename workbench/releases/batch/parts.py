"""What a run has finished, on disk: a folder beside the output, and the output when all of it is there.

The folder holds the manifest and two files a chunk. A chunk counts once the manifest says so, and that is
replaced after the chunk's files are on the disk; so whenever the run is killed, what counts is whole.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from workbench.core.digests import of_bytes, of_file
from workbench.core.errors import Conflict
from workbench.gateway.routing import replace, sync_folder
from workbench.models.records import ModelVersion
from workbench.releases.batch.answering import Scored
from workbench.releases.batch.records import Chunk, Manifest

Form = Literal["csv", "parquet"]

_MANIFEST = "manifest.json"
_ANSWERS, _REJECTS = "answers", "rejects"
#: A spreadsheet takes text that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Parts:
    """The unfinished output of one run.

    Args:
        output: where the run writes to in the end.
        model: whose answers these are; its labels say of which type they are.
    """

    def __init__(self, output: Path, model: ModelVersion) -> None:
        self.output = output
        self.rejects = output.with_name(f"{output.stem}.rejects.csv")
        self._folder = output.with_name(f".{output.name}.unfinished")
        self._model = model

    @property
    def begun(self) -> Manifest | None:
        """The manifest of a run that was not finished; None when there is none."""
        try:
            return Manifest.from_json((self._folder / _MANIFEST).read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise Conflict(
                f"What an earlier run left beside {self.output.name} cannot be read.",
                remedy=f"Remove the folder {self._folder.name} and begin anew.",
                field="to",
            ) from error

    def begin(self, manifest: Manifest) -> None:
        """Begin a run."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._write(manifest)

    def sound(self, manifest: Manifest) -> Manifest:
        """Return the manifest as far as the files are what it says; the rest is done again."""
        sound = []
        for number, chunk in enumerate(manifest.chunks):
            try:
                there = (of_file(self._at(_ANSWERS, number)), of_file(self._at(_REJECTS, number)))
            except FileNotFoundError:
                break
            if there != (chunk.answers, chunk.rejects):
                break
            sound.append(chunk)
        return manifest.model_copy(update={"chunks": tuple(sound)})

    def add(self, manifest: Manifest, scored: Scored) -> Manifest:
        """Write a finished chunk, then say so in the manifest, which is returned."""
        answers = self._answers(scored)
        rejects = _csv([[at, _harmless(reason)] for at, reason in scored.rejected])
        replace(self._at(_ANSWERS, scored.number), answers, durable=True)
        replace(self._at(_REJECTS, scored.number), rejects, durable=True)
        chunk = Chunk(
            scored=len(scored.rows),
            rejected=len(scored.rejected),
            answers=of_bytes(answers),
            rejects=of_bytes(rejects),
        )
        manifest = manifest.model_copy(update={"chunks": (*manifest.chunks, chunk)})
        self._write(manifest)
        return manifest

    def finish(self, manifest: Manifest) -> str:
        """Put the output and the rejects in their place, each at once, and return the output's digest."""
        numbers = range(len(manifest.chunks))
        if any(chunk.rejected for chunk in manifest.chunks):
            body = b"".join(self._at(_REJECTS, number).read_bytes() for number in numbers)
            replace(self.rejects, _csv([["row", "reason"]]) + body, durable=True)
        part = self._folder / "output"
        self._join([self._at(_ANSWERS, number) for number in numbers], part)
        digest = of_file(part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(self.output)
        sync_folder(self.output.parent)
        return digest

    def clear(self) -> None:
        """Take the folder away."""
        shutil.rmtree(self._folder)

    def _join(self, parts: Sequence[Path], to: Path) -> None:
        if not self._is_parquet:
            with to.open("wb") as file:
                file.write(_csv([list(_columns(self._model))]))
                for part in parts:
                    with part.open("rb") as body:
                        shutil.copyfileobj(body, file)
            return
        import pyarrow.parquet as pq

        with pq.ParquetWriter(to, _schema(self._model)) as writer:
            for part in parts:
                writer.write_table(pq.read_table(part))

    def _answers(self, scored: Scored) -> bytes:
        n = len(scored.rows)
        columns: dict[str, list[Any]] = {
            "row": scored.rows,
            "prediction": scored.predictions,
            "score": scored.scores if scored.scores is not None else [None] * n,
            "model": [self._model.ref] * n,
            "model_digest": [self._model.digest] * n,
        }
        if not self._is_parquet:
            return _csv([[_harmless(cell) for cell in row] for row in zip(*columns.values(), strict=True)])
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema, sink = _schema(self._model), pa.BufferOutputStream()
        if schema.field("prediction").type == pa.string():
            columns["prediction"] = list(map(str, scored.predictions))
        pq.write_table(pa.table(columns, schema=schema), sink)
        return bytes(sink.getvalue())

    @property
    def _is_parquet(self) -> bool:
        return self.output.suffix.lower() == ".parquet"

    def _at(self, what: str, number: int) -> Path:
        return self._folder / f"{what}-{number:06d}"

    def _write(self, manifest: Manifest) -> None:
        replace(self._folder / _MANIFEST, manifest.to_json(indent=1).encode(), durable=True)


def _columns(model: ModelVersion) -> tuple[str, ...]:
    return tuple(_schema(model).names)


def _schema(model: ModelVersion) -> Any:
    """The types of the output: of labels, what they are; of mixed labels, text."""
    import pyarrow as pa

    types = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
    kinds = {float} if model.task == "regression" else set(map(type, model.classes))
    prediction = types.get(kinds.pop(), pa.string()) if len(kinds) == 1 else pa.string()
    return pa.schema(
        [
            ("row", pa.int64()),
            ("prediction", prediction),
            ("score", pa.float64()),
            ("model", pa.string()),
            ("model_digest", pa.string()),
        ]
    )


def _harmless(cell: Any) -> Any:
    """Text that a spreadsheet would run, made text."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _csv(rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
