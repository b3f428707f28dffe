"""The ways to name a version: ``name``, ``name/3``, ``name@champion``, or those after ``models:/``."""

from __future__ import annotations

import re
from typing import NamedTuple

from workbench.core.errors import InvalidInput

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_REF = re.compile(
    rf"(?:models:/)?(?P<name>{_NAME.pattern})(?:/(?P<version>[0-9]{{1,9}})|@(?P<alias>{_NAME.pattern}))?"
)


class Reference(NamedTuple):
    """A parsed reference; with neither version nor alias it means the latest."""

    name: str
    version: int | None = None
    alias: str | None = None


def parse(text: str) -> Reference:
    """Read a reference.

    Raises:
        InvalidInput: it has another form.
    """
    match = _REF.fullmatch(text)
    if match is None:
        raise InvalidInput(
            f"model: {_shown(text)} does not name a version.",
            remedy="Write name, name/3, name@champion or models:/name/3.",
            field="model",
        )
    version = match["version"]
    return Reference(match["name"], None if version is None else int(version), match["alias"])


def require_name(text: str, *, field: str = "name") -> str:
    """Return ``text`` when it can name a model or an alias.

    Names become journal streams, URIs and parts of paths, so nothing that means something there is allowed.

    Raises:
        InvalidInput: empty, longer than 100 characters, or with others than letters, digits and ``._-``.
    """
    if not isinstance(text, str) or _NAME.fullmatch(text) is None:
        raise InvalidInput(
            f"{field}: {_shown(text)} cannot be used.",
            remedy="Use up to 100 letters, digits, '.', '_' and '-', beginning with a letter or digit.",
            field=field,
        )
    return text


def _shown(text: object) -> str:
    return repr(text if not isinstance(text, str) or len(text) <= 60 else text[:60] + "…")
