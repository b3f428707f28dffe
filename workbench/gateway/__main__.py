"""``python -m workbench.gateway PROJECT ENDPOINT``: the gateway alone, without the command line's imports."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from workbench.core.errors import WorkbenchError
from workbench.core.settings import load
from workbench.gateway.server import serve


def main() -> int:
    """Serve; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m workbench.gateway", description=__doc__)
    parser.add_argument("project", type=Path, help="the project folder")
    parser.add_argument("endpoint", help="the model's name")
    parser.add_argument("--host", help="address; default: the project's settings")
    parser.add_argument("--port", type=int, help="port, 0 picks a free one; default: the project's settings")
    given = parser.parse_args()
    try:
        settings = load(given.project.resolve())
        host = settings.gateway_host if given.host is None else given.host
        port = settings.gateway_port if given.port is None else given.port
        serve(settings, given.endpoint, host=host, port=port)
    except WorkbenchError as error:
        sys.stderr.write(f"{error}\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
