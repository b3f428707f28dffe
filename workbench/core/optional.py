"""Optional packages come in where they are used, and the message names the extra to install."""

from __future__ import annotations

import importlib
from types import ModuleType

from workbench.core.errors import MissingDependency


def require(module: str, *, extra: str) -> ModuleType:
    """Import ``module`` or say how to get it.

    Raises:
        MissingDependency: the package is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingDependency(
            f"{module} is not installed.",
            remedy=f"Run: pip install 'model-workbench[{extra}]'",
            field=module,
        ) from error
