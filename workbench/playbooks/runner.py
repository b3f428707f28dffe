"""Run a playbook with papermill and read what it showed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from workbench.audits.records import Report
from workbench.core import tokens
from workbench.core.clock import Clock
from workbench.core.records import Record
from workbench.core.settings import Settings
from workbench.core.values import Outcome
from workbench.gates.records import Verdict
from workbench.playbooks.library import literal, playbook
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

    Whatever ends it, a cell that raises or a kernel that dies, ends in a run with the outcome ``error``.

    Raises:
        InvalidInput: no such playbook, or parameters it does not declare.
    """
    import papermill
    from nbclient.exceptions import CellControlSignal
    from papermill.exceptions import PapermillException, PapermillExecutionError
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
                literal(book.path),
                literal(output),
                parameters=checked,
                cwd=str(settings.root),
                kernel_name="python3",
                progress_bar=False,
                config=Config({"KernelManager": {"transport_encryption": "auto"}}),
            )
        except PapermillExecutionError as raised:
            error = f"{raised.ename}: {raised.evalue}".strip()
        except (PapermillException, CellControlSignal, RuntimeError) as raised:
            # A kernel that dies is a RuntimeError, under a name of its own only once it had started.
            error = f"{type(raised).__name__}: {next(iter(str(raised).splitlines()), '')}"
    (verdict, unread), (report, unread_report) = _shown(output, Verdict), _shown(output, Report)
    error = error or unread or unread_report
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


def _shown(notebook: Path, record: type[R]) -> tuple[R | None, str]:
    """The last record of a kind among the outputs of a notebook, and why it cannot be read."""
    import nbformat

    if not notebook.is_file():  # it ended before there was one
        return None, ""
    mime = f"application/vnd.workbench.{record.view}+json"
    cells = nbformat.read(notebook, as_version=4).cells  # type: ignore[no-untyped-call]
    bodies = [output.get("data", {}).get(mime) for cell in cells for output in cell.get("outputs", ())]
    last = next((body for body in reversed(bodies) if body is not None), None)
    try:
        return None if last is None else record.model_validate(last), ""
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "record"
        told = " ".join(f"{place}: {first['msg']}".split())
        return None, f"The {record.view} it showed last cannot be read: {told}."
