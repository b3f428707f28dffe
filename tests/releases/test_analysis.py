from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.core.values import Outcome
from workbench.releases.analysis import judge, mismatch, worth_writing
from workbench.releases.tallies import CanaryTally, ShadowTally, plus
from workbench.stats.sequential import log_e_objective, log_e_ratio
from workbench.testing.releases import plan, quiet_canary, quiet_shadow

ALPHA = 0.05
THRESHOLD = math.log(2 / ALPHA)  # two metrics share it


def judged(*tallies, before=(), of=None):
    return {v.metric: v for v in judge(of or plan(), ALPHA, tallies, before)}


def test_a_shadow_stage_is_judged_on_disagreement_and_on_errors():
    found = judged(quiet_shadow(400, differ=20))
    assert set(found) == {"disagreement", "errors"}
    assert found["disagreement"].outcome is Outcome.PASS
    assert found["errors"].outcome is Outcome.INCONCLUSIVE
    assert all(v.alpha == ALPHA / 2 for v in found.values())


def test_too_much_disagreement_fails_and_the_sentence_has_the_numbers():
    verdict = judged(quiet_shadow(200, differ=70))["disagreement"]
    assert verdict.outcome is Outcome.FAIL
    assert "70 of 200 pairs differently (35 %)" in verdict.sentence
    assert "above the limit of 20 %" in verdict.sentence
    assert verdict.points[-1].log_e_worse >= THRESHOLD


def test_disagreement_near_the_limit_is_inconclusive_and_says_about_how_many_more():
    verdict = judged(quiet_shadow(200, differ=32))["disagreement"]
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.still_needed is not None
    assert verdict.still_needed > 100
    assert "more pairs like these would settle it" in verdict.sentence


