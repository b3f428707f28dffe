"""What the registry remembers of a model version."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar, Literal

from workbench.core.digests import short
from workbench.core.records import Record, Shown

Task = Literal["classification", "regression"]

ScanVerdict = Literal["data", "program", "refused"]
"""Data holds no code. Reading a program runs it: it needs a waiver. What is refused is never opened."""


class ScannedFile(Record):
    """One file of an artifact as the scan saw it."""

    path: str
    """Below the artifact folder, with ``/``."""
    format: str
    """Told by the bytes: skops, pickle, onnx, xgboost-ubj, json, text …"""
    size: int
    """Bytes."""
    digest: str
    verdict: ScanVerdict
    reason: str = ""
    """Why it is no data, in words that follow the name of the file."""
    trusted: tuple[str, ...] = ()
    """Types it asks for that only the project's own list lets through (``trusted_types``), sorted."""


class Scan(Record):
    """What an artifact holds, looked at before anything of it was opened."""

    digest: str
    """Of the folder, or of the file."""
    verdict: ScanVerdict
    """The worst of its files: data only when each one is."""
    files: tuple[ScannedFile, ...]
    tripwire: str = ""
    """What modelscan said; empty where it was not asked."""

    @property
    def trusted_types(self) -> tuple[str, ...]:
        """The types that only the project's own list let through, sorted."""
        return tuple(sorted({name for file in self.files for name in file.trusted}))


class Attestation(Record):
    """A file beside the artifact that says something of it to somebody without this product."""

    kind: Literal["ml-bom", "in-toto", "signature"]
    path: str
    """Relative to the project."""
    digest: str
    key: str = ""
    """Of a signature: the digest of the public key it was made for, in PEM."""


class Waiver(Record):
    """A person's word that a model may be kept as a program, until a day."""

    id: str
    """``waiver/<model>#<place in its stream>``."""
    kind: Literal["pickle"]
    model: str
    reason: str
    until: date
    """The last day it holds, in UTC."""
    by: str
    time: datetime

    def __str__(self) -> str:
        return f"{self.id}: {self.model} may be a {self.kind} until {self.until}, by {self.by}: {self.reason}"


class TrainedColumn(Record):
    """One column of the training frame, the target and unread ones among them."""

    name: str
    type: str
    """As pandas names it: ``int64``, ``str`` …"""
    digest: str
    """``sha256:`` of its values."""
    missing: int
    """Rows without a value."""


class Parent(Record):
    """A registered version that another was made from."""

    ref: str
    """``name/version``."""
    digest: str


class Lineage(Record):
    """Where a version came from. Empty strings say "not known", never a guess."""

    git_commit: str = ""
    git_dirty: bool | None = None
    """True when the working tree had changes that the commit does not hold; None outside git."""
    git_diff: str = ""
    """``sha256:`` of those changes, files git does not know yet among them; empty where there are none."""
    git_remote: str = ""
    """Where the repository is kept, without names and passwords."""
    data_digest: str
    """Fingerprint of the training frame (``datasets.fingerprint``)."""
    data_rows: int
    data_columns: tuple[TrainedColumn, ...] = ()
    """A fingerprint for each, so that the one that changed can be named."""
    data_source: str = ""
    """The query or address it came from, in the words of whoever registered it."""
    data_file: str = ""
    """The file it was read from, as a path from the project where it lies in there."""
    data_file_digest: str = ""
    """``sha256:`` of the file's bytes."""
    data_notes: tuple[str, ...] = ()
    """What was assumed of the data or left out of it."""
    python: str
    packages: dict[str, str]
    """Versions of the packages the model needs, by name."""
    environment: str = ""
    """``sha256:`` of name and version of every package that was installed, and of Python's."""
    lock_file: str = ""
    """The project's own lock, such as ``uv.lock``."""
    lock_digest: str = ""
    parameters: dict[str, Any] = {}
    """What the model was made with, by name; what is no number, word or truth value stands by its type."""
    parents: tuple[Parent, ...] = ()


class Column(Record):
    """One input column as the model expects it."""

    name: str
    type: Literal["double", "long", "string", "boolean"]
    required: bool = True
    """False when training rows lacked a value here, so that the model knows what to do with a null."""
    categories: tuple[str, ...] | None = None
    """Values seen in training for a string column of at most 50 values, else None."""
    low: float | None = None
    """Smallest training value of a numeric column."""
    high: float | None = None
    """Greatest training value of a numeric column."""
    integer: bool = False
    """True when every training value was a whole number."""


class ModelVersion(Shown):
    """One registered version: ``models:/name/version`` and the digest of its bytes."""

    view: ClassVar[str] = "model"

    name: str
    version: int
    digest: str
    """``sha256:`` of the artifact folder; checked whenever the model is loaded."""
    run_id: str
    """The MLflow run that holds the artifact."""
    artifact: str = ""
    """Where its folder is: a path relative to the project, or a URI of MLflow's artifact store."""
    flavor: str
    """The framework plug-in that wrote it: sklearn, xgboost, lightgbm, function, mlflow."""
    format: str
    """How the bytes are stored: skops, cloudpickle, ubj, txt …"""
    task: Task
    target: str
    positive: Any = None
    """The positive label of a binary classifier, else None."""
    classes: tuple[Any, ...] = ()
    sensitive: tuple[str, ...] = ()
    columns: tuple[Column, ...]
    """The signature, in order. Sensitive columns that the model does not read are not among them."""
    input_example: tuple[dict[str, Any], ...] = ()
    author: str
    created: datetime
    lineage: Lineage
    scan: Scan | None = None
    """What its files are; None for a version from before there were scans."""
    program_by: str = ""
    """What lets a program be kept: ``own`` (an object in its author's process) or the id of a waiver.
    Empty when every file is data."""
    source: str = ""
    """Digest of the file or folder it was read from; empty for an object in memory."""
    attestations: tuple[Attestation, ...] = ()
    """Bill of materials, statement of the training run, and signature."""
    unsigned: str = ""
    """Why there is no signature; empty where there is one, and for versions from before this was said."""

    @property
    def ref(self) -> str:
        """``name/version``, the form every command takes."""
        return f"{self.name}/{self.version}"

    @property
    def trusted_types(self) -> tuple[str, ...]:
        """The types in its files that only the project's own list let through, sorted."""
        return () if self.scan is None else self.scan.trusted_types

    @property
    def uri(self) -> str:
        """The MLflow URI."""
        return f"models:/{self.name}/{self.version}"

    def __str__(self) -> str:
        return f"{self.ref} ({short(self.digest)})"
