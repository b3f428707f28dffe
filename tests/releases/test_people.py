"""People between the stages: who may say yes, when it counts, and that nothing goes on without it."""

from __future__ import annotations

import pytest

from workbench.core.errors import InvalidInput, Refused, Unavailable
from workbench.journal import Event, FileSigner, VerifierKey
from workbench.releases import Releases, Status
from workbench.releases.people import Voices
from workbench.releases.state import APPROVAL_REVOKED, APPROVED
from workbench.testing.releases import PLAN, plan, verdict_on

SHADOW, TENTH, HALF, CHAMPION = PLAN["stages"]
ASKING = plan(
    stages=[
        SHADOW,
        HALF | {"approvals": {"owner": 2, "legal": 1}},
        CHAMPION | {"approvals": {"owner": 1}},
    ]
)
PEOPLE = {
    "ada": ["owner", "legal"],
    "grace": ["owner", "legal"],
    "joan": ["owner"],
    "mary": ["legal"],
    "eve": ["owner"],
}


@pytest.fixture
def signer(tmp_path):
    return lambda name: FileSigner(tmp_path / "keys", name)


@pytest.fixture
def release(project):
    project.releases = acting(project, "ada")
    project.open(1)
    version = project.version(2)
    return acting(project, "ada").open(version, ASKING, endpoint="tiny", verdict=verdict_on(version))


@pytest.fixture
def voices(project):
    return Voices(project.journal, people=PEOPLE, listed={}, clock=project.clock)


@pytest.fixture
def say(project, release, signer):
    """Say yes as somebody, as another process of theirs would."""

    def say(by: str, **changes):
        return acting(project, by).approve_stage(
            release.id, **({"note": "Read the pairs.", "signer": signer(by)} | changes)
        )

    return say


@pytest.fixture
def take_back(project, release, signer):
    """Take a yes back as somebody, as another process of theirs would."""

    def take_back(by: str, **changes):
        return acting(project, by).revoke_stage(
            release.id, **({"note": "They were last week's.", "signer": signer(by)} | changes)
        )

    return take_back


def acting(project, by: str, people=PEOPLE) -> Releases:
    settings = project.settings.model_copy(update={"actor": by, "people": people})
    parts = [settings, project.journal, project.registry, project.traffic, project.clock]
    return Releases(*parts, permission=lambda state: state.allowed)


def ready(project, release, *, people=PEOPLE):
    """Give the stage all that it lacks but people, and look."""
    project.send(300)
    return acting(project, "ada", people).tick(release.id)


def test_a_stage_is_not_entered_before_everybody_it_asks_has_said_yes(project, release, say):
    waiting = ready(project, release)
    assert (waiting.stage, waiting.status) == (0, Status.RUNNING)
    assert waiting.reason == "shadow: canary 50 % asks for approvals: 1 more by legal, 2 more by owner."
    say("joan")
    say("mary")
    assert "1 more by owner" in ready(project, release).reason
    say("grace", role="owner")
    entered = ready(project, release)
    assert entered.stage == 1
    assert [(one.by, one.role) for one in entered.approvals] == [
        ("joan", "owner"),
        ("mary", "legal"),
        ("grace", "owner"),
    ]


def test_a_word_is_bound_to_the_bytes_the_plan_and_the_step_and_signed(project, release, say, signer):
    said = say("joan")
    assert (said.release, said.stage, said.stage_name) == ("tiny-2", 1, "canary 50 %")
    assert (said.model_digest, said.plan_digest) == (release.candidate_digest, ASKING.digest)
    assert said.key == str(VerifierKey.of(signer("joan")))
    entry = project.journal.read("release/tiny-2")[-1]
    assert (entry.kind, entry.subjects) == (APPROVED, (said.model_digest, said.plan_digest))
    assert [e.kind for e in project.journal.read("key/joan")] == ["key.enrolled"]


def test_people_are_asked_again_before_the_championship_and_the_gate_after_them(project, release, say):
    for by in ("joan", "eve", "mary"):
        say(by)
    assert ready(project, release).stage == 1
    waiting = ready(project, release)
    assert (waiting.stage, waiting.reason) == (
        1,
        "canary 50 %: champion asks for approvals: 1 more by owner.",
    )
    say("joan", stage="champion")
    assert ready(project, release).status is Status.PROMOTED


def test_the_author_may_not_and_a_person_counts_once(say):
    with pytest.raises(Refused, match=r"ada registered tiny/2 and cannot let it into.*As owner may: eve"):
        say("ada", role="owner")
    say("grace", role="owner")
    with pytest.raises(Refused, match="grace has approved canary 50 % of tiny-2 already"):
        say("grace", role="legal")


