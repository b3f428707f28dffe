"""Model Workbench: take a model from a notebook to production, and answer for it.

The package is one loop, and each room is one step of it:

    register → audit → gate → release → observe → replay → (audit …)

``wb.audit(model, data, target=...)`` needs no set-up; ``wb.open()`` opens a project that remembers.
Importing this package loads nothing heavy: names below come in when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from workbench.core.version import __version__

if TYPE_CHECKING:
    from workbench.auditing import audit
    from workbench.bench import Workbench, open
    from workbench.core.errors import WorkbenchError

_LAZY = {
    "Workbench": "workbench.bench",
    "audit": "workbench.auditing",
    "open": "workbench.bench",
    "WorkbenchError": "workbench.core.errors",
}

__all__ = ["Workbench", "WorkbenchError", "__version__", "audit", "open"]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'workbench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
