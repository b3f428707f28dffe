"""A framework is a way a model becomes files and comes back: XGBoost, a plain function.

``base.py`` is the contract, one framework per file beside it.
"""

from __future__ import annotations

from typing import Any

from workbench.core import plugins
from workbench.core.errors import InvalidInput
from workbench.models.frameworks.base import Framework

__all__ = ["Framework", "framework", "framework_for"]


def framework(name: str) -> Framework:
    """Return a framework by the name that records keep as ``flavor``."""
    made: Framework = plugins.load("frameworks", name)()
    return made


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
