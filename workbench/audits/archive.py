"""Kept reports: one JSON file each, named by its digest and held against it whenever it is read."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from workbench.audits.records import Report
from workbench.core import digests
from workbench.core.errors import NotFound, Tampered

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def keep(report: Report, folder: Path) -> str:
    """Write a report into ``folder``, whole or not at all, and return its digest."""
    body = digests.canonical_json(report.model_dump(mode="json"))
    digest = digests.of_bytes(body)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as f:
        f.write(body)
        f.flush()
        os.fsync(f.fileno())
    Path(f.name).replace(_path(folder, digest))
    return digest


def kept(digest: str, folder: Path) -> Report:
    """Read a report by its digest; raises as ``kept_bytes``."""
    return Report.from_json(kept_bytes(digest, folder))


def kept_bytes(digest: str, folder: Path) -> bytes:
    """Read a report as it was written. Only a digest becomes a file name, so that no key can point elsewhere.

    Raises:
        NotFound: no such report.
        Tampered: its bytes are not those that were kept.
    """
    if not _DIGEST.fullmatch(digest) or not _path(folder, digest).is_file():
        raise NotFound(
            f"No report {digest!r}.", remedy="Restore it from a backup, or audit again.", field="report"
        )
    body = _path(folder, digest).read_bytes()
    if digests.of_bytes(body) != digest:
        raise Tampered(
            f"The report {digests.short(digest)} was changed after it was recorded.",
            remedy="Restore it from a backup, or audit again.",
            field="report",
        )
    return body


def _path(folder: Path, digest: str) -> Path:
    return folder / f"{digest.removeprefix('sha256:')}.json"
