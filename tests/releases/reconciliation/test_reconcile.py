"""The pure function, case by case: what is clean, what is named, what waits and what cannot be known."""

from __future__ import annotations

import pytest

from workbench.gateway.record import Line, Recorded, Served
from workbench.models.history import ALIAS
from workbench.releases.effects import ENDPOINT_REVIVED
from workbench.releases.reconciliation.exchanges import problems
from workbench.releases.reconciliation.records import InForce, Seen
from workbench.releases.state import ABORTED, PROMOTED, STAGE_ENTERED
from workbench.testing.clock import START
from workbench.traffic import Decided

NAME = "tiny"


def bytes_of(number: int) -> str:
    return f"sha256:{number:064x}"


def served(number: int, bytes_: int | None = None) -> Served:
    return Served(ref=f"{NAME}/{number}", digest=bytes_of(bytes_ or number))


# Clean


def test_a_whole_life_leaves_nothing_to_say(world):
    world.promote(2)
    world.go_back()
    world.record()
    world.wait(3600)
    world.kill()
    world.wait(0.01)
    world.record()
    world.wait(3600)
    world.revive()
    world.stop()
    assert world.found() == ([], [], [])


def test_a_process_that_is_started_anew_takes_up_what_was_there(world):
    world.promote(2)
    world.stop()
    world.wait(10_000)
    world.start()
    assert world.found() == ([], [], [])


def test_a_version_that_loads_for_minutes_is_no_problem(world):
    world.open(2, lag=280)
    world.wait(3600)
    assert world.found() == ([], [], [])


def test_a_rollback_that_the_journal_could_only_be_told_hours_later_is_clean(world):
    world.promote(2)
    world.go_back()
    world.wait(20_000)
    world.record()
    assert world.found() == ([], [], [])


# Suppressed


def test_a_promotion_that_was_left_out_is_named_once_with_the_version_and_the_time(world):
    world.promote(2)
    world.open(3)
    world.wait(3600)
    world.abort()
    (problem,) = world.found(entries=world.without(world.last(PROMOTED))).problems[1:]
    assert problem == (
        "From 2026-11-20 13:00:00 UTC the gateway served tiny/2 (00000000) as champion of tiny; "
        "the journal has no promotion of it."
    )


def test_an_alias_alone_explains_no_champion_of_an_endpoint_with_releases(world):
    world.promote(2)
    alias = world.last(ALIAS).model_copy(update={"subjects": (bytes_of(2),)})
    entries = [alias if e.kind == ALIAS else e for e in world.entries if e is not world.last(PROMOTED)]
    (problem,) = world.found(entries=entries).problems
    assert "no promotion of it, only the alias champion, which ada set at 2026-11-20 13:00:00 UTC" in problem


def test_where_nothing_was_ever_released_the_alias_moved_by_hand_explains_the_champion(world):
    alias = {"alias": "champion", "version": 1}
    world.entries = []
    world.now = START
    world.write(f"model/{NAME}", (ALIAS, alias))
    world.entries = [world.entries[0].model_copy(update={"subjects": (bytes_of(1),)})]
    assert world.found() == ([], [], [])
    world.route(InForce(served(4)))
    (problem,) = world.found().problems
    assert "served tiny/4" in problem


def test_other_bytes_under_the_name_that_was_promoted_are_named(world):
    world.route(InForce(served(1, bytes_=77)))
    (problem,) = world.found().problems
    assert "tiny/1 (00000000)" in problem
    assert "a promotion of that name with other bytes" in problem


def test_a_table_by_hand_with_another_champion_is_named(world):
    world.route(InForce(served(9)))
    (problem,) = world.found().problems
    assert problem.endswith(
        "served tiny/9 (00000000) as champion of tiny; the journal has no promotion of it."
    )


def test_a_share_by_hand_is_named_beside_what_the_stage_says(world):
    world.open(2)
    world.wait(3600)
    world.step()
    world.wait(3600)
    world.route(world.file._replace(share=0.9))
    (problem,) = world.found().problems
    assert "gave tiny/2 (00000000) 90 % of the requests of tiny" in problem
    assert "(release tiny-2 is in canary 10 % there)" in problem


