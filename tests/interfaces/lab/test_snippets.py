from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.core.errors import InvalidInput, NotFound
from workbench.interfaces.lab import snippets
from workbench.testing import showcase
from workbench.views.overview import Overview, overview


@pytest.fixture
def project(tmp_path):
    with showcase.seed(tmp_path) as journal:
        yield overview(journal.entries())


@pytest.mark.parametrize("step", snippets.STEPS)
def test_every_step_is_python_with_and_without_a_project(step, project):
    for about in (project, None, Overview(seq=-1)):
        ast.parse(snippets.code(step, about))


@given(text=st.text())
def test_a_quoted_name_is_that_string_and_nothing_else(text):
    assert ast.literal_eval(snippets.quoted(text)) == text
    assert "\n" not in snippets.quoted(text)


@pytest.mark.parametrize("step", snippets.STEPS)
@pytest.mark.parametrize("name", ['x"); import os #', "x'\nimport os", 'a"""b', "\\"])
def test_a_hostile_name_stays_a_string(step, name):
    version = {"version": 1, "digest": "", "target": name, "author": "", "created": showcase.NOON}
    about = Overview.model_validate({"seq": 0, "models": [{"name": name, "versions": [version]}]})
    said = snippets.Words(**dict.fromkeys(snippets.WORDS, name))
    tree = ast.parse(snippets.code(step, about, incident=name, said=said))
    imported = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert imported == ["workbench"]


def test_a_model_that_is_not_there_is_not_found(project):
    with pytest.raises(NotFound):
        snippets.code("audit", project, model="recidivsm/3")
    with pytest.raises(NotFound):
        snippets.code("audit", project, model="recidivism/9")


def test_a_step_that_is_not_there_is_refused(project):
    with pytest.raises(InvalidInput, match="audit"):
        snippets.code("audi", project)


def test_a_model_with_a_champion_is_replayed_against_it(project):
    assert '["recidivism@champion", "recidivism/3"]' in snippets.code("replay", project)


def test_a_decision_is_written_as_it_was_filled_in(project):
    said = snippets.Words(policy="credit", role="model-risk", note='Say "why".')
    code = snippets.code("reject", project, model="recidivism/3", said=said)
    assert """bench.reject("recidivism/3", policy="credit", role="model-risk", note='Say "why".')""" in code
    said = snippets.Words(approval="approval/recidivism/3#1", note="Wrong data.")
    code = snippets.code("revoke", project, model="recidivism/3", said=said)
    assert 'bench.revoke("approval/recidivism/3#1", note="Wrong data.")' in code
    assert 'bench.request_approval("recidivism/3", note="' in snippets.code("request", project)


def test_chosen_audits_are_written_with_the_options_that_are_not_their_defaults(project):
    text = '{"performance": {}, "drift": {"margin": 0.25, "method": "psi", "columns": ["a\\"b"]}}'
    code = snippets.code("audit", project, audits=snippets.chosen(text))
    [call] = [
        node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.keyword) and node.arg == "audits"
    ]
    assert ast.literal_eval(call.value) == ["performance", {"drift": {"margin": 0.25, "columns": ['a"b']}}]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '"suites/x.yaml"',
        '{"drfit": {}}',
        '{"drift": {"margn": 1}}',
        '{"drift": {"margin": "x"}}',
        "[" * 3_000,
        '{"drift": {"columns": ' + "[" * 900 + "]" * 900 + "}}",
        '{"drift": {"margin": ' + "9" * 5_000 + "}}",
    ],
)
def test_a_choice_that_cannot_be_made_is_refused(text):
    with pytest.raises(InvalidInput):
        snippets.chosen(text)
