"""Which labels fit: those that the model of the endpoint could have been asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import isfinite
from typing import Any, NamedTuple

from workbench.core.errors import InvalidInput, nearest
from workbench.models.records import ModelVersion


class Known(NamedTuple):
    """A captured request, as far as its labels need it."""

    endpoint: str
    version: int
    rows: int


class Targets:
    """Holds labels against what the models here predict.

    Args:
        find: the model of ``name/version``; None where nobody knows it.
        endpoints: those that have traffic: the label of a request that is not there yet must fit one of them.
    """

    def __init__(self, find: Callable[[str], ModelVersion | None], endpoints: Iterable[str]) -> None:
        self._find = find
        self._endpoints = list(endpoints)
        self._models: dict[str, ModelVersion | None] = {}

    def fitting(self, value: Any, row: int, known: Known | None) -> Any:
        """Return the label as the model writes it.

        Args:
            value: the label.
            row: whose, from 0.
            known: the request; None when it is not there (yet).

        Raises:
            InvalidInput: it does not fit, or the request has no such row.
        """
        value = _plain(value)
        if known is not None and row >= known.rows:
            raise InvalidInput(
                f"row: there is no row {row}: the request has {known.rows}.",
                remedy="Rows are counted from 0.",
                field="row",
            )
        if known is not None:
            return self._of(value, [f"{known.endpoint}/{known.version}"])
        return self._of(value, self._endpoints)

    def _of(self, value: Any, refs: list[str]) -> Any:
        models = [model for model in map(self._model, refs) if model is not None]
        for model in models:
            if (fit := _fit(value, model)) is not None:
                return fit
        if not models:  # there is nothing to hold it against
            return value
        raise _refusal(value, models[0])

    def _model(self, ref: str) -> ModelVersion | None:
        if ref not in self._models:
            self._models[ref] = self._find(ref)
        return self._models[ref]


def _plain(value: Any) -> Any:
    """A label as plain Python: numpy's own types unpacked, whatever is no label refused."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, str | bool) or (isinstance(value, int | float) and _is_finite(value)):
        return value
    raise InvalidInput(
        f"label: {str(value)[:60]!r} is no label.",
        remedy="Give text, a number, or true or false.",
        field="label",
    )


def _is_finite(value: float) -> bool:
    try:
        return isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False


def _fit(value: Any, model: ModelVersion) -> Any:
    if model.task == "regression":
        return float(value) if _kind(value) is float else None
    return next((label for label in model.classes if _kind(label) is _kind(value) and label == value), None)


def _kind(value: Any) -> type:
    """What is told apart: True is not 1, and "1" neither; 1.0 is."""
    return float if type(value) in (int, float) else type(value)


def _refusal(value: Any, model: ModelVersion) -> InvalidInput:
    if model.task == "regression":
        what, remedy = "is no number", f"{model.ref} predicts numbers."
    else:
        what, remedy = "is none of its labels", nearest(str(value), map(str, model.classes))
    return InvalidInput(
        f"label: {model.ref} predicts {model.target!r}, and {str(value)[:60]!r} {what}.",
        remedy=remedy,
        field="label",
    )
