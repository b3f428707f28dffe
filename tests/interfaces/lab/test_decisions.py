"""Approvals and findings over HTTP: who may, who may not, and that nobody says in a body who they are."""

from __future__ import annotations

import json

import pytest
from jupyter_server.auth import Authorizer
from jupyter_server.auth.identity import IdentityProvider, User
from tornado.httpclient import HTTPClientError

from workbench.interfaces.lab import bodies, decisions
from workbench.testing import deciding
from workbench.testing.showcase_base import HOSTILE

NOTE = "The errors of the self-employed were read one by one."


class ByName(IdentityProvider):
    """A server that knows its users: whoever sends a name's own password."""

    def get_user(self, handler):
        name, _, password = handler.request.headers.get("Authorization", "").partition(":")
        return User(username=name) if password == f"{name}'s" else None


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
def project(jp_root_dir):
    """Grace's: ada's ``loans/2`` waits for her."""
    deciding.seed(jp_root_dir / "loans", actor="grace")
    return jp_root_dir / "loans"


@pytest.fixture
def matter(jp_fetch, project):
    """``await matter()`` gives what is to be decided about ``loans/2``."""

    async def matter(model="loans/2", **query):
        query = {"path": "loans", "model": model, **query}
        return json.loads((await jp_fetch("workbench", "api", "decisions", params=query)).body)

    return matter


@pytest.fixture
def say(jp_fetch, project):
    """``await say("approve", note=…)`` gives the record, or what refused it."""

    async def say(action, place="decisions", **body):
        if action in ("request", "approve", "reject"):
            body = {"model": "loans/2", **body}
        answer = await posted({"path": "loans", "action": action, **body}, place)
        return answer.get("record", answer)

    async def posted(body, place):
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            return json.loads((await jp_fetch("workbench", "api", place, method="POST", body=sent)).body)
        except HTTPClientError as error:
            return {"code": error.code, **json.loads(error.response.body)}

    say.raw = lambda body: posted(body, "decisions")
    return say


def words(project, model="loans/2"):
    """What the journal has of a version's approvals."""
    with deciding.opened(project, "ada") as bench:
        return bench.journal.read(f"approval/{model}")


# Reading


async def test_without_a_request_what_would_be_shown_is_shown(matter, project):
    found = await matter()
    assert (found["request"], found["since"]) == (None, [])
    assert found["verdict"]["outcome"] == "pass"
    assert [rule["depth"] for rule in found["verdict"]["rules"]] == [0, 0, 1, 1, 0, 0, 0]
    assert found["difference"]["champion"] == "loans/1"
    assert found["asks"] == {"model-risk": 1, "data-protection": 1}
    assert not [basis for basis in found["freshness"]["bases"] if basis["stale"]]
    assert words(project) == []


async def test_it_says_who_asks_and_in_which_roles_they_may_speak(matter):
    powers = (await matter())["powers"]
    assert powers == {
        "person": "grace",
        "roles": [{"name": "model-risk", "by": "workbench.toml"}],
        "refused": "",
        "remedy": "",
        "revocable": [],
        "silent": False,
    }


async def test_the_newest_request_is_shown_and_what_is_different_since(matter, project):
    with deciding.opened(project, "ada") as bench:
        bench.request_approval("loans/2", note="First.")
        bench.request_approval("loans/2", note="Better on education.")
    assert ((await matter())["request"]["note"], (await matter())["since"]) == ("Better on education.", [])
    deciding.audit_again(project)
    assert (await matter())["since"] == ["loans/2 was audited again."]


async def test_stale_evidence_comes_with_the_command_that_renews_it(matter, project):
    deciding.audit_again(project)
    stale = [basis for basis in (await matter())["freshness"]["bases"] if basis["stale"]]
    assert [basis["renew"] for basis in stale] == ["workbench gate loans/2 --policy default"]


@pytest.mark.parametrize("model", ["loans", "loans@candidate", "models:/loans"])
async def test_a_decision_is_about_one_version_and_not_about_an_alias(matter, model):
    with pytest.raises(HTTPClientError, match="400"):
        await matter(model)


@pytest.mark.parametrize(
    "policy", ["../workbench.toml", "/etc/passwd", "policies/default.yaml", "workbench.toml", ".env", "a\nb"]
)
async def test_a_policy_is_named_and_no_file_of_the_server_can_be_read_as_one(matter, policy):
    with pytest.raises(HTTPClientError) as excinfo:
        await matter(policy=policy)
    assert excinfo.value.code == 400
    assert json.loads(excinfo.value.response.body)["field"] == "policy"


# Deciding


async def test_an_approval_is_signed_by_whoever_acts_and_counts(say, matter, project):
    said = await say("approve", note=NOTE)
    assert (said["by"], said["role"], said["note"]) == ("grace", "model-risk", NOTE)
    [entry] = words(project)
    assert (entry.kind, entry.actor, entry.payload) == ("approval.given", "grace", said)
    assert said["key"].startswith("grace+")
    found = await matter()
    assert [one["id"] for one in found["given"]] == ["approval/loans/2#0"]
    assert found["powers"]["refused"].startswith("grace approved loans/2 as model-risk already")
    assert found["powers"]["revocable"] == ["approval/loans/2#0"]
    with deciding.opened(project, "joan") as bench:
        assert bench.verify().ok


