from __future__ import annotations

import threading

import pytest

from workbench.core.errors import NotFound
from workbench.gates import PolicyBook, load_policy
from workbench.gates.policy import POLICIES
from workbench.gates.policy_diff import policy_diff
from workbench.gates.records import Verdict
from workbench.journal import Journal

ROC = {"audit": "performance", "metric": "roc_auc_score", "at_least": 0.65}
ODDS = {"audit": "fairness", "metric": "equalized_odds_difference", "at_most": 0.1}


@pytest.fixture
def book(journal):
    return PolicyBook(journal)


def test_a_text_is_kept_when_it_is_first_used_and_read_by_its_digest_for_ever(book, journal, make):
    first, second = make.policy(ROC), make.policy(ROC | {"at_least": 0.7})
    for policy in (first, second, first):
        book.use(policy)
    assert [(one.version, one.digest) for one in book.of("strict")] == [(1, first.digest), (2, second.digest)]
    assert book.text("strict", first.digest) == first
    assert book.text("strict", second.digest.removeprefix("sha256:")[:8]) == second
    assert book.of("strict")[1].ref == f"strict@{second.digest.removeprefix('sha256:')[:8]}"
    assert book.names() == ["strict"]


@pytest.mark.parametrize("digest", ["", "sha256:", "ffffffff", "zz"])
def test_a_text_that_was_never_used_is_answered_with_those_that_were(book, make, digest):
    book.use(make.policy(ROC))
    with pytest.raises(NotFound, match="No policy strict of digest") as caught:
        book.text("strict", digest)
    assert "strict@" in caught.value.remedy


def test_two_who_use_a_text_at_once_keep_it_once(journal, make, clock):
    policy = make.policy(ROC)
    others = [Journal.open(journal.path, actor="ada", clock=clock) for _ in range(4)]
    threads = [threading.Thread(target=PolicyBook(other).use, args=(policy,)) for other in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in others:
        other.close()
    assert len(PolicyBook(journal).of("strict")) == 1


@pytest.mark.parametrize("name", POLICIES.built_in())
def test_every_built_in_policy_asks_for_evidence_people_and_ages_and_survives_the_book(book, name):
    policy = load_policy(name)
    book.use(policy)
    assert book.text(name, policy.digest) == policy
    assert book.text(name, policy.digest).digest == policy.digest
    assert policy.rules
    assert policy.approvals
    assert all(leaf.because or rule.because for rule in policy.rules for leaf in rule.leaves())


def test_default_credit_and_low_risk_are_built_in():
    assert POLICIES.built_in() == ["credit", "default", "low-risk"]


def verdict(make, model: str, outcome: str, **changes) -> Verdict:
    fields = {
        "model": model,
        "model_digest": make.digest,
        "policy": "strict",
        "policy_digest": make.digest,
        "outcome": outcome,
        "reason": f"It is {outcome}.",
        "time": make.now,
    }
    return Verdict(**(fields | changes))


def test_a_diff_says_what_is_asked_anew_and_which_versions_get_another_verdict(make):
    old = make.policy(ROC, ODDS, approvals={"model-risk": 1})
    new = make.policy(
        ROC | {"at_least": 0.7},
        {"any": [ODDS, ODDS | {"slice": "race"}]},
        approvals={"model-risk": 2},
        max_age_days={"*": 30},
        max_open_findings={"high": 0},
    )
    pairs = [
        (verdict(make, "credit/1", "pass"), verdict(make, "credit/1", "pass")),
        (verdict(make, "credit/2", "pass"), verdict(make, "credit/2", "fail")),
    ]
    found = policy_diff(old, new, pairs)
    assert found.removed == (
        "performance: lower bound of roc_auc_score ≥ 0.65",
        "fairness: upper bound of equalized_odds_difference ≤ 0.10",
        "1 approved by model-risk",
    )
    assert found.added == (
        "performance: lower bound of roc_auc_score ≥ 0.70",
        "one of group 2: fairness: upper bound of equalized_odds_difference ≤ 0.10",
        "one of group 2: fairness: upper bound of equalized_odds_difference for race ≤ 0.10",
        "evidence of * at most 30 days old",
        "at most 0 open findings of severity high",
        "2 approved by model-risk",
    )
    assert [(c.model, str(c.old), str(c.new)) for c in found.changed] == [("credit/2", "pass", "fail")]
    assert "1 of 2 versions would get another verdict." in str(found)
    assert not found.same
    assert policy_diff(old, old, pairs[:1]).same
    assert "They ask the same." in str(policy_diff(old, old, []))
