"""One row, and the answer wanted for it, as somebody types them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.core.errors import InvalidInput

if TYPE_CHECKING:
    from workbench.models.records import ModelVersion


def read_row(text: str) -> dict[str, Any] | int:
    """Return a JSON object, the one in a file of that name, or a place in the data.

    Raises:
        InvalidInput: none of these.
    """
    if text.strip().isdecimal():
        return int(text)
    if not text.lstrip().startswith(("{", "[")):
        text = _read(Path(text).expanduser())
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        told = error if isinstance(error, ValueError) else "nested too deep"
        raise InvalidInput(f"row: no JSON: {told}.", remedy=_FORM, field="row") from error
    if not isinstance(row, dict):
        raise InvalidInput("row: no JSON object.", remedy=_FORM, field="row")
    return row


def read_wanted(text: str, version: ModelVersion) -> Any:
    """Return the label that is written so, or ``(low, high)`` of a regression.

    What no label is written like is passed on as it stands: the room refuses it with the nearest one.
    """
    if version.task == "regression":
        return tuple(text.split(","))
    return next((label for label in version.classes if str(label) == text), text)


_FORM = "Give an object of columns and values, such as '{\"age\": 40}', or a file that holds one."


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, ValueError) as error:  # no such file, a folder, no text; a name that no file can have
        raise InvalidInput(
            f"row: file {path.name[:80]!r} cannot be read.", remedy=_FORM, field="row"
        ) from error
