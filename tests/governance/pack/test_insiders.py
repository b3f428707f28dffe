"""What the journal's owner could write beside the rules: the pack is not made, or says it."""

from __future__ import annotations

import base64
import json

import pytest

from workbench.audits.records import Measurement
from workbench.core.digests import of_json
from workbench.core.errors import Conflict, InvalidInput, NotFound, Tampered, Unavailable
from workbench.gates import Findings, load_policy
from workbench.gates.docket import Rival
from workbench.gates.records import Approval, Revocation
from workbench.gates.signatures import signed
from workbench.governance.pack import make
from workbench.journal import Event, FileSigner, VerifierKey
from workbench.models.history import registered_event


def refused(desk) -> str:
    with pytest.raises(Tampered, match="No pack of lending/1 was written") as caught:
        desk.pack()
    assert not (desk.root / "pack.zip").exists()
    return caught.value.message


@pytest.fixture
def honest(desk):
    """Audited, judged, approved by grace."""
    desk.audit()
    desk.gate()
    desk.say("grace")
    return desk


def test_what_was_done_by_the_rules_can_be_packed_at_every_step(desk):
    steps = [desk.audit, desk.gate, lambda: desk.say("grace"), desk.gate, desk.release]
    for step in (lambda: None, *steps):
        step()
        assert desk.pack().verify().holds


# Verdicts


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"outcome": "inconclusive"}, "judged again it is pass"),
        ({"rules": []}, "judged again it is pass"),
        ({"evidence": []}, "rests on other evidence than what was newest then"),
        ({"data": ["sha256:other"]}, "rests on other evidence"),
        ({"required_approvals": {}}, "asks for other approvals than its policy"),
        ({"policy": "lax"}, "The text of the policy lax"),
        ({"model_digest": "sha256:" + "2" * 64}, "is about other bytes than lending/1"),
    ],
)
def test_a_verdict_that_does_not_follow_is_named(honest, change, named):
    verdict = json.loads(honest.judge().to_json())
    honest.write("gate/lending/1", "gate.judged", verdict | change)
    assert named in refused(honest)


@pytest.mark.parametrize(
    "key", ["outcome", "value", "estimate", "low", "high", "limit", "n", "metric", "bound"]
)
def test_a_rule_whose_numbers_are_not_those_of_the_evidence_is_named(honest, key):
    verdict = json.loads(honest.judge().to_json())
    was = verdict["rules"][0][key]
    verdict["rules"][0][key] = "fail" if key == "outcome" else f"{was}2" if isinstance(was, str) else was + 1
    honest.write("gate/lending/1", "gate.judged", verdict)
    assert f"rule 1 (performance: lower bound of roc_auc_score ≥ 0.70): {key} is" in refused(honest)


def test_a_verdict_on_evidence_that_a_later_audit_has_overtaken_is_named(honest):
    stale = honest.judge()
    honest.audit(0.6)
    honest.write("gate/lending/1", "gate.judged", json.loads(stale.to_json()))
    assert "rests on other evidence" in refused(honest)


def test_a_policy_whose_text_has_another_digest_is_named(desk):
    content = {"name": "strict", "rules": []}
    payload = {"name": "strict", "digest": desk.policy.digest, "content": content}
    desk.write("policy/strict", "policy.used", payload)
    desk.audit()
    desk.gate()
    assert "has another text of the policy strict than its digest says" in refused(desk)


def test_a_rule_that_the_script_cannot_judge_is_named_and_not_passed_over(desk):
    desk.audit()
    verdict = json.loads(desk.judge().to_json())
    content = {"name": "strict", "rules": [{"audit": "performance", "moon": "full"}]}
    payload = {"name": "strict", "digest": of_json(content), "content": content}
    desk.write("policy/strict", "policy.used", payload)
    desk.write("gate/lending/1", "gate.judged", verdict | {"policy_digest": of_json(content)})
    assert "asks for moon, which this script cannot judge" in refused(desk)


# People