def test_a_candidate_or_shadow_or_standby_without_a_release_is_named(world):
    champion = world.file.champion
    for who, word in (
        (InForce(champion, candidate=served(9), share=0.5), "gave tiny/9 (00000000) 50 %"),
        (InForce(champion, shadow=served(8)), "to tiny/8 (00000000) in shadow"),
        (
            InForce(champion, standby=served(7)),
            "kept tiny/7 (00000000) ready for whoever asks for it by number",
        ),
    ):
        world.wait(3600)
        world.route(who)
        assert word in world.found().problems[-1]
        world.wait(3600)
        world.route(InForce(champion))
    assert len(world.found().problems) == 3


def test_a_champion_put_back_by_hand_has_no_rollback(world):
    world.promote(2)
    world.route(InForce(served(1)))
    (problem,) = world.found().problems
    assert "served tiny/1 (00000000) as champion of tiny; the journal has no rollback of tiny/2 (" in problem


def test_an_old_table_that_is_restored_while_no_gateway_runs_is_named(world):
    old = (world.table, world.file)
    world.promote(2)
    world.stop()
    world.wait(3600)
    world.table, world.file = old
    world.start()
    (problem,) = world.found().problems
    assert "served tiny/1" in problem


def test_a_kill_that_was_taken_back_with_the_file_alone_is_named(world):
    world.kill()
    world.wait(60)
    world.killed = False
    world.line("revived")
    (problem,) = world.found().problems
    assert problem == (
        "From 2026-11-20 10:00:00 UTC to 2026-11-20 10:01:00 UTC no model of tiny answered: it was killed; "
        "the journal has no endpoint.killed."
    )


def test_a_revival_that_was_left_out_is_named(world):
    world.kill()
    world.record()
    world.wait(60)
    world.revive()
    (problem,) = world.found(entries=world.without(world.last(ENDPOINT_REVIVED))).problems
    assert "answered again; the journal has no endpoint.revived" in problem


# Not yet recorded


def test_a_rollback_that_waits_for_its_record_is_pending_and_no_problem(world):
    world.promote(2)
    world.go_back()
    world.wait(3600)
    problems, pending, unknown = world.found()
    assert (problems, unknown) == ([], [])
    (sentence,) = pending
    assert sentence == (
        "Not yet recorded: eve took tiny/2 out of tiny at 2026-11-20 14:00:00 UTC (INC-1). "
        "The next tick or command records it."
    )
    assert "the journal has no rollback" in world.found(intents=[]).problems[0]


def test_a_kill_that_waits_for_its_record_is_pending_and_no_problem(world):
    world.kill()
    world.wait(3600)
    assert world.found() == (
        [],
        [
            "Not yet recorded: tiny is killed since 2026-11-20 10:00:00 UTC. The next tick or command records it."
        ],
        [],
    )
    assert "no endpoint.killed" in world.found(killed=False).problems[0]


def test_an_intent_whose_record_was_written_and_that_was_not_yet_removed_is_not_pending(world):
    world.promote(2)
    world.go_back()
    intents = list(world.intents)
    world.record()
    assert world.found(intents=intents) == ([], [], [])


# Written and not done


def test_a_promotion_that_the_gateway_never_served_is_named_with_why(world):
    world.open(2)
    for _ in range(2):
        world.wait(3600)
        world.step()
    world.wait(3600)
    world.say(world.active, PROMOTED, reason="good")
    world.wait(2)
    world.line("refused", refused_version=9, reason="Its bytes are not those that were registered.")
    world.wait(200)
    assert world.found() == ([], [], [])  # it may still load
    world.wait(3600)
    (problem,) = world.found().problems
    assert problem == (
        "The journal promoted tiny/2 (00000000) to champion of tiny at 2026-11-20 13:00:00 UTC; the gateway ran "
        "and never served it as that. It refused routing table 9: Its bytes are not those that were registered."
    )


def test_a_promotion_while_no_gateway_ran_is_not_known_and_no_problem(world):
    world.stop()
    world.promote(2)
    world.go_back()
    world.record()
    world.start()
    problems, _, unknown = world.found()
    assert problems == []
    (sentence,) = unknown
    assert sentence == (
        "Whether tiny/2 (00000000) was served as champion of tiny between 2026-11-20 13:00:00 UTC and "
        "2026-11-20 14:00:00 UTC is not known: no gateway ran."
    )


def test_an_end_that_the_traffic_does_not_follow_is_named(world):
    world.open(2)
    world.wait(3600)
    world.say(world.active, ABORTED, reason="bad")
    world.wait(3600)
    (problem,) = world.found().problems
    assert "the gateway serves tiny/1 (00000000), tiny/2 (00000000) in shadow, as before." in problem
    world.follow()
    assert world.found() == ([], [], [])


