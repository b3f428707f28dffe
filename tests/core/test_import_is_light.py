"""``import workbench`` loads nothing heavy and takes under 0.2 s."""

from __future__ import annotations

import subprocess
import sys

HEAVY = (
    "pandas",
    "sklearn",
    "mlflow",
    "evidently",
    "art",
    "fairlearn",
    "panel",
    "torch",
    "numpy",
    "pydantic",
)


def _in_new_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_importing_workbench_loads_no_heavy_library():
    loaded = _in_new_process(
        f"import sys, workbench; print(sorted(set({HEAVY!r}) & {{m.partition('.')[0] for m in sys.modules}}))"
    )
    assert loaded == "[]"


def test_importing_workbench_takes_under_a_fifth_of_a_second():
    code = "import time; t = time.process_time(); import workbench; print(time.process_time() - t)"
    assert min(float(_in_new_process(code)) for _ in range(3)) < 0.2


def test_the_command_line_starts_without_the_heavy_libraries():
    heavy = tuple(name for name in HEAVY if name not in ("pydantic", "numpy"))
    loaded = _in_new_process(
        "import sys, workbench.interfaces.cli.main;"
        f"print(sorted(set({heavy!r}) & {{m.partition('.')[0] for m in sys.modules}}))"
    )
    assert loaded == "[]"


def test_an_unknown_name_says_so():
    out = _in_new_process("import workbench\ntry: workbench.nothing\nexcept AttributeError as e: print(e)")
    assert "nothing" in out
