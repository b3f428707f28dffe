"""A framework is a way a model becomes files and comes back: XGBoost, a plain function.

``base.py`` is the contract, one framework per file beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from workbench.core import plugins
from workbench.core.errors import InvalidInput
from workbench.models.frameworks.base import Framework

__all__ = ["Framework", "framework", "framework_for", "read"]


def framework(name: str) -> Framework:
    """Return a framework by the name that records keep as ``flavor``."""
    made: Framework = plugins.load("frameworks", name)()
    return made


def read(name: str, folder: Path, trusted: Iterable[str] = ()) -> Any:
    """Return the model in a folder that a framework wrote.

    Args:
        name: of the framework.
        folder: a private copy, checked.
        trusted: types in its skops files that the project let through; who reads none is not told of any.
    """
    made: Any = framework(name)
    types = frozenset(trusted)
    return made.load(folder, types) if types else made.load(folder)


def framework_for(model: Any) -> Framework:
    """Return the first framework that handles ``model``: installed plug-ins first, they know their own best.

    Raises:
        InvalidInput: none does.
    """
    built_in = plugins.BUILT_IN["frameworks"]
    names = sorted(plugins.table("frameworks"), key=lambda name: name in built_in)  # stable: keeps the order
    for name in names:
        if (candidate := framework(name)).handles(model):
            return candidate
    raise InvalidInput(
        f"model: no framework here can save a {type(model).__name__}.",
        remedy="Give a fitted estimator, a function of a DataFrame, or an MLflow URI.",
        field="model",
    )
