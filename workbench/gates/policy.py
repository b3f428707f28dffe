"""Policies: rules on measurements, written in YAML and reviewed like code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from workbench.core.digests import of_json
from workbench.core.documents import Documents
from workbench.core.records import Record

Limit = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Count = Annotated[int, Field(strict=True, ge=1)]
Name = Annotated[str, Field(min_length=1)]


class Rule(Record):
    """One thing that must hold: a bound on a measurement, or an audit's own outcome."""

    audit: Name
    metric: str = ""
    """As the audit names it. Empty for a rule on the whole audit."""
    slice: str = ""
    """Exact, or a pattern where ``*`` stands for anything and every match must hold. Empty: overall."""
    bound: Literal["estimate", "lower", "upper"] | None = None
    """The end of the interval that is compared. None: the cautious one, lower for ``at_least``."""
    at_least: Limit | None = None
    at_most: Limit | None = None
    outcome: Literal["pass"] | None = None
    """Ask for the audit's own outcome instead of a number."""
    because: str = ""
    """Why this is asked, for whoever meets it."""

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        asked = [key for key in ("at_least", "at_most", "outcome") if getattr(self, key) is not None]
        if len(asked) != 1:
            raise ValueError(f"give one of at_least, at_most or outcome, not {' and '.join(asked) or 'none'}")
        if self.outcome is None and not self.metric:
            raise ValueError(f"{asked[0]} needs a metric")
        if self.outcome is not None and (self.metric or self.slice or self.bound):
            raise ValueError("outcome is asked of the whole audit: leave out metric, slice and bound")
        return self

    @property
    def direction(self) -> Literal["at_least", "at_most"]:
        """Which side of the limit is the good one."""
        return "at_least" if self.at_least is not None else "at_most"

    @property
    def limit(self) -> float | None:
        """The number compared with; None for a rule on an outcome."""
        return self.at_least if self.at_least is not None else self.at_most

    @property
    def cautious(self) -> Literal["lower", "upper"]:
        """The end of the interval that must be on the good side to prove that the limit holds."""
        return "lower" if self.direction == "at_least" else "upper"

    @property
    def end(self) -> Literal["estimate", "lower", "upper"]:
        """Which end of the interval is compared."""
        return self.bound or self.cautious

    def covers(self, slice: str) -> bool:
        """Return True when the rule is about this slice."""
        pattern = ".*".join(re.escape(part) for part in self.slice.split("*"))
        return re.fullmatch(pattern, slice, re.DOTALL) is not None


class Policy(Record):
    """What a version must show, and who must say yes, before it may be released."""

    name: Name
    description: str = ""
    rules: tuple[Rule, ...] = ()
    """All must hold. Without any, nothing passes."""
    required_audits: tuple[Name, ...] = ()
    """Audits whose evidence must be there and not be an error, whether or not a rule reads it."""
    approvals: dict[Name, Count] = {}
    """How many people of each role must approve."""

    @cached_property
    def digest(self) -> str:
        """Digest of what the policy says; comments and the order of keys do not count.

        Defaults are left out, so that an option added to the language later leaves today's digests alone.
        """
        return of_json(self.model_dump(mode="json", exclude_defaults=True))


#: Policies as files, and those that come with the package.
POLICIES = Documents("policy", Policy, "workbench.gates", "policies")


def load_policy(source: str | Path | Mapping[str, Any] | Policy) -> Policy:
    """Read a policy.

    Args:
        source: the path of a YAML file, the name of a built-in policy (``default``), or what such a file
            would hold.

    Raises:
        InvalidInput: not YAML, a key unknown or given twice, a value of the wrong kind: names the key.
        NotFound: there is no such file.
    """
    return POLICIES.read(source)
