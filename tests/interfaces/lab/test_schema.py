from __future__ import annotations

from pathlib import Path

from workbench.interfaces.lab import schema

COMMITTED = Path(__file__).parents[3] / "extensions" / "ui" / "src" / "records.ts"


def test_the_typescript_types_are_those_of_the_records():
    assert COMMITTED.read_text(encoding="utf-8") == schema.typescript(), (
        "run: python -m workbench.interfaces.lab.schema extensions/ui/src/records.ts"
    )
