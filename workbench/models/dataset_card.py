"""The dataset card: what a version was trained on, for somebody who may not see the rows."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.core.digests import short
from workbench.core.records import Record
from workbench.models.records import ModelVersion, TrainedColumn


class DatasetCard(Record):
    """Training data of a version, from its lineage alone."""

    model: str
    """``name/version``."""
    digest: str
    """Fingerprint of the frame."""
    rows: int
    source: str = ""
    """The query or address in the words of whoever registered it."""
    file: str = ""
    file_digest: str = ""
    target: str
    features: tuple[str, ...]
    """What the model reads."""
    sensitive: tuple[str, ...]
    """What groups are compared by, read by the model or not."""
    unread: tuple[str, ...]
    """Columns with no role."""
    columns: tuple[TrainedColumn, ...]
    gaps: tuple[str, ...]
    """What is known to be missing. None named does not mean that there is none."""

    def __str__(self) -> str:
        lines = [
            f"{self.model} was trained on {self.rows:,} rows ({short(self.digest)})",
            f"from      {'; '.join(filter(None, (self.file, self.source))) or 'not known'}",
            f"target    {self.target}",
            f"features  {', '.join(self.features)}",
            f"sensitive {', '.join(self.sensitive) or 'none named'}",
            f"unread    {', '.join(self.unread) or 'none'}",
            *(f"gap       {gap}" for gap in self.gaps),
        ]
        return "\n".join("".join(c if c.isprintable() else "\ufffd" for c in line) for line in lines)


def dataset_card(version: ModelVersion) -> DatasetCard:
    """Return the card of the data a version was trained on."""
    lineage, read = version.lineage, tuple(column.name for column in version.columns)
    roles = {version.target, *version.sensitive, *read}
    return DatasetCard(
        model=version.ref,
        digest=lineage.data_digest,
        rows=lineage.data_rows,
        source=lineage.data_source,
        file=lineage.data_file,
        file_digest=lineage.data_file_digest,
        target=version.target,
        features=read,
        sensitive=version.sensitive,
        unread=tuple(c.name for c in lineage.data_columns if c.name not in roles),
        columns=lineage.data_columns,
        gaps=tuple(_gaps(version)),
    )


def _gaps(version: ModelVersion) -> Iterator[str]:
    lineage = version.lineage
    yield from lineage.data_notes
    for column in lineage.data_columns:
        if column.missing:
            yield f"{column.name}: {column.missing:,} of {lineage.data_rows:,} values are missing."
    if not (lineage.data_source or lineage.data_file):
        yield "Where it came from was not said."
    if not lineage.data_columns:
        yield "It was registered before columns were written down."
    if not version.sensitive:
        yield "No sensitive column was named: groups cannot be compared."
