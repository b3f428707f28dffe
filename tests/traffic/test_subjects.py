"""Who looks for a person finds all there is of them, or is told what could not be looked through."""

from __future__ import annotations

import pytest

import workbench as wb
from workbench.core.errors import Unavailable
from workbench.traffic import CaptureWriter
from workbench.traffic.policy import DIGEST, KEY, CapturePolicy, digest, known_key
from workbench.traffic.removal import Key

SECRET = b"k" * 32


@pytest.fixture
def project(tmp_path):
    """A project whose subjects are persons."""
    (tmp_path / "workbench.toml").write_text('capture_subject = "person"\n')
    return wb.open(tmp_path, actor="ada")


def captured(bench, *exchanges):
    writer = CaptureWriter.of(bench.settings, "lending")
    for one in exchanges:
        writer.put(one)
    writer.close()
    assert writer.lost == 0


def told(bench):
    return bench.journal.read("traffic")


# The key of the digests


def test_a_key_that_the_gateway_made_after_traffic_was_first_looked_at_is_used(project, exchange):
    assert project.traffic.frame().empty  # opened before there is a key
    captured(project, exchange(0, inputs=[{"person": "p1"}]), exchange(1, inputs=[{"person": "p2"}]))
    assert project.traffic.erase("person", "p1").exchanges == 1
    assert list(project.traffic.frame()["request_id"]) == ["r1"]


def test_without_the_key_a_person_cannot_be_looked_for_and_nothing_is_told(project, exchange):
    captured(project, exchange(0, inputs=[{"person": "p1"}]))
    (project.settings.state / KEY).unlink()
    with pytest.raises(Unavailable, match="digests stand for 'person'") as refused:
        project.traffic.erase("person", "p1")
    assert KEY in refused.value.remedy
    assert told(project) == []
    assert project.traffic.erase(request_ids=["r0"]).exchanges == 1


def test_a_client_that_sends_what_looks_like_a_digest_stands_in_nobodys_way(
    tmp_path, room, exchange, write_segment
):
    write_segment(tmp_path, [exchange(0, inputs=[{"person": DIGEST + "0" * 64}])], closed=10**15)
    write_segment(tmp_path, [exchange(1, inputs=[{"person": "p1"}])], closed=10**15 + 1)
    assert room.erase("person", "p1").exchanges == 1


def test_one_digest_cannot_be_told_from_another_without_its_key():
    with pytest.raises(Unavailable):
        Key("person", "p1").is_value(digest(SECRET, "person", "p2"), closed=True)
    assert not Key("person", "p1").is_value(digest(SECRET, "person", "p2"))


def test_no_second_key_is_made_while_there_are_digests_of_the_first(project, exchange):
    captured(project, exchange(0, inputs=[{"person": "p1"}]), exchange(1, inputs=[{}]))
    path = project.settings.state / KEY
    key = path.read_text()
    path.unlink()
    with pytest.raises(Unavailable, match="under a key that is gone") as refused:
        CapturePolicy.of(project.settings)
    assert refused.value.field == "capture_subject"
    assert "64 hex digits" in refused.value.remedy
    assert not path.exists()
    path.write_text(key)
    assert CapturePolicy.of(project.settings).key == known_key(project.settings.state)


def test_the_first_key_is_made_beside_traffic_without_digests(project, exchange, write_segment):
    folder = project.settings.state / "traffic"
    write_segment(folder, [exchange(0, inputs=[{"person": DIGEST + "0" * 64}])], closed=10**15)
    write_segment(folder, [exchange(1, inputs=[{}], redacted=("mail",))], closed=10**15 + 1)
    (folder / "lending" / f"{10**15 + 2:016d}-{1:016d}-{2:016d}-7.parquet").write_bytes(b"damaged")
    assert len(CapturePolicy.of(project.settings).key) == 32


# A number, however it is written


@pytest.mark.parametrize("cell", [4711, 4711.0, "4711"])
@pytest.mark.parametrize("value", [4711, 4711.0, "4711"])
def test_a_whole_number_is_found_however_it_was_captured_and_asked_for(value, cell):
    assert Key("id", value).is_value(cell)
    assert Key("id", value, secret=SECRET).is_value(digest(SECRET, "id", cell), closed=True)


@pytest.mark.parametrize(
    ("value", "cell"), [("None", None), (1, True), ("1", True), (0, False), ("4711", 4711.5)]
)
def test_what_is_another_value_is_not_found(value, cell):
    assert not Key("id", value).is_value(cell)


def test_text_that_reads_as_a_fraction_still_finds_the_number_it_was_written_from():
    assert Key("id", "4711.0").is_value(4711.0)
    assert Key("id", "1.5").is_value(1.5)


# Rows that sampling left out


def test_erasing_says_of_how_many_exchanges_the_rows_were_never_kept(tmp_path, room, exchange, write_segment):
    left_out = [exchange(n, inputs=[{}], outputs=None, kept=False) for n in (1, 2)]
    write_segment(tmp_path, [exchange(0, inputs=[{"person": "p1"}]), *left_out], closed=10**15)
    removal = room.erase("person", "p1")
    assert (removal.exchanges, removal.unsampled, removal.unwritten) == (1, 2, 0)
    assert "of 2 exchanges no row was kept (capture_sample): they stay" in str(removal)
    assert room.erase(request_ids=["r1"]).unsampled == 0


def test_erasing_where_no_row_was_ever_kept_says_so(tmp_path, room, exchange, write_segment):
    write_segment(tmp_path, [exchange(0, inputs=[{}], outputs=None, kept=False)], closed=10**15)
    removal = room.erase("person", "p1")
    assert (removal.exchanges, removal.unsampled) == (0, 1)
