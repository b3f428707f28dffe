from __future__ import annotations

from datetime import timedelta

import pytest

from workbench.core.errors import Conflict, InvalidInput, NotFound, Refused
from workbench.gates import Findings
from workbench.gates.findings import still_open


@pytest.fixture
def findings(journal, clock):
    return Findings(journal, clock)


@pytest.fixture
def found(findings, version):
    return findings.open(version, "Ages above 90 are years of birth.", severity="high", by="joan")


def test_a_finding_is_kept_with_who_found_it_in_which_version(findings, found, journal, make):
    assert (found.id, found.version, found.status) == ("finding/recidivism#0", "recidivism/3", "open")
    assert (found.by, found.time) == ("joan", make.now)
    assert findings.of("recidivism") == [found]
    assert [e.kind for e in journal.read("finding/recidivism")] == ["finding.opened"]
    assert str(found) == (
        "finding/recidivism#0 (high, open) in recidivism/3: Ages above 90 are years of birth."
    )


def test_whoever_accepts_a_finding_answers_for_it_until_a_day(findings, found, version, make):
    until = make.now.date() + timedelta(days=30)
    accepted = findings.accept(found.id, reason="Nobody is above 90.", until=until, by="grace", author="ada")
    assert (accepted.status, accepted.accepted_by, accepted.accepted_until) == ("accepted", "grace", until)
    assert still_open([accepted], version, make.now + timedelta(days=30)) == []
    assert still_open([accepted], version, make.now + timedelta(days=31)) == [accepted]


def test_the_author_of_the_version_cannot_accept_what_was_found_in_it(findings, found):
    with pytest.raises(Refused, match="Ada registered recidivism/3 and cannot accept") as caught:
        findings.accept(found.id, reason="Fine.", until="2027-01-31", by="Ada", author="ada")
    assert "Somebody else answers for it" in caught.value.remedy


def test_what_its_own_author_accepted_stands_against_a_version(findings, found, make):
    until = make.now.date() + timedelta(days=30)
    accepted = findings.accept(found.id, reason="Fine.", until=until, by="Grace", author="ada")
    own = make.version(version=4).model_copy(update={"author": "grace"})
    assert still_open([accepted], make.version(version=4), make.now) == []
    assert still_open([accepted], own, make.now) == [accepted]


def test_of_two_who_answer_at_once_the_second_is_told_and_nothing_of_theirs_is_kept(
    findings, found, journal, make, clock
):
    class Slow(Findings):
        """Takes so long over it that somebody else fixes the finding meanwhile."""

        def _write(self, *given):
            findings.fix(found.id, make.version(version=5), note="Mended.", by="ada")
            return super()._write(*given)

    until = make.now.date() + timedelta(days=30)
    with pytest.raises(Conflict):
        Slow(journal, clock).accept(found.id, reason="Fine.", until=until, by="grace", author="ada")
    assert findings.get(found.id).status == "fixed"


def test_a_fix_names_a_later_version_and_holds_from_there_on(findings, found, make):
    with pytest.raises(InvalidInput, match=r"found in recidivism/3, and recidivism/3 is not later"):
        findings.fix(found.id, make.version(), note="Mended.", by="ada")
    with pytest.raises(InvalidInput, match="lending/4 is no version of recidivism"):
        findings.fix(found.id, make.version(name="lending", version=4), note="Mended.", by="ada")
    fixed = findings.fix(found.id, make.version(version=5), note="Ages are parsed.", by="ada")
    assert (fixed.status, fixed.fixed_in) == ("fixed", "recidivism/5")
    assert still_open([fixed], make.version(version=4), make.now) == [fixed]
    assert still_open([fixed], make.version(version=5), make.now) == []
    for again in (
        lambda: findings.fix(found.id, make.version(version=6), note="Again.", by="ada"),
        lambda: findings.accept(found.id, reason="x", until="2027-01-31", by="grace", author="ada"),
    ):
        with pytest.raises(Refused, match="is fixed in recidivism/5 already"):
            again()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"title": " "}, "title: it is empty"),
        ({"severity": "hihg"}, "unknown severity 'hihg'. Did you mean 'high'?"),
    ],
)
def test_a_mistake_in_a_finding_is_named(findings, version, journal, given, message):
    words = {"title": "Something.", "severity": "high"} | given
    with pytest.raises(InvalidInput) as caught:
        findings.open(version, words["title"], severity=words["severity"], by="joan")
    assert message in str(caught.value)
    assert journal.entries() == []


@pytest.mark.parametrize("until", ["soon", "2026-11-19", None, 7])
def test_a_day_that_is_none_or_has_passed_is_refused(findings, found, until):
    with pytest.raises(InvalidInput) as caught:
        findings.accept(found.id, reason="Fine.", until=until, by="grace", author="ada")
    assert caught.value.field == "until"
    assert findings.get(found.id) == found


@pytest.mark.parametrize("id", ["finding/recidivism#7", "finding/other#0", "nonsense", ""])
def test_a_finding_that_is_not_there_is_answered_with_the_nearest(findings, found, id):
    with pytest.raises(NotFound) as caught:
        findings.get(id)
    assert "finding/recidivism#0" in caught.value.remedy