def by_hand(desk, by: str, *, signer: FileSigner | None = None, enrol: bool = True, **changes) -> None:
    """An approval as nobody can give it by the rules."""
    approval = Approval(
        model="lending/1",
        model_digest=desk.version.digest,
        policy=desk.policy.name,
        policy_digest=desk.policy.digest,
        data=("sha256:d",),
        role="model-risk",
        by=by,
        note="By hand.",
        time=desk.clock.now(),
    )
    signer = signer or FileSigner(desk.root / "keys", by)
    position = desk.journal.length("approval/lending/1")
    numbered = approval.model_copy(update={"id": f"approval/lending/1#{position}"} | changes)
    word = signed(numbered, signer)
    if enrol:
        payload = {"person": by, "key": word.key, "source": "first use"}
        desk.write(f"key/{by}", "key.enrolled", payload)
    desk.write("approval/lending/1", "approval.given", json.loads(word.to_json()))


def test_an_approval_by_the_author_is_named(honest):
    by_hand(honest, "ada")
    assert "by ada: it is the author's own" in refused(honest)


def test_an_approval_with_a_key_that_the_journal_does_not_have_is_named(honest):
    by_hand(honest, "mary", enrol=False)
    assert "the key it names is not the one that the journal has of mary" in refused(honest)


def test_an_approval_with_a_key_older_than_the_newest_is_named(honest):
    other = FileSigner(honest.root / "other", "grace")
    payload = {"person": "grace", "key": str(VerifierKey.of(other)), "source": "workbench.toml"}
    honest.write("key/grace", "key.enrolled", payload)
    by_hand(honest, "grace", signer=FileSigner(honest.root / "keys", "grace"), enrol=False)
    assert "is not the one that the journal has of grace" in refused(honest)


def test_an_approval_whose_words_are_not_those_that_were_signed_is_named(honest):
    word = json.loads(honest.say("joan", role="model-risk").to_json())
    word["note"] = "Everything is fine."
    word["id"] = "approval/lending/1#2"
    honest.write("approval/lending/1", "approval.given", word)
    assert "by joan: the signature does not hold" in refused(honest)


def test_an_approval_that_is_written_down_again_in_another_place_is_named(honest):
    word = json.loads(honest.say("joan", role="model-risk").to_json())
    honest.write("approval/lending/1", "approval.given", word)
    assert "it is about something else than lending/1" in refused(honest)


def test_a_rejection_that_is_written_down_as_an_approval_is_named(honest):
    word = json.loads(honest.say("joan", "reject", role="model-risk").to_json())
    honest.write("approval/lending/1", "approval.given", word)
    assert "it is about something else than lending/1" in refused(honest)


def test_a_role_that_the_policy_does_not_ask_for_is_named(honest):
    by_hand(honest, "mary", role="legal")
    assert "its policy does not ask for the role legal" in refused(honest)


def test_a_revocation_that_nobody_signed_is_named(honest):
    signer = FileSigner(honest.root / "keys", "grace")
    taken = signed(
        Revocation(approval="approval/lending/1#0", by="grace", note="No.", time=honest.clock.now()), signer
    )
    forged = json.loads(taken.to_json()) | {"signature": base64.b64encode(bytes(64)).decode()}
    honest.write("approval/lending/1", "approval.revoked", forged)
    assert "approval.revoked in entry 6, by grace: the signature does not hold" in refused(honest)


def revoked_by_hand(desk, approval: str, by: str) -> None:
    """A revocation as nobody can write it by the rules."""
    signer = FileSigner(desk.root / "keys", by)
    word = signed(Revocation(approval=approval, by=by, note="By hand.", time=desk.clock.now()), signer)
    desk.write(f"key/{by}", "key.enrolled", {"person": by, "key": word.key, "source": "first use"})
    desk.write("approval/lending/1", "approval.revoked", json.loads(word.to_json()))


def test_an_author_who_takes_back_what_somebody_else_said_is_named(honest):
    honest.say("joan", "reject", role="model-risk")
    revoked_by_hand(honest, "approval/lending/1#1", "Ada")
    assert "by Ada: the author takes back what joan said" in refused(honest)


@pytest.mark.parametrize("approval", ["approval/lending/1#1", "approval/lending/1#7", "approval/lending/2#0"])
def test_a_revocation_of_what_nobody_had_said_before_is_named(honest, approval):
    revoked_by_hand(honest, approval, "grace")
    assert f"by grace: nobody had said {approval} before" in refused(honest)