def test_whoever_opened_the_release_may_not(release, voices, project, signer):
    mine = release.model_copy(update={"opened_by": "Joan"})
    with pytest.raises(Refused, match="joan opened the release of tiny/2 and cannot"):
        voices.say(mine, project.version(2), by="joan", note="yes", signer=signer("joan"))


def test_the_role_must_be_theirs_and_asked_for_and_named_when_there_are_two(say):
    with pytest.raises(Refused, match=r"mary does not have the role owner.*As owner may: eve, grace, joan"):
        say("mary", role="owner")
    with pytest.raises(Refused, match="nobody does not have the role legal or owner"):
        say("nobody")
    with pytest.raises(InvalidInput, match="'owner'"):
        say("joan", role="owners")
    with pytest.raises(InvalidInput, match="grace has several that canary 50 % asks for: legal, owner"):
        say("grace")
    with pytest.raises(InvalidInput, match="needs a reason"):
        say("joan", note=" ")


def test_a_role_may_be_vouched_for_from_elsewhere(say):
    said = say("lin", vouched={"owner": "group release-owners"})
    assert said.role_from == "group release-owners"


def test_only_the_next_step_can_be_approved(project, release, say):
    with pytest.raises(
        Refused, match=r"tiny-2 is in shadow: the step to approve is canary 50 %, not champion"
    ):
        say("joan", stage="champion")
    project.releases.abort(release.id, "no")
    with pytest.raises(Refused, match="tiny-2 is over: Aborted by ada: no"):
        say("joan")


def test_a_step_that_asks_nobody_takes_no_word(project, signer):
    project.open(1)
    quiet = project.open(2)
    with pytest.raises(Refused, match="asks for no approval"):
        acting(project, "joan").approve_stage(quiet.id, note="yes", signer=signer("joan"))


def test_a_word_that_was_not_signed_with_their_key_does_not_count(project, release, say, voices):
    said = say("joan")
    forged = said.model_copy(update={"by": "eve"})
    project.journal.append("release/tiny-2", Event(kind=APPROVED, payload=forged.model_dump(mode="json")))
    now = project.releases.get(release.id)
    assert len(now.approvals) == 2
    assert voices.counting(now, project.version(2)) == {"owner": ("joan",)}


@pytest.mark.parametrize(
    "change",
    [
        {"model_digest": "sha256:" + "9" * 64},
        {"plan_digest": "sha256:" + "9" * 64},
        {"release": "tiny-1"},
        {"stage": 2},
        {"by": "ada"},
        {"role": "auditor"},
    ],
)
def test_a_word_about_something_else_or_by_somebody_else_does_not_count(
    project, release, say, voices, change
):
    other = say("joan").model_copy(update=change)
    assert voices.counting(release.model_copy(update={"approvals": (other,)}), project.version(2)) == {}


def test_somebody_who_has_lost_the_role_does_not_count_any_more(project, release, say):
    for by in ("joan", "eve", "mary"):
        say(by)
    without = PEOPLE | {"eve": []}
    assert ready(project, release, people=without).stage == 0
    assert ready(project, release).stage == 1


def test_a_word_that_was_taken_back_does_not_count_until_it_is_said_again(project, release, say, take_back):
    for by in ("joan", "eve", "mary"):
        say(by)
    taken = take_back("eve")
    assert (taken.release, taken.stage, taken.stage_name, taken.word) == ("tiny-2", 1, "canary 50 %", 1)
    entry = project.journal.read("release/tiny-2")[-1]
    assert entry.kind == APPROVAL_REVOKED
    assert entry.subjects == (release.candidate_digest, release.plan_digest)
    assert "1 more by owner" in ready(project, release).reason
    say("eve")
    assert ready(project, release).stage == 1


def test_others_in_the_role_may_take_a_word_back_and_nobody_else(project, release, say, take_back):
    say("joan")
    with pytest.raises(
        Refused, match=r"mary cannot take back what joan said as owner.*As owner may: eve, gr"
    ):
        take_back("mary", given_by="joan")
    with pytest.raises(Refused, match="ada cannot take back what joan said as owner"):
        take_back("ada", given_by="joan")
    with pytest.raises(InvalidInput, match="needs a reason"):
        take_back("joan", note=" ")
    assert take_back("eve", given_by="Joan").role_from == "workbench.toml"
    with pytest.raises(Refused, match="No approval of canary 50 % by joan stands in tiny-2"):
        take_back("joan")


