"""A strict reading of JSON: what two readers could read differently is refused.

``json`` rather than ``orjson`` reads it, because ``orjson`` takes the last of duplicate keys and rounds
integers beyond 64 bits without a word. Numbers that are not finite pass here, and are refused by ``batch``
with the name of their column.
"""

from __future__ import annotations

import json
import re
from typing import Any

from workbench.gateway.problems import malformed, shown

#: Nothing that a model is asked needs more.
MOST_DEEP = 64

# Possessive, and the closing quote optional: linear in the length, whatever is sent.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def parse(body: bytes | memoryview) -> Any:
    """Return the JSON value in ``body``.

    Raises:
        Problem: 400 when it is no JSON, is nested deeper than 64, repeats a key, or is not valid UTF-8.
    """
    raw = bytes(body)
    if raw.count(b"[") + raw.count(b"{") > MOST_DEEP:
        _refuse_depth(raw)
    try:
        text = raw.decode()
        value = _DECODER.decode(text)
    except UnicodeDecodeError as error:
        raise malformed(f"The body is not valid UTF-8 at byte {error.start}.") from error
    except json.JSONDecodeError as error:
        raise malformed(f"The body is not valid JSON: {error.msg} at character {error.pos}.") from error
    except ValueError as error:  # an integer of thousands of digits
        raise malformed("The body holds a number that is too long.") from error
    if _SURROGATE.search(text):
        _refuse_lone_surrogates(value)
    return value


def optional_object(value: Any, name: str) -> dict[str, Any]:
    """Return an object that may be left out or null.

    Raises:
        Problem: 400, it is something else.
    """
    if value is not None and not isinstance(value, dict):
        raise malformed(f"{name} must be an object.")
    return value or {}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of key-value pairs, refusing a key that comes twice."""
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise malformed(f"The key {shown(twice)} comes twice in one object.")
    return made


_DECODER = json.JSONDecoder(object_pairs_hook=_once)


def _refuse_depth(raw: bytes) -> None:
    """Peel innermost brackets level by level; what is left after 64 peelings is too deep, or unbalanced."""
    brackets = _STRING.sub(b"", raw).translate(_ONE_KIND, _NO_BRACKETS)
    for _ in range(MOST_DEEP):
        peeled = brackets.replace(b"[]", b"")
        if len(peeled) == len(brackets):
            break
        brackets = peeled
    if brackets:
        raise malformed(f"The body is nested deeper than {MOST_DEEP}, or its brackets do not match.")


def _refuse_lone_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise malformed("The body holds half of a surrogate pair, which is no character.") from error
