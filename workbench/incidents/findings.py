"""What a bisection found, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from workbench.incidents.failures import Judged
from workbench.incidents.search import Search
from workbench.models.records import ModelVersion


@dataclass(frozen=True)
class Finding:
    """A finished search and what its trials said."""

    versions: Sequence[ModelVersion]
    search: Search
    judged: Mapping[int, Judged]
    failing: str
    """What a bad version does: ``raises on more than 1 % of the rows``."""
    rows: int

    @property
    def step(self) -> tuple[int, int] | None:
        """Positions of the last good and the first bad version."""
        return self.search.introductions[0] if self.search.introductions else None

    @property
    def between(self) -> list[int]:
        """Positions between the two, none of which can be tested."""
        return list(range(self.step[0] + 1, self.step[1])) if self.step else []

    @property
    def unsettled(self) -> list[int]:
        """Of the two, those whose interval includes the limit."""
        return [at for at in self.step or () if not self.judged[at].settled]

    @property
    def untestable(self) -> list[int]:
        """Positions that could not be tested."""
        return [at for at, result in self.search.results.items() if result == "untestable"]

    @property
    def conclusive(self) -> bool:
        """True when one version is to blame, and more rows would not change it."""
        return bool(self.step) and self.search.monotone and not self.between and not self.unsettled

    def ref(self, at: int) -> str:
        """The version at a position."""
        return self.versions[at].ref


def sentence(finding: Finding) -> str:
    """Return the finding in words, with what makes it uncertain and what to do next."""
    return " ".join(_introduced(finding) if finding.step else _not_introduced(finding))


def _introduced(found: Finding) -> Iterator[str]:
    assert found.step is not None  # noqa: S101 - the caller has looked
    good, bad = found.step
    if found.between:
        suspects = [*found.between, bad]
        yield (
            f"One of {_listed(found, suspects)} is the first version that {found.failing}: "
            f"{_listed(found, found.between)} could not be tested, {found.ref(good)} does not show it."
        )
    else:
        yield (
            f"{found.ref(bad)} is the first version that {found.failing} ({found.judged[bad].said}); "
            f"{found.ref(good)} does not ({found.judged[good].said})."
        )
    if not found.search.monotone:
        yield f"Not monotone: {_turns(found)}, so this is one of several answers."
    if not found.search.complete:
        yield f"{len(found.search.results)} of {found.search.n} versions were tried."
    if found.unsettled:
        yield (
            f"{found.rows:,} rows are too few to be sure: the limit lies within the interval of "
            f"{_listed(found, found.unsettled)}."
        )


def _not_introduced(found: Finding) -> Iterator[str]:
    results = {result for _, result in found.search.tested}
    oldest, newest = found.ref(0), found.ref(len(found.versions) - 1)
    if not results:
        yield f"No version from {oldest} to {newest} can be tested: {found.judged[0].reason}."
        yield "Restore the artifacts, or open an incident whose rows have the columns that the versions read."
        return
    if results == {"good"}:
        yield f"No version from {oldest} to {newest} that could be tested {found.failing}."
        yield "Give a lower limit or another reference by failure=, or another kind of failure."
    elif results == {"bad"}:
        yield f"Every version from {oldest} to {newest} that could be tested {found.failing}."
        yield "Compare with one known to be good by failure=Failure(kind='disagreement', reference=…)."
    else:
        yield f"No version introduced it: {_turns(found)}."
    if found.untestable:
        yield f"Not tested: {_listed(found, found.untestable)} ({found.judged[found.untestable[0]].reason})."


def _turns(found: Finding) -> str:
    """Where the row of versions changes its mind: ``m/1 does not show it, m/2 does, m/3 does not``."""
    tested = found.search.tested
    turns = [tested[0], *(after for before, after in pairwise(tested) if before[1] != after[1])]
    said = [f"{found.ref(at)} {'shows it' if result == 'bad' else 'does not'}" for at, result in turns]
    return ", ".join(said)


def _listed(found: Finding, places: Iterable[int]) -> str:
    return ", ".join(found.ref(at) for at in places)
