from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import timedelta

import pytest
from jupyter_server.auth import Authorizer
from tornado.httpclient import HTTPClientError

from workbench.core.clock import SystemClock
from workbench.core.settings import STATE
from workbench.gateway.routing import folder_of, kill
from workbench.gateway.status import write_status
from workbench.interfaces.lab import projects
from workbench.interfaces.lab.app import JOURNAL_MOVED
from workbench.interfaces.lab.handlers import ROUTES
from workbench.journal import Event
from workbench.journal.checkpoints import several
from workbench.testing import showcase
from workbench.testing.showcase_releases import beside


def refusal(excinfo) -> dict:
    return json.loads(excinfo.value.response.body)


async def test_the_overview_lists_models_with_verdicts(ask):
    answer = await ask("overview", path="risk")
    assert answer["project"] == "risk"
    (model,) = answer["overview"]["models"]
    assert [v["version"] for v in model["versions"]] == [3, 2, 1]
    assert [v["verdict"] and v["verdict"]["outcome"] for v in model["versions"]] == ["fail", "pass", None]


async def test_a_folder_inside_a_project_shows_that_project(ask, jp_root_dir):
    (jp_root_dir / "risk" / "notebooks").mkdir()
    assert (await ask("overview", path="risk/notebooks"))["project"] == "risk"


async def test_a_folder_without_a_project_is_no_error(ask):
    assert await ask("overview", path="") == {"folder": "", "project": None, "overview": None}


async def test_the_overview_follows_the_journal(ask, journal):
    before = await ask("overview", path="risk")
    journal.append("model/recidivism", Event(kind="model.alias", payload={"alias": "champion", "version": 2}))
    after = await ask("overview", path="risk")
    assert after["overview"]["seq"] == before["overview"]["seq"] + 1
    aliases = {v["version"]: v["aliases"] for v in after["overview"]["models"][0]["versions"]}
    assert aliases == {3: ["candidate"], 2: ["champion"], 1: []}


async def test_a_gateway_that_comes_or_is_killed_is_seen_though_no_entry_tells_of_it(ask, jp_root_dir):
    async def endpoint() -> dict:
        (found,) = (await ask("overview", path="risk"))["overview"]["endpoints"]
        return found

    assert not (await endpoint())["ready"]
    state = jp_root_dir / "risk" / STATE
    (serving,) = beside().gateways
    folder_of(state, "recidivism").mkdir(parents=True)
    write_status(state, serving.model_copy(update={"pid": os.getpid()}))
    assert (await endpoint())["ready"]
    kill(state, "recidivism", reason="legal hold")
    assert (await endpoint())["killed"]


@pytest.mark.parametrize("path", ["..", "../..", "risk/../..", "/../etc"])
async def test_a_path_out_of_the_root_is_refused(ask, path):
    with pytest.raises(HTTPClientError) as excinfo:
        await ask("overview", path=path)
    assert excinfo.value.code == 400
    assert refusal(excinfo)["field"] == "path"


async def test_a_link_out_of_the_root_is_refused(ask, jp_root_dir, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "workbench.toml").touch()
    (jp_root_dir / "link").symlink_to(outside)
    with pytest.raises(HTTPClientError) as excinfo:
        await ask("overview", path="link")
    assert excinfo.value.code == 400


@pytest.mark.parametrize("view", ["model", "verdict", "report"])
async def test_a_record_comes_back_as_it_was_kept(ask, view):
    record = showcase.records()[view]
    overview = (await ask("overview", path="risk"))["overview"]
    report = overview["models"][0]["versions"][0]["evidence"]["report"]
    answer = await ask("records", view, path="risk", id=report if view == "report" else "recidivism/3")
    assert answer == {"view": view, "record": record.model_dump(mode="json")}


@pytest.mark.parametrize("key", ["../journal", "sha256:../../workbench", "sha256:" + "0" * 64, "nothing/1"])
@pytest.mark.parametrize("view", ["model", "verdict", "report"])
async def test_a_record_that_is_not_there_is_not_found(ask, view, key):
    with pytest.raises(HTTPClientError) as excinfo:
        await ask("records", view, path="risk", id=key)
    assert excinfo.value.code == 404
    assert refusal(excinfo)["message"]


async def test_a_changed_report_is_not_shown(ask, jp_root_dir):
    digest = (await ask("overview", path="risk"))["overview"]["models"][0]["versions"][0]["evidence"][
        "report"
    ]
    file = jp_root_dir / "risk" / ".workbench" / "reports" / f"{digest.removeprefix('sha256:')}.json"
    file.write_bytes(file.read_bytes().replace(b"0.67", b"0.97"))
    with pytest.raises(HTTPClientError) as excinfo:
        await ask("records", "report", path="risk", id=digest)
    assert excinfo.value.code == 409
    assert "changed after it was recorded" in refusal(excinfo)["message"]


