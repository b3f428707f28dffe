"""Who acts where nobody is asked: the settings say so, as strong as access to the folder."""

from __future__ import annotations

import getpass
import subprocess
import sys

import pytest

import workbench as wb
from workbench.core.errors import InvalidInput, Refused
from workbench.core.identity import Identity, Person, Role, roles_of, whoami
from workbench.core.settings import load
from workbench.interfaces.cli.main import main


def test_without_settings_the_login_name_acts(project):
    assert wb.open(project("")).whoami() == Identity(name=getpass.getuser())


def test_roles_stand_in_the_settings_by_person(project):
    bench = wb.open(project('[people]\ngrace = ["model-risk", "security"]\n'), actor="grace")
    by = "workbench.toml"
    assert bench.whoami().roles == (Role(name="model-risk", by=by), Role(name="security", by=by))


def test_groups_that_nobody_vouches_for_give_no_role_and_it_is_said(project, capsys):
    root = project('[roles]\nmodel-risk = ["risk-team"]\n')
    found = wb.open(root, actor="grace").whoami()
    assert (found.groups, found.roles) == ((), ())
    assert "knows no groups" in found.note
    assert main(["whoami", "-C", str(root), "--as", "grace"]) == 0
    assert "knows no groups" in capsys.readouterr().out


def test_a_role_that_comes_from_two_places_names_both(project):
    settings = load(
        project('[people]\ngrace = ["model-risk"]\n[roles]\nmodel-risk = ["risk-team", "board"]\n')
    )
    person = Person(name="grace", groups=("board", "risk-team"), source="oidc")
    assert [role.by for role in roles_of(person, settings)] == [
        "workbench.toml",
        "oidc group risk-team",
        "oidc group board",
    ]


def test_a_role_by_a_group_counts_in_an_approval_and_says_who_vouched(project):
    settings = load(project('identity = "jupyterhub"\n[roles]\nmodel-risk = ["risk-team"]\n'))
    grace = Person(name="grace", groups=("risk-team",), source="jupyterhub")
    assert wb.Workbench(settings, person=grace)._vouched() == {"model-risk": "jupyterhub group risk-team"}


def test_who_vouches_for_a_person_but_not_for_groups_is_named_when_a_role_is_needed(project):
    settings = load(project('identity = "jupyterhub"\n[roles]\nmodel-risk = ["risk-team"]\n'))
    grace = Person(name="grace", source="jupyterhub", note="the hub does not tell the groups")
    with pytest.raises(Refused, match="No role of grace is known: the hub does not tell the groups"):
        wb.Workbench(settings, person=grace)._vouched()


def test_a_server_that_knows_who_acts_opens_a_bench_for_them(project):
    settings = load(project('identity = "jupyterhub"\n'))
    bench = wb.Workbench(settings, person=Person(name="grace", source="jupyterhub"))
    assert bench.settings.actor == bench.journal.actor == bench.whoami().name == "grace"
    assert "actor='grace'" in repr(bench)


def test_an_unknown_source_of_identity_is_refused(project):
    with pytest.raises(InvalidInput, match="identity"):
        load(project('identity = "ldap"\n'))


def test_a_token_in_the_file_is_refused(project):
    with pytest.raises(InvalidInput, match=r"oidc_token: .* Did you mean 'oidc_token_file'"):
        load(project('oidc_token = "ey"\n'))


@pytest.mark.parametrize(
    "key", ["identity", "people", "roles", "keys", "oidc_issuer", "oidc_audience", "oidc_jwks"]
)
def test_what_the_file_proves_no_variable_undoes(project, monkeypatch, key):
    root = project('identity = "oidc"\n')
    value = {"identity": "settings", "people": '{"ada": ["model-risk"]}', "roles": '{"model-risk": ["all"]}'}
    monkeypatch.setenv(f"WORKBENCH_{key.upper()}", value.get(key, "{}"))
    with pytest.raises(Refused, match=f"the variable WORKBENCH_{key.upper()} would change that"):
        load(root)


def test_a_variable_may_ask_for_a_proof_that_the_file_does_not_ask_for(project, monkeypatch):
    root = project("")
    monkeypatch.setenv("WORKBENCH_IDENTITY", "jupyterhub")
    with pytest.raises(Refused, match="JupyterHub should say who acts"):
        whoami(load(root))


def test_opening_a_project_that_asks_nobody_loads_and_asks_nothing(project):
    code = (
        "import sys, socket\n"
        "socket.socket.connect = None\n"
        "import workbench\n"
        "bench = workbench.open(sys.argv[1])\n"
        "assert bench.settings.actor\n"
        "new = {'requests', 'urllib3', 'jwt', 'workbench.core.jupyterhub', 'workbench.core.oidc', 'workbench.core.web'}\n"
        "assert not new & set(sys.modules), new & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(project(""))], check=True)
