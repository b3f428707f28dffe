from __future__ import annotations

import base64
from datetime import timedelta

import pytest

from workbench.core.errors import Conflict, InvalidInput, NotFound, Refused
from workbench.gates import Approval, Approvals, judge
from workbench.gates.requests import request, requests_of
from workbench.gates.signatures import statement
from workbench.journal import Event, FileSigner, VerifierKey

PEOPLE = {
    "ada": ["model-risk"],
    "grace": ["model-risk", "data-science"],
    "joan": ["model-risk", "legal"],
    "mary": ["data-science"],
}


@pytest.fixture
def policy(make):
    return make.policy(approvals={"model-risk": 2, "legal": 1})


@pytest.fixture
def signer(tmp_path):
    return lambda name: FileSigner(tmp_path / "keys", name)


@pytest.fixture
def approvals(journal, clock):
    return Approvals(journal, people=PEOPLE, listed={}, clock=clock)


@pytest.fixture
def say(approvals, version, policy, signer):
    def say(by: str, decision: str = "approve", **changes) -> Approval:
        about = {"version": version, "policy": policy} | changes
        given = {"note": "Looked at the errors.", "signer": signer(by)} | about
        return approvals.say(given.pop("version"), given.pop("policy"), decision=decision, by=by, **given)

    return say


# Who


def test_an_approval_is_kept_signed_and_bound_to_the_bytes_of_model_policy_and_data(
    say, approvals, journal, version, policy, make, signer
):
    approval = say("grace", data=["sha256:b", "sha256:a"])
    assert (approval.role, approval.model, approval.time) == ("model-risk", "recidivism/3", make.now)
    assert (approval.model_digest, approval.policy_digest) == (version.digest, policy.digest)
    assert approval.data == ("sha256:a", "sha256:b")
    assert approval.until == make.now + timedelta(days=90)
    (entry,) = journal.read("approval/recidivism/3")
    assert (entry.kind, approval.id) == ("approval.given", "approval/recidivism/3#0")
    assert entry.subjects == (version.digest, policy.digest)
    key = VerifierKey.of(signer("grace"))
    assert approval.key == str(key)
    assert key.verifies(base64.b64decode(approval.signature), statement(approval))
    assert approvals.standing(version, policy, ["sha256:a"]).given == (approval,)


def test_the_key_of_whoever_signs_is_enrolled_with_the_approval(say, journal):
    approval = say("grace")
    (entry,) = journal.read("key/grace")
    assert entry.payload == {"person": "grace", "key": approval.key, "source": "first use"}
    assert entry.seq == journal.read("approval/recidivism/3")[0].seq - 1


def test_the_author_is_refused_in_whatever_spelling_and_told_who_may(say, journal):
    with pytest.raises(Refused, match=r"ada registered recidivism/3 and cannot approve it") as caught:
        say("ada")
    assert "As model-risk may: grace, joan. As legal may: joan." in caught.value.remedy
    with pytest.raises(Refused, match="registered"):
        say("Ada")
    assert journal.entries() == []


def test_whoever_requested_it_is_refused(say, journal, version, policy, make, clock):
    asked = request(
        journal,
        version,
        policy,
        verdict=judge(policy, version, [], make.standing(), make.now),
        difference=make.difference(),
        by="grace",
        note="Better on the old.",
        clock=clock,
    )
    with pytest.raises(
        Refused, match=r"GRACE requested the approval of recidivism/3 and cannot give it"
    ) as caught:
        say("GRACE")
    assert "As model-risk may: joan." in caught.value.remedy
    assert say("joan", role="legal").request == asked.id
    assert requests_of(journal.read("approval/recidivism/3")) == [asked]


def test_somebody_without_the_role_is_refused_and_told_how_to_get_it(say):
    with pytest.raises(Refused, match="mary does not have the role model-risk or legal") as caught:
        say("mary")
    assert "As model-risk may: grace, joan." in caught.value.remedy
    assert 'mary = ["data-science", "model-risk"]' in caught.value.remedy
    with pytest.raises(Refused, match="grace does not have the role legal"):
        say("grace", role="legal")


def test_with_nobody_in_the_role_the_line_for_the_settings_is_given(journal, clock, version, policy, signer):
    nobody = Approvals(journal, people={}, listed={}, clock=clock)
    with pytest.raises(Refused) as caught:
        nobody.say(
            version,
            policy,
            decision="approve",
            by="li.na@example.org",
            note="Fine.",
            role="legal",
            signer=signer("li.na@example.org"),
        )
    assert "Nobody else has the role legal yet." in caught.value.remedy
    assert '[people] in workbench.toml: "li.na@example.org" = ["legal"]' in caught.value.remedy


def test_a_role_that_a_group_gives_counts_and_the_approval_says_which(say, approvals, version, policy):
    approval = say("mary", vouched={"legal": "jupyterhub group lawyers"})
    assert (approval.role, approval.role_from) == ("legal", "jupyterhub group lawyers")
    assert approvals.standing(version, policy).given == (approval,)