async def test_a_rejection_stands_until_it_is_taken_back(say, matter):
    said = await say("reject", note="Education fell by eleven points.")
    assert (await matter())["rejected"][0]["decision"] == "reject"
    assert (await matter())["verdict"]["rejected_by"] == ["grace"]
    taken = await say("revoke", approval=said["id"], note="Measured again on more rows.")
    assert (taken["by"], taken["approval"]) == ("grace", said["id"])
    assert (await matter())["rejected"] == []


async def test_a_request_is_kept_as_it_was_shown(say, matter, project):
    asked = await say("request", note="Please.", policy="default")
    assert (asked["by"], asked["id"]) == ("grace", "approval/loans/2#0")
    assert (await matter())["powers"]["refused"] == (
        "grace requested the approval of loans/2 and cannot give it."
    )
    assert words(project)[0].payload == asked


async def test_the_author_is_refused_and_told_who_may(jp_root_dir, say, matter):
    deciding.seed(jp_root_dir / "ours", actor="ada")
    refused = await say("approve", path="ours", note="Mine is good.")
    assert refused["code"] == 403
    assert refused["reason"] == "ada registered loans/2 and cannot approve it."
    assert refused["remedy"] == "As model-risk may: grace, joan. As data-protection may: joan."
    powers = (await matter(path="ours"))["powers"]
    assert (powers["refused"], powers["remedy"]) == (refused["reason"], refused["remedy"])
    assert words(jp_root_dir / "ours") == []


async def test_nobody_signs_what_they_did_not_read(say, matter, project):
    seen = (await matter())["seen"]
    with deciding.opened(project, "joan") as bench:
        bench.approve("loans/2", note="As protector of data.", role="data-protection")
    assert (await matter())["seen"] == seen  # another's word is no reason to read it again
    deciding.audit_again(project)
    refused = await say("approve", note=NOTE, seen=seen)
    assert (refused["code"], refused["field"]) == (409, "seen")
    assert (await say("approve", note=NOTE, seen=(await matter())["seen"]))["by"] == "grace"


async def test_somebody_with_several_roles_must_choose(jp_root_dir, say, matter):
    deciding.seed(jp_root_dir / "hers", actor="joan")
    assert [one["name"] for one in (await matter(path="hers"))["powers"]["roles"]] == [
        "model-risk",
        "data-protection",
    ]
    assert (await say("approve", path="hers", note=NOTE))["code"] == 400
    assert (await say("approve", path="hers", note=NOTE, role="data-protection"))["role"] == "data-protection"


@pytest.mark.parametrize("key", ["by", "actor", "person", "as", "time", "key", "signature"])
async def test_a_body_that_names_a_person_is_refused(say, project, key):
    refused = await say("approve", note=NOTE, **{key: "joan"})
    assert (refused["code"], refused["field"]) == (400, key)
    assert "Who acts is read from how the request was authenticated" in refused["remedy"]
    assert words(project) == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", "body"),
        (b"[]", "action"),
        (b'{"note": "x"}', "action"),
        (b'{"action": "promote", "model": "loans/2", "note": "x"}', "action"),
        (b'{"action": "approve", "model": "loans/2"}', "note"),
        (b'{"action": "approve", "model": 2, "note": "x"}', "model"),
        (b'{"action": "approve", "model": "loans/2", "note": ["x"]}', "note"),
        (json.dumps({"action": "approve", "model": "loans/2", "note": "x" * 4001}).encode(), "note"),
        (b" " * (bodies.MOST_BYTES + 1), "note"),
    ],
    ids=lambda value: value[:40].decode() if isinstance(value, bytes) else value,
)
async def test_what_is_no_such_body_is_refused_by_its_key(say, body, field):
    refused = await say.raw(body)
    assert (refused["code"], refused["field"]) == (400, field)


async def test_a_note_is_text_whatever_is_in_it(say, matter):
    note = f'{HOSTILE}\n\u202e"); import os #\u2028{{{{7*7}}}} 100%d'
    assert (await say("approve", note=note))["note"] == note
    assert (await matter())["given"][0]["note"] == note
    refused = await say("approve", note="  ")
    assert (refused["code"], refused["field"]) == (400, "note")


# What the panel lists


@pytest.fixture
def glance(jp_fetch, project):
    """``await glance()`` gives ``loans/2`` as the panel lists it."""

    async def glance():
        answer = await jp_fetch("workbench", "api", "overview", params={"path": "loans"})
        return json.loads(answer.body)["overview"]["models"][0]["versions"][0]

    return glance


