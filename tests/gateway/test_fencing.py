"""Fencing: who has lost the lease moves no traffic, not through the library and not by a file put there by hand."""

from __future__ import annotations

import json

import pytest

from workbench.core.errors import Conflict
from workbench.gateway import RoutingTable, write_table


@pytest.fixture(scope="module")
def gateway(gateways, routes):
    return gateways(champion=routes.champion)


def put(gateway, **fields):
    """Change the file as a process would that knows nothing of leases."""
    path = gateway.state / "gateway" / "tiny" / "routes.json"
    table = json.loads(path.read_text()) | fields
    part = path.with_suffix(".by-hand")
    part.write_text(json.dumps(table))
    part.replace(path)
    gateway.version = max(gateway.version, table["version"])
    return table["version"]


def test_the_status_says_with_which_lease(gateway, routes):
    gateway.take(champion=routes.champion, token=5)
    assert gateway.status.token == 5


def test_an_earlier_lease_cannot_write(gateway, routes):
    gateway.take(champion=routes.champion, token=5)
    with pytest.raises(Conflict, match="lease 5"):
        write_table(
            gateway.state,
            RoutingTable(endpoint="tiny", version=gateway.version + 1, champion=routes.champion, token=4),
        )


def test_a_file_of_an_earlier_lease_is_refused_however_late_its_version(gateway, routes, wait_until):
    in_force = gateway.take(champion=routes.champion, token=7)
    whole = (gateway.state / "gateway" / "tiny" / "routes.json").read_text()
    version = put(gateway, version=in_force + 10, token=6)
    wait_until(lambda: gateway.status.refused_version == version)
    assert gateway.status.refused == "It was written with lease 6; lease 7 wrote the one in force."
    assert (gateway.status.table_version, gateway.status.token) == (in_force, 7)
    assert gateway.ask(1.0)[0] == 200
    (gateway.state / "gateway" / "tiny" / "routes.json").write_text(whole)
    wait_until(lambda: gateway.status.refused == "")


def test_a_later_lease_over_the_same_table_is_taken(gateway, routes, wait_until):
    in_force = gateway.take(champion=routes.champion, token=8)
    put(gateway, token=9)
    wait_until(lambda: gateway.status.token == 9)
    assert gateway.status.table_version == in_force
    version = put(gateway, version=in_force + 1, token=8)
    wait_until(lambda: gateway.status.refused_version == version)
    put(gateway, version=in_force + 2, token=9)
    wait_until(lambda: gateway.status.table_version == in_force + 2)