def test_whoever_has_several_of_the_roles_must_say_which(say):
    with pytest.raises(
        InvalidInput, match=r"joan has several .*: model-risk, legal\. Say which: role='model-risk'"
    ):
        say("joan")
    assert say("joan", role="legal").role == "legal"


def test_a_person_counts_once_whatever_roles_they_have(say):
    say("joan", role="legal")
    with pytest.raises(Refused, match="joan approved recidivism/3 as legal already") as caught:
        say("joan", role="model-risk")
    assert "As model-risk may: grace." in caught.value.remedy


def test_a_policy_may_let_one_person_fill_several_roles(say, approvals, version, make):
    lax = make.policy(approvals={"model-risk": 1, "legal": 1}, same_person_may_fill_roles=True)
    both = say("joan", role="legal", policy=lax), say("joan", role="model-risk", policy=lax)
    assert approvals.standing(version, lax).given == both


def test_a_role_the_policy_does_not_ask_for_is_refused_with_the_nearest(say):
    with pytest.raises(InvalidInput, match=r"unknown role 'model_risk'\. Did you mean 'model-risk'\?"):
        say("grace", role="model_risk")


def test_a_second_word_of_the_same_person_is_refused(say, journal):
    say("grace")
    with pytest.raises(
        Refused, match=r"grace approved recidivism/3 as model-risk already, on 2026-11-20"
    ) as caught:
        say("grace")
    assert "As model-risk may: joan." in caught.value.remedy
    assert journal.length("approval/recidivism/3") == 1


@pytest.mark.parametrize("note", ["", "  \n"])
def test_an_approval_without_a_reason_is_refused(say, note: str):
    with pytest.raises(InvalidInput, match="an approval needs a reason") as caught:
        say("grace", note=note)
    assert caught.value.field == "note"


def test_a_policy_that_asks_for_no_approval_takes_none(say, make):
    with pytest.raises(Refused, match="asks for no approval"):
        say("grace", policy=make.policy())


def test_two_approvals_in_the_same_moment_cannot_both_be_judged_on_the_same_past(
    journal, version, policy, clock, signer
):
    class Interrupting:
        """Somebody else writes between reading and writing."""

        looks = 0

        def now(self):
            self.looks += 1
            if self.looks == 2:
                journal.append("approval/recidivism/3", Event(kind="note"))
            return clock.now()

        def monotonic(self) -> float:
            return 0.0

    slow = Approvals(journal, people=PEOPLE, listed={}, clock=Interrupting())
    with pytest.raises(Conflict):
        slow.say(version, policy, decision="approve", by="grace", note="Fine.", signer=signer("grace"))
    assert slow.standing(version, policy).given == ()
    assert journal.streams("key/") == []


def test_whoever_may_not_speak_is_told_before_they_say_anything(approvals, version, policy, say, journal):
    with pytest.raises(Refused, match="ada registered"):
        approvals.require_voice(version, policy, by="ada", role="model-risk")
    approvals.require_voice(version, policy, by="grace", role="model-risk")
    assert journal.entries() == []
    say("grace")
    with pytest.raises(Refused, match="grace approved recidivism/3 as model-risk already"):
        approvals.require_voice(version, policy, by="grace", role="model-risk")


# What stands


def lapse(approvals, version, policy, data=()) -> str:
    (lapsed,) = approvals.standing(version, policy, data).lapsed
    return lapsed.why


def test_an_approval_falls_with_the_bytes_of_model_policy_or_data(say, approvals, version, policy, make):
    say("grace", data=["sha256:d"])
    other = make.version(digest=make.other_digest)
    assert lapse(approvals, other, policy) == "is about other bytes of the model"
    stricter = make.policy(approvals={"model-risk": 1})
    assert lapse(approvals, version, stricter) == "was given under another text of the policy"
    assert lapse(approvals, version, policy, ["sha256:e"]) == "was given on evidence from other data"
    assert say("grace", version=other)
    assert say("grace", policy=stricter)
    assert say("grace", data=["sha256:d", "sha256:e"])


def test_an_approval_ends_on_its_day(say, journal, version, policy, make, signer):
    say("grace")
    after = Approvals(journal, people=PEOPLE, listed={}, clock=make.clock(days=90))
    assert lapse(after, version, policy) == "ended on 2027-02-18"
    before = Approvals(journal, people=PEOPLE, listed={}, clock=make.clock(days=89))
    assert len(before.standing(version, policy).given) == 1


def test_an_approval_falls_with_the_role_of_whoever_gave_it(say, journal, version, policy, clock):
    say("grace")
    left = Approvals(journal, people={"joan": ["model-risk"]}, listed={}, clock=clock)
    assert lapse(left, version, policy) == "is by somebody who no longer has the role model-risk"


def test_a_rejection_stands_until_it_is_taken_back_and_then_the_same_person_may_approve(
    say, approvals, version, policy, signer
):
    no = say("grace", "reject", note="The ages are wrong.")
    assert no.until is None
    assert approvals.standing(version, policy, ["sha256:anything"]).rejected == (no,)
    with pytest.raises(Refused, match="grace rejected recidivism/3 as model-risk already"):
        say("grace")
    approvals.revoke(version, no.id, by="grace", note="They were mended.", signer=signer("grace"))
    assert approvals.standing(version, policy).rejected == ()
    yes = say("grace")
    assert approvals.standing(version, policy).given == (yes,)


