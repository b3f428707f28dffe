"""People between the stages of a release, in a pack: who let it into which stage, and what does not count."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

import pytest

from workbench.core.errors import Tampered
from workbench.gates.records import StageApproval, StageRevocation
from workbench.gates.signatures import signed, statement
from workbench.governance.pack import make, verifier
from workbench.journal import FileSigner, VerifierKey
from workbench.releases.plan import PLANS, Plan, load_plan
from workbench.releases.plan_metrics import Metrics
from workbench.releases.plan_stages import PlanStage
from workbench.releases.state import LEGAL, Status
from workbench.testing.releases import PLAN, plan

HERE = Path(__file__).parent
STREAM = "release/lending-2"


@pytest.fixture
def staged(desk):
    """Let through by the gate; ``lending-2`` is in its first stage."""
    desk.audit()
    desk.gate()
    desk.say("grace")
    desk.open_staged()
    return desk


def refused(desk) -> str:
    with pytest.raises(Tampered, match="No pack of lending/1 was written") as caught:
        desk.pack()
    return caught.value.message


def key_of(desk, by: str) -> FileSigner:
    return FileSigner(desk.root / "keys", by)


def write(desk, kind: str, said, *, signer: FileSigner, enrol: bool = True) -> None:
    """Write a signed word beside the rules, and the key that it names."""
    word = signed(said, signer)
    if enrol:
        payload = {"person": word.by, "key": word.key, "source": "first use"}
        desk.write(f"key/{word.by}", "key.enrolled", payload)
    desk.write(STREAM, kind, json.loads(word.to_json()))


def approval(desk, by: str = "olga", **changes) -> StageApproval:
    """A yes to the first step that asks for people."""
    release = desk.page.release
    fields = {
        "release": release.id,
        "stage": 1,
        "stage_name": "canary 50 %",
        "model": "lending/1",
        "model_digest": release.candidate_digest,
        "plan_digest": release.plan_digest,
        "role": "owner",
        "by": by,
        "note": "By hand.",
        "time": desk.clock.now(),
    }
    return StageApproval(**(fields | changes))


def by_hand(desk, by: str = "olga", *, signer: FileSigner | None = None, enrol: bool = True, **changes):
    said = approval(desk, by, **changes)
    write(desk, "release.approved", said, signer=signer or key_of(desk, by), enrol=enrol)


def taken(desk, by: str, word: int, **changes) -> StageRevocation:
    fields = {
        "release": "lending-2",
        "stage": 1,
        "stage_name": "canary 50 %",
        "word": word,
        "by": by,
        "note": "By hand.",
        "time": desk.clock.now(),
    }
    return StageRevocation(**(fields | changes))


def take_back(desk, by: str, word: int, **changes):
    said = taken(desk, by, word, **changes)
    write(desk, "release.approval_revoked", said, signer=key_of(desk, by))


# By the rules


def test_a_release_that_people_let_on_is_told_stage_by_stage_with_their_keys(desk):
    desk.audit()
    desk.say("grace")
    desk.walk()
    packed = desk.pack()
    found = packed.verify()
    told = "\n".join(claim.sentence for claim in found.claims)
    for part in (
        "Its plan steps (sha256:",
        "has the stages shadow, canary 50 %, champion. canary 50 % asks for 1 by legal, 2 by owner.",
        "olga approved canary 50 % on ",
        "as owner (a role by workbench.toml): “Read the pairs”. Signed with olga+",
        "lending-2 entered canary 50 % on ",
        "These approvals of it counted: olga as owner, otto as owner, leo as legal.",
        "lending-2 entered champion on ",
        "These approvals of it counted: lena as owner.",
    ):
        assert part in told, part
    assert (
        "2 entered in the order of their plans; 4 words by people, each signed"
        in dict(found.checked)["stages"]
    )
    assert {"key/olga", "key/otto", "key/leo", "key/lena"} <= set(verifier.Pack(packed.files).streams)
    assert "Whether somebody had their role still" in packed.files["index.html"].decode()


def test_it_can_be_packed_after_every_step_of_such_a_release(staged):
    def pause() -> None:
        staged.write(STREAM, "release.paused", {"reason": "They sleep."})

    def resume() -> None:
        staged.write(STREAM, "release.resumed", {"reason": "Back."})

    steps = [
        *(lambda by=by: staged.say_yes(by) for by in ("olga", "otto")),
        lambda: staged.take_back("olga"),
        pause,
        lambda: staged.say_yes("leo"),
        lambda: staged.say_yes("olga"),
        resume,
        staged.enter,
        lambda: staged.say_yes("otto"),
        staged.enter,
    ]
    for step in steps:
        step()
        assert staged.pack().verify().holds
    assert staged.page.release.status is Status.PROMOTED


def test_where_there_was_no_champion_no_stage_is_walked_and_that_is_said(desk):
    desk.audit()
    desk.say("grace")
    desk.release()
    told = [claim.sentence for claim in desk.pack().verify().claims]
    assert "There was no champion to compare with, and no stage was walked." in told


def test_a_key_used_for_two_stages_and_another_in_between_are_each_the_one_of_their_word(staged):
    staged.say_yes("olga")
    other = FileSigner(staged.root / "other", "olga")
    payload = {"person": "olga", "key": str(VerifierKey.of(other)), "source": "workbench.toml"}
    staged.write("key/olga", "key.enrolled", payload)
    assert staged.pack().verify().holds


# Words beside the rules


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"by": "ada"}, "by ada: it is by the author, or by whoever opened the release"),
        ({"by": "Ada"}, "by Ada: it is by the author"),
        ({"model_digest": "sha256:" + "9" * 64}, "it is about other bytes, or another plan"),
        ({"plan_digest": "sha256:" + "9" * 64}, "it is about other bytes, or another plan"),
        ({"model": "lending/2"}, "it is about other bytes, or another plan"),
        ({"release": "lending-1"}, "it is not about canary 50 % of lending-2"),
        ({"stage": 2}, "it is not about canary 50 % of lending-2"),
        ({"stage": 0}, "it is not about canary 50 % of lending-2"),
        ({"stage_name": "champion"}, "it calls canary 50 % champion"),
        ({"role": "auditor"}, "canary 50 % does not ask for the role auditor"),
    ],
)
def test_a_word_about_something_else_or_by_somebody_who_may_not_is_named(staged, change, named):
    by_hand(staged, **change)
    assert named in refused(staged)


def test_a_word_by_whoever_opened_the_release_is_named(desk):
    desk.audit()
    desk.say("grace")
    desk.journal.actor = "olga"
    desk.open_staged()
    by_hand(desk, "Olga")
    assert "by Olga: it is by the author, or by whoever opened the release" in refused(desk)


def test_a_word_with_a_key_that_the_journal_does_not_have_is_named(staged):
    by_hand(staged, enrol=False)
    assert "the key it names is not the one that the journal has of olga" in refused(staged)


def test_a_word_signed_with_the_key_of_somebody_else_is_named(staged):
    staged.say_yes("olga")
    by_hand(staged, "otto", signer=key_of(staged, "olga"), enrol=False)
    assert "the key it names is not the one that the journal has of otto" in refused(staged)


def test_a_word_that_is_not_what_was_signed_is_named(staged):
    said = staged.say_yes("olga")
    staged.write(STREAM, "release.approved", said | {"note": "All is well."})
    assert "by olga: the signature does not hold" in refused(staged)


def test_a_signature_for_another_kind_of_word_is_none_for_this_one(staged):
    staged.say_yes("olga")
    said = approval(staged).model_copy(update={"key": str(VerifierKey.of(key_of(staged, "olga")))})
    other = b"model-workbench/approval/v1\n" + statement(said).partition(b"\n")[2]
    signature = base64.b64encode(key_of(staged, "olga").sign(other)).decode()
    staged.write(STREAM, "release.approved", json.loads(said.to_json()) | {"signature": signature})
    assert "by olga: the signature does not hold" in refused(staged)


# Stages beside the rules


def test_a_stage_entered_without_the_words_that_its_plan_asks_for_is_named(staged):
    staged.say_yes("olga")
    staged.say_yes("leo")
    staged.enter()
    assert "(release.stage_entered): canary 50 % asks for 2 by owner, and 1 counted" in refused(staged)


def test_a_promotion_without_the_words_that_its_plan_asks_for_is_named(staged):
    for by in ("olga", "otto", "leo"):
        staged.say_yes(by)
    staged.enter()
    staged.enter()
    assert "(release.promoted): champion asks for 1 by owner, and 0 counted" in refused(staged)


def test_a_person_counts_once_for_a_stage_in_whatever_role_and_spelling(staged):
    for by in ("otto", "lena"):
        staged.say_yes(by, "owner")
    by_hand(staged, "lena", role="legal", enrol=False)
    by_hand(staged, "LENA", role="legal")
    staged.enter()
    assert "canary 50 % asks for 1 by legal, and 0 counted" in refused(staged)


def test_a_stage_that_was_left_out_is_named(staged):
    staged.write(STREAM, "release.promoted", {"reason": "In a hurry."})
    assert "(release.promoted): what comes after shadow is canary 50 %" in refused(staged)


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        ({"stage": 2, "name": "champion"}, "what comes after shadow is canary 50 %"),
        ({"stage": 0, "name": "shadow"}, "what comes after shadow is canary 50 %"),
        ({"stage": 1, "name": "another"}, "what the plan has there is canary 50 %"),
    ],
)
def test_a_stage_that_is_not_the_next_of_the_plan_is_named(staged, payload, named):
    for by in ("olga", "otto", "leo"):
        staged.say_yes(by)
    staged.write(STREAM, "release.stage_entered", payload)
    assert named in refused(staged)


@pytest.mark.parametrize(("kind", "state"), [("release.paused", "paused"), ("release.aborted", "aborted")])
def test_what_is_not_running_enters_no_stage(staged, kind, state):
    for by in ("olga", "otto", "leo"):
        staged.say_yes(by)
    staged.write(STREAM, kind, {"reason": "So."})
    staged.write(STREAM, "release.stage_entered", {"stage": 1, "name": "canary 50 %"})
    assert f"(release.stage_entered): the release was {state} then" in refused(staged)


def test_an_opening_whose_plan_is_not_the_one_of_its_digest_is_named(desk):
    desk.audit()
    desk.say("grace")
    lax = plan(stages=[PLAN["stages"][0], PLAN["stages"][2], PLAN["stages"][3]])
    desk.open_staged(changed={"plan": lax.model_dump(mode="json", exclude_none=True)})
    assert "release/lending-2 has another plan in entry" in refused(desk)


def test_an_opening_under_another_name_is_named(desk):
    desk.audit()
    desk.say("grace")
    desk.open_staged(changed={"id": "lending-1"})
    assert "release/lending-2 begins with the opening of lending-1" in refused(desk)


# Taken back


def test_a_word_that_was_taken_back_is_told_and_does_not_count(staged):
    for by in ("olga", "otto", "leo"):
        staged.say_yes(by)
    staged.take_back("olga", given_by="otto")
    told = [claim.sentence for claim in staged.pack().verify().claims]
    [sentence] = [one for one in told if "took back" in one]
    assert sentence.startswith("olga took back on ")
    assert "what otto had said of canary 50 % in entry " in sentence
    assert "“Too soon”. Signed with olga+" in sentence
    staged.enter()
    assert "canary 50 % asks for 2 by owner, and 1 counted" in refused(staged)


def test_an_author_who_takes_a_word_back_is_named(staged):
    staged.say_yes("olga")
    take_back(staged, "ada", 0)
    assert "by ada: the author, or whoever opened it, takes back what olga said" in refused(staged)


@pytest.mark.parametrize("place", [1, -1])
def test_taking_back_what_nobody_said_is_named(staged, place):
    staged.say_yes("olga")
    take_back(staged, "olga", place)
    assert "nobody had said such a word of canary 50 % before" in refused(staged)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({}, "it is not about champion of lending-2"),
        ({"stage": 2, "stage_name": "champion"}, "nobody had said such a word of champion before"),
    ],
)
def test_taking_back_a_word_about_a_stage_that_was_entered_is_named(staged, change, named):
    for by in ("olga", "otto", "leo"):
        staged.say_yes(by)
    staged.enter()
    take_back(staged, "olga", 0, **change)
    assert named in refused(staged)


def test_a_revocation_that_nobody_signed_is_named(staged):
    staged.say_yes("olga")
    said = signed(taken(staged, "olga", 0), key_of(staged, "olga"))
    forged = json.loads(said.to_json()) | {"signature": base64.b64encode(bytes(64)).decode()}
    staged.write(STREAM, "release.approval_revoked", forged)
    assert "release.approval_revoked in entry " in (told := refused(staged))
    assert "by olga: the signature does not hold" in told


# What was packed


def test_a_pack_without_the_key_of_somebody_who_spoke_between_stages_alone_does_not_hold(staged, monkeypatch):
    staged.say_yes("olga")
    real = make.streams_of
    monkeypatch.setattr(make, "streams_of", lambda *a: [name for name in real(*a) if name != "key/olga"])
    assert "the key it names is not the one that the journal has of olga" in refused(staged)


def test_a_pack_of_the_first_format_still_verifies_and_says_which_keys_it_lacks():
    raw = gzip.decompress((HERE / "first-format.zip.gz").read_bytes())
    key = verifier.Key.parse((HERE / "first-format.pub").read_text())
    found = verifier.verify(raw, [key])
    assert (found.holds, found.problem) == (True, "")
    assert (
        "4 words by people, 4 of them with keys that this pack, of the first format, does not have"
        in dict(found.checked)["stages"]
    )


def test_who_passes_a_pack_off_as_one_of_the_first_format_is_held_to_the_stages_all_the_same(
    staged, monkeypatch
):
    monkeypatch.setattr(verifier, "FORMAT", verifier.FIRST_FORMAT)
    staged.say_yes("olga")
    assert staged.pack().verify().holds
    staged.enter()
    assert "canary 50 % asks for 1 by legal, and 0 counted" in refused(staged)


def test_a_format_that_the_script_does_not_know_is_named(staged):
    files = staged.pack().files
    manifest = json.loads(files[verifier.MANIFEST]) | {"format": "model-workbench/pack/v9"}
    files = {**files, verifier.MANIFEST: verifier.canonical(manifest)}
    assert "is of the format 'model-workbench/pack/v9'" in verifier.verify(verifier.archive(files)).problem


# The plan, as the script reads it


def everything() -> Plan:
    """A plan with every kind of stage and every metric, some of it as it is anyway and some not."""
    return load_plan(
        {
            "name": "all",
            "description": "Everything.",
            "alpha": 0.05,
            "sticky": "customer",
            "metrics": {
                "errors": {"margin": 2.0, "alpha_share": 3.0},
                "disagreement": {"at_most": 0.1, "tolerance": 0.5},
                "latency": {"objective_ms": 20.0},
                "objective": {"at_most": 0.1},
                "guardrails": {"column": "region", "min_requests": 100},
            },
            "stages": [
                {"name": "shadow", "kind": "shadow", "min_requests": 9, "require": []},
                {
                    "name": "grow",
                    "kind": "progressive",
                    "weights": [0.05, 0.125],
                    "min_requests": 9,
                    "min_minutes": 1.0,
                    "approvals": {"owner": 2},
                },
                {"name": "ab", "kind": "ab", "weight": 0.5, "arms": ["a", "b"], "min_requests": 9},
                {"name": "blue", "kind": "blue_green", "min_requests": 9, "deadline_minutes": 60.0},
                {"name": "champion", "kind": "champion", "approvals": {"legal": 1}},
            ],
        }
    )


@pytest.mark.parametrize("of", [everything(), *map(load_plan, PLANS.built_in())], ids=lambda one: one.name)
def test_digest_and_steps_of_a_plan_are_those_of_the_product(of):
    kept = verifier.read_json(verifier.canonical(of.model_dump(mode="json", exclude_none=True)), "")
    assert verifier.plan_digest(kept) == of.digest
    assert verifier.steps_of(kept) == [(step.name, dict(step.approvals)) for step in of.steps]


def test_the_script_knows_whatever_a_plan_leaves_unsaid():
    def defaults(record) -> dict:
        fields = record.model_fields.items()
        said = {name: field.default for name, field in fields if not field.is_required()}
        return {k: list(v) if v == () else v for k, v in said.items() if v is not None}

    metrics = {name: field.annotation.__args__[0] for name, field in Metrics.model_fields.items()}
    records = {"plan": Plan, "stage": PlanStage, **metrics}
    assert {name: defaults(record) for name, record in records.items()} == verifier._DEFAULTS


def test_the_script_lets_what_is_said_and_entered_follow_as_the_product_does():
    for kind, states in verifier._UNDER_WAY.items():
        assert set(states) == set(LEGAL[kind])
