"""What a target column says about the task: classification or regression, the classes, the positive one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from workbench.core.errors import InvalidInput, nearest

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Task = Literal["classification", "regression"]

#: A numeric target of whole numbers with more distinct values than this is read as a quantity.
MOST_NUMERIC_CLASSES = 20

#: Words for the positive of two classes, in lower case. The other word may be anything.
_YES = frozenset({"1", "1.0", "true", "yes", "y", "t", "positive", "pos"})


def read_task(target: pd.Series) -> Task:
    """Classification for text, categories, booleans and few whole numbers; regression otherwise."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    if is_bool_dtype(target.dtype) or not is_numeric_dtype(target.dtype):
        return "classification"
    distinct = target.dropna().unique()
    few = len(distinct) <= MOST_NUMERIC_CLASSES
    return "classification" if few and all(float(v).is_integer() for v in distinct) else "regression"


def classes_of(values: np.ndarray) -> tuple[Any, ...]:
    """Return the distinct labels, sorted, as plain Python values."""
    import pandas as pd

    distinct = [v.item() if hasattr(v, "item") else v for v in pd.unique(values)]
    kinds = {type(v) for v in distinct}
    if len(kinds) > 1 and kinds & {str}:
        raise InvalidInput(
            "target: it mixes text and numbers.", remedy="Make every label the same type.", field="target"
        )
    return tuple(sorted(distinct))


def read_positive(classes: tuple[Any, ...], given: Any) -> tuple[Any, str]:
    """Return the positive label of a classification target, and a note when it was not obvious.

    The convention: what was given; else the one of two classes that says yes (1, True, "yes", "true",
    "positive" …); else the greater of two in sort order, which the note says. More than two have none.

    Raises:
        InvalidInput: ``given`` is not among the classes, or there are more than two.
    """
    if given is not None:
        return _checked(classes, given), ""
    if len(classes) != 2:
        return None, ""
    yes = [label for label in classes if str(label).lower() in _YES]
    if len(yes) == 1:
        return yes[0], ""
    return classes[1], (
        f"The positive label was taken to be {classes[1]!r}, the greater of {classes[0]!r} "
        f"and {classes[1]!r}; positive= says otherwise."
    )


def _checked(classes: tuple[Any, ...], given: Any) -> Any:
    given = given.item() if hasattr(given, "item") else given
    if given not in classes:
        raise InvalidInput(
            f"positive: {given!r} is not a value of the target.",
            remedy=nearest(given, classes),
            field="positive",
        )
    if len(classes) != 2:
        raise InvalidInput(
            f"positive: the target has {len(classes)} classes.",
            remedy="Leave positive out: it is for two classes.",
            field="positive",
        )
    return classes[classes.index(given)]  # True and 1 are equal: keep the target's own
