"""What audits there are and what each can be told, read from where it is written: fields and docstrings.

Command-line help, forms and documentation are made from this, so an option is described in one place.
"""

from __future__ import annotations

import dataclasses
import json
import re
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter

from workbench.core import plugins
from workbench.core.records import Record


class Option(Record):
    """One option of an audit."""

    name: str
    type: str
    """As Python writes it: ``int``, ``tuple[str, ...] | None``."""
    default: Any = None
    help: str = ""
    input: Literal["integer", "number", "switch", "choice", "text", "list", ""] = ""
    """What a form asks it with; empty when it is more than a form should ask, and is written in YAML."""
    choices: tuple[str, ...] = ()
    """Of a choice."""


class AuditHelp(Record):
    """One audit and its options."""

    name: str
    summary: str
    """One line."""
    help: str
    """What it measures and what to know about it, in paragraphs."""
    options: tuple[Option, ...] = ()
    json_schema: dict[str, Any] = {}
    """JSON schema of the options, with defaults and descriptions: what a form is made from."""

    def __str__(self) -> str:
        """The help as text, as the command line prints it."""
        lines = [f"{self.name}: {self.summary}", *(["", self.help] if self.help else [])]
        for option in self.options:
            lines += ["", f"  {option.name}: {option.type} = {json.dumps(option.default)}"]
            lines += [f"      {option.help}"] if option.help else []
        return "\n".join(lines)


def catalogue() -> list[AuditHelp]:
    """Return every audit there is, built-ins first."""
    return [describe(name) for name in plugins.table("audits")]


@cache
def describe(name: str) -> AuditHelp:
    """Return one audit's help.

    Raises:
        InvalidInput: no audit of that name, with the nearest match.
    """
    plugin = plugins.load("audits", name)
    helps = _attribute_docs(plugin)
    schema = TypeAdapter(plugin).json_schema()
    for option, text in helps.items():
        if option in schema.get("properties", {}):
            schema["properties"][option]["description"] = text
    defaults = TypeAdapter(plugin).dump_python(plugin(), mode="json")
    summary, _, more = (plugin.__doc__ or name).strip().partition("\n\n")
    return AuditHelp(
        name=name,
        summary=_flowing(summary),
        help=_flowing(more),
        options=tuple(
            Option(
                name=name,
                type=_words(kind),
                default=defaults[name],
                help=helps.get(name, ""),
                **_asked(schema["properties"][name]),
            )
            for name, kind in _types(plugin).items()
        ),
        json_schema=schema,
    )


_INPUTS = {"integer": "integer", "number": "number", "boolean": "switch", "string": "text"}


def _asked(schema: dict[str, Any]) -> dict[str, Any]:
    """What a form asks an option with, from its JSON schema; None is asked by leaving it empty."""
    said = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    if len(said) != 1:
        return {}
    [one] = said
    if "enum" in one:
        return {"input": "choice", "choices": tuple(map(str, one["enum"]))}
    if one.get("type") == "array" and one.get("items", {}).get("type") == "string":
        return {"input": "list"}
    return {"input": _INPUTS.get(one.get("type", ""), "")}


def _types(plugin: type) -> dict[str, Any]:
    hints = get_type_hints(plugin)
    return {f.name: hints[f.name] for f in dataclasses.fields(plugin)}


def _words(kind: Any) -> str:
    """A type as a person writes it: the values of a choice, ``int``, ``tuple[str, ...] | None``."""
    if get_origin(kind) is Literal:
        return " | ".join(json.dumps(value) for value in get_args(kind))
    if get_origin(kind) in (Union, UnionType):
        return " | ".join(_words(one) for one in get_args(kind))
    if kind is type(None):
        return "None"
    if get_origin(kind) is None:
        return str(getattr(kind, "__name__", kind))
    inside = ", ".join("..." if one is ... else _words(one) for one in get_args(kind))
    return f"{get_origin(kind).__name__}[{inside}]"


def _attribute_docs(plugin: type) -> dict[str, str]:
    """The docstrings under the fields."""
    from docstring_parser import parse_from_object

    params = parse_from_object(plugin).params
    return {p.arg_name: _flowing(p.description or "") for p in params}


def _flowing(text: str) -> str:
    """Paragraphs without the line breaks of the source, and names without their markup."""
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs).replace("``", "")
