"""Where playbooks are found: the project's own folder first, then those that come with the package."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from workbench.core.errors import unknown

_PACKAGE = Path(__file__).parents[1]

#: Installed from a wheel they lie inside the package; in a checkout, at its top.
_SHIPPED = (_PACKAGE / "playbooks" / "shipped", _PACKAGE.parent / "playbooks")


def literal(path: Path) -> str:
    """Return a path for papermill, which would fill in what stands between braces."""
    return str(path).replace("{", "{{").replace("}", "}}")


@dataclass(frozen=True)
class Playbook:
    """One notebook that can be run with parameters."""

    name: str
    path: Path

    @cached_property
    def declared(self) -> dict[str, dict[str, Any]]:
        """What papermill reads from the ``parameters`` cell: name, type, default and help of each."""
        import papermill

        return dict(papermill.inspect_notebook(literal(self.path)))

    @property
    def parameters(self) -> dict[str, str]:
        """Defaults by name, as written in the notebook."""
        return {name: str(found["default"]) for name, found in self.declared.items()}


def playbooks(root: Path) -> list[Playbook]:
    """List the playbooks a project can run, sorted by name. A project's own one hides a shipped one."""
    found: dict[str, Playbook] = {}
    for folder in (*reversed(_SHIPPED), root / "playbooks"):
        for path in sorted(folder.glob("*.ipynb")):
            found[path.stem] = Playbook(path.stem, path)
    return [found[name] for name in sorted(found)]


def playbook(name: str, root: Path) -> Playbook:
    """Return one playbook by name.

    Raises:
        InvalidInput: there is none, with the nearest name.
    """
    known = {book.name: book for book in playbooks(root)}
    if name not in known:
        raise unknown("playbook", "playbook", name, known)
    return known[name]
