"""modelscan as a trip-wire: where its command is installed it is asked, and what it finds stops a model.

That it finds nothing proves nothing. It calls a pickle clean that reaches ``os`` by ``pkgutil`` or that
configures logging, so a pass also needs every file to be in a format that is known. The command lives in an
environment of its own (``pipx install modelscan``): it asks for a ``rich`` that is older than ours.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from workbench.models.records import Scan
from workbench.models.workers import SEEN

_PATIENCE = 300.0

#: Exit codes of modelscan: nothing found, and no file that it reads.
_CLEAN = {0: "found nothing", 3: "reads none of these files"}

#: Endings by which modelscan knows a pickle. It never looks at the bytes.
_PICKLES = frozenset({".pkl", ".pickle", ".joblib", ".dill", ".dat", ".data"})


def ask(path: Path, scan: Scan) -> dict[str, Any]:
    """Return the fields of a scan that modelscan changes: none where it is not installed.

    Args:
        path: a private copy of a file or folder.
        scan: what it holds.
    """
    command = shutil.which("modelscan")
    if command is None or scan.verdict == "refused":
        return {}
    renamed = [file.path for file in scan.files if file.format == "pickle" and _hides(file.path)]
    found = _asked(command, path)
    if not renamed or "verdict" in found:
        return found
    with tempfile.TemporaryDirectory(dir=path.parent, prefix="pickles-") as home:
        for number, name in enumerate(renamed):
            shutil.copy(path / name, Path(home) / f"{number}.pkl")
        return _asked(command, Path(home))


def _hides(name: str) -> bool:
    return Path(name).suffix.lower() not in _PICKLES


def _asked(command: str, path: Path) -> dict[str, Any]:
    seen = {name: os.environ[name] for name in SEEN if name in os.environ}
    try:
        done = subprocess.run(  # noqa: S603 - the command is found on the PATH of who runs this
            [command, "-p", str(path)],
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
            env=seen,
            cwd=path.parent,  # it obeys a file of settings where it stands
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"verdict": "refused", "tripwire": f"modelscan did not finish: {type(error).__name__}"}
    if done.returncode in _CLEAN:
        return {"tripwire": f"modelscan {_CLEAN[done.returncode]}"}
    if done.returncode == 1:
        return {"verdict": "refused", "tripwire": "modelscan found code that does harm"}
    return {"verdict": "refused", "tripwire": f"modelscan failed with exit code {done.returncode}"}
