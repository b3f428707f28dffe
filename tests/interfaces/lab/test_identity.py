"""Who acts in a request: the server's owner, a user that the server knows, or nobody. Never who it says it is."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from jupyter_server.auth.identity import IdentityProvider, PasswordIdentityProvider, User
from jupyter_server.base.handlers import APIHandler
from tornado.httpclient import HTTPClientError
from tornado.web import authenticated

from workbench.core.errors import Refused
from workbench.core.identity import Person
from workbench.core.settings import load
from workbench.interfaces.lab.identity import acting


class ByName(IdentityProvider):
    """A provider that knows its users: whoever sends a name's own password."""

    def get_user(self, handler):
        name, _, password = handler.request.headers.get("Authorization", "").partition(":")
        return User(username=name) if password == f"{name}'s" else None


class Renamed(PasswordIdentityProvider):
    """Derived from Jupyter's own, and still one that draws its users' names."""


class Asking(APIHandler):
    """Answers who acts in the request, by the settings that the test gives."""

    @authenticated
    def get(self):
        try:
            self.finish(acting(self, self.settings["project"]).model_dump())
        except Refused as error:
            self.set_status(403)
            self.finish({"message": error.message})

    post = get


@pytest.fixture
def provider():
    return {}


@pytest.fixture
def jp_server_config(provider):
    extensions = {"workbench.interfaces.lab": True}
    return {
        "ServerApp": {"jpserver_extensions": extensions, "allow_unauthenticated_access": False, **provider}
    }


@pytest.fixture
def who(jp_serverapp, jp_fetch, tmp_path):
    """``await who('actor = "ada"', headers)`` gives the person who acts, or the sentence that refuses."""

    async def who(settings: str, **request):
        (tmp_path / "workbench.toml").write_text(settings)
        app = jp_serverapp.web_app
        app.settings["project"] = load(tmp_path)
        app.add_handlers(".*$", [(app.settings["base_url"] + "asking", Asking)])
        try:
            return Person(**json.loads((await jp_fetch("asking", **request)).body))
        except HTTPClientError as error:
            return json.loads(error.response.body)["message"]

    return who


def provided(cls, **more):
    return pytest.mark.parametrize("provider", [{"identity_provider_class": cls, **more}])


async def test_whoever_has_the_servers_token_acts_as_its_owner(who):
    assert await who('actor = "ada"') == Person(name="ada")


@provided(IdentityProvider)
async def test_the_base_of_all_providers_draws_names_and_so_the_owner_acts(who):
    assert await who('actor = "ada"') == Person(name="ada")


async def test_the_owner_is_proven_where_the_project_asks_for_it(who):
    assert "JupyterHub should say who acts" in await who('identity = "jupyterhub"')


@provided(ByName)
async def test_a_user_that_the_server_knows_acts_as_themselves(who):
    grace = {"Authorization": "grace:grace's"}
    found = await who('actor = "ada"\n[roles]\nmodel-risk = ["all"]\n', headers=grace)
    assert (found.name, found.source, found.groups) == ("grace", "jupyter", ())
    assert "does not tell the groups" in found.note


@provided(ByName)
async def test_a_user_that_the_server_does_not_know_does_not_act(who):
    assert await who('actor = "ada"', headers={"Authorization": "grace:guessed"}) == "Forbidden"


@provided(ByName)
async def test_nothing_in_a_request_names_another(who):
    said = json.dumps({"actor": "ada", "by": "ada", "username": "ada", "person": {"name": "ada"}})
    headers = {
        "Authorization": "grace:grace's",
        "X-Forwarded-User": "ada",
        "Remote-User": "ada",
        "Cookie": 'username-localhost="ada"; _xsrf=1',
        "X-XSRFToken": "1",
    }
    query = {"actor": "ada", "as": "ada", "user": "ada", "path": ""}
    found = await who('actor = "linus"', method="POST", body=said, params=query, headers=headers)
    assert found.name == "grace"


@provided(ByName)
@pytest.mark.parametrize("identity", ["jupyterhub", "oidc"])
async def test_a_project_that_asks_for_a_proof_does_not_take_another_servers_word(who, identity):
    refused = await who(f'identity = "{identity}"', headers={"Authorization": "grace:grace's"})
    assert refused == f"This project asks {identity} who acts, and this server knows 'grace' otherwise."


@provided(ByName)
async def test_a_name_that_could_pass_for_another_does_not_act(who):
    refused = await who('actor = "ada"', headers={"Authorization": "\u00a0ada:\u00a0ada's"})
    assert refused == "This server's user has no name that can be used."


@provided(Renamed)
async def test_a_provider_that_might_know_its_users_is_not_taken_for_one_that_does_not(who):
    """A drawn name that acts has no role; a guest who acted as the owner would have all of the owner's."""
    found = await who('actor = "ada"')
    assert (found.name == "ada", found.source) == (False, "jupyter")


@pytest.mark.parametrize("open_to_all", [PasswordIdentityProvider(token="")])
def test_a_server_that_asks_nobody_lets_nobody_act(open_to_all, tmp_path):
    handler = SimpleNamespace(current_user=User(username="ada"), identity_provider=open_to_all)
    with pytest.raises(Refused, match="asks nobody who they are"):
        acting(handler, load(tmp_path))
