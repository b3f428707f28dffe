"""The routing tables that the gateway took, against the releases that the journal tells of. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

from workbench.gateway.record import Served
from workbench.releases.reconciliation import sentences
from workbench.releases.reconciliation.order import Told, unexplained
from workbench.releases.reconciliation.records import InForce, Seen
from workbench.releases.reconciliation.shown import Table
from workbench.releases.reconciliation.told import champions_by_alias


class Tables:
    """Finds the tables that the journal does not explain, and says what it lacks.

    Args:
        seen: of one endpoint.
        told: what the journal tells, in its order.
        tables: in the order they were taken.
    """

    def __init__(self, seen: Seen, told: Sequence[Told[InForce]], tables: Sequence[Table]) -> None:
        self._seen = seen
        self._told = told
        self._tables = tables
        self._reigned: dict[Served | None, int] = {}
        """Where each champion was it for the first time."""
        for place, table in enumerate(tables):
            self._reigned.setdefault(table.who.champion, place)
        judged = [place for place, table in enumerate(tables) if not table.again]
        happened = [(tables[place].since, place) for place in judged]
        self._strange = {judged[i] for i in unexplained(happened, told, self._agree)}
        self.last_is_strange = bool(judged) and judged[-1] in self._strange
        """What was in force at the end is not explained."""

    def problems(self) -> Iterator[str]:
        """One sentence for each thing that is not explained, not one for each table that goes on with it."""
        said: set[Hashable] = set()
        for place, table in enumerate(self._tables):
            if place not in self._strange:
                said = said if table.again else set()
                continue
            for key, sentence in self._differences(place, table):
                if key not in said:
                    said.add(key)
                    yield sentence

    def _agree(self, place: int, told: InForce) -> bool:
        who = self._tables[place].who
        return who.champion == told.champion and who.tries_alike(told) and self._may_stand_by(place, told)

    def _may_stand_by(self, place: int, told: InForce) -> bool:
        """One that was champion before has been judged as that."""
        standby = self._tables[place].who.standby
        return standby in (None, told.standby) or self._reigned.get(standby, place) < place

    def _differences(self, place: int, table: Table) -> Iterator[tuple[Hashable, str]]:
        now = next((told for told in reversed(self._told) if told.since <= table.since), None)
        says, stage = (now.what, now.stage) if now else (InForce(None), "")
        found = [*self._champion(table, says), *self._tried(table, says, stage)]
        standby = table.who.standby
        if standby and not self._may_stand_by(place, says):
            found.append((("standby", standby), sentences.standby(self._seen.endpoint, table, standby)))
        yield from found or [(("disorder", table.version), sentences.disorder(self._seen.endpoint, table))]

    def _champion(self, table: Table, says: InForce) -> Iterator[tuple[Hashable, str]]:
        champion = table.who.champion
        if champion is not None and champion != says.champion:
            because = self._lacking(table, champion, says.champion)
            yield ("champion", champion), sentences.champion(self._seen.endpoint, table, champion, because)

    def _tried(self, table: Table, says: InForce, stage: str) -> Iterator[tuple[Hashable, str]]:
        who, endpoint = table.who, self._seen.endpoint
        if who.candidate and not (who.candidate == says.candidate and who.tries_alike(says)):
            yield (
                ("candidate", who.candidate, who.share),
                sentences.candidate(endpoint, table, who.candidate, stage),
            )
        if who.shadow and who.shadow != says.shadow:
            yield ("shadow", who.shadow), sentences.shadow(endpoint, table, who.shadow, stage)
        if says.tried and not who.tried and says.tried != who.champion:
            yield ("absent", says.tried), sentences.absent(endpoint, table, says.tried, stage)

    def _lacking(self, table: Table, champion: Served, instead: Served | None) -> str:
        """What the journal lacks, for this champion to be explained."""
        reigns = [told for told in self._told if told.what.champion == champion]
        if instead and any(told.since <= table.since for told in reigns):
            return f"the journal has no rollback of {sentences.version(instead)}"
        if reigns:
            return f"the journal has its promotion only at {sentences.moment(reigns[0].since)}"
        if any(t.what.champion and t.what.champion.ref == champion.ref for t in self._told):
            return "the journal has a promotion of that name with other bytes"
        return f"the journal has no promotion of it{self._alias_alone(champion)}"

    def _alias_alone(self, champion: Served) -> str:
        for entry, served in champions_by_alias(self._seen.endpoint, self._seen.model):
            if served == champion and self._seen.releases:
                when = sentences.moment(entry.time)
                return (
                    f", only the alias champion, which {entry.actor} set at {when} and which moves no traffic"
                )
        return ""