def test_a_process_that_did_not_say_that_it_stopped_leaves_a_gap_that_is_not_known(world):
    world.stop(crash=True)
    world.wait(3600)
    world.start()
    problems, _, unknown = world.found()
    assert problems == []
    (sentence,) = unknown
    assert sentence == (
        "What tiny served between 2026-11-20 09:00:00 UTC and 2026-11-20 11:00:00 UTC is not known: its gateway, "
        "started at 2026-11-20 09:00:00 UTC, did not say that it stopped."
    )


def test_an_endpoint_that_is_served_elsewhere_is_not_known(world):
    assert world.found(decided=[], record=Recorded()) == (
        [],
        [],
        ["What tiny served is not known: no gateway of it has run here."],
    )


# Traffic


def test_traffic_and_no_record_is_a_record_that_is_gone(world):
    (problem,) = world.found(record=Recorded()).problems
    assert problem == (
        "The gateway of tiny decided 7 requests between 2026-11-20 09:00:00 UTC and 2026-11-20 09:00:00 UTC, "
        "and its record is gone."
    )


def test_a_record_that_lacks_the_tables_of_traffic_was_cut(world):
    world.promote(2)
    (problem,) = world.found(record=Recorded(tuple(world.lines[:2]))).problems
    assert "were decided by routing table 2, 3, 4, 5, of which the gateway's record says nothing" in problem


def test_an_answer_by_a_version_that_neither_side_explains_is_named(world):
    strange = Decided(9, 0.0, 66, 66, None, 5, world.now, world.now)
    problems = world.found(decided=[*world.decided, strange]).problems
    assert "routing table 9" in problems[0]
    assert "5 requests" in problems[1]
    assert "version 66; the journal has no release by which it could." in problems[1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 66, "served_by": 66}, "show version 66"),
        ({"served_by": 66}, "show answers of version 66"),
        ({"shadow_version": 66}, "show version 66 in shadow"),
        ({"share": 0.5}, "show a share of 0.5"),
    ],
)
def test_traffic_that_contradicts_the_table_of_the_record_is_named(world, changes, words):
    changed = world.decided[0]._replace(**changes)
    (problem,) = world.found(decided=[changed]).problems
    assert words in problem


def test_a_request_that_outlived_its_version_is_answered_by_the_next_champion(world):
    world.promote(2)
    late = world.decided[0]._replace(served_by=2)
    assert world.found(decided=[late, *world.decided[1:]]).problems == []


def test_the_last_good_version_may_stand_in_and_one_that_was_rolled_back_from_may_not(world):
    first, second, third = map(served, (1, 2, 3))

    def found(*champions, served_by):
        now = world.now
        lines = [Line(time=now, what="started")]
        lines += [
            Line(time=now, what="table", table=n, champion=one) for n, one in enumerate(champions, start=1)
        ]
        decided = [Decided(len(champions), 0.0, int(champions[-1].ref[-1]), served_by, None, 1, now, now)]
        seen = Seen(NAME, now, record=Recorded(tuple(lines)), decided=decided)
        return list(problems(seen, (), ()))

    assert found(first, second, served_by=1) == []
    assert found(first, second, third, served_by=2) == []
    assert "answers of version 1" in found(first, second, third, served_by=1)[0]
    assert "answers of version 2" in found(first, second, first, served_by=2)[0]
    assert "answers of version 1" in found(first, second, second, third, served_by=1)[0]


def test_what_the_disk_did_not_take_is_not_known_and_no_cut(world):
    world.promote(2)
    lines = [*world.lines[:2], world.lines[-1].model_copy(update={"lost": 3})]
    problems, _, unknown = world.found(record=Recorded(tuple(lines)))
    assert problems == []
    assert unknown == [
        "3 changes of tiny before 2026-11-20 13:00:00 UTC cannot be known: the disk did not take them."
    ]


# A damaged journal


def test_entries_that_cannot_be_read_or_do_not_follow_are_named_and_the_rest_is_told(world):
    world.promote(2)
    broken = world.last(STAGE_ENTERED).model_copy(update={"payload": {}})
    entries = [broken if e.seq == broken.seq else e for e in world.entries]
    problems = world.found(entries=entries).problems
    assert "release.stage_entered of tiny-2, 2026-11-20 12:00:00 UTC) cannot be read" in problems[0]
    assert "gave tiny/2 (00000000) 50 %" in problems[1]
    assert len(problems) == 2
