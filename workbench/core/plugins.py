"""The plug-in table: all that can be extended, on one screen. Built-ins are plug-ins without privileges.

A package outside this repository adds to a group by an entry point of the same form, for example
``[project.entry-points."workbench.audits"] shelf_life = "my_package.audits:ShelfLife"``. A name already taken
is refused.
"""

from __future__ import annotations

import importlib
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from workbench.core.errors import Conflict, unknown

BUILT_IN: dict[str, dict[str, str]] = {
    "audits": {
        "performance": "workbench.audits.performance:Performance",
        "fairness": "workbench.audits.fairness:Fairness",
        "mitigation": "workbench.audits.mitigation:Mitigation",
        "calibration": "workbench.audits.calibration:Calibration",
        "robustness": "workbench.audits.robustness:Robustness",
        "corruption": "workbench.audits.corruption:Corruption",
        "drift": "workbench.audits.drift:Drift",
        "data_quality": "workbench.audits.data_quality:DataQuality",
        "explainability": "workbench.audits.explainability:Explainability",
        "privacy": "workbench.audits.privacy:Privacy",
        "poisoning": "workbench.audits.poisoning:Poisoning",
        "efficiency": "workbench.audits.efficiency:Efficiency",
        "worth": "workbench.audits.worth:Worth",
        "behaviour": "workbench.audits.behaviour:Behaviour",
    },
    "frameworks": {
        "program": "workbench.models.frameworks.program:Program",
        "xgboost": "workbench.models.frameworks.xgboost:XGBoost",
        "lightgbm": "workbench.models.frameworks.lightgbm:LightGBM",
        "onnx": "workbench.models.frameworks.onnx:Onnx",
        "sklearn": "workbench.models.frameworks.sklearn:Sklearn",
        "function": "workbench.models.frameworks.function:Function",
        "mlflow": "workbench.models.frameworks.mlflow:MLflow",
    },
    "signers": {
        "file": "workbench.journal.keys:in_file",
        "keyring": "workbench.journal.keys:in_keyring",
    },
    "targets": {
        "local": "workbench.releases.targets.local:Local",
        "ray": "workbench.releases.targets.ray.target:Ray",
        "kubernetes": "workbench.releases.targets.kubernetes:Kubernetes",
    },
    "views": {
        "bundle": "workbench.views:bundle",
        "html_page": "workbench.views:html_page",
        "svg": "workbench.views.figures:svg",
        "text": "workbench.views.text:plain",
        "explore": "workbench.interfaces.widgets.explorer:explore",
        "progress": "workbench.interfaces.widgets.progress:in_notebook",
    },
}


@cache
def table(group: str) -> dict[str, str]:
    """Return ``name → module:attribute`` for one group, built-ins first, entry points after."""
    names = dict(BUILT_IN[group])
    for point in entry_points(group=f"workbench.{group}"):
        if point.name in names and names[point.name] != point.value:
            raise Conflict(
                f"{group}: the name {point.name!r} is taken by {names[point.name]}.",
                remedy=f"Rename or uninstall the plug-in {point.value}.",
                field=group,
            )
        names[point.name] = point.value
    return names


def load(group: str, name: str) -> Any:
    """Import and return one plug-in.

    Raises:
        InvalidInput: no plug-in of that name, with the nearest match.
    """
    names = table(group)
    if name not in names:
        raise unknown(group, group.rstrip("s"), name, names)
    module, _, attribute = names[name].partition(":")
    return getattr(importlib.import_module(module), attribute)
