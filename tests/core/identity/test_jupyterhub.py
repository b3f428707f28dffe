"""JupyterHub says who acts: asked for real, by processes that the hub started and by some that it did not."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import workbench as wb
from workbench.core import tokens, web
from workbench.core.errors import Refused, Unavailable
from workbench.core.identity import Person, Role, roles_of, whoami
from workbench.core.settings import load
from workbench.gateway import RoutingTable, is_killed, read_table, write_table
from workbench.interfaces.cli.main import main
from workbench.journal import Event
from workbench.playbooks.runner import _kernel_environment
from workbench.testing.gateway import make_route
from workbench.testing.models import tiny_classifier, tiny_frame

ASKED = 'identity = "jupyterhub"\n\n[people]\nlinus = ["security"]\n\n[roles]\nmodel-risk = ["risk-team"]\n'


def test_the_hub_names_the_person_and_their_groups(project, as_user):
    as_user("grace")
    settings = load(project(ASKED))
    person = whoami(settings)
    assert person == Person(name="grace", groups=("risk-team",), source="jupyterhub")
    assert roles_of(person, settings) == (Role(name="model-risk", by="jupyterhub group risk-team"),)


def test_a_token_that_may_do_nothing_else_tells_the_groups_too(project, as_user):
    as_user("grace", scopes=["access:servers!server=grace/"])
    assert whoami(load(project(ASKED))).groups == ("risk-team",)


def test_somebody_in_no_group_has_the_roles_of_the_settings(project, as_user):
    as_user("linus")
    settings = load(project(ASKED))
    assert whoami(settings) == Person(name="linus", source="jupyterhub")
    assert roles_of(whoami(settings), settings) == (Role(name="security", by="workbench.toml"),)


def test_the_name_in_the_environment_is_never_believed(project, hub, as_user, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_USER", "grace")
    monkeypatch.setenv("JUPYTERHUB_API_URL", hub.api)
    with pytest.raises(Refused, match="no address and token"):
        whoami(load(project(ASKED)))
    as_user("ada")
    assert whoami(load(project(ASKED))).name == "ada"


def test_a_token_that_the_hub_does_not_know_is_refused(project, hub, as_user, monkeypatch):
    as_user("grace")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "0" * 32)
    with pytest.raises(Refused, match="does not accept the token") as caught:
        whoami(load(project(ASKED)))
    assert "0" * 32 not in str(caught.value)


def test_a_token_that_was_taken_back_is_refused(project, hub, as_user):
    as_user("grace")
    for token in hub.ask("GET", "users/grace/tokens").json()["api_tokens"]:
        hub.ask("DELETE", f"users/grace/tokens/{token['id']}")
    with pytest.raises(Refused, match="does not accept the token"):
        whoami(load(project(ASKED)))


def test_the_token_of_a_service_is_nobodys(project, hub, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_API_URL", hub.api)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", hub.service)
    with pytest.raises(Refused, match="a service is nobody"):
        whoami(load(project(ASKED)))


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "ümlaut"])
def test_what_a_header_cannot_carry_is_no_token(project, as_user, monkeypatch, token):
    as_user("grace")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", token)
    with pytest.raises(Refused, match="characters that no token has") as caught:
        whoami(load(project(ASKED)))
    assert token not in str(caught.value)


# A hub that does not answer


def test_a_stopped_hub_is_unavailable(project, hub_to_stop, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_API_URL", hub_to_stop.api)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "0" * 32)
    with pytest.raises(Refused):
        whoami(load(project(ASKED)))
    hub_to_stop.stop()
    with pytest.raises(
        Unavailable, match=r"127\.0\.0\.1:\d+ does not answer: there is no connection"
    ) as caught:
        whoami(load(project(ASKED)))
    assert "Look whether the hub runs" in caught.value.remedy


def test_a_hub_that_hangs_is_unavailable_in_time(project, monkeypatch):
    monkeypatch.setattr(web, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("JUPYTERHUB_API_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/hub/api")
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "0" * 32)
        with pytest.raises(Unavailable, match="nothing came"):
            whoami(load(project(ASKED)))


@pytest.mark.parametrize(
    "answer",
    [
        (500, {}),
        (200, b"<html>a page</html>"),
        (200, b"[" * 100_000),
        (200, ["grace"]),
        (200, b" " * (2 << 20)),
        (404, {}),
    ],
    ids=["fault", "page", "nested", "list", "endless", "missing"],
)
def test_what_is_no_hub_is_unavailable(project, loopback, monkeypatch, answer):
    loopback.answers["/hub/api/user"] = answer
    monkeypatch.setenv("JUPYTERHUB_API_URL", f"{loopback.url}/hub/api")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "0" * 32)
    with pytest.raises(Unavailable, match="does not say who acts"):
        whoami(load(project(ASKED)))


@pytest.mark.parametrize("address", ["hub", "http://", "http://[", "file:///etc/passwd"])
def test_an_address_that_is_none_is_unavailable(project, monkeypatch, address):
    monkeypatch.setenv("JUPYTERHUB_API_URL", address)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "0" * 32)
    with pytest.raises(Unavailable, match="this is no web address"):
        whoami(load(project(ASKED)))


@pytest.mark.parametrize("name", [None, "", " grace", "gra\nce", "\u202egrace", 7, "g" * 300])
def test_a_name_that_could_pass_for_another_is_refused(project, loopback, monkeypatch, name):
    loopback.answers["/hub/api/user"] = 200, {"kind": "user", "name": name, "groups": []}
    monkeypatch.setenv("JUPYTERHUB_API_URL", f"{loopback.url}/hub/api")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "0" * 32)
    with pytest.raises(Refused, match="no name that can be used"):
        whoami(load(project(ASKED)))


def test_a_hub_that_keeps_the_groups_to_itself_is_no_hub_without_groups(project, loopback, monkeypatch):
    loopback.answers["/hub/api/user"] = 200, {"kind": "user", "name": "grace"}
    monkeypatch.setenv("JUPYTERHUB_API_URL", f"{loopback.url}/hub/api")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "0" * 32)
    assert "read:users:groups" in whoami(load(project(ASKED))).note


# Where the token goes


def test_the_token_goes_to_the_hub_alone(project, as_user, loopback, monkeypatch, tmp_path):
    as_user("grace")
    monkeypatch.setenv("HTTP_PROXY", loopback.url)
    monkeypatch.setenv("http_proxy", loopback.url)
    monkeypatch.setenv("ALL_PROXY", loopback.url)
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert whoami(load(project(ASKED))).name == "grace"
    assert loopback.asked == []


def test_the_token_does_not_go_where_an_answer_points(project, loopback, monkeypatch):
    loopback.answers["/hub/api/user"] = 302, {}, ("Location", f"{loopback.url}/elsewhere")
    loopback.answers["/elsewhere"] = 200, {"kind": "user", "name": "grace", "groups": []}
    monkeypatch.setenv("JUPYTERHUB_API_URL", f"{loopback.url}/hub/api")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "0" * 32)
    with pytest.raises(Unavailable, match="status 302"):
        whoami(load(project(ASKED)))
    assert loopback.count("/elsewhere") == 0


# The bench


def test_everything_a_bench_writes_bears_the_proven_name(project, as_user):
    as_user("grace")
    bench = wb.open(project(ASKED))
    assert bench.settings.actor == "grace"
    entry = bench.journal.append("model/tiny", Event(kind="model.alias"))
    assert entry.actor == "grace"


@pytest.mark.parametrize("given", ["argument", "variable", "file"])
def test_another_name_than_the_proven_one_is_refused(project, as_user, monkeypatch, given):
    as_user("ada")
    root = project(ASKED if given != "file" else 'actor = "grace"\n' + ASKED)
    if given == "variable":
        monkeypatch.setenv("WORKBENCH_ACTOR", "grace")
    bench = wb.open(root, actor="grace" if given == "argument" else None)
    with pytest.raises(Refused, match="ada acts, says jupyterhub; grace was given"):
        bench.journal  # noqa: B018


def test_the_proven_name_may_be_said_again(project, as_user):
    as_user("ada")
    assert wb.open(project(ASKED), actor="ada").person.name == "ada"


def test_opening_and_showing_a_project_asks_nobody(project, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_API_URL", "http://127.0.0.1:1")
    assert repr(wb.open(project(ASKED))).endswith("identity='jupyterhub')")


def test_a_group_that_somebody_left_gives_no_role(project, hub, as_user):
    as_user("linus")
    hub.ask("POST", "groups/risk-team/users", users=["linus"])
    bench = wb.open(project(ASKED))
    assert [role.name for role in bench.whoami().roles] == ["security", "model-risk"]
    hub.ask("DELETE", "groups/risk-team/users", users=["linus"])
    assert [role.name for role in bench.whoami().roles] == ["security"]


def test_a_bench_does_not_change_hands(project, as_user):
    as_user("ada")
    bench = wb.open(project(ASKED))
    assert bench.person.name == "ada"
    as_user("grace")
    with pytest.raises(Refused, match="ada opened this project, and grace acts by now"):
        bench.whoami()


def test_a_name_in_the_file_cannot_be_bypassed_by_the_environment(project, as_user, monkeypatch):
    as_user("ada")
    root = project(ASKED)
    monkeypatch.setenv("WORKBENCH_ACTOR", "grace")
    monkeypatch.setenv("workbench_identity", "settings")
    with pytest.raises(Refused, match="asks jupyterhub who acts, and the variable workbench_identity"):
        wb.open(root)


def test_an_approval_by_a_role_of_a_group_says_who_vouched_for_it(project, as_user):
    root = project(ASKED)
    (root / "policies" / "risk.yaml").write_text("name: risk\napprovals: {model-risk: 1}\n")
    as_user("ada")
    version = wb.open(root).register(tiny_classifier(), name="tiny", train=tiny_frame(), target="y")
    assert version.author == "ada"
    as_user("linus")
    with pytest.raises(Refused, match="linus does not have the role model-risk"):
        wb.open(root).approve("tiny/1", note="fine", policy="risk")
    as_user("grace")
    approval = wb.open(root).approve("tiny/1", note="harm reviewed", policy="risk")
    assert (approval.by, approval.role) == ("grace", "model-risk")
    assert approval.role_from == "jupyterhub group risk-team"


# While the hub is down


@pytest.fixture
def endpoint(project, monkeypatch):
    """A project that asks a hub which is down, and an endpoint with a champion and a standby."""
    root = project(ASKED)
    route = make_route(root, tiny_classifier(), tiny_frame(), target="y")
    write_table(root / ".workbench", RoutingTable(endpoint="tiny", version=1, champion=route, standby=route))
    monkeypatch.setenv("JUPYTERHUB_API_URL", "http://127.0.0.1:1/hub/api")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "0" * 32)
    return root


def test_an_endpoint_can_be_killed_while_the_hub_is_down(endpoint):
    with pytest.raises(Unavailable, match=r"answers no more; .* no record of it yet: .*does not answer"):
        wb.open(endpoint).kill("tiny", reason="legal hold")
    assert is_killed(endpoint / ".workbench", "tiny")


def test_traffic_can_go_back_while_the_hub_is_down(endpoint):
    with pytest.raises(Unavailable, match="has gone back"):
        wb.open(endpoint).rollback("tiny", reason="it answers nonsense")
    assert read_table(endpoint / ".workbench", "tiny").version == 2
    [to_record] = (endpoint / ".workbench" / "releases" / "tiny").glob("*.json")
    assert json.loads(to_record.read_text())["by"].endswith(" (not proven)")


# Processes of ours, and the command


def test_a_playbook_acts_as_the_same_person_and_sees_no_token(project, as_user):
    token = as_user("grace")
    root = project(ASKED)
    settings = wb.open(root).settings
    command = [sys.executable, "-m", "workbench.interfaces.cli.main", "whoami", "--json", "-C", str(root)]
    with _kernel_environment(settings):
        assert token not in os.environ.values()
        file = Path(os.environ["JUPYTERHUB_API_TOKEN_FILE"])
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["name"] == "grace"
    assert not file.parent.exists()
    assert os.environ["JUPYTERHUB_API_TOKEN"] == token


def test_nothing_is_lent_where_nothing_is_proven(tmp_path):
    with tokens.lent(load(tmp_path)) as lent:
        assert lent == {}


def test_the_command_says_who_acts_and_where_each_role_comes_from(project, as_user, capsys):
    as_user("grace")
    root = project(ASKED)
    assert main(["whoami", "-C", str(root)]) == 0
    assert capsys.readouterr().out == (
        "grace, as jupyterhub says\ngroups: risk-team\nrole: model-risk, by jupyterhub group risk-team\n"
    )
    assert main(["whoami", "-C", str(root), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["roles"] == [
        {"name": "model-risk", "by": "jupyterhub group risk-team"}
    ]
    assert main(["whoami", "-C", str(root), "--as", "ada"]) == 3
