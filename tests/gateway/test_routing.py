"""The routing table: replaced whole, only forwards, and never through somebody's path."""

from __future__ import annotations

import threading

import pytest
from pydantic import ValidationError

from workbench.core.errors import Conflict, InvalidInput
from workbench.gateway import RoutingTable, is_killed, kill, read_table, revive, write_table
from workbench.gateway.routing import folder_of
from workbench.testing import showcase


@pytest.fixture
def route():
    from workbench.gateway import Route

    return lambda version=1: Route(
        model=showcase.model(version, "tiny"), path=f".workbench/artifacts/{version}"
    )


def test_a_table_is_read_as_it_was_written(tmp_path, route):
    table = RoutingTable(
        endpoint="tiny",
        version=3,
        champion=route(1),
        candidate=route(2),
        share=0.25,
        shadow=route(2),
        standby=route(3),
        fallback=False,
    )
    write_table(tmp_path, table)
    assert read_table(tmp_path, "tiny") == table
    assert read_table(tmp_path, "other") is None


@pytest.mark.parametrize("fallback", [True, 0, 0.0, "refer", None])
def test_a_fallback_keeps_its_type(tmp_path, route, fallback):
    write_table(tmp_path, RoutingTable(endpoint="tiny", version=1, champion=route(), fallback=fallback))
    read = read_table(tmp_path, "tiny").fallback
    assert type(read) is type(fallback)
    assert read == fallback


def test_a_table_only_goes_forwards(tmp_path):
    write_table(tmp_path, RoutingTable(endpoint="tiny", version=2))
    for version in (1, 2):
        with pytest.raises(Conflict, match="version 2"):
            write_table(tmp_path, RoutingTable(endpoint="tiny", version=version))
    assert read_table(tmp_path, "tiny").version == 2


def test_of_writers_at_once_one_wins(tmp_path):
    won = []

    def write(share):
        try:
            write_table(tmp_path, RoutingTable(endpoint="tiny", version=1, fallback=share))
        except Conflict:
            return
        won.append(share)

    writers = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(won) == 1
    assert read_table(tmp_path, "tiny").fallback == won[0]


@pytest.mark.parametrize("endpoint", ["../x", "a/b", "", "..", ".hidden", "a\0b", "x" * 101])
def test_an_endpoint_that_means_something_in_a_path_is_refused(tmp_path, endpoint):
    for touch in (read_table, kill, revive, is_killed):
        with pytest.raises(InvalidInput):
            touch(tmp_path, endpoint)
    with pytest.raises(InvalidInput):
        write_table(tmp_path, RoutingTable(endpoint=endpoint, version=1))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_table_is_named(tmp_path):
    folder = folder_of(tmp_path, "tiny")
    folder.mkdir(parents=True)
    (folder / "routes.json").write_text('{"endpoint": "tiny", "version": 0}')
    with pytest.raises(InvalidInput, match=r"routes\.json of tiny"):
        read_table(tmp_path, "tiny")


@pytest.mark.parametrize(
    "wrong",
    [{"share": 0.5}, {"share": 1.5}, {"version": 0}, {"candidate": 2}, {"champion": 1, "share": 0.1}],
)
def test_a_table_that_makes_no_sense_is_refused(route, wrong):
    fields = {k: route(v) if k in ("candidate", "champion") else v for k, v in wrong.items()}
    with pytest.raises(ValidationError):
        RoutingTable(**({"endpoint": "tiny", "version": 1} | fields))


def test_one_version_cannot_have_two_digests(route):
    one = route(1)
    other = one.model_copy(update={"model": one.model.model_copy(update={"digest": "sha256:0"})})
    with pytest.raises(ValidationError, match="two digests"):
        RoutingTable(endpoint="tiny", version=1, champion=one, standby=other)


def test_the_kill_file_comes_and_goes(tmp_path):
    assert not is_killed(tmp_path, "tiny")
    kill(tmp_path, "tiny", "legal hold")
    kill(tmp_path, "tiny", "again")
    assert is_killed(tmp_path, "tiny")
    assert (folder_of(tmp_path, "tiny") / "KILL").read_text() == "again"
    revive(tmp_path, "tiny")
    revive(tmp_path, "tiny")
    assert not is_killed(tmp_path, "tiny")
