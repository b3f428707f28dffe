"""What a command prints, and the code it exits with."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from typing import Annotated, Any, NoReturn

import typer

from workbench.core.errors import WorkbenchError
from workbench.core.records import Record, Shown
from workbench.core.values import EXIT_CODES, Outcome

#: Columns below which lines are not broken any shorter.
_NARROWEST = 40

#: ``--json`` on every command.
AsJson = Annotated[bool, typer.Option("--json", help="Print the record as JSON on standard output.")]


def show(record: Record | dict[str, Any] | list[Any], *, as_json: bool) -> None:
    """Print a record as JSON, or as text for a terminal."""
    if as_json:
        print(_json(record))
    elif isinstance(record, Shown):
        from workbench.views.text import plain

        print(_fitted(plain(record)))
    elif isinstance(record, Record):
        from workbench.views.formats import visible

        print(_fitted(visible(str(record))))


def _fitted(text: str) -> str:
    """Break long lines between words where a person reads at a terminal; what a pipe gets stays a line."""
    if not sys.stdout.isatty():
        return text
    width = max(_NARROWEST, shutil.get_terminal_size().columns)
    return "\n".join(_wrapped(line, width) for line in text.split("\n"))


def _wrapped(line: str, width: int) -> str:
    inside = " " * (len(line) - len(line.lstrip()) + 4)
    return textwrap.fill(
        line, width, subsequent_indent=inside, break_long_words=False, break_on_hyphens=False
    )


def _json(value: Any) -> str:
    if isinstance(value, Record):
        return value.to_json(indent=2)
    return json.dumps(value, indent=2, default=lambda v: v.model_dump(mode="json"))


def finish(outcome: Outcome | str) -> NoReturn:
    """Exit 0 on pass or measured, 1 on fail, 2 on inconclusive, 3 on error."""
    raise typer.Exit(EXIT_CODES[Outcome(outcome)])


def usage(error: Exception, *, as_json: bool) -> int:
    """Return the exit code of a command that was written wrongly; its text is on standard error already."""
    if as_json:
        message = str(getattr(error, "message", "") or error)
        body = {"error": message, "field": "", "remedy": "Try --help.", "type": "UsageError"}
        print(json.dumps(body))
    return EXIT_CODES[Outcome.ERROR]


def say(text: str) -> None:
    """A line for the person at the terminal: on standard error, so that ``--json`` stays JSON."""
    from workbench.views.formats import visible

    print(visible(text), file=sys.stderr)


def complain(error: WorkbenchError, *, as_json: bool) -> int:
    """Print what went wrong and what to do next; return the exit code of an error."""
    if as_json:
        body = {"error": error.message, "field": error.field, "remedy": error.remedy}
        print(json.dumps({**body, "type": type(error).__name__}))
    say(f"error: {error.message}")
    if error.remedy:
        say(f"  → {error.remedy}")
    return EXIT_CODES[Outcome.ERROR]
