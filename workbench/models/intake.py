"""Models that come in as files: copied, scanned, and only then opened.

A model made in this process is an object its author has already run. One that comes as a file, a folder or an
MLflow URI was made elsewhere, and nothing of it runs before somebody here has looked.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.core.errors import InvalidInput, WorkbenchError
from workbench.models import tripwire
from workbench.models.checks import require_model
from workbench.models.copying import NotPlain, copy_file, copy_tree
from workbench.models.frameworks.mlflow import Pyfunc, fetch, is_uri, open_folder
from workbench.models.frameworks.onnx import open_onnx
from workbench.models.frameworks.program import unpickle
from workbench.models.frameworks.sklearn import load_skops
from workbench.models.loading import MLFLOW_NOTE
from workbench.models.records import Scan
from workbench.models.scan import require_known, scan_file, scan_tree


@dataclass(frozen=True, eq=False)
class Foreign:
    """A private copy of a model's files, and what the scan said of them."""

    name: str
    """The file, folder or URI, in words."""
    path: Path
    """The copy: a file, or an MLflow folder."""
    scan: Scan
    trusted: frozenset[str] = frozenset()
    """Types that the project trusts in skops files, beside those on the list of this package."""

    def open(self) -> Any:
        """Return the model. A program runs where this is called: for one, that is in a worker.

        Raises:
            InvalidInput: damaged, written with code that is not here, or no fitted model.
        """
        try:
            model = self._opened()
        except WorkbenchError:
            raise
        except (ImportError, AttributeError) as error:
            raise InvalidInput(
                f"model: {self.name} needs code that is not here: {error}.",
                remedy="Install the package, or make the module importable, that defines the model's class.",
                field="model",
            ) from error
        except Exception as error:  # a damaged file can raise anything at all
            raise InvalidInput(
                f"model: {self.name} cannot be read: {str(error) or type(error).__name__}.",
                remedy="Write it again with the library that its ending names.",
                field="model",
            ) from error
        require_model(model)
        if isinstance(model, Pyfunc):
            model.keep(self)  # it reads files later
        return model

    def _opened(self) -> Any:
        types = self.scan.trusted_types
        if self.path.is_dir():
            return open_folder(self.path, self.name, types)
        format = self.scan.files[0].format
        return load_skops(self.path, types) if format == "skops" else _OPENERS[format](self.path)


def bring(source: str | Path, trusted: Iterable[str] = ()) -> Foreign:
    """Copy a model's files into a private folder while hashing them, and scan the copy.

    Args:
        source: a ``.skops``, ``.onnx``, ``.joblib`` or ``.pkl`` file, an MLflow folder, or an MLflow URI.
        trusted: types that skops files may ask for beside those on the list of this package.

    Raises:
        InvalidInput: nothing there, another ending, or a file in it that may not be opened, with the reason.
        NotFound: MLflow has nothing at that URI.
    """
    if not str(source).isprintable():
        raise InvalidInput(
            f"model: {str(source)[:200]!a} has a name that cannot be shown.",
            remedy="Nothing of it was opened. Find out where it comes from.",
            field="model",
        )
    home, types = Path(tempfile.mkdtemp(prefix="workbench-model-")), frozenset(trusted)
    take = _bring_folder if is_uri(str(source)) else _bring_file
    try:
        found = take(str(source), home, types)
        scan = found.scan.model_copy(update=tripwire.ask(found.path, found.scan))
        require_known(scan, found.name)
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise
    foreign = Foreign(found.name, found.path, scan, types)
    weakref.finalize(foreign, shutil.rmtree, home, ignore_errors=True)
    return foreign


def _bring_folder(uri: str, home: Path, trusted: frozenset[str]) -> Foreign:
    fetched = fetch(uri, home / "fetched")
    try:
        digests = copy_tree(fetched, home / "model", but=MLFLOW_NOTE, strict=True)
    except NotPlain as error:
        raise _not_plain(uri, error) from error
    if "MLmodel" not in digests:  # a file system that knows no capitals may have found another
        raise _not_plain(uri, NotPlain("no file named MLmodel"))
    return Foreign(uri, home / "model", scan_tree(home / "model", digests, trusted))


def _bring_file(path: str, home: Path, trusted: frozenset[str]) -> Foreign:
    file = Path(path).expanduser()
    if not file.is_file():
        what = f"there is no file {file.name!r}"
        raise InvalidInput(
            f"model: {what if file.suffix else f'{str(file)!r} is neither an MLflow URI nor a file'}.",
            remedy="Give a .skops, .onnx, .joblib or .pkl file, or the URI or folder of an MLflow model.",
            field="model",
        )
    if file.suffix not in _ENDINGS:
        raise InvalidInput(
            f"model: {file.name} is neither .skops, .onnx, .joblib nor .pkl.",
            remedy="Save the fitted model with skops.io.dump.",
            field="model",
        )
    copy = home / file.name
    try:
        digest, _ = copy_file(file.resolve(), copy)
    except NotPlain as error:
        raise _not_plain(file.name, error) from error
    scan = scan_file(copy, digest, trusted)
    format, wanted = scan.files[0].format, _ENDINGS[file.suffix]
    if scan.verdict != "refused" and format != wanted:
        raise InvalidInput(
            f"model: {file.name} cannot be read: it holds {format}, and its ending says {wanted}.",
            remedy="Nothing of it was opened. Find out where it comes from.",
            field="model",
        )
    return Foreign(file.name, copy, scan)


def _not_plain(name: str, error: NotPlain) -> InvalidInput:
    return InvalidInput(
        f"model: {name} cannot be read: it holds {error}.",
        remedy="Nothing of it was opened. An artifact holds plain files only.",
        field="model",
    )


_ENDINGS = {".skops": "skops", ".onnx": "onnx", ".joblib": "pickle", ".pkl": "pickle", ".pickle": "pickle"}
_OPENERS = {"onnx": open_onnx, "pickle": unpickle}
