"""The command ``workbench``: one sub-command for each step of the loop."""

from __future__ import annotations

import sys
import traceback

import typer

from workbench.core.errors import Unavailable, WorkbenchError
from workbench.interfaces.cli import (
    batch,
    compiling,
    decide,
    endpoints,
    identity,
    incidents,
    keys,
    models,
    origin,
    pack,
    policies,
    release,
    tools,
    traffic,
    trust,
)
from workbench.interfaces.cli.output import complain, say, usage

app = typer.Typer(
    name="workbench",
    help="Take a model from a notebook to production, and answer for it.\n\n"
    "register → audit → gate → approve → release → incident → replay → bisect",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
#: What a wrong option raises. Its usual exit code, 2, would read as "inconclusive" here.
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]

for module in (
    models,
    compiling,
    decide,
    endpoints,
    batch,
    policies,
    release,
    keys,
    traffic,
    incidents,
    origin,
    pack,
    tools,
    trust,
    identity,
):
    module.add_to(app)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code: 0 pass, 1 fail, 2 inconclusive, 3 error.

    Python's own exit code of an exception, 1, would read as "fail": whatever is raised ends in 3.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    as_json = "--json" in arguments
    try:
        return int(app(arguments, standalone_mode=False, prog_name="workbench") or 0)
    except WorkbenchError as error:
        return complain(error, as_json=as_json)
    except _UsageError as error:
        error.show()  # type: ignore[attr-defined]
        return usage(error, as_json=as_json)
    except OSError as error:
        return complain(_unavailable(error), as_json=as_json)
    except (typer.Abort, KeyboardInterrupt):
        say("stopped; what the journal has is kept")
        return 130
    except Exception as error:  # noqa: BLE001 - the last net: a scheduler must read "error", not "fail"
        traceback.print_exc()
        return complain(WorkbenchError(f"{type(error).__name__}: {error}"), as_json=as_json)


def _unavailable(error: OSError) -> WorkbenchError:
    """A file, folder or address that cannot be used, in our words."""
    where = f" {error.filename}" if error.filename else ""
    return Unavailable(
        f"{error.strerror or error}:{where}." if where else f"{error.strerror or error}.",
        remedy="Check that it is there, and that you may use it.",
        field="path" if where else "",
    )


if __name__ == "__main__":
    sys.exit(main())
