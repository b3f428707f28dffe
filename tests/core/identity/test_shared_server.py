"""A Jupyter server that JupyterHub started for grace and that ada may enter: each acts as themselves."""

from __future__ import annotations

import time

import pytest
import requests

EXTENSION = """
import json
from pathlib import Path

from jupyter_server.base.handlers import APIHandler
from tornado.web import authenticated

from workbench.core.errors import WorkbenchError
from workbench.core.identity import identified, whoami
from workbench.core.project import open_settings
from workbench.interfaces.lab.identity import acting


class Asking(APIHandler):
    @authenticated
    def get(self):
        settings = open_settings(Path.home() / self.get_query_argument("project"))
        try:
            found = {"acting": acting(self, settings), "owner": whoami(settings)}
        except WorkbenchError as error:
            self.finish(json.dumps({"refused": str(error)}))
        else:
            self.finish(json.dumps({k: json.loads(identified(v, settings).to_json()) for k, v in found.items()}))

    def post(self):
        self.get()


def _load_jupyter_server_extension(app):
    app.web_app.add_handlers(".*$", [(app.web_app.settings["base_url"] + "asking", Asking)])


def _jupyter_server_extension_points():
    return [{"module": "asking"}]
"""

#: The file of the settings of a project of each kind, in the home of the server's owner.
PROJECTS = {
    "proven": 'identity = "jupyterhub"\n[people]\nada = ["security"]\n[roles]\nmodel-risk = ["risk-team"]\n',
    "said": 'identity = "settings"\nactor = "whoever"\n[people]\nada = ["security"]\n',
    "tokens": 'identity = "oidc"\n',
}


@pytest.fixture(scope="module")
def ask(hub):
    """``ask("grace", "proven")``: what grace's server makes of a request of somebody, by their own token."""
    (hub.folder / "asking.py").write_text(EXTENSION)
    for name, settings in PROJECTS.items():
        folder = hub.folder / "home" / "grace" / name
        folder.mkdir(parents=True)
        (folder / "workbench.toml").write_text(settings)
    hub.ask("POST", "users/grace/server")
    end = time.monotonic() + 150
    while not hub.ask("GET", "users/grace").json()["servers"].get("", {}).get("ready"):
        assert time.monotonic() < end, hub.said()
        time.sleep(0.2)
    hub.let_in("ada", "grace")
    hub.ask("POST", "groups/staff")
    hub.ask("POST", "groups/staff/users", users=["ada"])
    address = hub.address_of("grace")

    def ask(user: str, project: str, **body) -> dict:
        scope = "access:servers!server=grace/"
        headers = {"Authorization": f"token {hub.token(user, scopes=[scope])}"}
        method = "POST" if body else "GET"
        answer = requests.request(
            method,
            f"{address}asking",
            params={"project": project},
            headers=headers,
            json=body or None,
            timeout=30,
        )
        assert answer.ok, answer.text
        return answer.json()

    yield ask
    hub.ask("DELETE", "users/grace/server")


@pytest.mark.slow
def test_the_owner_acts_with_their_groups(ask):
    found = ask("grace", "proven")
    assert found["acting"] == found["owner"]
    assert (found["acting"]["name"], found["acting"]["groups"]) == ("grace", ["risk-team"])
    assert found["acting"]["roles"] == [{"name": "model-risk", "by": "jupyterhub group risk-team"}]


@pytest.mark.slow
def test_a_guest_acts_as_themselves_and_never_with_the_owners_groups(ask):
    found = ask("ada", "proven")
    assert (found["acting"]["name"], found["acting"]["groups"]) == ("ada", ["staff"])
    assert found["acting"]["roles"] == [{"name": "security", "by": "workbench.toml"}]
    assert found["owner"]["name"] == "grace"


@pytest.mark.slow
def test_a_guest_cannot_say_to_be_the_owner(ask):
    assert (
        ask("ada", "proven", actor="grace", person={"name": "grace"}, by="grace")["acting"]["name"] == "ada"
    )


@pytest.mark.slow
def test_a_project_that_asks_nobody_takes_the_name_of_the_request_and_no_group(ask):
    found = ask("ada", "said")
    assert (found["acting"]["name"], found["acting"]["source"]) == ("ada", "jupyter")
    assert found["owner"]["name"] == "whoever"


@pytest.mark.slow
def test_a_project_that_asks_a_provider_does_not_take_the_hubs_word(ask):
    assert "asks oidc who acts, and this server knows 'grace' otherwise" in ask("grace", "tokens")["refused"]
