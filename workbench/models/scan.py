"""The scan of an artifact: every file is named, and one that nobody knows refuses the whole.

A scan passes because each file is in a known format that holds no code, never because a search for bad signs
found none: such searches miss what their authors did not think of.
"""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

from workbench.core.errors import InvalidInput
from workbench.models import mlmodel
from workbench.models.copying import tree_digest
from workbench.models.formats import identify
from workbench.models.records import Scan, ScannedFile, ScanVerdict

_DESCRIPTION = "MLmodel"


def scan_tree(folder: Path, digests: dict[str, str], trusted: Container[str] = ()) -> Scan:
    """Scan a private copy of an artifact folder. Nothing of it is opened by the library that would run it.

    Args:
        folder: the copy.
        digests: of its files, by path, as ``copy_tree`` returned them.
        trusted: types that skops files may ask for beside those on the list of this package.
    """
    files = {path: _scanned(folder / path, path, digest, trusted) for path, digest in digests.items()}
    if _DESCRIPTION in files:
        formats = {path: file.format for path, file in files.items()}
        verdict, reason = mlmodel.read(folder / _DESCRIPTION, formats)
        if files[_DESCRIPTION].verdict == "data":
            judged = {"verdict": verdict, "reason": reason, "format": "mlmodel"}
            files[_DESCRIPTION] = files[_DESCRIPTION].model_copy(update=judged)
    return _of(tuple(files.values()), tree_digest(digests))


def scan_file(file: Path, digest: str, trusted: Container[str] = ()) -> Scan:
    """Scan a private copy of one file."""
    return _of((_scanned(file, file.name, digest, trusted),), digest)


def require_known(scan: Scan, what: str) -> None:
    """Refuse an artifact with a file that may not be opened.

    Raises:
        InvalidInput: naming the first such file and the reason.
    """
    if scan.verdict != "refused":
        return
    found = [file for file in scan.files if file.verdict == "refused"]
    bad = min(found, key=lambda file: file.path == _DESCRIPTION, default=None)  # a file's own flaw says more
    reason = f"{bad.path} {bad.reason}" if bad else f"modelscan stopped it: {scan.tripwire}"
    raise InvalidInput(
        f"model: {what} cannot be read: {reason}.",
        remedy="Nothing of it was opened. Save it as skops, ONNX, XGBoost UBJSON or LightGBM text, unpacked.",
        field="model",
    )


def programs(scan: Scan) -> str:
    """Say which files of a scan are programs, for a message."""
    return "; ".join(f"{file.path} {file.reason}" for file in scan.files if file.verdict == "program")


def _scanned(file: Path, path: str, digest: str, trusted: Container[str]) -> ScannedFile:
    found = identify(file, trusted)
    return ScannedFile(
        path=path,
        format=found.format,
        size=file.stat().st_size,
        digest=digest,
        verdict=found.verdict,
        reason=found.reason,
        trusted=found.trusted,
    )


def _of(files: tuple[ScannedFile, ...], digest: str) -> Scan:
    order: tuple[ScanVerdict, ...] = ("refused", "program", "data")
    worst = next((verdict for verdict in order if any(f.verdict == verdict for f in files)), "refused")
    return Scan(digest=digest, verdict=worst, files=files)
