"""modelscan as a trip-wire: where its command is installed it is asked, and what it finds stops a model.

That it finds nothing proves nothing. It calls a pickle clean that reaches ``os`` by ``importlib`` or
``pkgutil``, so a pass also needs every file to be in a format that is known. The command lives in an
environment of its own (``pipx install modelscan``): it asks for a ``rich`` that is older than ours.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from workbench.models.records import ScanVerdict

_PATIENCE = 300.0

#: Exit codes of modelscan: nothing found, and no file that it reads.
_CLEAN = {0: "found nothing", 3: "reads none of these files"}


def ask(path: Path, verdict: ScanVerdict) -> dict[str, Any]:
    """Return the fields of a scan that modelscan changes: none where it is not installed.

    Args:
        path: a private copy of a file or folder.
        verdict: what the scan says without it.
    """
    command = shutil.which("modelscan")
    if command is None or verdict == "refused":
        return {}
    try:
        done = subprocess.run(  # noqa: S603 - the command is found on the PATH of who runs this
            [command, "-p", str(path)], capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"verdict": "refused", "tripwire": f"modelscan did not finish: {type(error).__name__}"}
    if done.returncode in _CLEAN:
        return {"tripwire": f"modelscan {_CLEAN[done.returncode]}"}
    if done.returncode == 1:
        return {"verdict": "refused", "tripwire": "modelscan found code that does harm"}
    return {"verdict": "refused", "tripwire": f"modelscan failed with exit code {done.returncode}"}
