"""``python -I -m workbench.models.worker``: opens one model where it can do little harm, and answers.

Started by ``isolation``. Standard input and output carry ``frames``; what the model prints goes nowhere.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.models import frames, sandbox

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def main() -> None:
    """Confine this process, open the model that the first message names, and answer until input ends."""
    source, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # a model that prints must not write into the answers
        os.dup2(silence, stream)
    order, _ = frames.receive(source)
    held = sandbox.confine(memory=order["memory"], seconds=order["seconds"], home=Path(order["home"]))
    frames.send(answers, held)  # before any of the model runs, which could say something else
    try:
        model = _open(order)
        frames.send(answers, _described(model))
    except BaseException as error:  # noqa: BLE001 - whatever a model raises is told, and the process ends
        frames.send(answers, _failure(error))
        return
    while True:
        try:
            question, table = frames.receive(source)
        except EOFError:
            return
        try:
            frames.send(answers, {}, _answer(model, question, table))
        except Exception as error:  # noqa: BLE001 - as above; the next rows may be answered
            frames.send(answers, _failure(error))


def _open(order: dict[str, Any]) -> Any:
    from workbench.models.frameworks import framework
    from workbench.models.intake import Foreign
    from workbench.models.mlflow_session import quiet
    from workbench.models.records import Scan

    with quiet():  # brings MLflow in before the hook, which its import would trip
        sandbox.refuse_sockets_and_processes()
        if "flavor" in order:
            return framework(order["flavor"]).load(Path(order["path"]))
        return Foreign(order["name"], Path(order["path"]), Scan.from_json(order["scan"])).open()


def _described(model: Any) -> dict[str, Any]:
    from workbench.models.adapters import own_task
    from workbench.models.checks import plain_classes

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
    }


def _answer(model: Any, question: dict[str, Any], table: pa.Table | None) -> pa.Table:
    import numpy as np
    import pyarrow as pa

    if table is None:
        raise ValueError("a question without rows")
    rows: pd.DataFrame = table.to_pandas()
    given = rows.to_numpy() if question.get("array") else rows
    method = question.get("method")
    if method not in {"predict", "predict_proba", "__call__"}:
        raise ValueError("a question that nobody asks")
    answers = np.asarray(getattr(model, method)(given))
    if answers.ndim == 1:
        answers = answers.reshape(-1, 1)
    return pa.table({str(i): pa.array(answers[:, i].tolist()) for i in range(answers.shape[1])})


def _failure(error: BaseException) -> dict[str, Any]:
    return {"error": type(error).__name__, "message": str(error)[:500]}


if __name__ == "__main__":
    main()
