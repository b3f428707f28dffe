"""How far an audit has come: a bar for a person at a terminal, a line for a log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from workbench.interfaces.cli.output import say

if TYPE_CHECKING:
    from workbench.audits import Step
    from workbench.audits.runner import Progress


@contextmanager
def steps() -> Iterator[Progress]:
    """Show steps on standard error while the block runs, so that ``--json`` stays JSON."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines()
        return
    with _bar(console) as show:
        yield show


def _lines() -> Progress:
    """One line an audit: when it starts or, side by side, where only the end is told, when it is done."""
    begun: set[str] = set()

    def show(step: Step) -> None:
        if step.state == "started":
            begun.add(step.audit)
            say(f"[{step.done + 1}/{step.total}] {step.audit}{_left(step)}")
        elif step.state == "recalled":
            say(f"[{step.done}/{step.total}] {step.audit}: known already")
        elif step.audit not in begun:
            say(f"[{step.done}/{step.total}] {step.audit}: done{_left(step)}")

    return show


@contextmanager
def _bar(console: object) -> Iterator[Progress]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

    columns = (SpinnerColumn(), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as bar:  # type: ignore[arg-type]
        task = bar.add_task("", total=None)

        def show(step: Step) -> None:
            bar.update(task, completed=step.done, total=step.total, description=f"{step.audit}{_left(step)}")

        yield show


def _left(step: Step) -> str:
    enough = step.seconds_left is not None and step.seconds_left >= 1
    return f", about {step.seconds_left:.0f} s left" if enough else ""
