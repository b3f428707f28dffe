"""JupyterLab: the server extension behind the panel, and the built front end it serves.

It reads and never writes: what changes a project is Python that a person sees in a notebook cell.
"""

from __future__ import annotations

from typing import Any


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "model-workbench"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from workbench.interfaces.lab.app import WorkbenchApp

    return [{"module": "workbench.interfaces.lab", "app": WorkbenchApp}]