async def test_settings_that_cannot_be_read_are_said(ask, jp_root_dir):
    (jp_root_dir / "broken").mkdir()
    (jp_root_dir / "broken" / "workbench.toml").write_text("actr = 'ada'")
    with pytest.raises(HTTPClientError) as excinfo:
        await ask("overview", path="broken")
    assert excinfo.value.code == 400
    assert "actor" in refusal(excinfo)["remedy"]


async def test_code_for_a_step_names_the_version(ask):
    answer = await ask("snippets", path="risk", step="audit", model="recidivism/3")
    assert 'bench.audit("recidivism/3", on=test)' in answer["code"]


async def test_an_unknown_step_is_refused_with_the_nearest(ask):
    with pytest.raises(HTTPClientError) as excinfo:
        await ask("snippets", path="risk", step="audits")
    assert excinfo.value.code == 400
    assert "audit" in refusal(excinfo)["remedy"]


async def test_the_event_bus_says_that_the_journal_moved(ask, journal, jp_serverapp):
    seen = []

    async def listen(logger, schema_id, data):
        seen.append(data)

    jp_serverapp.event_logger.add_listener(schema_id=JOURNAL_MOVED, listener=listen)
    await ask("overview", path="risk")
    entry = journal.append(
        "model/recidivism", Event(kind="model.alias", payload={"alias": "b", "version": 1})
    )
    for _ in range(100):
        if seen:
            break
        await asyncio.sleep(0.05)
    assert seen == [
        {"project": "risk", "seq": entry.seq, "stream": "model/recidivism", "kind": "model.alias"}
    ]


@pytest.mark.parametrize("place", ["overview", "records/model", "snippets"])
async def test_nobody_is_answered_without_a_token(jp_fetch, journal, place):
    with pytest.raises(HTTPClientError) as excinfo:
        await jp_fetch("workbench", "api", *place.split("/"), headers={"Authorization": ""})
    assert excinfo.value.code == 403


class Nobody(Authorizer):
    def is_authorized(self, handler, user, action, resource):
        return not resource.startswith("workbench")


@pytest.mark.parametrize("place", ["overview", "records/model", "snippets"])
async def test_nobody_is_answered_whom_the_authorizer_refuses(jp_serverapp, ask, place):
    jp_serverapp.web_app.settings["authorizer"] = Nobody(parent=jp_serverapp)
    with pytest.raises(HTTPClientError) as excinfo:
        await ask(*place.split("/"), path="risk", id="recidivism/3", step="audit")
    assert excinfo.value.code == 403


def test_every_handler_declares_who_may_ask():
    for _, handler in ROUTES:
        assert handler.get.__wrapped__.__wrapped__, handler
        assert not handler._track_activity


def test_the_server_loads_nothing_heavy():
    import subprocess

    code = (
        "import sys\n"
        "import workbench.interfaces.lab.app\n"
        "from pathlib import Path\n"
        "from workbench.testing import showcase\n"
        "from workbench.interfaces.lab.projects import Projects\n"
        "root = Path(sys.argv[1])\n"
        "showcase.seed(root).close()\n"
        "projects = Projects(root, moved=print)\n"
        "assert projects.find('').overview().models\n"
        "projects.close()\n"
        "heavy = {'pandas', 'sklearn', 'mlflow', 'evidently', 'art', 'fairlearn', 'panel', 'torch', 'scipy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-c", code, str(Path(folder).resolve())], check=True)


async def test_the_audits_say_what_a_form_can_ask(ask):
    answer = await ask("audits")
    audits = {audit["name"]: audit for audit in answer["audits"]}
    assert set(answer["default"]) <= set(audits)
    margin = next(o for o in audits["drift"]["options"] if o["name"] == "margin")
    assert (margin["input"], margin["default"]) == ("number", 0.1)
    assert margin["help"]


async def test_chosen_audits_become_python(ask):
    answer = await ask("snippets", path="risk", step="audit", audits='{"drift": {"bins": 7}}')
    assert '{"drift": {"bins": 7}}' in answer["code"]
    with pytest.raises(HTTPClientError) as excinfo:
        await ask("snippets", path="risk", step="audit", audits='{"drift": {"bin": 7}}')
    assert "bins" in refusal(excinfo)["message"]


async def test_while_the_server_runs_no_entry_waits_too_long_for_a_checkpoint(
    ask, journal, jp_root_dir, monkeypatch
):
    class Later(SystemClock):
        def now(self):
            return showcase.NOON + timedelta(days=1)

    monkeypatch.setattr("workbench.bench.rooms.SystemClock", Later)
    monkeypatch.setattr(projects, "TICK", 0.05)
    root = jp_root_dir / "risk"
    (root / "workbench.toml").write_text('witnesses = ["grace.witness"]\n')
    await ask("overview", path="risk")
    for _ in range(200):
        if not (root / "grace.witness").exists():
            await asyncio.sleep(0.05)
    [made] = several((root / "grace.witness").read_text())
    assert (made.size, made.root) == (journal.size(), journal.root())
    await asyncio.sleep(0.3)
    assert journal.checkpoints() == [made]
    assert journal.verify().ok