def test_what_was_said_may_be_taken_back_by_whoever_said_it_or_others_in_the_role(
    say, approvals, version, policy, signer
):
    yes = say("grace")
    with pytest.raises(Refused, match="mary cannot take back what grace said as model-risk") as caught:
        approvals.revoke(version, yes.id, by="mary", note="No.", signer=signer("mary"))
    assert "grace may. As model-risk may: grace, joan." in caught.value.remedy
    approvals.revoke(version, yes.id, by="joan", note="The data was wrong.", signer=signer("joan"))
    assert lapse(approvals, version, policy) == "was taken back by joan: The data was wrong."
    with pytest.raises(Refused, match="was taken back already"):
        approvals.revoke(version, yes.id, by="grace", note="Again.", signer=signer("grace"))
    with pytest.raises(NotFound, match="has no approval") as caught:
        approvals.revoke(version, "approval/recidivism/3#7", by="grace", note="x", signer=signer("grace"))
    assert "approval/recidivism/3#0" in caught.value.remedy


def test_a_role_that_a_group_gives_is_enough_to_take_back(say, approvals, version, policy, signer):
    yes = say("grace")
    vouched = {"model-risk": "jupyterhub group risk-team"}
    taken = approvals.revoke(
        version, yes.id, by="mary", note="Wrong data.", signer=signer("mary"), vouched=vouched
    )
    assert taken.role_from == "jupyterhub group risk-team"
    assert lapse(approvals, version, policy) == "was taken back by mary: Wrong data."


def test_the_author_cannot_take_a_rejection_back(say, approvals, version, signer):
    no = say("grace", "reject")
    with pytest.raises(Refused, match="ada cannot take back"):
        approvals.revoke(version, no.id, by="ada", note="It is fine.", signer=signer("ada"))


# Keys


def test_a_key_that_is_not_the_persons_is_refused(say, journal, tmp_path):
    say("grace")
    other = FileSigner(tmp_path / "elsewhere", "grace")
    with pytest.raises(Refused, match="This is not grace's key") as caught:
        say("grace", signer=other, data=["sha256:new"])
    assert "[keys] in workbench.toml" in caught.value.remedy
    assert journal.length("approval/recidivism/3") == 1


def test_of_whoever_is_listed_only_the_listed_keys_count(journal, clock, version, policy, tmp_path):
    mine, stolen = FileSigner(tmp_path / "mine", "grace"), FileSigner(tmp_path / "stolen", "grace")
    listed = {"grace": [str(VerifierKey.of(mine))]}
    strict = Approvals(journal, people=PEOPLE, listed=listed, clock=clock)
    word = {"decision": "approve", "by": "grace", "note": "Fine."}
    with pytest.raises(Refused, match="not grace's key"):
        strict.say(version, policy, signer=stolen, **word)
    approval = strict.say(version, policy, signer=mine, **word)
    assert journal.read("key/grace")[0].payload["source"] == "workbench.toml"
    assert strict.standing(version, policy).given == (approval,)
    moved = Approvals(journal, people=PEOPLE, listed={"grace": []}, clock=clock)
    assert lapse(moved, version, policy) == "is not signed by grace's key"


def forged(journal, approval: Approval, **changes) -> None:
    place = journal.length("approval/recidivism/3")
    fake = approval.model_copy(update={"id": f"approval/recidivism/3#{place}", **changes})
    journal.append(
        "approval/recidivism/3", Event(kind="approval.given", payload=fake.model_dump(mode="json"))
    )


def test_what_is_written_past_the_doors_counts_for_nothing(say, journal, approvals, version, policy, make):
    yes = say("grace")
    forged(journal, yes)  # its place is part of what is signed
    forged(journal, yes, by="joan")
    forged(journal, yes, signature="")
    forged(journal, yes, key="", signature="")
    forged(journal, yes, role="legal")
    forged(journal, yes, until=None)
    forged(journal, yes, by="ada")
    standing = approvals.standing(version, policy)
    assert standing.given == (yes,)
    assert len(standing.lapsed) == 7
    journal.append(
        "approval/recidivism/3",
        Event(
            kind="approval.revoked",
            payload={"approval": yes.id, "by": "ada", "note": "", "time": str(make.now)},
        ),
    )
    assert approvals.standing(version, policy).given == (yes,)


def test_an_approval_entered_as_a_rejection_is_neither(say, journal, approvals, version, policy):
    yes = say("grace").model_dump(mode="json")
    at = {"id": "approval/recidivism/3#1"}
    for kind, fake in (
        ("approval.rejected", yes | at),
        ("approval.rejected", yes | at | {"decision": "reject"}),
    ):
        journal.append("approval/recidivism/3", Event(kind=kind, payload=fake))
    assert approvals.standing(version, policy).rejected == ()