async def test_the_panel_lists_whose_approval_counts(say, glance, project):
    await say("approve", note=NOTE)
    assert (await glance())["verdict"]["approved_by"] == ["grace"]
    settings = project / "workbench.toml"
    settings.write_text(settings.read_text().replace('grace = ["model-risk"]', ""))
    assert (await glance())["verdict"]["approved_by"] == []  # who lost the role, though nothing was written


async def test_an_edited_policy_makes_the_panels_verdict_stale(glance, project):
    assert (await glance())["stale"] == []
    policy = project / "policies" / "default.yaml"
    policy.write_text(policy.read_text().replace("0.70", "0.75"))
    [stale] = (await glance())["stale"]
    assert stale["renew"] == "workbench gate loans/2 --policy default"
    assert "another text of default" in stale["why"]


# Findings


async def test_a_finding_is_opened_accepted_and_fixed(say, matter, project):
    opened = await say(
        "open", "findings", model="loans/2", title=f"Education. {HOSTILE}", severity="critical"
    )
    assert (opened["by"], opened["status"]) == ("grace", "open")
    assert (await matter())["verdict"]["outcome"] == "fail"  # the policy lets no critical one stand open
    accepted = await say(
        "accept", "findings", finding=opened["id"], reason="Education is closed.", until="2999-01-01"
    )
    assert (accepted["accepted_by"], accepted["accepted_until"]) == ("grace", "2999-01-01")
    refused = await say("fix", "findings", finding=opened["id"], version="loans/2", note="?")
    assert (refused["code"], refused["field"]) == (400, "version")
    assert [one["id"] for one in (await matter())["findings"]] == ["finding/loans#0"]


async def test_a_finding_names_nobody_either(say):
    refused = await say("open", "findings", model="loans/2", title="x", by="joan")
    assert (refused["code"], refused["field"]) == (400, "by")


# Who


@pytest.mark.parametrize("provider", [{"identity_provider_class": ByName}])
async def test_whoever_is_let_into_anothers_server_reads_there_and_decides_at_home(
    jp_fetch, project, provider
):
    """What joan would sign with here is a key that grace, whose server it is, can read."""
    joan = {"Authorization": "joan:joan's", "Cookie": "_xsrf=1", "X-XSRFToken": "1"}
    query = {"path": "loans", "model": "loans/2"}
    answer = await jp_fetch("workbench", "api", "decisions", params=query, headers=joan)
    powers = json.loads(answer.body)["powers"]
    assert (powers["person"], powers["roles"], powers["silent"]) == ("joan", [], True)
    assert "could read the key" in powers["refused"]
    body = json.dumps({"path": "loans", "action": "approve", "model": "loans/2", "note": NOTE})
    with pytest.raises(HTTPClientError) as excinfo:
        await jp_fetch("workbench", "api", "decisions", method="POST", body=body, headers=joan)
    assert excinfo.value.code == 403
    assert "terminal of your own" in json.loads(excinfo.value.response.body)["remedy"]
    assert words(project) == []


PLACES = [("decisions", "GET"), ("decisions", "POST"), ("findings", "POST")]


@pytest.mark.parametrize(("place", "method"), PLACES)
async def test_nobody_decides_without_a_token(jp_fetch, project, place, method):
    body = "{}" if method == "POST" else None
    with pytest.raises(HTTPClientError) as excinfo:
        await jp_fetch("workbench", "api", place, method=method, body=body, headers={"Authorization": ""})
    assert excinfo.value.code == 403


class Reader(Authorizer):
    """Lets people read decisions, and take none."""

    def is_authorized(self, handler, user, action, resource):
        return resource != "workbench:decisions" or action == "read"


async def test_whom_the_authorizer_lets_only_read_takes_no_decision(jp_serverapp, matter, say, project):
    jp_serverapp.web_app.settings["authorizer"] = Reader(parent=jp_serverapp)
    assert (await matter())["model"] == "loans/2"
    assert (await say("approve", note=NOTE))["code"] == 403
    assert (await say("open", "findings", model="loans/2", title="x"))["code"] == 403
    assert words(project) == []


@pytest.mark.parametrize("provider", [{"identity_provider_class": ByName}])
async def test_a_login_alone_does_not_decide(jp_fetch, project, provider):
    """Another site can make a browser send its login, and not the header that proves whose page asks."""
    login = {"Authorization": "grace:grace's", "Cookie": "_xsrf=1"}
    body = json.dumps({"path": "loans", "action": "approve", "model": "loans/2", "note": NOTE})
    asked = {"method": "POST", "body": body}
    with pytest.raises(HTTPClientError) as excinfo:
        await jp_fetch("workbench", "api", "decisions", **asked, headers=login)
    assert excinfo.value.code == 403
    assert words(project) == []
    headers = {**login, "X-XSRFToken": "1"}
    answer = await jp_fetch("workbench", "api", "decisions", **asked, headers=headers)
    assert json.loads(answer.body)["record"]["by"] == "grace"


def test_every_handler_declares_who_may_ask():
    for _, handler in decisions.ROUTES:
        for verb in {"get", "post"} & set(vars(handler)):
            assert getattr(handler, verb).__wrapped__.__wrapped__, (handler, verb)
