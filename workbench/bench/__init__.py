"""The bench: opens a project folder. Every door calls the methods of ``Workbench``, made of these files."""

from __future__ import annotations

from pathlib import Path

from workbench.bench.answering import Answering
from workbench.bench.auditing import Auditing
from workbench.bench.deciding import Deciding
from workbench.bench.proving import Proving
from workbench.bench.releasing import Releasing
from workbench.core import project


def open(path: str | Path = ".", *, actor: str | None = None) -> Workbench:
    """Open the project at ``path``, making it where there is none. Nothing has to be started.

    Args:
        path: the project folder; ``"."`` finds the nearest parent that is a project.
        actor: who acts, as written into the journal. Default: ``workbench.toml``, then the login name. Where
            the project asks JupyterHub or a provider who acts, another name than theirs is refused.

    Example:
        >>> bench = wb.open()  # doctest: +SKIP
    """
    return Workbench(project.open_settings(path, actor=actor))


class Workbench(Auditing, Deciding, Releasing, Answering, Proving):
    """An open project: everything that is done in it, by whichever door."""
