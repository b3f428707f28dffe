"""The documentation is part of the product: complete, its links lead somewhere, its code runs."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

import workbench as wb
from workbench.core import plugins
from workbench.core.settings import Settings

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md")]
)
GUIDES = [ROOT / "README.md", ROOT / "docs" / "reference.md", *sorted(ROOT.glob("docs/how-to/**/*.md"))]
TEXT = "\n".join(page.read_text("utf-8") for page in GUIDES)

#: The rooms behind the bench, and what only wires them.
ROOMS = {"registry", "journal", "traffic", "releases", "incidents", "monitoring"}


def names(pages):
    return [str(page.relative_to(ROOT)) for page in pages]


def blocks(page, language):
    """Code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


# Complete


def commands():
    from workbench.interfaces.cli.main import app

    found = [c.name or c.callback.__name__ for c in app.registered_commands]
    groups = [(g.name, g.typer_instance) for g in app.registered_groups]
    return found + [f"{name} {c.name}" for name, group in groups for c in group.registered_commands]


def methods():
    members = inspect.getmembers(wb.Workbench, lambda m: inspect.isfunction(m) or hasattr(m, "func"))
    return [name for name, _ in members if not name.startswith("_")]


@pytest.mark.parametrize("command", commands())
def test_every_command_is_documented(command):
    assert f"workbench {command}" in TEXT


@pytest.mark.parametrize("setting", sorted(Settings.model_fields))
def test_every_setting_is_documented_with_its_default(setting):
    row = re.search(rf"^\| `{setting}` \| (.+?) \|", TEXT, re.MULTILINE)
    assert row, setting
    default = Settings.model_fields[setting].default
    if isinstance(default, int | float):
        assert row[1] == f"`{default}`"


def test_no_setting_is_documented_that_is_not_there():
    table = (ROOT / "docs" / "reference.md").read_text("utf-8").split("## In Python")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(Settings.model_fields)


@pytest.mark.parametrize("audit", sorted(plugins.BUILT_IN["audits"]))
def test_every_audit_is_documented(audit):
    assert re.search(rf"^\| `{audit}` \|", TEXT, re.MULTILINE)


@pytest.mark.parametrize("name", sorted(set(wb.__all__) - {"__version__"}))
def test_every_name_of_the_package_is_documented(name):
    assert f"wb.{name}" in TEXT


@pytest.mark.parametrize("method", methods())
def test_every_method_of_the_bench_is_documented(method):
    assert re.search(rf"bench\.{method}\b", TEXT)


def test_no_method_or_command_is_documented_that_is_not_there():
    assert set(re.findall(r"\bbench\.(\w+)\b", TEXT)) <= {*methods(), *ROOMS}
    spoken = set(re.findall(r"`workbench (\w+)", TEXT)) | set(
        re.findall(r"^workbench (\w+)", TEXT, re.MULTILINE)
    )
    assert spoken <= {command.split()[0] for command in commands()}


def test_every_page_of_the_guides_is_reached_from_the_readme():
    reached, following = set(), [ROOT / "README.md"]
    while following:
        page = following.pop().resolve()
        if page not in reached and page.suffix == ".md" and page.is_file():
            reached.add(page)
            links = re.findall(r"\]\(([^)\s#]+)", page.read_text("utf-8"))
            following += [page.parent / link for link in links]
    assert [str(page) for page in GUIDES if page.resolve() not in reached] == []


# Links


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_every_relative_link_leads_somewhere(page):
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    local = [t.partition("#")[0] for t in targets if not re.match(r"[a-z]+:|#", t)]
    assert [target for target in local if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_no_page_names_a_path_of_some_machine(page):
    assert not re.search(r"(?<![\w.])/(home|root|work|Users|tmp|mnt|opt)/", page.read_text("utf-8"))


# Code


@pytest.mark.parametrize("page", GUIDES, ids=names(GUIDES))
def test_every_block_of_python_compiles(page):
    for block in blocks(page, "python"):
        ast.parse(block)


@pytest.mark.parametrize("page", GUIDES, ids=names(GUIDES))
def test_every_block_of_yaml_and_toml_can_be_read(page):
    import tomllib

    import yaml

    for block in blocks(page, "yaml"):
        assert isinstance(yaml.safe_load(block), dict)
    for block in blocks(page, "toml"):
        tomllib.loads(block)


def test_the_policy_and_the_plan_of_the_guides_are_accepted_as_they_stand(tmp_path):
    from workbench.gates import load_policy
    from workbench.releases import load_plan

    [policy] = blocks(ROOT / "docs/how-to/gate-and-approve.md", "yaml")
    [plan] = blocks(ROOT / "docs/how-to/release-behind-the-gateway.md", "yaml")
    (tmp_path / "policy.yaml").write_text(policy)
    (tmp_path / "plan.yaml").write_text(plan)
    assert len(load_policy(tmp_path / "policy.yaml").rules) == 4
    assert len(load_plan(tmp_path / "plan.yaml").stages) == 3


@pytest.mark.slow
def test_the_loop_of_the_readme_runs_as_it_stands(tmp_path, monkeypatch):
    """Every block of Python in the README, in order, on generated data under the names that it uses."""
    from workbench.testing.lending import FEATURES, SENSITIVE, versions

    told = dict(zip(("default", *SENSITIVE), ("two_year_recid", "race", "sex"), strict=True))
    first = versions(n=600)[0]
    train, test = (frame.rename(columns=told) for frame in (first.train, first.test))
    inputs = first.test[list(FEATURES)]
    compas = test.assign(
        score_high=first.model.predict(inputs), score=first.model.predict_proba(inputs)[:, 1]
    )
    monkeypatch.chdir(tmp_path)
    Path("workbench.toml").write_text('[people]\ngrace = ["model-risk"]\n')
    Path("policies").mkdir()
    Path("policies/default.yaml").write_text(
        "name: default\nrules:\n  - {audit: performance, metric: roc_auc_score, at_least: 0.55}\n"
        "approvals: {model-risk: 1}\n"
    )
    shown = []
    names = {"pipeline": first.model, "train": train, "test": test, "compas": compas, "display": shown.append}
    for block in blocks(ROOT / "README.md", "python"):
        before_traffic, traffic, after = block.partition("incident = ")
        exec(compile(before_traffic, "README.md", "exec"), names)  # our own page
        if traffic:  # nobody sends requests here: the same rows come from a file instead
            frozen = traffic + after.replace('window="last 30 minutes"', 'rows=test, model="recidivism"')
            frozen = re.sub(r"^bench\.rollback.*$", "", frozen, flags=re.MULTILINE)
            exec(compile(frozen, "README.md", "exec"), names)
    assert shown[-1].status == "promoted"
    assert names["incident"].rows == len(test)
    assert Path("audit.html").stat().st_size > 10_000