def test_somebody_else_in_the_role_may_take_a_word_back(honest):
    word = honest.say("joan", "reject", role="model-risk")
    signer = FileSigner(honest.root / "keys", "grace")
    honest.approvals.revoke(honest.version, word.id, by="grace", note="Cleared up.", signer=signer)
    honest.release()
    told = [claim.sentence for claim in honest.pack().verify().claims]
    assert "At that moment these approvals counted: grace as model-risk." in told


# Releases


def test_a_release_without_the_approvals_is_named(desk):
    desk.audit()
    desk.release()
    assert "policy strict asks for 1 by model-risk, and 0 counted" in refused(desk)


def test_a_promotion_after_the_approval_was_taken_back_is_named(honest):
    honest.release(promote=False)
    honest.approvals.revoke(
        honest.version,
        "approval/lending/1#0",
        by="grace",
        note="I was wrong.",
        signer=FileSigner(honest.root / "keys", "grace"),
    )
    assert honest.pack().verify().holds
    (honest.root / "pack.zip").unlink()
    honest.write("release/lending-1", "release.promoted", {"reason": "In a hurry."})
    assert "release/lending-1, entry " in (said := refused(honest))
    assert "(release.promoted): policy strict asks for 1 by model-risk, and 0 counted" in said


def test_a_promotion_after_the_approval_has_run_out_is_named(honest):
    honest.release(promote=False)
    honest.clock.at = honest.clock.at.replace(year=2027)
    honest.write("release/lending-1", "release.promoted", {"reason": "At last."})
    assert "asks for 1 by model-risk, and 0 counted" in refused(honest)


def test_a_promotion_on_evidence_that_fails_is_named(honest):
    honest.release(promote=False)
    honest.audit(0.5)
    honest.write("release/lending-1", "release.promoted", {"reason": "Nobody looked."})
    assert "and it is fail by what was there" in refused(honest)


COMPARING = {"audit": "performance", "metric": "roc_auc_score", "at_least": -0.2, "than": "champion"}
ABSOLUTE = {"audit": "performance", "metric": "roc_auc_score", "at_least": 0.7}
RIVAL = "sha256:" + "4" * 64


def compared(desk, **policy) -> None:
    """Open under a policy that compares with a champion, whose evidence no pack has."""
    said = {"name": "strict", "rules": [ABSOLUTE, COMPARING], "approvals": {"model-risk": 1}}
    desk.policy = load_policy(said | policy)
    other = desk.version.model_copy(update={"version": 2, "digest": RIVAL})
    desk.write("model/lending", registered_event(other))
    desk.write("model/lending", "model.alias", {"alias": "champion", "version": 2, "digest": RIVAL})
    theirs = desk.audit().model_copy(update={"model_digest": RIVAL})
    desk.say("grace")
    desk.release(desk.judge(rival=Rival(other, [theirs])), promote=False)


def promote(desk) -> None:
    desk.write("release/lending-1", "release.promoted", {"reason": "Nobody looked."})


def test_where_a_rule_compares_with_a_champion_whose_evidence_is_elsewhere_the_others_are_enough(desk):
    compared(desk)
    promote(desk)
    assert desk.pack().verify().holds


def test_a_rule_that_compares_with_the_champion_excuses_no_other_from_being_judged_again(desk):
    compared(desk)
    desk.audit(0.3)
    promote(desk)
    assert "the gate said pass, and it is fail by what was there" in refused(desk)


def test_a_rule_that_compares_with_the_champion_excuses_no_finding(desk):
    compared(desk, max_open_findings={"critical": 0})
    Findings(desk.journal, desk.clock).open(desk.version, "It is mad.", severity="critical", by="joan")
    promote(desk)
    assert "and it is fail by what was there" in refused(desk)


def test_a_rule_that_compares_with_the_champion_excuses_no_evidence_that_is_too_old(desk):
    compared(desk, max_age_days={"*": 30})
    desk.clock.at = desk.clock.at.replace(month=12, day=31)
    promote(desk)
    assert "and it is inconclusive by what was there" in refused(desk)


