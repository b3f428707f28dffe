"""TypeScript types of the records that a browser draws, made from their JSON schemas.

``python -m workbench.interfaces.lab.schema extensions/ui/src/records.ts`` writes the file; a test holds that
the committed one is up to date, so neither side can change a record alone.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from workbench.audits.catalogue import AuditHelp
from workbench.audits.explanation_records import Decision
from workbench.audits.records import Report
from workbench.gates.difference import Difference
from workbench.gates.freshness import Freshness
from workbench.gates.records import Approval, Finding, Revocation, Verdict
from workbench.gates.requests import ApprovalRequest
from workbench.governance.card import ModelCard
from workbench.incidents.records import BisectReport, Incident, ReplayReport
from workbench.interfaces.lab.matter import Matter
from workbench.models.records import ModelVersion
from workbench.releases.forecast_records import Forecast
from workbench.releases.records import Release
from workbench.views.overview import Overview

RECORDS: tuple[type[BaseModel], ...] = (
    Approval,
    ApprovalRequest,
    AuditHelp,
    BisectReport,
    Decision,
    Difference,
    Finding,
    Forecast,
    Freshness,
    Incident,
    Matter,
    ModelCard,
    ModelVersion,
    Overview,
    Release,
    ReplayReport,
    Report,
    Revocation,
    Verdict,
)

_HEADER = """\
// Made from the records in workbench/*/records.py; do not edit.
// python -m workbench.interfaces.lab.schema extensions/ui/src/records.ts
"""

_NAMES = {"string": "string", "number": "number", "integer": "number", "boolean": "boolean", "null": "null"}


def typescript() -> str:
    """Return the text of ``records.ts``: an interface or union for each record and each of its parts."""
    _, schema = models_json_schema([(record, "serialization") for record in RECORDS])
    definitions: dict[str, Any] = schema["$defs"]
    return _HEADER + "".join(f"\n{_declaration(name, definitions[name])}" for name in sorted(definitions))


def _declaration(name: str, schema: dict[str, Any]) -> str:
    text = _comment(schema.get("description", ""), "")
    if "properties" not in schema:
        return f"{text}export type {name} = {_type(schema)};\n"
    fields = "".join(
        f"{_comment(field.get('description', ''), '  ')}  {key}: {_type(field)};\n"
        for key, field in schema["properties"].items()
    )
    return f"{text}export interface {name} {{\n{fields}}}\n"


def _comment(text: str, indent: str) -> str:
    first = text.split("\n\n", 1)[0].replace("\n", " ").replace("*/", "* /")
    return f"{indent}/** {first} */\n" if first else ""


def _type(schema: dict[str, Any]) -> str:
    """Return the TypeScript for one JSON schema. What no schema describes is ``unknown``, never ``any``."""
    match schema:
        case {"$ref": reference}:
            text = str(reference).rsplit("/", 1)[1]
        case {"anyOf": parts}:
            text = " | ".join(_type(part) for part in parts)
        case {"const": value}:
            text = f"'{value}'"
        case {"enum": values}:
            text = " | ".join(f"'{value}'" for value in values)
        case {"prefixItems": parts}:
            text = f"[{', '.join(_type(part) for part in parts)}]"
        case {"type": "array"}:
            text = f"Array<{_type(schema.get('items', {}))}>"
        case {"type": "object"}:
            text = f"Record<string, {_type(_values(schema))}>"
        case _:
            text = _NAMES.get(str(schema.get("type")), "unknown")
    return text


def _values(schema: dict[str, Any]) -> dict[str, Any]:
    values = schema.get("additionalProperties", {})
    return values if isinstance(values, dict) else {}


def main(arguments: list[str]) -> None:
    """Write the file named by the only argument."""
    Path(arguments[0]).write_text(typescript(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
