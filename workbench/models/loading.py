"""From an artifact folder to a predictor, by way of a private copy whose digest is checked.

What is hashed is what is loaded: the files are copied first, so nobody can change them in between.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from workbench.core.digests import short
from workbench.core.errors import NotFound, Tampered
from workbench.models.copying import NotPlain, copy_tree, tree_digest
from workbench.models.frameworks import read
from workbench.models.predictors import Predictor, predictor_of
from workbench.models.records import ModelVersion

#: MLflow writes this note into the folder itself when somebody loads ``models:/name/1`` from a local store.
#: It is neither copied, digested nor loaded.
MLFLOW_NOTE = "registered_model_meta"


def load_version(
    version: ModelVersion,
    folder: Path,
    *,
    check: Callable[[Mapping[str, str]], None] | None = None,
    isolated: bool = False,
) -> Predictor:
    """Check that ``folder`` holds the bytes that were registered, and load them.

    Args:
        version: the record; its digest, framework, columns and labels are used.
        folder: the artifact folder.
        isolated: open it in a process of its own, with no network, no credentials and limits.
        check: called with the digests of the private copy's files, by path, before any is opened; what it
            raises stops the loading.

    Returns:
        A predictor labelled ``name/version``.

    Raises:
        NotFound: the folder is gone.
        Tampered: a byte differs.
    """
    home = Path(tempfile.mkdtemp(prefix="workbench-model-"))
    with ExitStack() as failed:
        failed.callback(shutil.rmtree, home, ignore_errors=True)
        digests = take(folder, home / "model")
        require_digest(version, tree_digest(digests))
        if check is not None:
            check(digests)
        predictor = opened(version, home / "model", isolated=isolated)
        failed.pop_all()
    weakref.finalize(predictor, shutil.rmtree, home, ignore_errors=True)  # some flavours read files later
    return predictor


def opened(version: ModelVersion, folder: Path, *, isolated: bool) -> Predictor:
    """Load a private copy that has been checked, or that was written a moment ago."""
    if isolated:
        from workbench.models.isolation import load_isolated

        return load_isolated(version, folder, owner=None)
    return predictor_of(
        read(version.flavor, folder, version.trusted_types),
        task=version.task,
        positive=version.positive,
        classes=version.classes,
        columns=[column.name for column in version.columns],
        label=version.ref,
    )


def take(folder: Path, to: Path) -> dict[str, str]:
    """Copy an artifact folder to ``to`` and return the digest of every file written, by its path.

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
    try:
        return copy_tree(folder, to, but=MLFLOW_NOTE)
    except NotPlain as error:
        raise Tampered(
            f"The artifact folder holds {error}; an artifact holds plain files only.",
            remedy="Do not use it. Restore .workbench/artifacts from a backup, or register the model again.",
            field="model",
        ) from error


def require_digest(version: ModelVersion, digest: str) -> None:
    """Refuse bytes that are not those of a version.

    Raises:
        Tampered: they are not.
    """
    if digest != version.digest:
        raise Tampered(
            f"The files of {version.ref} are not those that were registered "
            f"(digest {short(digest)}, recorded {short(version.digest)}).",
            remedy="Do not use them. Restore .workbench/artifacts from a backup, or register again.",
            field="model",
        )
