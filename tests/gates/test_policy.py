from __future__ import annotations

from pathlib import Path

import pytest

import workbench as wb
from workbench.core.errors import InvalidInput, NotFound
from workbench.gates import Policy, load_policy
from workbench.gates.policy import POLICIES

EXAMPLE = """\
name: strict
description: For the reader.
rules:
  - audit: performance
    metric: roc_auc_score
    bound: lower          # estimate | lower | upper
    at_least: 0.65
  - audit: fairness
    metric: equalized_odds_difference
    slice: race
    bound: upper
    at_most: 0.40
    because: why we ask this
  - audit: drift
    outcome: pass
required_audits: [performance, fairness]
approvals: {model-risk: 1}
"""


def written(folder: Path, text: str, name: str = "strict.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_policy_is_read_from_yaml(tmp_path: Path):
    policy = load_policy(written(tmp_path, EXAMPLE))
    assert policy.name == "strict"
    assert [rule.limit for rule in policy.rules] == [0.65, 0.40, None]
    assert policy.approvals == {"model-risk": 1}
    assert policy.rules[1].because == "why we ask this"


def test_a_policy_may_be_given_as_what_the_file_would_hold(tmp_path: Path):
    rule = {"audit": "performance", "metric": "roc_auc_score", "at_least": 0.65}
    policy = load_policy({"name": "quick", "rules": [rule]})
    assert load_policy(policy) is policy
    text = "rules:\n- {audit: performance, metric: roc_auc_score, at_least: 0.65}\n"
    assert load_policy(written(tmp_path, text, "quick.yaml")).digest == policy.digest


def test_every_policy_that_comes_with_the_package_loads_by_name():
    assert "default" in POLICIES.built_in()
    for name in POLICIES.built_in():
        policy = load_policy(name)
        assert policy.name == name
        assert policy.rules
        assert policy.description


def test_the_digest_covers_what_the_policy_says_and_not_how_it_is_written(tmp_path: Path):
    digest = load_policy(written(tmp_path, EXAMPLE)).digest
    reordered = EXAMPLE.replace("approvals: {model-risk: 1}\n", "")
    reordered = "# a comment\napprovals:\n  model-risk: 1\n" + reordered
    assert load_policy(written(tmp_path, reordered, "other.yaml")).digest == digest
    for before, after in [("0.65", "0.66"), ("lower ", "estimate "), ("race", "sex"), ("risk: 1", "risk: 2")]:
        assert load_policy(written(tmp_path, EXAMPLE.replace(before, after))).digest != digest


def test_the_cautious_end_of_the_interval_is_compared_unless_another_is_asked_for():
    rules = [
        {"audit": "a", "metric": "m", "at_least": 1},
        {"audit": "a", "metric": "m", "at_most": 1},
        {"audit": "a", "metric": "m", "at_most": 1, "bound": "estimate"},
    ]
    assert [r.end for r in load_policy({"name": "p", "rules": rules}).rules] == ["lower", "upper", "estimate"]


@pytest.mark.parametrize(
    ("pattern", "slice", "covered"),
    [
        ("race", "race", True),
        ("race", "race & sex", False),
        ("", "", True),
        ("", "race", False),
        ("*", "", True),
        ("race=*", "race=African-American", True),
        ("race=*", "sex=Male", False),
        ("*sex=Male", "race=Other & sex=Male", True),
        ("race=[A]?", "race=[A]?", True),
        ("race=[A]?", "race=AA", False),
    ],
)
def test_a_slice_is_exact_but_for_the_star(pattern: str, slice: str, covered: bool):
    rule = {"audit": "a", "metric": "m", "at_most": 1, "slice": pattern}
    assert load_policy({"name": "p", "rules": [rule]}).rules[0].covers(slice) is covered


@pytest.mark.parametrize(
    ("before", "after", "field", "sentence"),
    [
        ("at_least", "at_leas", "rules[0].at_leas", r"unknown key\. Did you mean 'at_least'\?"),
        (
            "required_audits",
            "required_audit",
            "required_audit",
            r"unknown key\. Did you mean 'required_audits'",
        ),
        ("at_least: 0.65", "at_least: 65 %", "rules[0].at_least", "valid number"),
        ("at_least: 0.65", "at_least: 1e-3", "rules[0].at_least", "YAML reads 1e-3 as text"),
        ("at_least: 0.65", "at_least: yes", "rules[0].at_least", "valid number"),
        ("at_least: 0.65", "at_least: .nan", "rules[0].at_least", "finite"),
        ("bound: lower ", "bound: low ", "rules[0].bound", "'estimate', 'lower' or 'upper'"),
        ("slice: race", "slice: no", "rules[1].slice", "Put it in quotes"),
        ("    at_least: 0.65\n", "", "rules[0]", "give one of at_least, at_most or outcome, not none"),
        ("at_least: 0.65", "at_least: 0.65\n    at_most: 1.0", "rules[0]", "not at_least and at_most"),
        ("    metric: roc_auc_score\n", "", "rules[0]", "at_least needs a metric"),
        ("outcome: pass", "outcome: pass\n    slice: race", "rules[2]", "leave out metric, slice and bound"),
        (
            "  - audit: drift\n    outcome: pass",
            "  - outcome: pass",
            "rules[2]",
            "name the audit, or a group",
        ),
        ("{model-risk: 1}", "{model-risk: 0}", "approvals.model-risk", "greater than or equal to 1"),
        ("{model-risk: 1}", "[model-risk]", "approvals", "dictionary"),
    ],
)
def test_a_mistake_is_refused_naming_the_key_and_the_remedy(
    tmp_path: Path, before: str, after: str, field: str, sentence: str
):
    assert before in EXAMPLE
    with pytest.raises(InvalidInput, match=sentence) as caught:
        load_policy(written(tmp_path, EXAMPLE.replace(before, after)))
    assert caught.value.field == field
    assert str(caught.value).startswith(f"strict.yaml: {field}: ")


def test_a_key_given_twice_is_refused_with_its_line(tmp_path: Path):
    twice = EXAMPLE.replace("at_most: 0.40", "at_most: 0.40\n    at_most: 0.90")
    with pytest.raises(InvalidInput, match=r"strict.yaml: line 13: the key 'at_most' is given twice"):
        load_policy(written(tmp_path, twice))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("rules: [", "line 1"),
        ("- a\n- b\n", "is a list, not a policy"),
        ("just words", "is a str, not a policy"),
        ("name: !!python/object/apply:os.system ['true']", "could not determine a constructor"),
        ("? [a, b]\n: 1\n", "line 1: found unhashable key"),
        ("1: x\n", "Keys should be strings"),
    ],
)
def test_a_file_that_is_no_policy_is_refused(tmp_path: Path, text: str, sentence: str):
    with pytest.raises(InvalidInput, match=sentence):
        load_policy(written(tmp_path, text))


