"""What an audit's options must keep to, refused in one wording."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from workbench.core.errors import InvalidInput


def refusal(audit: Any, option: str, must: str, remedy: str) -> InvalidInput:
    """Build the error for an option of ``audit``: ``fairness: depth must be at least 1.``."""
    return InvalidInput(f"{audit.name}: {option} must {must}.", remedy=remedy, field=option)


def require_at_least(audit: Any, **least: float) -> None:
    """Refuse an option below its least value.

    Raises:
        InvalidInput: names the first such option.
    """
    for option, smallest in least.items():
        if not getattr(audit, option) >= smallest:
            raise refusal(audit, option, f"be at least {smallest:g}", _usual(audit, option))


def require_between(audit: Any, low: float, high: float, *options: str) -> None:
    """Refuse an option that does not lie between ``low`` and ``high``, both excluded; None is left alone.

    Raises:
        InvalidInput: names the first such option.
    """
    for option in options:
        value = getattr(audit, option)
        if value is not None and not low < value < high:
            raise refusal(audit, option, f"lie between {low:g} and {high:g}", _usual(audit, option))


def require_positive(audit: Any, *options: str) -> None:
    """Refuse an option that is not a positive, finite number; None is left alone.

    Raises:
        InvalidInput: names the first such option.
    """
    for option in options:
        value = getattr(audit, option)
        if value is not None and not 0 < value < math.inf:
            raise refusal(audit, option, "be positive and finite", _usual(audit, option))


def require_one_direction(audit: Any, rising: Iterable[str], falling: Iterable[str]) -> None:
    """Refuse a column that may only rise and only fall.

    Raises:
        InvalidInput: names the first such column.
    """
    if both := set(rising) & set(falling):
        raise refusal(
            audit, "rising", f"name no column of falling, as {min(both)!r}", "Name it in immutable instead."
        )


def _usual(audit: Any, option: str) -> str:
    default = getattr(type(audit), option)
    return "Leave it out, or give such a number." if default is None else f"The default is {default:g}."
