from __future__ import annotations

from pathlib import Path

import pytest

from workbench.core.errors import InvalidInput, NotFound
from workbench.releases.plan import PLANS, Plan, load_plan

STAGES = """\
stages:
  - {name: shadow, kind: shadow, min_requests: 200, deadline_minutes: 60}
  - {name: canary 10 %, kind: canary, weight: 0.10, min_requests: 50, require: [errors]}
  - {name: champion, kind: champion}
"""
EXAMPLE = f"""\
name: careful
alpha: 0.05
metrics:
  errors: {{margin: 2.0}}
  disagreement: {{at_most: 0.20}}
{STAGES}"""


def written(folder: Path, text: str, name: str = "careful.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def changed(old: str, new: str) -> str:
    assert old in EXAMPLE
    return EXAMPLE.replace(old, new)


def test_a_plan_is_read_from_yaml(tmp_path):
    plan = load_plan(written(tmp_path, EXAMPLE))
    assert (plan.name, plan.alpha) == ("careful", 0.05)
    assert plan.metrics.names == ("errors", "disagreement")
    assert [stage.share for stage in plan.stages] == [0.0, 0.1, 1.0]
    assert load_plan(plan) is plan


def test_shadow_requires_disagreement_and_canary_nothing_unless_the_plan_says_so():
    plan = load_plan("canary")
    assert [plan.required(i) for i in range(3)] == [("disagreement",), (), ()]
    assert load_plan({**plan.model_dump(), "metrics": {"errors": {}}}).required(0) == ()


def test_what_a_stage_requires_may_be_said(tmp_path):
    assert load_plan(written(tmp_path, EXAMPLE)).required(1) == ("errors",)


def test_every_plan_that_comes_with_the_package_loads_by_name():
    assert "canary" in PLANS.built_in()
    for name in PLANS.built_in():
        plan = load_plan(name)
        assert plan.name == name
        assert plan.description


def test_the_digest_is_of_what_the_plan_says_not_of_how_it_is_written(tmp_path):
    plan = load_plan(written(tmp_path, EXAMPLE))
    same = load_plan(written(tmp_path, "# why\n" + EXAMPLE + "description: ''\n", "same.yaml"))
    other = load_plan(written(tmp_path, changed("0.10", "0.11"), "other.yaml"))
    assert plan.digest == same.digest != other.digest


def test_a_plan_survives_json():
    plan = load_plan("canary")
    assert Plan.from_json(plan.to_json()) == plan


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        (EXAMPLE + "aplha: 0.1\n", "aplha", "Did you mean 'alpha'?"),
        (changed("min_requests: 50", "min_request: 50"), "stages[1].min_request", "'min_requests'"),
        (changed("errors: {margin", "errors: {magrin"), "metrics.errors.magrin", "'margin'"),
        (changed("  errors: {margin: 2.0}\n", "  error: {margin: 2.0}\n"), "metrics.error", "'errors'"),
        (changed("at_most: 0.20", "at_most: 20"), "metrics.disagreement.at_most", "less than 1"),
        (changed("margin: 2.0", "margin: .inf"), "metrics.errors.margin", "finite"),
        (changed("alpha: 0.05", "alpha: 5e-2"), "alpha", "YAML reads 1e-3 as text"),
        (changed("weight: 0.10", "weight: 10"), "stages[1]", "above 0 and below 1"),
        (changed("weight: 0.10, ", ""), "stages[1]", "above 0 and below 1"),
        (changed(", min_requests: 50", ""), "stages[1]", "without exposure nothing is shown"),
        (
            changed("min_requests: 50", "min_requests: 0"),
            "stages[1].min_requests",
            "greater than or equal to 1",
        ),
        (changed("require: [errors]", "require: [speed]"), "stages[1].require[0]", "'errors'"),
        (changed("require: [errors]", "require: [disagreement]"), "stages[1]", "shadow stage"),
        (changed("kind: champion", "kind: champion, min_requests: 3"), "stages[2]", "asks nothing"),
        (changed("  - {name: champion, kind: champion}\n", ""), "plan", "must end with one stage"),
        (changed("name: canary 10 %", "name: shadow"), "plan", "two stages are called 'shadow'"),
        (changed("  errors: {margin: 2.0}\n", ""), "plan", "a canary stage is judged by errors"),
        ("alpha: 0.05\nalpha: 0.5\n" + EXAMPLE, "plan", "'alpha' is given twice"),
        ("- stages\n", "plan", "is a list, not a plan"),
        ("name: [\n", "plan", "line 2"),
        (
            "stages:\n  - {name: a, kind: champion}\nmetrics: {errors: {}}\n",
            "plan",
            "Add one of kind shadow, canary, progressive, blue_green or ab before it.",
        ),
        (
            changed("kind: shadow, min", "kind: canary, weight: 0.5, min"),
            "plan",
            "must not lower the weight",
        ),
        (
            "metrics: {}\nstages:\n  - {name: a, kind: shadow, min_requests: 1}\n  - {name: b, kind: champion}\n",
            "plan",
            "nothing could stop",
        ),
    ],
)
def test_a_plan_that_cannot_be_walked_is_refused_whole_and_says_where(tmp_path, text, field, words):
    with pytest.raises(InvalidInput) as refused:
        load_plan(written(tmp_path, text))
    assert words in str(refused.value)
    assert refused.value.field == field


def test_all_that_is_wrong_with_a_plan_is_told_at_once_unknown_keys_first(tmp_path):
    with pytest.raises(InvalidInput) as refused:
        load_plan(written(tmp_path, "alhpa: 0.05\nstages: [{name: a, kind: shadw}]\n"))
    assert refused.value.message.startswith("careful.yaml: alhpa: unknown key; ")
    assert "metrics: Field required" in refused.value.message
    assert "stages[0].kind: Input should be 'shadow'" in refused.value.message
    assert refused.value.remedy.startswith("alhpa: Did you mean 'alpha'? ")
    assert refused.value.field == "alhpa"


def test_of_many_flaws_the_first_are_told_and_how_many_more_there_are(tmp_path):
    text = "".join(f"key{n}: 1\n" for n in range(9)) + EXAMPLE
    with pytest.raises(InvalidInput, match=r"key4: unknown key; and 4 more\."):
        load_plan(written(tmp_path, text))


def test_a_folder_is_called_one(tmp_path):
    (tmp_path / "dir.yaml").mkdir()
    with pytest.raises(InvalidInput, match=r"dir\.yaml is a folder, not a plan"):
        load_plan(tmp_path / "dir.yaml")


def test_an_unknown_plan_names_those_of_the_project_too():
    with pytest.raises(InvalidInput, match="Did you mean 'fast'"):
        load_plan("fsat", among=["fast", "prog"])
    with pytest.raises(InvalidInput, match="'canary', 'progressive', 'shadow', 'fast', 'prog'"):
        load_plan("xyz", among=["fast", "prog"])


def test_an_unknown_plan_names_those_there_are(tmp_path):
    with pytest.raises(InvalidInput, match="Did you mean 'canary'"):
        load_plan("canry")
    written(tmp_path, EXAMPLE)
    with pytest.raises(NotFound, match=r"careful\.yaml"):
        load_plan(tmp_path / "carefull.yaml")