def test_a_file_that_is_not_text_is_refused(tmp_path: Path):
    path = tmp_path / "strict.yaml"
    path.write_bytes(b"name: \xff\xfe\x00")
    with pytest.raises(InvalidInput, match=r"strict.yaml: not YAML"):
        load_policy(path)


def test_an_empty_file_is_an_empty_policy_named_by_the_file(tmp_path: Path):
    assert load_policy(written(tmp_path, "# nothing yet\n")) == Policy(name="strict")


def test_a_missing_file_or_name_is_answered_with_the_nearest(tmp_path: Path):
    written(tmp_path, EXAMPLE)
    with pytest.raises(NotFound, match=r"no policy file .*strikt.yaml\. Did you mean 'strict.yaml'\?"):
        load_policy(tmp_path / "strikt.yaml")
    with pytest.raises(NotFound, match="no policy file"):
        load_policy("nowhere/at/all.yaml")
    with pytest.raises(InvalidInput, match=r"unknown policy 'defualt'\. Did you mean 'default'\?"):
        load_policy("defualt")


def test_the_projects_own_policies_are_among_those_that_an_unknown_name_is_answered_with(tmp_path: Path):
    bench = wb.open(tmp_path)
    (tmp_path / "policies" / "fast-track.yaml").write_text(EXAMPLE)
    with pytest.raises(InvalidInput, match=r"unknown policy 'fast-trak'\. Did you mean 'fast-track'\?"):
        bench.decisions.policy("fast-trak")
