"""What is declared to Ray Serve, and what is said when nobody is there to be told; nothing runs here."""

from __future__ import annotations

import json
import shlex

import pytest
import yaml

from workbench.core.errors import Conflict, NotFound, Refused, Unavailable
from workbench.gateway.ray.names import router_name, version_name
from workbench.gateway.routing import read_table
from workbench.releases.targets.base import Routing
from workbench.releases.targets.ray import cluster, config
from workbench.releases.targets.ray.dashboard import failure, running
from workbench.releases.targets.ray.target import Ray
from workbench.releases.targets.tables import as_table


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"ray_address": "http://127.0.0.1:9"})  # nobody answers there


@pytest.fixture
def target(settings):
    return Ray(settings)


@pytest.fixture
def deployed(target, registry):
    versions = sorted(registry.versions("tiny"), key=lambda version: version.version)[:3]
    return [target.deploy(version, registry.artifact_path(version)) for version in versions]


def table(endpoint="tiny", version=1, **who):
    return as_table(Routing(endpoint=endpoint, **who), None, version=version, token=None)


def names(declared):
    return [app["name"] for app in declared["applications"]]


def whole(settings, now):
    return config.with_router(config.with_versions(config.fresh(settings), settings, now), settings, now)


def test_each_version_is_an_application_and_the_router_another(settings, deployed):
    one, two, _ = deployed
    declared = whole(settings, now := table(champion=one, candidate=two, share=0.1))
    versions = [version_name(settings.root, route) for route in now.routes]
    assert names(declared) == [*versions, router_name(settings.root, "tiny")]
    assert [app["route_prefix"] for app in declared["applications"]] == [None, None, "/tiny"]
    assert declared["http_options"]["host"] == "127.0.0.1"


def test_a_change_of_weights_changes_the_routers_user_config_and_nothing_else(settings, deployed):
    one, two, _ = deployed
    before = whole(settings, table(champion=one, candidate=two, share=0.1))
    later = table(version=2, champion=one, candidate=two, share=0.5)
    after = config.with_router(config.with_versions(before, settings, later), settings, later)
    router = after["applications"][-1]["deployments"][0]
    assert router["user_config"]["table"]["share"] == 0.5
    router["user_config"] = before["applications"][-1]["deployments"][0]["user_config"]
    assert after == before


def test_versions_that_no_router_needs_are_taken_away_and_those_of_others_stay(settings, deployed):
    one, two, three = deployed
    declared = whole(settings, table(champion=one, candidate=two))
    declared["applications"].append({"name": "theirs", "import_path": "their.app:it"})
    promoted = table(version=2, champion=two)
    declared = config.with_router(declared, settings, promoted)
    opening = table(endpoint="other", champion=three)  # written already, its router not yet told
    declared = config.with_versions(declared, settings, opening)
    tidied = config.tidied(declared, settings, [promoted, opening])
    gone = version_name(settings.root, table(champion=one).routes[0])
    assert set(names(declared)) - set(names(tidied)) == {gone}


def test_what_is_read_back_is_what_was_declared(settings, deployed):
    declared = whole(settings, now := table(champion=deployed[0]))
    answer = {
        "applications": {app["name"]: {"deployed_app_config": app} for app in declared["applications"]},
        "proxy_location": "HeadOnly",
        "http_options": {"host": "127.0.0.1", "port": 1234},
    }
    read = config.declared(answer, settings)
    assert read["applications"] == declared["applications"]
    assert config.url_of(read, "tiny") == "http://127.0.0.1:1234/tiny"
    assert config.followed_by(read, settings, "tiny") == now


def test_why_a_version_does_not_start_is_read_from_the_end_of_its_traceback():
    trace = (
        "Traceback:\n  File x\nworkbench.core.errors.Tampered: The files of tiny/2 are not those.\nsee log"
    )
    app = {"status": "DEPLOY_FAILED", "message": "failed", "deployments": {"Version": {"message": trace}}}
    assert failure({"applications": {"a": app}}, ["a"]) == "The files of tiny/2 are not those."
    assert not running({"applications": {"a": app}}, ["a"])
    assert failure({"applications": {"a": {"status": "RUNNING"}}}, ["a", "b"]) == ""


def test_what_would_be_declared_is_shown_as_yaml_with_digest_and_share(target, settings, deployed):
    one, two, _ = deployed
    shown = yaml.safe_load(target.render(Routing(endpoint="tiny", champion=one, candidate=two, share=0.25)))
    assert one.model.digest in json.dumps(shown)
    assert shown["applications"][-1]["deployments"][0]["user_config"]["table"]["share"] == 0.25


def test_with_no_cluster_nothing_is_written_and_the_command_to_start_one_is_said(target, settings, deployed):
    with pytest.raises(Unavailable, match="No Ray cluster answers") as refused:
        target.route(Routing(endpoint="tiny", champion=deployed[0]), expected=0)
    assert "RAY_AUTH_MODE=token" in refused.value.remedy
    assert "ray start --head" in refused.value.remedy
    assert "--dashboard-host 127.0.0.1" in refused.value.remedy
    assert read_table(settings.state, "tiny") is None


def test_kill_status_and_revive_need_no_cluster(target):
    target.kill("tiny", "INC-1")
    assert target.status("tiny").killed == "INC-1"
    target.revive("tiny")
    assert target.status("tiny").killed is None


def test_the_token_is_made_once_and_is_its_owners_alone(settings):
    token = cluster.token(settings)
    assert len(token) == 64
    assert cluster.token(settings) == token
    assert cluster.token_file(settings).stat().st_mode & 0o777 == 0o600


def test_a_token_that_others_can_read_is_refused(settings):
    cluster.token(settings)
    cluster.token_file(settings).chmod(0o644)
    with pytest.raises(Refused, match="can be read by others"):
        cluster.token(settings)


def test_a_token_file_that_is_named_and_not_there_is_said(settings):
    with pytest.raises(NotFound, match="with the token"):
        cluster.token(settings.model_copy(update={"ray_token_file": "elsewhere/token"}))


def test_worker_ports_are_moved_out_of_the_way_of_a_port_of_ours(settings):
    moved = {"ray_address": "http://127.0.0.1:18265"}
    assert "--min-worker-port" in cluster.start_command(settings.model_copy(update=moved))
    assert "--min-worker-port" not in shlex.split(cluster.how_to_start(settings))


def test_tls_of_the_gateway_is_refused_where_serves_door_would_not_have_it(target, settings, deployed):
    asks = settings.model_copy(update={"gateway_tls_cert": "cert.pem"})
    with pytest.raises(Refused, match="does not take gateway_tls_cert"):
        Ray(asks).render(Routing(endpoint="tiny", champion=deployed[0]))


def test_a_refused_write_tells_no_router(target, settings, deployed, monkeypatch):
    monkeypatch.setattr(target._serve, "read", lambda: {"applications": {}})
    told = []
    monkeypatch.setattr(target._serve, "put", told.append)
    monkeypatch.setattr("workbench.releases.targets.ray.target._STARTING", 0.0)
    target.route(Routing(endpoint="tiny", champion=deployed[0]), expected=0, token=2)
    told.clear()
    with pytest.raises(Conflict):
        target.route(Routing(endpoint="tiny", champion=deployed[1]), expected=1, token=1)
    assert told == []
