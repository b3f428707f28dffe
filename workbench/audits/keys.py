"""What a piece of evidence rests on, as one digest: its name in the cache, and how one sees it is stale.

Same audit, options, model, columns, seed and code: same key, and nothing is measured again. An audit is shown
only the columns it says it reads (``Subject.seen_by``), so a column it does not read cannot change its key.
"""

from __future__ import annotations

import inspect
from functools import cache
from pathlib import Path
from typing import Any

from workbench.audits.base import Audit, Subject, options_of
from workbench.audits.sheet import installed, origin
from workbench.core import digests
from workbench.datasets import Dataset
from workbench.models.records import ModelVersion

#: Their release may change a number.
_LIBRARIES = (
    "adversarial-robustness-toolbox",
    "evidently",
    "fairlearn",
    "lightgbm",
    "mapie",
    "numpy",
    "onnxruntime",
    "pandas",
    "pandera",
    "scikit-learn",
    "scipy",
    "shap",
    "xgboost-cpu",
)
_ROOMS = ("audits", "datasets", "models", "stats")
"""Rooms of this package whose code decides what an audit finds."""


def key_of(audit: Audit, subject: Subject, model: ModelVersion | None, champion: ModelVersion | None) -> str:
    """Return the digest of everything ``audit`` rests on.

    Args:
        audit: with its options.
        subject: as this audit sees it (``Subject.seen_by``).
        model: the registered version; an unregistered model has no digest, so nothing can be recalled.
        champion: the version behind ``subject.champion``.

    Returns:
        The digest; empty when something it rests on cannot be named, and so must be measured.
    """
    code = code_of(type(audit))
    if model is None or not code:
        return ""
    return digests.of_json(
        {
            "audit": audit.name,
            "options": options_of(audit),
            "content": getattr(audit, "content", str)(),
            "code": code,
            "libraries": {name: installed(name) for name in _LIBRARIES},
            "model": model.digest,
            "champion": champion.digest if champion and subject.champion else "",
            "data": _content(subject.data),
            "reference": None if subject.reference is None else _content(subject.reference),
            "seed": subject.seed,
        }
    )


def _content(data: Dataset) -> dict[str, Any]:
    roles = (data.target, *data.sensitive, str(data.positive), data.task, data.prediction, data.score)
    return {"roles": roles, "rows": len(data), "columns": data.column_digests}


@cache
def code_of(audit: type) -> str:
    """Return the digest of the code that makes the numbers; empty when it cannot be read.

    For an audit of this package its version and the files of the rooms below; for any other the file it is
    written in, or in a notebook the text of its class, and its distribution's version.
    """
    package = Path(__file__).parents[1]
    try:
        file = Path(inspect.getfile(audit))
        ours = file.is_relative_to(package)
        text = "" if ours else file.read_text("utf-8") if file.is_file() else inspect.getsource(audit)
    except (OSError, TypeError):
        return ""
    versions = [installed(name) for name in ("model-workbench", *origin(audit))]
    return digests.of_json([versions, _files(package), text])


@cache
def _files(package: Path) -> list[str]:
    found = sorted(file for room in _ROOMS for file in (package / room).rglob("*.py"))
    return [digests.of_bytes(file.read_bytes()) for file in found]
