"""What every release target must keep to, as tests that its author subclasses.

For example::

    class TestShip(TargetContract):
        @pytest.fixture
        def target(self, tmp_path):
            return Ship(tmp_path)

        @pytest.fixture
        def versions(self, tmp_path):
            return [(version, folder_with_its_files), …]      # three of one name
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from workbench.core.errors import Conflict, Tampered
from workbench.models.records import ModelVersion
from workbench.releases.targets.base import Deployment, Routing, Target

ENDPOINT = "contract"

Versions = list[tuple[ModelVersion, Path]]


class TargetContract:
    """Subclass it, give the fixtures ``target`` and ``versions``."""

    @pytest.fixture
    def target(self) -> Any:
        """The target under test, with nothing on it."""
        raise NotImplementedError

    @pytest.fixture
    def versions(self) -> Versions:
        """Three versions of one model, each with the folder of its files."""
        raise NotImplementedError

    @pytest.fixture
    def deployed(self, target: Target, versions: Versions) -> list[Deployment]:
        """All of them, made ready."""
        return [target.deploy(version, folder) for version, folder in versions]

    def test_an_endpoint_that_was_never_routed_has_no_routing(self, target: Target) -> None:
        status = target.status(ENDPOINT)
        assert (status.routing, status.version, status.killed) == (None, 0, None)

    def test_deploying_twice_is_deploying_once(self, target: Target, versions: Versions) -> None:
        version, folder = versions[0]
        assert target.deploy(version, folder) == target.deploy(version, folder)

    def test_changed_bytes_are_not_deployed(self, target: Target, versions: Versions) -> None:
        version, folder = versions[0]
        (folder / "added").write_text("not registered", "utf-8")
        with pytest.raises(Tampered):
            target.deploy(version, folder)

    def test_a_routing_is_read_back_as_it_was_set(self, target: Target, deployed: list[Deployment]) -> None:
        champion, candidate, standby = deployed
        routing = Routing(
            endpoint=ENDPOINT, champion=champion, candidate=candidate, share=0.1, standby=standby
        )
        version = target.route(routing, expected=0)
        status = target.status(ENDPOINT)
        assert status.routing == routing
        assert status.version == version

    def test_setting_the_routing_that_is_there_changes_nothing(
        self, target: Target, deployed: list[Deployment]
    ) -> None:
        routing = Routing(endpoint=ENDPOINT, champion=deployed[0], shadow=deployed[1])
        version = target.route(routing, expected=0)
        assert target.route(routing, expected=version) == version
        assert target.status(ENDPOINT).version == version

    def test_every_change_grows_the_version(self, target: Target, deployed: list[Deployment]) -> None:
        version = 0
        for champion in deployed:
            before, version = (
                version,
                target.route(Routing(endpoint=ENDPOINT, champion=champion), expected=version),
            )
            assert version > before

    def test_who_has_not_seen_the_last_routing_does_not_replace_it(
        self, target: Target, deployed: list[Deployment]
    ) -> None:
        seen = target.route(Routing(endpoint=ENDPOINT, champion=deployed[0]), expected=0)
        target.route(Routing(endpoint=ENDPOINT, champion=deployed[1]), expected=seen)
        with pytest.raises(Conflict):
            target.route(Routing(endpoint=ENDPOINT, champion=deployed[2]), expected=seen)
        routing = target.status(ENDPOINT).routing
        assert routing is not None
        assert routing.champion == deployed[1]

    def test_who_holds_an_earlier_lease_is_refused(self, target: Target, deployed: list[Deployment]) -> None:
        first, second, third = (Routing(endpoint=ENDPOINT, champion=one) for one in deployed)
        version = target.route(first, expected=0, token=7)
        with pytest.raises(Conflict):
            target.route(second, expected=version, token=6)
        assert target.status(ENDPOINT).routing == first
        version = target.route(third, expected=version)  # by hand: no lease, and the one there stays
        status = target.status(ENDPOINT)
        assert (status.routing, status.token) == (third, 7)
        with pytest.raises(Conflict):
            target.route(first, expected=version, token=6)

    def test_a_later_lease_is_kept_also_where_the_routing_stays(
        self, target: Target, deployed: list[Deployment]
    ) -> None:
        routing = Routing(endpoint=ENDPOINT, champion=deployed[0])
        version = target.route(routing, expected=0, token=1)
        assert target.route(routing, expected=version, token=2) == version
        assert target.status(ENDPOINT).token == 2

    def test_who_keeps_an_arm_and_what_the_arms_are_called_is_read_back(
        self, target: Target, deployed: list[Deployment]
    ) -> None:
        routing = Routing(
            endpoint=ENDPOINT,
            champion=deployed[0],
            candidate=deployed[1],
            share=0.5,
            sticky=deployed[0].model.columns[0].name,
            salt="tiny-2",
            arms=("control", "treatment"),
        )
        target.route(routing, expected=0)
        assert target.status(ENDPOINT).routing == routing

    def test_killing_keeps_the_routing_and_the_reason(
        self, target: Target, deployed: list[Deployment]
    ) -> None:
        routing = Routing(endpoint=ENDPOINT, champion=deployed[0])
        target.route(routing, expected=0)
        target.kill(ENDPOINT, "legal hold")
        assert target.status(ENDPOINT).killed == "legal hold"
        assert target.status(ENDPOINT).routing == routing
        target.revive(ENDPOINT)
        assert target.status(ENDPOINT).killed is None

    def test_an_endpoint_may_be_killed_before_it_was_ever_routed(self, target: Target) -> None:
        target.kill(ENDPOINT, "")
        assert target.status(ENDPOINT).killed
        target.revive(ENDPOINT)
        target.revive(ENDPOINT)

    def test_what_would_be_written_names_the_versions(
        self, target: Target, deployed: list[Deployment]
    ) -> None:
        champion, candidate, _ = deployed
        text = target.render(Routing(endpoint=ENDPOINT, champion=champion, candidate=candidate, share=0.25))
        assert champion.model.digest in text
        assert "0.25" in text
        assert target.status(ENDPOINT).version == 0

    def test_what_is_removed_is_gone_and_may_be_removed_again(
        self, target: Target, deployed: list[Deployment]
    ) -> None:
        target.route(Routing(endpoint=ENDPOINT, champion=deployed[0]), expected=0)
        target.remove(ENDPOINT)
        target.remove(ENDPOINT)
        assert target.status(ENDPOINT).routing is None
