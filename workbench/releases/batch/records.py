"""What a batch run is and leaves: its manifest while it runs, its account afterwards."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.core.digests import short
from workbench.core.records import Record


class Chunk(Record):
    """One finished chunk: its files, and how many rows went where."""

    scored: int
    rejected: int
    answers: str
    """Digest of the file of answers."""
    rejects: str
    """Digest of the file of rejects."""


class Manifest(Record):
    """What a run works on, and how far it is. It goes on only with the same of everything but ``chunks``."""

    id: str
    input_digest: str
    model: str
    model_digest: str
    rows: int
    """Rows of a chunk: which rows the model sees together."""
    form: str
    """``csv`` or ``parquet``: of the output."""
    chunks: tuple[Chunk, ...] = ()
    """Those finished, in order."""


class BatchRun(Record):
    """The account of a run. Every row of the input is scored or rejected: the counts add up."""

    id: str
    model: str
    """``name/version``."""
    model_digest: str
    champion: bool
    """Whether it was the champion when the run began."""
    input: str
    input_digest: str
    output: str
    output_digest: str
    rejects: str = ""
    """File with the rows that were not scored, by number and reason; empty when there are none."""
    rows: int
    scored: int
    rejected: int
    passed_over: tuple[str, ...] = ()
    """Columns of the input that the model does not read."""

    def __str__(self) -> str:
        """One line for people."""
        beside = f", {self.rejected} rejected (see {self.rejects})" if self.rejected else ""
        return (
            f"{self.scored} of {self.rows} rows scored by {self.model} ({short(self.model_digest)}){beside}: "
            f"{self.output}"
        )


@dataclass(frozen=True)
class Done:
    """How far a run is, after each chunk."""

    scored: int
    rejected: int
    of: int
    """Rows of the input."""
