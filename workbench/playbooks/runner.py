"""Run a playbook with papermill and read what it showed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from workbench.audits.records import Report
from workbench.core import tokens
from workbench.core.clock import Clock
from workbench.core.records import Record
from workbench.core.settings import Settings
from workbench.core.values import Outcome
from workbench.gates.records import Verdict
from workbench.playbooks.library import playbook
from workbench.playbooks.parameters import check

R = TypeVar("R", Verdict, Report)

#: Names of variables that a notebook's kernel must not see: tokens end up in output notebooks.
_SECRET_WORDS = ("TOKEN", "SECRET", "PASSWORD", "API_KEY")


class PlaybookRun(Record):
    """What one run left behind."""

    name: str
    outcome: Outcome
    reason: str
    """The verdict's reason, or the error in one line."""
    notebook: str
    """The executed notebook, whatever the outcome."""
    report: str = ""
    """A self-contained HTML page, when the notebook showed a report."""
    seconds: float


def run_playbook(name: str, parameters: dict[str, Any], *, settings: Settings, clock: Clock) -> PlaybookRun:
    """Execute a playbook in its own kernel, in the project folder.

    Raises:
        InvalidInput: no such playbook, or parameters it does not declare.
    """
    import papermill
    from papermill.exceptions import PapermillExecutionError
    from traitlets.config import Config

    book = playbook(name, settings.root)
    checked = check(book, parameters)
    started, begun = clock.now(), clock.monotonic()
    folder = settings.state / "runs" / f"{started:%Y%m%dT%H%M%S%f}-{name}"
    folder.mkdir(parents=True)
    output = folder / f"{name}.ipynb"
    error = ""
    with _kernel_environment(settings):
        try:
            papermill.execute_notebook(
                str(book.path),
                str(output),
                parameters=checked,
                cwd=str(settings.root),
                kernel_name="python3",
                progress_bar=False,
                config=Config({"KernelManager": {"transport_encryption": "auto"}}),
            )
        except PapermillExecutionError as raised:
            error = f"{raised.ename}: {raised.evalue}".strip()
    verdict, report = _shown(output, Verdict), _shown(output, Report)
    return PlaybookRun(
        name=name,
        outcome=Outcome.ERROR if error or verdict is None else verdict.outcome,
        reason=error or (verdict.reason if verdict else "The playbook showed no verdict."),
        notebook=str(output),
        report=str(report.to_html(folder / "report.html")) if report else "",
        seconds=clock.monotonic() - begun,
    )


@contextmanager
def _kernel_environment(settings: Settings) -> Iterator[None]:
    """While the kernel runs, hide secrets and say who acts; afterwards the environment is as it was."""
    before = dict(os.environ)
    with tokens.lent(settings) as proof:
        for name in before:
            if any(word in name.upper() for word in _SECRET_WORDS):
                del os.environ[name]
        os.environ.update(proof, WORKBENCH_ACTOR=settings.actor)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def _shown(notebook: Path, record: type[R]) -> R | None:
    """The last record of a kind among the outputs of a notebook."""
    import nbformat

    mime = f"application/vnd.workbench.{record.view}+json"
    found = None
    for cell in nbformat.read(notebook, as_version=4).cells:  # type: ignore[no-untyped-call]
        for output in cell.get("outputs", ()):
            body = output.get("data", {}).get(mime)
            found = record.model_validate(body) if body is not None else found
    return found
