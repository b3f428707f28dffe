from __future__ import annotations

import pytest

from workbench.core.errors import Conflict, InvalidInput, Refused
from workbench.gates import Approval, approvals_of, approve
from workbench.journal import Event

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
def say_yes(journal, version, policy, clock):
    def say_yes(by: str, **changes) -> Approval:
        given = {"version": version, "policy": policy, "note": "Looked at the errors.", "people": PEOPLE}
        return approve(journal, by=by, clock=clock, **(given | changes))

    return say_yes


def test_an_approval_is_kept_and_bound_to_the_bytes_of_model_and_policy(
    say_yes, journal, version, policy, make
):
    approval = say_yes("grace")
    assert (approval.role, approval.model, approval.time) == ("model-risk", "recidivism/3", make.now)
    assert approvals_of(journal, version, policy) == [approval]
    (entry,) = journal.read("approval/recidivism/3")
    assert entry.kind == "approval.given"
    assert entry.subjects == (version.digest, policy.digest)
    other_bytes = make.version(digest=make.other_digest)
    assert approvals_of(journal, other_bytes, policy) == []
    assert approvals_of(journal, version, make.policy(approvals={"model-risk": 1})) == []


def test_the_author_is_refused_and_told_who_may(say_yes, journal):
    with pytest.raises(Refused, match=r"ada registered recidivism/3 and cannot approve it") as caught:
        say_yes("ada")
    assert "As model-risk may: grace, joan. As legal may: joan." in caught.value.remedy
    with pytest.raises(Refused, match="registered"):
        say_yes("Ada")
    assert journal.entries() == []


def test_somebody_without_the_role_is_refused_and_told_how_to_get_it(say_yes):
    with pytest.raises(Refused, match="mary does not have the role model-risk or legal") as caught:
        say_yes("mary")
    assert "As model-risk may: grace, joan." in caught.value.remedy
    assert 'mary = ["data-science", "model-risk"]' in caught.value.remedy
    with pytest.raises(Refused, match="grace does not have the role legal"):
        say_yes("grace", role="legal")


def test_with_nobody_in_the_role_the_line_for_the_settings_is_given(say_yes):
    with pytest.raises(Refused) as caught:
        say_yes("li.na@example.org", people={}, role="legal")
    assert "Nobody else has the role legal yet." in caught.value.remedy
    assert '[people] in workbench.toml: "li.na@example.org" = ["legal"]' in caught.value.remedy


def test_whoever_has_several_of_the_roles_must_say_which(say_yes):
    with pytest.raises(
        InvalidInput, match=r"joan has several .*: model-risk, legal\. Say which: role='model-risk'"
    ):
        say_yes("joan")
    assert say_yes("joan", role="legal").role == "legal"
    assert say_yes("joan", role="model-risk").role == "model-risk"


def test_a_role_the_policy_does_not_ask_for_is_refused_with_the_nearest(say_yes):
    with pytest.raises(InvalidInput, match=r"unknown role 'model_risk'\. Did you mean 'model-risk'\?"):
        say_yes("grace", role="model_risk")


def test_the_same_person_counts_once(say_yes, journal):
    say_yes("grace")
    with pytest.raises(
        Refused, match=r"grace approved recidivism/3 as model-risk already, on 2026-11-20"
    ) as caught:
        say_yes("grace")
    assert "As model-risk may: joan." in caught.value.remedy
    assert journal.length("approval/recidivism/3") == 1


def test_after_the_policy_or_the_model_changed_the_same_person_may_approve_again(say_yes, make):
    say_yes("grace")
    say_yes("grace", policy=make.policy(approvals={"model-risk": 1}))
    say_yes("grace", version=make.version(digest=make.other_digest))


@pytest.mark.parametrize("note", ["", "  \n"])
def test_an_approval_without_a_reason_is_refused(say_yes, note: str):
    with pytest.raises(InvalidInput, match="an approval needs a reason") as caught:
        say_yes("grace", note=note)
    assert caught.value.field == "note"


def test_a_policy_that_asks_for_no_approval_takes_none(say_yes, make):
    with pytest.raises(Refused, match="asks for no approval"):
        say_yes("grace", policy=make.policy())


def test_two_approvals_in_the_same_moment_cannot_both_be_judged_on_the_same_past(
    journal, version, policy, clock
):
    class Interrupting:
        """Somebody else writes between reading and writing."""

        def now(self):
            journal.append("approval/recidivism/3", Event(kind="note"))
            return clock.now()

        def monotonic(self) -> float:
            return 0.0

    with pytest.raises(Conflict):
        approve(
            journal,
            version=version,
            policy=policy,
            by="grace",
            note="Fine.",
            people=PEOPLE,
            clock=Interrupting(),
        )
    assert approvals_of(journal, version, policy) == []