def test_whoever_took_a_word_back_and_then_lost_the_role_does_not_bring_it_back(
    project, release, say, take_back
):
    for by in ("joan", "eve", "mary"):
        say(by)
    take_back("grace", given_by="eve")
    without = PEOPLE | {"grace": []}
    assert "1 more by owner" in ready(project, release, people=without).reason


def test_a_word_cannot_be_taken_back_once_its_stage_is_entered(project, release, say, take_back):
    for by in ("joan", "eve", "mary"):
        say(by)
    assert ready(project, release).stage == 1
    with pytest.raises(Refused, match="No approval of champion by joan stands") as caught:
        take_back("joan")
    assert "until the step that it is about is entered" in caught.value.remedy


def test_a_word_taken_back_while_the_controller_looks_keeps_the_stage_shut(
    project, release, say, take_back, monkeypatch
):
    for by in ("joan", "eve", "mary"):
        say(by)
    project.send(300)
    releases = acting(project, "ada")
    look, once = releases._lookout.look, iter([take_back])

    def meanwhile(state):
        seen = look(state)
        next(once, lambda _: None)("joan")
        return seen

    monkeypatch.setattr(releases._lookout, "look", meanwhile)
    assert releases.tick(release.id).stage == 0


@pytest.mark.parametrize(
    "change", [{"by": "ada"}, {"by": "eve"}, {"release": "tiny-1"}, {"stage": 2}, {"word": 7}, {"note": "x"}]
)
def test_a_revocation_by_somebody_else_or_about_something_else_takes_nothing_back(
    project, release, say, take_back, voices, change
):
    say("joan")
    forged = take_back("joan").model_copy(update=change)
    now = project.releases.get(release.id).model_copy(update={"revocations": (forged,)})
    assert voices.counting(now, project.version(2)) == {"owner": ("joan",)}


def test_the_deadline_runs_on_while_people_are_asked_and_a_pause_stops_it(project, release, say):
    ready(project, release)
    project.releases.pause(release.id, "they sleep")
    project.clock.advance(minutes=600)
    assert ready(project, release).status is Status.PAUSED
    say("joan")  # also while it is paused
    project.releases.resume(release.id, "back")
    assert ready(project, release).status is Status.RUNNING
    project.clock.advance(minutes=61)
    late = ready(project, release)
    assert late.status is Status.ABORTED
    assert "canary 50 % asks for approvals: 1 more by legal, 1 more by owner" in late.reason


def test_harm_ends_a_release_whoever_has_said_yes(project, release, say):
    for by in ("joan", "eve", "mary"):
        say(by)
    project.send(300, bad=0.5)
    assert acting(project, "ada").tick(release.id).status is Status.ABORTED


def test_while_the_registry_cannot_say_who_the_author_is_nobody_counts_and_the_look_goes_on(
    project, release, say, monkeypatch
):
    def down(ref):
        raise Unavailable("MLflow does not answer.", field="mlflow")

    for by in ("joan", "eve", "mary"):
        say(by)
    state = project.releases._book.page(release.id).state
    with monkeypatch.context() as patched:
        patched.setattr(project.registry, "version", down)
        lookout = acting(project, "ada")._lookout
        assert lookout.look(state).approved == {}
    assert set(lookout.look(state).approved) == {"owner", "legal"}


def test_every_view_says_who_said_yes_and_nobody_writes_into_the_page(project, release, say, tmp_path):
    say("joan", note="<script>alert(1)</script>\nand a second line")
    now = project.releases.get(release.id)
    assert "joan approved canary 50 % of tiny-2 as owner: <script>alert(1)</script> and a second" in str(now)
    page = now.to_html(tmp_path / "release.html").read_text("utf-8")
    assert "joan approved canary 50 % as owner" in page
    assert "after the yes of 2 by owner" in page
    assert "<script>alert(1)" not in page


def test_every_view_says_of_a_word_that_was_taken_back_that_it_was(
    project, release, say, take_back, tmp_path
):
    say("joan")
    take_back("joan", note="<script>alert(1)</script>")
    now = project.releases.get(release.id)
    assert "✕ joan approved canary 50 % of tiny-2 as owner: Read the pairs. (joan took back" in str(now)
    page = now.to_html(tmp_path / "release.html").read_text("utf-8")
    assert "<s>joan approved canary 50 % as owner" in page
    assert "</s> Taken back by joan, " in page
    assert "<script>alert(1)" not in page
