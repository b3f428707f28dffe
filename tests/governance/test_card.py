from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from workbench.audits.memory import entry_of
from workbench.audits.records import Evidence, Measurement, Report
from workbench.core.values import Outcome
from workbench.gates import Approvals, Findings, PolicyBook, judge, load_policy, verdict_event
from workbench.gates.streams import Look
from workbench.governance import ModelCard, assemble_card
from workbench.journal import Event, Journal
from workbench.journal.signers import SeedSigner
from workbench.models import waivers
from workbench.models.records import Lineage, ModelVersion

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
PEOPLE = {"grace": ["model-risk"]}


class MinuteClock:
    """A minute a look."""

    def __init__(self) -> None:
        self._now = START

    def now(self) -> datetime:
        self._now += timedelta(minutes=1)
        return self._now

    def monotonic(self) -> float:
        return self._now.timestamp()


@pytest.fixture
def clock() -> MinuteClock:
    return MinuteClock()


@pytest.fixture
def journal(tmp_path: Path, clock: MinuteClock):
    with Journal.open(tmp_path / "journal.db", actor="ada", clock=clock) as journal:
        yield journal


def model_version(number: int) -> ModelVersion:
    return ModelVersion(
        name="lending",
        version=number,
        digest=f"sha256:{number:064d}",
        run_id="r",
        flavor="sklearn",
        format="skops",
        task="classification",
        target="default",
        columns=(),
        author="ada",
        created=START,
        lineage=Lineage(data_digest="sha256:d", data_rows=10, python="3.11", packages={}),
    )


def report(version: ModelVersion, value: float, started: datetime) -> Report:
    evidence = Evidence(
        audit="performance",
        outcome=Outcome.MEASURED,
        model_digest=version.digest,
        data_digest="sha256:d",
        measurements=(Measurement(metric="roc_auc_score", value=value, low=value, high=value, n=900),),
        started=started,
        seconds=0.1,
    )
    return Report(
        title="Audit",
        subject=version.ref,
        task="classification",
        target="default",
        data_digest="sha256:d",
        rows=900,
        evidence=(evidence,),
        created=started,
    )


def walk(journal: Journal, clock: MinuteClock, version: ModelVersion) -> list[Report]:
    """Register, audit twice, judge, approve; and the version before is registered and judged as well."""
    policy = load_policy(
        {
            "name": "quick",
            "rules": [{"audit": "performance", "metric": "roc_auc_score", "at_least": 0.7}],
            "approvals": {"model-risk": 1},
        }
    )
    for one in (model_version(version.version - 1), version):
        journal.append("model/lending", Event(kind="model.registered", payload=json.loads(one.to_json())))
    journal.append(
        "model/lending", Event(kind="model.alias", payload={"alias": "candidate", "version": version.version})
    )
    reports = [report(version, 0.6, clock.now()), report(version, 0.8, clock.now())]
    for one in reports:
        audited(journal, one)
    approvals = Approvals(journal, people=PEOPLE, listed={}, clock=clock)
    approvals.say(
        version,
        policy,
        decision="approve",
        by="grace",
        note="Checked by hand.",
        signer=SeedSigner("grace", bytes(32)),
        data=["sha256:d"],
    )
    evidence = [e for r in reports for e in r.evidence]
    standing = approvals.standing(version, policy, ["sha256:d"])
    PolicyBook(journal).use(policy)
    journal.append(
        f"gate/{version.ref}", verdict_event(judge(policy, version, evidence, standing, clock.now()))
    )
    return reports


def audited(journal: Journal, made: Report) -> None:
    payload = {"rows": 1900, "audits": {"performance": "measured"}, "outcome": "measured", **entry_of(made)}
    journal.append(f"evidence/{made.subject}", Event(kind="audit.finished", payload=payload))


def card_of(journal: Journal, clock: MinuteClock, version: ModelVersion, reports=()) -> ModelCard:
    look = Look(clock.now(), PEOPLE)
    return assemble_card(version, journal.entries(), reports=reports, look=look)


def test_a_card_says_what_was_found_who_said_yes_and_what_happened(journal, clock):
    version = model_version(2)
    reports = walk(journal, clock, version)
    card = card_of(journal, clock, version, reports)
    assert card.model == version
    assert [e.measurements[0].value for e in card.evidence] == [0.8]
    assert card.verdict.outcome is Outcome.PASS
    assert card.verdict.releasable
    assert card.freshness.stale == ()
    assert [(a.by, a.role) for a in card.approvals] == [("grace", "model-risk")]
    assert [line.what for line in card.history] == [
        "registered lending/2 (00000000)",
        "moved the alias candidate to version 2",
        "audited it on 1,900 rows: performance (measured)",
        "audited it on 1,900 rows: performance (measured)",
        "approved it as model-risk: Checked by hand.",
        "judged it by policy quick: pass. All that policy quick asks holds (1 checked).",
    ]
    assert card.releases == card.incidents == ()
    assert ModelCard.from_json(card.to_json()) == card


def test_a_card_names_the_root_of_the_journal_it_rests_on(journal, clock):
    version = model_version(2)
    walk(journal, clock, version)
    card = card_of(journal, clock, version)
    assert (card.journal_size, card.journal_root) == (journal.verify().size, journal.root())


def test_what_only_a_person_can_say_is_open_until_somebody_does(journal, clock):
    card = card_of(journal, clock, model_version(2))
    assert [s.title for s in card.statements] == ["Intended use", "Limitations", "People affected"]
    assert {s.text for s in card.statements} == {"not stated"}
    assert card.verdict is None
    assert card.history == ()


def test_what_holds_no_longer_stands_on_the_card_with_the_command_that_renews_it(journal, clock):
    version = model_version(2)
    reports = walk(journal, clock, version)
    audited(journal, report(version, 0.9, clock.now()))
    (stale,) = card_of(journal, clock, version, reports).freshness.stale
    assert (stale.kind, stale.why) == ("verdict", "lending/2 was audited again after it was judged.")
    assert stale.renew == "workbench gate lending/2 --policy quick"


def test_findings_waivers_and_what_was_taken_back_are_on_the_card(journal, clock):
    version = model_version(2)
    walk(journal, clock, version)
    Findings(journal, clock).open(version, "Ages above 90 are years of birth.", severity="high", by="joan")
    waivers.give(
        journal, clock, kind="pickle", model="lending", reason="Bought.", until="2030-01-31", by="joan"
    )
    approvals = Approvals(journal, people=PEOPLE, listed={}, clock=clock)
    approvals.revoke(
        version,
        "approval/lending/2#0",
        by="grace",
        note="The data was wrong.",
        signer=SeedSigner("grace", bytes(32)),
    )
    card = card_of(journal, clock, version)
    assert [f.title for f in card.findings] == ["Ages above 90 are years of birth."]
    assert [w.reason for w in card.waivers] == ["Bought."]
    assert card.approvals == ()
    assert [lapse.why for lapse in card.lapsed] == ["was taken back by grace: The data was wrong."]
    told = [line.what for line in card.history]
    assert "found (high): Ages above 90 are years of birth." in told
    assert "took approval/lending/2#0 back: The data was wrong." in told


def test_facts_about_other_bytes_are_not_on_the_card(journal, clock):
    version = model_version(2)
    reports = walk(journal, clock, version)
    rebuilt = version.model_copy(update={"digest": "sha256:" + "9" * 64})
    card = card_of(journal, clock, rebuilt, reports)
    assert card.evidence == card.approvals == ()
    assert card.verdict is None
