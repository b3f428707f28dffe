"""``python -I -m workbench.models.worker``: opens one model where it can do little harm, and answers.

Started by ``workers``. Standard input and output carry ``frames``; what the model prints goes nowhere.
"""

from __future__ import annotations

import contextlib
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.models import frames, sandbox

if TYPE_CHECKING:
    import pandas as pd


def main() -> None:
    """Confine this process, open the model that the first message names, and answer until input ends."""
    source, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # a model that prints must not write into the answers
        os.dup2(silence, stream)
    order, _ = frames.receive(source)
    home, model_at = Path(order["home"]), Path(order["path"])
    held = sandbox.confine(memory=order["memory"], seconds=order["seconds"], home=home, readable=model_at)
    frames.send(answers, held)  # before any of the model runs, which could say something else
    try:
        model = _open(order)
        frames.send(answers, _described(model))
    except BaseException as error:  # noqa: BLE001 - whatever a model raises is told, and the process ends
        frames.send(answers, _failure(error))
        return
    while True:
        try:
            question, content = frames.receive(source)
        except EOFError:
            return
        try:
            frames.send(answers, *_answered(model, question, content, order))
        except Exception as error:  # noqa: BLE001 - as above; the next rows may be answered
            frames.send(answers, _failure(error))


def _open(order: dict[str, Any]) -> Any:
    _first_time_work()
    sandbox.refuse_sockets_and_processes()
    from workbench.models.frameworks import read
    from workbench.models.intake import Foreign
    from workbench.models.records import Scan

    if "flavor" in order:
        return read(order["flavor"], Path(order["path"]), order["trusted"])
    return Foreign(order["name"], Path(order["path"]), Scan.from_json(order["scan"])).open()


def _first_time_work() -> None:
    """Do now what MLflow's import would do later, when the hook no longer lets it."""
    platform.processor()  # starts a process
    with contextlib.suppress(ImportError):
        import urllib3.util.connection  # noqa: F401 - binds a socket


def _described(model: Any) -> dict[str, Any]:
    from workbench.models.adapters import own_task
    from workbench.models.checks import plain_classes
    from workbench.models.frameworks import framework_for
    from workbench.models.lineage import parameters_of

    names = getattr(model, "feature_names_in_", None)
    width = getattr(model, "n_features_in_", None)
    classes = getattr(model, "classes_", None)
    return {
        "name": str(getattr(model, "__name__", type(model).__name__)),
        "estimator": hasattr(model, "predict"),
        "probabilities": hasattr(model, "predict_proba"),
        "task": own_task(model),
        "classes": None if classes is None else list(plain_classes(classes)),
        "columns": None if names is None else [str(name) for name in names],
        "width": None if width is None else int(width),
        "packages": framework_for(model).packages(model),
        "parameters": parameters_of(model),
    }


def _answered(
    model: Any, question: dict[str, Any], content: bytes, order: dict[str, Any]
) -> tuple[dict[str, Any], bytes]:
    import numpy as np

    method = question.get("method")
    if method == "save":
        return _saved(model, Path(order["home"]) / "saved", order["trusted"]), b""
    if method not in {"predict", "predict_proba", "__call__"}:
        raise ValueError("a question that nobody asks")
    rows: pd.DataFrame = frames.table_of(content).to_pandas()
    given = rows.to_numpy() if question.get("array") else rows
    return frames.answers_to_bytes(np.asarray(getattr(model, method)(given)))


def _saved(model: Any, folder: Path, trusted: list[str]) -> dict[str, Any]:
    """Write the model with the framework that suits it: where that is data, no pickle need be kept."""
    from workbench.models.frameworks import framework_for
    from workbench.models.frameworks.base import Saving
    from workbench.models.frameworks.sklearn import Sklearn, types_for_skops
    from workbench.models.mlflow_session import quiet

    framework = framework_for(model)
    if isinstance(framework, Sklearn) and types_for_skops(model, trusted) is None:
        raise ValueError("a model that skops cannot keep")  # a pickle again: there is one already
    with quiet():
        framework.save(model, folder, Saving(requirements=("numpy",), trusted=frozenset(trusted)))
    return {"flavor": framework.name}


def _failure(error: BaseException) -> dict[str, Any]:
    return {"error": type(error).__name__, "message": str(error)[:500]}


if __name__ == "__main__":
    main()
