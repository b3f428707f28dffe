"""The script judges again what the gate judged: on whatever policy and evidence, the two must mean the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.audits.records import Evidence, Measurement
from workbench.core.errors import InvalidInput
from workbench.core.values import Outcome
from workbench.gates import Standing, judge, load_policy
from workbench.gates.docket import Rival
from workbench.gates.findings import fold
from workbench.gates.records import Finding
from workbench.governance.pack import verifier
from workbench.governance.pack.verifier import DoesNotHold
from workbench.journal.records import Entry
from workbench.models.records import Lineage, ModelVersion

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
OURS, THEIRS = "sha256:" + "1" * 64, "sha256:" + "2" * 64

AUDITS, METRICS = st.sampled_from(["a", "b"]), st.sampled_from(["m", "m_difference", "o"])
SLICES = ["", "race=x", "race=y", "sex=z", "against=dummy", "against=champion"]
NUMBERS = st.sampled_from([-0.5, 0.0, 0.25, 0.5, 1.0, 3.0])


@st.composite
def measurements(draw) -> Measurement:
    low, value, high = sorted([draw(NUMBERS), draw(NUMBERS), draw(NUMBERS)])
    shape = draw(st.sampled_from(["whole", "bare", "none", "nan"]))
    return Measurement(
        metric=draw(METRICS),
        slice=draw(st.sampled_from(SLICES)),
        value=None if shape == "none" else float("nan") if shape == "nan" else value,
        low=low if shape == "whole" else None,
        high=high if shape == "whole" else None,
        n=draw(st.integers(1, 5)),
    )


@st.composite
def pieces(draw, digest: str) -> Evidence:
    return Evidence(
        audit=draw(AUDITS),
        outcome=draw(st.sampled_from(["measured", "pass", "fail", "inconclusive", "error"])),
        model_digest=draw(st.sampled_from([digest, digest, digest, "sha256:" + "3" * 64])),
        champion_digest=draw(st.sampled_from(["", THEIRS, "sha256:" + "4" * 64])),
        data_digest=draw(st.sampled_from(["sha256:d", "sha256:e"])),
        measurements=tuple(
            draw(st.lists(measurements(), max_size=6, unique_by=lambda m: (m.metric, m.slice)))
        ),
        started=NOW - timedelta(days=draw(st.integers(0, 20)), microseconds=draw(st.integers(0, 10))),
        recalled=draw(st.none() | st.just(NOW - timedelta(days=1))),
        seconds=1.0,
    )


@st.composite
def leaves(draw) -> dict:
    if draw(st.booleans()) and draw(st.booleans()):
        return {"audit": draw(AUDITS), "outcome": "pass"}
    rule = {
        "audit": draw(AUDITS),
        "metric": draw(METRICS),
        draw(st.sampled_from(["at_least", "at_most"])): draw(NUMBERS),
    }
    rule["slice"] = draw(st.sampled_from(["", "*", "race=*", "race=x", "*=*", "nobody"]))
    if bound := draw(st.sampled_from(["", "", "estimate", "lower", "upper"])):
        rule["bound"] = bound
    if than := draw(st.sampled_from(["", "", "champion", "baseline"])):
        rule["than"] = than
    if than == "champion" and draw(st.booleans()):
        rule["without_champion"] = "pass"
    return rule


RULES = st.recursive(
    leaves(),
    lambda inner: st.builds(
        lambda how, members: {how: members},
        st.sampled_from(["any", "all"]),
        st.lists(inner, min_size=2, max_size=3),
    ),
    max_leaves=5,
)


@st.composite
def policies(draw):
    return load_policy(
        {
            "name": "p",
            "rules": draw(st.lists(RULES, max_size=4)),
            "required_audits": draw(st.lists(AUDITS, max_size=2, unique=True)),
            "max_age_days": draw(
                st.dictionaries(st.sampled_from(["*", "a", "b"]), st.sampled_from([1, 10, 30]))
            ),
            "max_open_findings": draw(st.dictionaries(st.sampled_from(["low", "high"]), st.integers(0, 1))),
            "approvals": draw(st.dictionaries(st.just("model-risk"), st.integers(1, 2))),
        }
    )


@st.composite
def histories(draw) -> list[tuple[str, dict]]:
    """What was written down about findings, oldest first."""
    events = []
    for n in range(draw(st.integers(0, 3))):
        finding = Finding(
            id=f"finding/lending#{len(events)}",
            model="lending",
            version="lending/2",
            title=f"number {n}",
            severity=draw(st.sampled_from(["low", "high"])),
            status="open",
            by="joan",
            time=NOW,
        )
        events.append(("finding.opened", json.loads(finding.to_json())))
        if draw(st.booleans()):
            until = draw(st.sampled_from(["2026-11-19", "2026-11-20", "2027-01-01"]))
            by = draw(st.sampled_from(["grace", "Ada"]))
            events.append(
                ("finding.accepted", {"finding": finding.id, "by": by, "until": until, "note": "x"})
            )
        if draw(st.booleans()):
            fixed = draw(st.sampled_from(["lending/2", "lending/3", "lending/4"]))
            events.append(
                ("finding.fixed", {"finding": finding.id, "by": "ada", "version": fixed, "note": "x"})
            )
    return events


def version(number: int, digest: str) -> ModelVersion:
    return ModelVersion(
        name="lending",
        version=number,
        digest=digest,
        run_id="r",
        flavor="sklearn",
        format="skops",
        task="classification",
        target="default",
        columns=(),
        author="ada",
        created=NOW,
        lineage=Lineage(data_digest="sha256:d", data_rows=10, python="3.11", packages={}),
    )


class Shelf(verifier.Pack):
    """A pack with this evidence and these findings in it, without the log around them."""

    def __init__(self, policy, evidence, events, champion: str = "") -> None:
        self.name, self.version, self.ref, self.digest = "lending", 3, "lending/3", OURS
        self.author = "ada"
        self._digests, self._text = {}, json.loads(policy.model_dump_json(exclude_defaults=True))
        self._evidence = [
            verifier.read_json(verifier.canonical(json.loads(e.to_json())), "") for e in evidence
        ]
        registered = [("model.registered", {"version": 2, "digest": champion})]
        alias = [("model.alias", {"alias": "champion", "version": 2})]
        self.streams = {
            "finding/lending": [self._entry(n, *event) for n, event in enumerate(events)],
            "model/lending": [self._entry(n, *e) for n, e in enumerate(registered + alias) if champion],
        }

    def _entry(self, seq: int, kind: str, payload: dict) -> verifier.Entry:
        return verifier.Entry(seq, "finding/lending", seq, "", "ada", kind, payload, b"")

    def evidence(self, before: int) -> list[dict]:
        return self._evidence

    def policy_text(self, name: str, digest: str) -> dict:
        return self._text


def kept(verdict) -> verifier.Verdict:
    """A verdict as it stands in the journal, and is read from there."""
    said = verifier.read_json(verifier.canonical(json.loads(verdict.to_json())), "")
    return verifier.Verdict(
        verifier.Entry(99, "gate/lending/3", 0, "", "ada", "gate.judged", said, b""), said
    )


def fold_of(events):
    return fold(
        Entry(
            seq=n,
            stream="finding/lending",
            position=n,
            time=NOW,
            actor="ada",
            kind=kind,
            subjects=(),
            payload=payload,
            previous="",
            hash="",
        )
        for n, (kind, payload) in enumerate(events)
    )


@given(
    policy=policies(),
    evidence=st.lists(pieces(OURS), max_size=4),
    rival=st.none() | st.lists(pieces(THEIRS), max_size=3),
    events=histories(),
    data=st.data(),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_verdict_is_confirmed_as_given_and_no_other_is(policy, evidence, rival, events, data):
    bytes_ = data.draw(st.sampled_from([THEIRS, THEIRS, OURS])) if rival is not None else ""
    champion = Rival(version(2, bytes_), rival) if bytes_ else None
    verdict = judge(
        policy,
        version(3, OURS),
        evidence,
        Standing(),
        NOW,
        rival=champion,
        findings=fold_of(events),
    )
    shelf = Shelf(policy, evidence, events, bytes_)
    rows, from_record = verifier.judge_again(shelf, kept(verdict))
    assert rows == len(verdict.rules)
    others = [one for one in Outcome if one not in (verdict.outcome, Outcome.MEASURED)]
    other = data.draw(st.sampled_from(others))
    with pytest.raises(DoesNotHold):
        verifier.judge_again(shelf, kept(verdict.model_copy(update={"outcome": other})))
    if verdict.rules and not from_record:  # which groups the champion was compared on is not in a pack
        fewer = verdict.model_copy(update={"rules": verdict.rules[:-1]})
        with pytest.raises(DoesNotHold):
            verifier.judge_again(shelf, kept(fewer))


def test_a_rule_twice_over_is_judged_twice():
    rule = {"audit": "a", "metric": "m", "at_least": 0.1, "than": "champion", "slice": "*"}
    policy = load_policy({"name": "p", "rules": [rule, rule]})
    found = (
        Measurement(metric="m", value=0.5, low=0.4, high=0.6, n=9),
        Measurement(metric="m", slice="race=x", value=0.5, low=0.4, high=0.6, n=9),
    )
    both = [
        Evidence(
            audit="a",
            outcome="measured",
            model_digest=d,
            data_digest="d",
            measurements=found,
            started=NOW,
            seconds=1,
        )
        for d in (OURS, THEIRS)
    ]
    verdict = judge(
        policy, version(3, OURS), both[:1], Standing(), NOW, rival=Rival(version(2, THEIRS), both[1:])
    )
    assert len(verdict.rules) == 4
    assert verifier.judge_again(Shelf(policy, both[:1], [], THEIRS), kept(verdict)) == (4, 4)


def test_every_key_of_the_policy_language_is_one_the_script_knows():
    from workbench.gates.policy import Policy, Rule

    assert set(Policy.model_fields) == verifier._POLICY_KEYS
    assert set(Rule.model_fields) == verifier._RULE_KEYS
    with pytest.raises(InvalidInput):
        load_policy({"name": "p", "rules": [{"moon": "full"}]})


def test_every_figure_of_a_rule_is_compared():
    from workbench.gates.records import RuleResult

    words = {"rule", "reason", "because"}
    assert set(RuleResult.model_fields) - words == set(verifier._COMPARED)