@pytest.mark.parametrize(("against", "outcome"), [(RIVAL, "fail"), ("sha256:" + "5" * 64, "inconclusive")])
def test_a_difference_that_the_audit_itself_measured_is_judged_again(desk, against, outcome):
    compared(desk)
    found = Measurement(metric="roc_auc_score", value=0.8, low=0.75, high=0.85, n=900)
    worse = Measurement(
        metric="roc_auc_score_difference", slice="against=champion", value=-0.4, low=-0.5, high=-0.3, n=900
    )
    desk.audit(measurements=(found, worse), champion_digest=against)
    promote(desk)
    assert f"and it is {outcome} by what was there" in refused(desk)


def test_a_promotion_on_other_data_than_was_approved_is_named(honest):
    honest.release(promote=False)
    honest.audit(0.8, data_digest="sha256:other")
    honest.write("release/lending-1", "release.promoted", {"reason": "Nobody asked again."})
    assert "asks for 1 by model-risk, and 0 counted" in refused(honest)


def test_whoever_requested_the_approval_does_not_count(desk):
    desk.audit()
    payload = {
        "by": "Grace",
        "policy_digest": desk.policy.digest,
        "model_digest": desk.version.digest,
        "note": "x",
    }
    word = desk.say("grace")
    desk.write("approval/lending/1", "approval.requested", payload)
    desk.release()
    assert word.by == "grace"
    assert "and 0 counted" in refused(desk)


def test_a_person_counts_once_whatever_they_sign(desk):
    desk.policy = desk.policy.model_copy(update={"approvals": {"model-risk": 1, "legal": 1}})
    desk.audit()
    desk.say("joan", role="legal")
    by_hand(desk, "joan", role="model-risk", enrol=False)
    desk.release()
    assert "asks for 1 by model-risk, and 0 counted" in refused(desk)


def test_a_promotion_over_a_rejection_is_told_on_the_page(honest):
    honest.say("joan", "reject", role="model-risk")
    honest.release()
    told = [claim for claim in honest.pack().verify().claims if claim.outcome == "rejected"]
    assert "It stood rejected by joan." in told[-1].sentence


# What lies beside the journal


def test_a_report_that_was_changed_is_not_packed(honest):
    [file] = (honest.root / "reports").iterdir()
    file.write_bytes(file.read_bytes().replace(b"0.8", b"0.9"))
    with pytest.raises(Tampered, match="changed after it was recorded"):
        honest.pack()


def test_a_report_that_is_gone_is_named(honest):
    [file] = (honest.root / "reports").iterdir()
    file.unlink()
    with pytest.raises(NotFound, match="No report"):
        honest.pack()


def test_a_checkpoint_beside_the_journal_that_it_does_not_go_on_from_stops_the_pack(honest, new_desk):
    other = new_desk()
    other.audit(0.1)
    place = honest.journal.place.kept / "other.checkpoint"
    place.parent.mkdir(exist_ok=True)
    place.write_text(other.journal.checkpoint().note)
    with pytest.raises(Tampered, match="does not go on from the checkpoint over 2 entries"):
        honest.pack()


def test_a_journal_that_nobody_signs_gives_no_pack(honest):
    honest.journal.signer = None
    with pytest.raises(InvalidInput, match="nobody is there to sign"):
        honest.pack()


def test_a_folder_that_is_not_there_is_named_and_nothing_is_left(honest):
    with pytest.raises(Unavailable, match="cannot be written"):
        honest.pack(honest.root / "none" / "pack.zip")
    assert not (honest.root / "none").exists()


def test_what_is_written_while_a_pack_is_made_is_in_it(honest, monkeypatch):
    once = iter([lambda: honest.say("joan", role="model-risk")])
    real = make.files_of

    def meanwhile(*arguments):
        next(once, lambda: None)()
        return real(*arguments)

    monkeypatch.setattr(make, "files_of", meanwhile)
    packed = honest.pack()
    assert packed.verify().holds
    assert any("joan approved" in claim.sentence for claim in packed.verify().claims)


def test_a_journal_that_never_rests_is_given_up_with_a_word(honest, monkeypatch):
    real = make.files_of

    def meanwhile(*arguments):
        honest.journal.append("evidence/lending/1", Event(kind="noise"))
        return real(*arguments)

    monkeypatch.setattr(make, "files_of", meanwhile)
    with pytest.raises(Conflict, match="Others write to the journal all the time"):
        honest.pack()
