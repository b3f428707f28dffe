"""How far an audit has come, in the cell that runs it; gone when it has finished.

One output that is replaced, not a widget: a notebook opened without its kernel shows nothing of it.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.audits import Step
    from workbench.audits.runner import Progress


def in_notebook() -> Progress | None:
    """Return what shows the steps of a run in the current cell; None where there is no notebook."""
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    shell = get_ipython()
    return _Cell() if hasattr(shell, "kernel") else None


class _Cell:
    """One output of a cell."""

    def __init__(self) -> None:
        self._handle: Any = None

    def __call__(self, step: Step) -> None:
        from IPython.display import display

        if self._handle is None:
            self._handle = display(bundle(step), raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(bundle(step), raw=True)


def bundle(step: Step) -> dict[str, str]:
    """Return a step as text and as HTML; after the last one, as nothing."""
    if step.done == step.total:
        return {"text/plain": "", "text/html": ""}
    left = f", about {step.seconds_left:.0f} s left" if step.seconds_left and step.seconds_left >= 1 else ""
    said = f"{step.audit} ({step.done} of {step.total} done{left})"
    bar = f'<progress max="{step.total}" value="{step.done}" aria-hidden="true"></progress>'
    return {"text/plain": said, "text/html": f'<div role="status">{bar} {escape(said)}</div>'}