def test_about_so_many_more_pairs_like_these_do_settle_it():
    def share(n: int):
        return judged(quiet_shadow(n, differ=round(n * 0.14)))["disagreement"]

    first = share(200)
    assert first.outcome is Outcome.INCONCLUSIVE
    assert first.still_needed is not None
    assert share(200 + first.still_needed + 10).outcome is Outcome.PASS
    assert share(200 + first.still_needed // 2).outcome is Outcome.INCONCLUSIVE


def test_no_pairs_and_no_requests_are_said_to_be_none():
    found = judged(ShadowTally())
    assert {v.outcome for v in found.values()} == {Outcome.INCONCLUSIVE}
    assert found["disagreement"].sentence == "No pair of answers to compare yet."
    assert judged(ShadowTally(), CanaryTally())["errors"].sentence == "No request counted yet."


def test_a_canary_that_fails_more_is_proved_worse():
    verdict = judged(quiet_shadow(), quiet_canary(0.1, candidate_bad=12, champion_bad=5))["errors"]
    assert verdict.outcome is Outcome.FAIL
    assert verdict.sentence.startswith(
        "The candidate failed 12 of 100 requests (12 %), the champion 5 of 900 requests (0.56 %): proved worse"
    )


def test_rare_errors_are_not_proved_no_worse_and_the_sentence_admits_it():
    verdict = judged(quiet_shadow(), quiet_canary(0.1, candidate_bad=1, champion_bad=9))["errors"]
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "not settled" in verdict.sentence or "not proved no worse" in verdict.sentence
    assert "more requests like these would settle it" in verdict.sentence
    assert verdict.still_needed is not None


def test_no_failure_anywhere_is_no_evidence_and_foretells_nothing():
    verdict = judged(quiet_shadow(), quiet_canary(0.1))["errors"]
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.still_needed is None
    assert "With no failure in either arm there is nothing to compare." in verdict.sentence


def test_many_requests_prove_it_no_worse():
    half = quiet_canary(0.5, 20_000, candidate_bad=90, champion_bad=90)
    verdict = judged(quiet_shadow(), quiet_canary(0.1), half)["errors"]
    assert verdict.outcome is Outcome.PASS
    assert "proved no worse than 2 times the champion's risk" in verdict.sentence


def test_evidence_carries_over_from_step_to_step():
    steps = [
        quiet_shadow(),
        quiet_canary(0.1, candidate_bad=3, champion_bad=6),
        quiet_canary(0.5, candidate_bad=9, champion_bad=5),
    ]
    verdict = judged(*steps)["errors"]
    assert verdict.points[-1].log_e_worse == pytest.approx(log_e_ratio([0, 3, 9], [0, 6, 5], [0.5, 0.1, 0.5]))
    assert "with the stages before" in verdict.sentence
    assert (verdict.candidate_n, verdict.candidate_bad) == (500, 9)


def test_a_champion_that_fails_in_shadow_counts_against_no_one_but_itself():
    """The gateway copies only what the champion answered: its own failures must not make the candidate look bad."""
    verdict = judged(quiet_shadow(1000, candidate_bad=12, champion_bad=12))["errors"]
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.points[-1].log_e_worse < 1
    assert judged(quiet_shadow(1000, candidate_bad=12, champion_bad=0))["errors"].outcome is Outcome.FAIL


def test_shadow_never_proves_errors_no_worse():
    verdict = judged(quiet_shadow(10_000, candidate_bad=10, champion_bad=400))["errors"]
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.points[-1].log_e_no_worse == 0.0


def test_a_verdict_that_fired_is_not_taken_back():
    bad = judge(plan(), ALPHA, [quiet_shadow(200, differ=70)], [])
    later = judged(quiet_shadow(2000, differ=100), before=bad)["disagreement"]
    assert later.outcome is Outcome.FAIL
    good = judge(plan(), ALPHA, [quiet_shadow(400, differ=20)], [])
    later = judged(quiet_shadow(800, differ=150), before=good)["disagreement"]
    assert later.outcome is Outcome.PASS


def test_a_coin_that_does_not_give_what_it_promised_voids_the_evidence():
    sentence = mismatch(plan(), [quiet_shadow(), CanaryTally(candidate_n=200, champion_n=800)])
    assert "the candidate got 200 of 1,000 requests (20 %)" in sentence
    assert "promised 10 %" in sentence
    assert mismatch(plan(), [quiet_shadow(), quiet_canary(0.1)]) == ""
    assert mismatch(plan(), [quiet_shadow()]) == ""


KINDS = plan(
    sticky="customer",
    metrics={"errors": {"alpha_share": 3.0}, "objective": {"at_most": 0.02, "alpha_share": 1.0}},
    stages=[
        {"name": "ramp", "kind": "progressive", "weights": [0.1, 0.3], "min_requests": 50},
        {"name": "split", "kind": "ab", "weight": 0.5, "arms": ["old", "new"], "min_requests": 50},
        {"name": "all", "kind": "blue_green", "min_requests": 50},
        {"name": "champion", "kind": "champion"},
    ],
)


def test_steps_of_a_progressive_stage_and_both_sides_of_an_ab_test_are_counted_by_their_shares():
    steps = [quiet_canary(share, candidate_bad=2, champion_bad=9) for share in (0.1, 0.3, 0.5)]
    verdict = judged(*steps, of=KINDS)["errors"]
    expected = log_e_ratio([2, 2, 2], [9, 9, 9], [0.1, 0.3, 0.5])
    assert verdict.points[-1].log_e_worse == pytest.approx(expected)
    assert verdict.stage == "split"


def test_where_the_candidate_answers_everything_its_objective_judges_and_no_comparison_is_made():
    steps = [CanaryTally()] * 3
    found = judged(*steps, CanaryTally(400, 26), of=KINDS)
    assert set(found) == {"objective"}
    assert found["objective"].outcome is Outcome.FAIL
    assert found["objective"].sentence.startswith(
        "The candidate failed 26 of 400 entities (6.5 %): proved above the objective of 2 % (evidence"
    )
    assert mismatch(KINDS, [*steps, CanaryTally(400, 26)]) == ""


def test_an_objective_is_proved_by_the_candidates_own_requests_whatever_the_champion_does():
    steps = [quiet_canary(share, 2000, candidate_bad=1, champion_bad=900) for share in (0.1, 0.3, 0.5)]
    verdict = judged(*steps, of=KINDS)["objective"]
    assert verdict.outcome is Outcome.PASS
    assert "proved within the objective of 2 %" in verdict.sentence
    bad, n = 3, 200 + 600 + 1000
    assert verdict.points[-1].log_e_no_worse == pytest.approx(log_e_objective(bad, n - bad, 0.02, -1))


def test_about_so_many_more_requests_like_these_prove_the_objective():
    def run(n: int):
        return judged(CanaryTally(n, round(n * 0.005)), of=KINDS)["objective"]

    first = run(200)
    assert first.outcome is Outcome.INCONCLUSIVE
    assert first.still_needed is not None
    assert run(200 + round(1.05 * first.still_needed)).outcome is Outcome.PASS


def test_each_metric_spends_its_part_of_alpha():
    found = judged(quiet_canary(0.1), of=KINDS)
    assert found["errors"].alpha == pytest.approx(0.75 * ALPHA)
    assert found["objective"].alpha == pytest.approx(0.25 * ALPHA)


def test_where_entities_are_split_a_coin_that_lies_is_told_in_entities():
    assert "of 1,000 entities" in mismatch(KINDS, [CanaryTally(candidate_n=200, champion_n=800)])


def test_where_entities_are_counted_every_sentence_says_so():
    found = judged(quiet_canary(0.1, candidate_bad=1, champion_bad=9), of=KINDS)
    assert found["errors"].sentence.startswith(
        "The candidate failed 1 of 100 entities (1.0 %), the champion 9 of 900 entities (1.0 %)"
    )
    assert "more new entities like these would settle it" in found["errors"].sentence
    assert found["objective"].sentence.startswith("The candidate failed 1 of 100 entities")
    assert judged(CanaryTally(), of=KINDS)["errors"].sentence == "No entity counted yet."
    shadow = judged(quiet_shadow(400, differ=60, candidate_bad=3), of=plan(sticky="customer"))
    assert "60 of 397 entities differently" in shadow["disagreement"].sentence
    assert "failed 3 of 400 entities (0.75 %), the champion 0 of 400 entities" in shadow["errors"].sentence
    assert not any(
        "request" in v.sentence or "pair" in v.sentence for v in (*found.values(), *shadow.values())
    )


def test_a_look_is_kept_when_it_changed_or_grew_by_a_twentieth():
    def looked(n: int):
        return judged(quiet_shadow(n, differ=0))["errors"]

    assert worth_writing(looked(0), None)
    assert not worth_writing(looked(100), looked(100))
    assert not worth_writing(looked(1020), looked(1000))
    assert worth_writing(looked(1060), looked(1000))


counts = st.integers(0, 400)


@given(counts, counts, counts, st.integers(0, 50), st.integers(0, 50))
def test_every_verdict_has_a_sentence_and_numbers_that_fit_it(
    requests, pairs, differ, candidate_bad, champion_bad
):
    pairs = min(pairs, requests)
    candidate_bad, differ = min(candidate_bad, pairs), min(differ, pairs)
    differ = min(differ, pairs - candidate_bad)
    shadow = ShadowTally(requests + champion_bad, champion_bad, pairs, candidate_bad, differ)
    for verdict in judged(shadow).values():
        point = verdict.points[-1]
        assert verdict.sentence.endswith(".")
        assert "nan" not in verdict.sentence
        assert (verdict.outcome is Outcome.FAIL) == (point.log_e_worse >= THRESHOLD)
        assert (verdict.outcome is Outcome.INCONCLUSIVE) or verdict.still_needed is None


@given(st.lists(st.tuples(counts, counts), min_size=1, max_size=6))
def test_tallies_add_up_in_any_grouping(parts):
    tallies = [CanaryTally(candidate_n=a, champion_n=b) for a, b in parts]
    left = tallies[0]
    for tally in tallies[1:]:
        left = plus(left, tally)
    assert left == CanaryTally(candidate_n=sum(a for a, _ in parts), champion_n=sum(b for _, b in parts))
