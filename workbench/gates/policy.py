"""Policies: rules on measurements, written in YAML and reviewed like code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from workbench.core.digests import of_json
from workbench.core.documents import Documents
from workbench.core.records import Record
from workbench.gates.records import Severity

Limit = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Count = Annotated[int, Field(strict=True, ge=1)]
Allowed = Annotated[int, Field(strict=True, ge=0)]
Name = Annotated[str, Field(min_length=1)]


class Rule(Record):
    """One thing that must hold: a bound on a measurement, an audit's own outcome, or a group of such."""

    audit: str = ""
    metric: str = ""
    """As the audit names it. Empty for a rule on the whole audit."""
    slice: str = ""
    """Exact, or a pattern where ``*`` stands for anything and every match must hold. Empty: overall."""
    bound: Literal["estimate", "lower", "upper"] | None = None
    """The end of the interval that is compared. None: the cautious one, lower for ``at_least``."""
    at_least: Limit | None = None
    at_most: Limit | None = None
    than: Literal["champion", "baseline"] | None = None
    """Compare with another's figure: the limit is then on the difference, this version's less the other's.
    The baseline is the constant answer of the audit ``performance`` (``against=dummy``)."""
    without_champion: Literal["inconclusive", "pass"] = "inconclusive"
    """What a rule ``than: champion`` says while there is no champion."""
    outcome: Literal["pass"] | None = None
    """Ask for the audit's own outcome instead of a number."""
    any: tuple[Rule, ...] = ()
    """A group of which one must hold, instead of all of the above."""
    all: tuple[Rule, ...] = ()
    """A group of which each must hold: of use within ``any``."""
    because: str = ""
    """Why this is asked, for whoever meets it."""

    @property
    def group(self) -> tuple[Rule, ...]:
        """The rules of a group; none for a rule on one audit."""
        return self.any or self.all

    def leaves(self) -> Iterator[Rule]:
        """Yield the rule itself, or every rule on one audit in its group."""
        if not self.group:
            yield self
        for rule in self.group:
            yield from rule.leaves()

    @model_validator(mode="after")
    def _is_a_rule_or_a_group(self) -> Self:
        if "any" in self.model_fields_set or "all" in self.model_fields_set:
            self._require_group()
        else:
            self._require_one_thing()
        return self

    def _require_group(self) -> None:
        others = sorted(self.model_fields_set - {"any", "all", "because"})
        if (self.any and self.all) or others:
            told = " and ".join(others) if others else "any and all"
            raise ValueError(f"a group has any or all, and because, and nothing beside: not {told}")
        if len(self.group) < 2:
            raise ValueError("a group needs two rules at least")

    def _require_one_thing(self) -> None:
        if not self.audit:
            raise ValueError("name the audit, or a group by any or all")
        asked = [key for key in ("at_least", "at_most", "outcome") if getattr(self, key) is not None]
        if len(asked) != 1:
            raise ValueError(f"give one of at_least, at_most or outcome, not {' and '.join(asked) or 'none'}")
        if self.outcome is None and not self.metric:
            raise ValueError(f"{asked[0]} needs a metric")
        if self.outcome is not None and (self.metric or self.slice or self.bound):
            raise ValueError("outcome is asked of the whole audit: leave out metric, slice and bound")
        if self.outcome is not None and self.than:
            raise ValueError("than compares numbers: give at_least or at_most")
        if self.than != "champion" and "without_champion" in self.model_fields_set:
            raise ValueError("without_champion belongs to than: champion")

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
    max_age_days: dict[Name, Count] = {}
    """Greatest age of the evidence of an audit; ``*`` for every audit that is not named."""
    max_open_findings: dict[Severity, Allowed] = {}
    """How many findings of a severity may be open; one whose acceptance has run out is open again."""
    approvals: dict[Name, Count] = {}
    """How many people of each role must approve."""
    approval_days: Count = 90
    """How long an approval holds."""
    same_person_may_fill_roles: bool = Field(default=False, strict=True)
    """True: somebody with several roles counts in each of them. By default a person counts once."""

    @property
    def asked_audits(self) -> set[str]:
        """Names of the audits that the policy reads."""
        return {leaf.audit for rule in self.rules for leaf in rule.leaves()} | set(self.required_audits)

    @property
    def compares(self) -> bool:
        """True when a rule asks for the champion, whose evidence must then be read."""
        return any(leaf.than == "champion" for rule in self.rules for leaf in rule.leaves())

    def oldest(self, audit: str) -> int | None:
        """Return the greatest age of evidence in days; None where any will do."""
        return self.max_age_days.get(audit, self.max_age_days.get("*"))

    @cached_property
    def digest(self) -> str:
        """Digest of what the policy says; comments and the order of keys do not count.

        Defaults are left out, so that an option added to the language later leaves today's digests alone.
        """
        return of_json(self.model_dump(mode="json", exclude_defaults=True))


#: Policies as files, and those that come with the package.
POLICIES = Documents("policy", Policy, "workbench.gates", "policies")


def load_policy(source: str | Path | Mapping[str, Any] | Policy, among: Sequence[str] = ()) -> Policy:
    """Read a policy.

    Args:
        source: the path of a YAML file, the name of a built-in policy (``default``), or what such a file
            would hold.
        among: further names there are, told to whoever gives an unknown one.

    Raises:
        InvalidInput: not YAML, a key unknown or given twice, a value of the wrong kind: names the key.
        NotFound: there is no such file.
    """
    return POLICIES.read(source, among)
