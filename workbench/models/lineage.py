"""Where a version came from: code, data, environment, parameters."""

from __future__ import annotations

import math
import platform
from importlib.metadata import PackageNotFoundError, distributions, version
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from workbench.core.digests import of_file, of_json
from workbench.core.errors import InvalidInput
from workbench.datasets import Dataset
from workbench.models.code_state import git_diff, git_remote, git_state, without_credentials
from workbench.models.records import Lineage, TrainedColumn

#: The same package under another distribution name.
_ALSO_KNOWN_AS = {"xgboost": "xgboost-cpu"}

#: Locks of a Python project, the most exact first.
_LOCKS = (
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "pixi.lock",
    "pylock.toml",
    "conda-lock.yml",
    "constraints.txt",
    "requirements.txt",
    "environment.yml",
)

#: Greatest whole number that every reader of JSON keeps (RFC 8785).
_EXACT = 2**53

_MOST_PARAMETERS = 500
_MOST_LETTERS = 200
_MOST_SOURCE = 10_000


def lineage_of(train: Dataset, *, model: Any, packages: tuple[str, ...], root: Path) -> Lineage:
    """Return the lineage of a model trained on ``train`` in the working tree at ``root``."""
    commit, dirty = git_state(root)
    lock = lock_file(root)
    return Lineage(
        git_commit=commit,
        git_dirty=dirty,
        git_diff=git_diff(root) if dirty else "",
        git_remote=git_remote(root) if commit else "",
        data_digest=train.digest,
        data_rows=len(train),
        data_columns=columns_of(train),
        data_notes=train.notes,
        python=platform.python_version(),
        packages=installed(("numpy", "pandas", *packages)),
        environment=environment(),
        lock_file="" if lock is None else lock.name,
        lock_digest="" if lock is None else of_file(lock),
        parameters=parameters_of(model),
    )


def columns_of(train: Dataset) -> tuple[TrainedColumn, ...]:
    """Return the fingerprint of every column of a training frame, in order."""
    missing = train.frame.isna().sum()
    return tuple(
        TrainedColumn(name=name, type=dtype, digest=f"sha256:{digest}", missing=int(missing[name]))
        for name, (dtype, digest) in train.column_digests.items()
    )


def source_of(train: Any, source: str, root: Path) -> dict[str, str]:
    """Return the fields of ``Lineage`` that say where training data came from.

    Args:
        train: as given: of a file its path and digest are kept.
        source: the query or address, where ``train`` came from one. User and password in an address are
            left out.
        root: the project folder; a file in it is named from there.

    Raises:
        InvalidInput: ``source`` is no text, or a very long one.
    """
    if not isinstance(source, str) or len(source) > _MOST_SOURCE:
        raise InvalidInput(
            f"source must be text of at most {_MOST_SOURCE:,} characters.",
            remedy="Give the query, or the address of the data.",
            field="source",
        )
    words = without_credentials(source.strip())
    if not isinstance(train, str | Path):
        return {"data_source": words}
    file = Path(train).expanduser().resolve()
    inside = file.is_relative_to(root.resolve())
    place = file.relative_to(root.resolve()) if inside else file
    return {"data_source": words, "data_file": place.as_posix(), "data_file_digest": of_file(file)}


def parameters_of(model: Any) -> dict[str, Any]:
    """Return what an estimator was made with: scikit-learn's ``get_params``, or a booster's ``params``.

    A function has none. What is no number, word or truth value stands by the name of its type, because its
    text may hold an address in memory or rows.
    """
    try:
        found = model.get_params(deep=True) if hasattr(model, "get_params") else getattr(model, "params", {})
    except Exception:  # noqa: BLE001 - the user's own class: a model that cannot tell them can still be kept
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(name): _value(found[name]) for name in sorted(found, key=str)[:_MOST_PARAMETERS]}


def lock_file(root: Path) -> Path | None:
    """Return the lock beside the project, the most exact kind first; None where there is none."""
    return next((root / name for name in _LOCKS if (root / name).is_file()), None)


def environment() -> str:
    """Return the digest of Python's version and of every installed distribution."""
    found = {str(d.metadata["Name"]).lower().replace("_", "-"): str(d.version) for d in distributions()}
    return of_json({"python": platform.python_version(), "packages": found})


def installed(names: tuple[str, ...]) -> dict[str, str]:
    """Return the versions of those distributions that are installed, by name."""
    found = {}
    for name in names:
        for candidate in (name, _ALSO_KNOWN_AS.get(name, name)):
            try:
                found[candidate] = version(candidate)
                break
            except PackageNotFoundError:
                continue
    return dict(sorted(found.items()))


def _value(value: Any) -> Any:
    """One parameter as JSON keeps it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value[:_MOST_LETTERS]
    if isinstance(value, Integral):
        return int(value) if abs(int(value)) < _EXACT else str(int(value))
    if isinstance(value, Real):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, list | tuple) and len(value) <= 20 and all(_plain(one) for one in value):
        return [_value(one) for one in value]
    return type(value).__name__


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, str | Real)
