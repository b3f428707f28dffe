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


class Typed(str):
    """What somebody typed as a value; what it means depends on what is declared."""

    __slots__ = ()

    def read(self, *, as_text: bool) -> Any:
        """Return it as JSON where it parses as JSON, else as text.

        Args:
            as_text: of JSON take text alone: a version ``1.10`` is not the number 1.1.
        """
        try:
            value = json.loads(self)
        except (ValueError, RecursionError):
            return str(self)
        return str(self) if as_text and not isinstance(value, str) else value


def parse_parameters(given: Iterable[str]) -> dict[str, Typed]:
    """Read ``name=value`` pairs. ``check`` makes values of them.

    Raises:
        InvalidInput: a pair has no ``=``.
    """
    parameters: dict[str, Typed] = {}
    for pair in given:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise InvalidInput(
                f"parameter: {pair!r} has no value.", remedy="Write -p name=value.", field="parameter"
            )
        parameters[name] = Typed(text)
    return parameters


def check(book: Playbook, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Hold parameters against what the notebook declares. A number is accepted where text is declared.

    What was typed stays as it was typed where text is declared, and is JSON elsewhere.

    Raises:
        InvalidInput: a name is not declared, or a value has another type.
    """
    return {name: _checked(book, name, value) for name, value in parameters.items()}


def _checked(book: Playbook, name: str, value: Any) -> Any:
    if name not in book.declared:
        raise unknown("parameter", f"parameter of {book.name}", name, book.declared)
    wanted = str(book.declared[name]["inferred_type_name"])
    if isinstance(value, Typed):
        value = value.read(as_text=wanted == "str")
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
