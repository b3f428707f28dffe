"""Registering what came as files: a worker opens it first, and of a pickle nothing is ever opened here.

Data is opened here too, once a worker has opened it and answered rows with it: what takes all memory, never
ends or takes its process down does so there. A pickle is written down again as data where its framework can;
where none can, its bytes are kept as they came, and a worker answers for them.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.core.errors import WorkbenchError
from workbench.datasets import Dataset
from workbench.models.candidates import Candidate, examine
from workbench.models.copying import NotPlain, copy_tree
from workbench.models.frameworks import framework_for, read
from workbench.models.intake import Foreign
from workbench.models.isolation import Remote, remote_of
from workbench.models.predictors import predictor_of
from workbench.models.scan import scan_tree

#: Frameworks whose files are data, so that what a worker wrote may be opened here after a scan.
_OF_DATA = frozenset({"sklearn", "xgboost", "lightgbm", "onnx"})


def examine_foreign(foreign: Foreign, data: Dataset, *, root: Path) -> Candidate:
    """Check a model that came as files against its training data, without writing anything.

    Args:
        foreign: scanned, and if it is a program, waived.
        data: what it was trained on.
        root: the project folder.

    Returns:
        The candidate: the model itself where it is data, otherwise a worker that stands for it.

    Raises:
        InvalidInput: as ``examine``, or a worker could not open it.
        Unavailable: it ended its worker, or took more than that is given.
    """
    remote = remote_of(foreign)
    with ExitStack() as done:
        done.callback(remote.close)
        candidate = examine(remote, data, root=root)
        model = foreign.open() if foreign.scan.verdict == "data" else _as_data(remote, foreign)
        if model is not None:
            return _here(candidate, model)
        done.pop_all()  # it goes on answering: nothing else may
    return candidate


def _here(candidate: Candidate, model: Any) -> Candidate:
    """Put the model in the place of the worker that stood for it, once both give the same answers."""
    columns = [column.name for column in candidate.columns]
    predictor = predictor_of(model, data=candidate.data, columns=columns)
    candidate.compare(predictor)
    answers = predictor.predict(candidate.rows)
    return replace(
        candidate, model=model, predictor=predictor, framework=framework_for(model), answers=answers
    )


def _as_data(remote: Remote, foreign: Foreign) -> Any:
    """Return the model as its framework writes it, when that is data; None when it is a program again."""
    if not hasattr(remote, "predict"):
        return None
    with tempfile.TemporaryDirectory(prefix="workbench-model-") as home:
        copy = Path(home) / "model"  # where the worker cannot write
        try:
            flavor, written = remote.save()
            scan = scan_tree(copy, copy_tree(written, copy), foreign.trusted)
        except (WorkbenchError, NotPlain, OSError):
            return None
        if scan.verdict != "data" or flavor not in _OF_DATA:
            return None
        try:
            return read(flavor, copy, scan.trusted_types)
        except WorkbenchError:
            raise
        except Exception:  # noqa: BLE001 - what a stranger's process wrote raises anything
            return None
