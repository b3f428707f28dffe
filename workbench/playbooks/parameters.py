"""Parameters are code to a notebook: only JSON values pass, only declared names, only the declared type."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from workbench.core.errors import InvalidInput, unknown
from workbench.playbooks.library import Playbook

_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "list": (list,),
    "dict": (dict,),
}


def parse_parameters(given: Iterable[str]) -> dict[str, Any]:
    """Read ``name=value`` pairs; a value is JSON where it parses as JSON, else text.

    Raises:
        InvalidInput: a pair has no ``=``.
    """
    parameters: dict[str, Any] = {}
    for pair in given:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise InvalidInput(
                f"parameter: {pair!r} has no value.", remedy="Write -p name=value.", field="parameter"
            )
        parameters[name] = _value(text)
    return parameters


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def check(book: Playbook, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Hold parameters against what the notebook declares. A number is accepted where text is declared.

    Raises:
        InvalidInput: a name is not declared, or a value has another type.
    """
    return {name: _checked(book, name, value) for name, value in parameters.items()}


def _checked(book: Playbook, name: str, value: Any) -> Any:
    if name not in book.declared:
        raise unknown("parameter", f"parameter of {book.name}", name, book.declared)
    wanted = str(book.declared[name]["inferred_type_name"])
    # bool is an int to Python, not to a person.
    is_bool = isinstance(value, bool)
    if wanted == "str" and isinstance(value, int | float) and not is_bool:
        return str(value)
    if wanted in _TYPES and not (isinstance(value, _TYPES[wanted]) and is_bool == (wanted == "bool")):
        raise InvalidInput(
            f"parameter: {name} is declared as {wanted}, {value!r} is {type(value).__name__}.",
            remedy=f"Default: {book.parameters[name]}.",
            field=name,
        )
    return value
