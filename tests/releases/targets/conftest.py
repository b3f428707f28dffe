from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.core.clock import SystemClock
from workbench.core.settings import FILE, Settings, load
from workbench.journal import Journal
from workbench.models.registry import Registry
from workbench.releases.targets.base import Routing
from workbench.releases.targets.ray.target import Ray
from workbench.testing.models import TARGET, Slow, tiny_frame
from workbench.testing.ray_cluster import free_port, running_cluster

NAME = "tiny"
KEEPER = "keeper"


class Cluster:
    """A project, and a Ray of two nodes on which its first three versions stay warm."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self.settings, self.registry = settings, registry
        self.target = Ray(settings)

    def deployed(self, number: int):
        version = self.registry.version(f"{NAME}/{number}")
        return self.target.deploy(version, self.registry.artifact_path(version))


@pytest.fixture(scope="session")
def ray_cluster(registered: Path, tmp_path_factory) -> Iterator[Cluster]:
    root = shutil.copytree(registered, tmp_path_factory.mktemp("ray") / "project")
    lines = [
        "gateway_workers = 1",
        "gateway_deadline_seconds = 1.0",
        f"gateway_port = {free_port()}",
        f'ray_address = "http://127.0.0.1:{free_port()}"',
        'target = "ray"',
    ]
    (root / FILE).write_text("\n".join(lines) + "\n", "utf-8")
    settings = load(root, actor="ada")
    with (
        Journal.open(settings.state / "journal.db", actor="ada", clock=SystemClock()) as journal,
        running_cluster(settings),
    ):
        registry = Registry(settings, journal, SystemClock())
        registry.register(Slow(3.0).fit(None), name=NAME, train=tiny_frame(), target=TARGET)  # the sixth
        cluster = Cluster(settings, registry)
        warm = [cluster.deployed(number) for number in (1, 2, 3)]
        routing = Routing(endpoint=KEEPER, champion=warm[0], candidate=warm[1], standby=warm[2])
        cluster.target.route(routing, expected=0)
        yield cluster
