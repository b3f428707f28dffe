"""From an artifact folder to a predictor, by way of a private copy whose digest is checked.

What is hashed is what is loaded: the files are copied first, so nobody can change them in between.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from contextlib import ExitStack
from pathlib import Path

from workbench.core.digests import of_tree, short
from workbench.core.errors import NotFound, Tampered
from workbench.models.frameworks import framework
from workbench.models.predictors import Predictor, predictor_of
from workbench.models.records import ModelVersion

#: MLflow writes this note into the folder itself when somebody loads ``models:/name/1`` from a local store.
#: It is neither copied, digested nor loaded.
_MLFLOW_NOTE = "registered_model_meta"


def load_version(version: ModelVersion, folder: Path) -> Predictor:
    """Check that ``folder`` holds the bytes that were registered, and load them.

    Args:
        version: the record; its digest, framework, columns and labels are used.
        folder: the artifact folder.

    Returns:
        A predictor labelled ``name/version``.

    Raises:
        NotFound: the folder is gone.
        Tampered: a byte differs.
    """
    home = Path(tempfile.mkdtemp(prefix="workbench-model-"))
    with ExitStack() as failed:
        failed.callback(shutil.rmtree, home, ignore_errors=True)
        _require_digest(version, take(folder, home / "model"))
        predictor = open_folder(home / "model", version)
        failed.pop_all()
    weakref.finalize(predictor, shutil.rmtree, home, ignore_errors=True)  # some flavours read files later
    return predictor


def open_folder(folder: Path, version: ModelVersion) -> Predictor:
    """Load a folder that has been checked, or that was written a moment ago."""
    return predictor_of(
        framework(version.flavor).load(folder),
        task=version.task,
        positive=version.positive,
        classes=version.classes,
        columns=[column.name for column in version.columns],
        label=version.ref,
    )


def take(folder: Path, to: Path) -> str:
    """Copy an artifact folder to ``to`` and return the digest of the copy.

    Raises:
        NotFound: there is no such folder.
        Tampered: it holds a link, which could point anywhere.
    """
    if not folder.is_dir():
        raise NotFound(
            f"The artifact folder {folder.name} is not there.",
            remedy="Restore .workbench/artifacts from a backup, or register the model again.",
            field="model",
        )
    shutil.copytree(
        folder, to, symlinks=True, ignore=lambda place, _: [_MLFLOW_NOTE] if Path(place) == folder else []
    )
    links = [path.name for path in to.rglob("*") if path.is_symlink()]
    if links:
        raise Tampered(
            f"The artifact folder holds a link, {links[0]!r}; an artifact holds files only.",
            remedy="Do not use it. Restore .workbench/artifacts from a backup, or register the model again.",
            field="model",
        )
    return of_tree(to)


def _require_digest(version: ModelVersion, digest: str) -> None:
    if digest != version.digest:
        raise Tampered(
            f"The files of {version.ref} are not those that were registered "
            f"(digest {short(digest)}, recorded {short(version.digest)}).",
            remedy="Do not use them. Restore .workbench/artifacts from a backup, or register again.",
            field="model",
        )
