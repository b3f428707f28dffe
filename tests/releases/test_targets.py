from __future__ import annotations

import os
from pathlib import Path

import pytest

from workbench.gateway.routing import RoutingTable, read_table, write_table
from workbench.gateway.status import Status as GatewayStatus
from workbench.gateway.status import write_status
from workbench.releases.targets.base import Routing
from workbench.releases.targets.local import Local
from workbench.testing.clock import START
from workbench.testing.targets import ENDPOINT, TargetContract


class TestLocal(TargetContract):
    @pytest.fixture
    def target(self, settings):
        return Local(settings)

    @pytest.fixture
    def versions(self, registry):
        return [(version, registry.artifact_path(version)) for version in registry.versions("tiny")[:3]]

    def gateway(self, settings, **says) -> None:
        fields = {
            "endpoint": ENDPOINT,
            "pid": os.getpid(),
            "url": "",
            "started": START,
            "ready": True,
            "table_version": 0,
        }
        (settings.state / "gateway" / ENDPOINT).mkdir(parents=True, exist_ok=True)
        write_status(settings.state, GatewayStatus(**(fields | says)))

    def test_a_place_is_relative_to_the_project_so_that_it_may_move(self, deployed, settings):
        for deployment in deployed:
            assert not Path(deployment.place).is_absolute()
            assert (settings.root / deployment.place).is_dir()

    def test_it_waits_until_the_gateway_follows(self, target, deployed, settings, monkeypatch):
        self.gateway(settings)
        waited = []
        monkeypatch.setattr(
            "workbench.releases.targets.local.time.sleep",
            lambda seconds: (waited.append(seconds), self.gateway(settings, table_version=1)),
        )
        target.route(Routing(endpoint=ENDPOINT, champion=deployed[0]), expected=0)
        assert len(waited) == 1
        assert target.status(ENDPOINT).in_force == 1

    def test_what_the_gateway_refuses_is_not_waited_for_and_is_told(self, target, deployed, settings):
        self.gateway(settings, refused_version=1, refused="tiny/1 was changed.")
        target.route(Routing(endpoint=ENDPOINT, champion=deployed[0]), expected=0)
        status = target.status(ENDPOINT)
        assert (status.alive, status.in_force, status.refused) == (True, 0, "tiny/1 was changed.")

    def test_an_old_refusal_says_nothing_of_a_new_routing(self, target, deployed, settings):
        target.route(Routing(endpoint=ENDPOINT, champion=deployed[0]), expected=0)
        target.route(Routing(endpoint=ENDPOINT, champion=deployed[1]), expected=1)
        self.gateway(settings, table_version=1, refused_version=1, refused="tiny/1 was changed.")
        assert target.status(ENDPOINT).refused == ""

    def test_the_declared_fallback_is_kept(self, target, deployed, settings):
        target.route(Routing(endpoint=ENDPOINT, champion=deployed[0]), expected=0)
        before = read_table(settings.state, ENDPOINT)
        write_table(settings.state, RoutingTable(**{**dict(before), "version": 2, "fallback": 0}))
        target.route(Routing(endpoint=ENDPOINT, champion=deployed[1]), expected=2)
        assert read_table(settings.state, ENDPOINT).fallback == 0
