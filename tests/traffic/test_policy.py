"""What must not be kept never reaches the disk, and what is left out of rows is said."""

from __future__ import annotations

import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

import workbench as wb
from workbench.core.errors import InvalidInput, Unavailable
from workbench.core.project import open_settings
from workbench.traffic import CaptureWriter, rows
from workbench.traffic.policy import DIGEST, KEY, CapturePolicy, digest, known_key
from workbench.traffic.removal import Key

SECRET = "ann.other@example.org"


@pytest.fixture
def project(tmp_path):
    """A project that redacts two columns, one of them the subject, and a writer for it."""

    def made(**settings):
        lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
        (tmp_path / "workbench.toml").write_text(lines)
        return wb.open(tmp_path, actor="ada")

    return made


def written(bench, *exchanges):
    writer = CaptureWriter.of(bench.settings, "lending")
    for one in exchanges:
        writer.put(one)
    writer.close()
    assert writer.lost == 0
    return bench.traffic


def holding(folder, secret: str):
    """Files under a folder that hold a text anywhere, as it is or unpacked."""
    from workbench.traffic.storage import LocalStorage
    from workbench.traffic.store import TrafficStore

    found = [path for path in folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
    store = TrafficStore(folder / "traffic", LocalStorage(folder / "traffic"))
    found += [name for name in store.endpoints() if secret in str(store.frame(name).to_dict())]
    return found


# Redaction


def test_a_redacted_value_is_in_no_file_of_the_project(project, exchange):
    bench = project(capture_redact='["mail"]', capture_subject='"person"')
    row = {"mail": SECRET, "person": f"p-{SECRET}", "age": 31}
    told = [
        exchange(0, inputs=[row]),
        exchange(1, inputs=[row], outputs=None, error=f"ValueError: could not read {SECRET!r}", status=500),
        exchange(2, inputs=[row, {"age": 5}], shadow_version=2, shadow_error=f"KeyError: {SECRET}"),
    ]
    traffic = written(bench, *told)
    assert holding(bench.settings.state, SECRET) == []
    read = traffic.exchanges("lending")
    assert [one.inputs[0]["age"] for one in read] == [31, 31, 31]
    assert all(set(one.inputs[0]) == {"person", "age"} for one in read)
    assert all(one.inputs[0]["person"].startswith(DIGEST) for one in read)
    assert [one.redacted for one in read] == [("mail", "person")] * 3
    assert [one.error for one in read] == ["", "ValueError", ""]
    assert read[2].shadow_error == "KeyError"


def test_without_redaction_the_same_search_finds_the_value(project, exchange):
    bench = project()
    written(bench, exchange(0, inputs=[{"mail": SECRET}]))
    assert holding(bench.settings.state, SECRET)


def test_all_of_a_person_is_erased_by_the_key_though_no_value_was_written(project, exchange):
    bench = project(capture_subject='"person"')
    traffic = written(bench, *(exchange(n, inputs=[{"person": 4710 + n % 2, "age": n}]) for n in range(6)))
    removal = traffic.erase("person", "4711")
    assert removal.exchanges == 3
    assert [row["age"] for one in traffic.exchanges("lending") for row in one.inputs] == [0, 2, 4]
    assert holding(bench.settings.state, "4711") == []


def test_what_was_written_before_redaction_and_since_is_erased_together(project, exchange):
    written(project(), exchange(0, inputs=[{"person": "p1"}]), exchange(1, inputs=[{"person": "p2"}]))
    bench = project(capture_subject='"person"')
    traffic = written(bench, exchange(2, inputs=[{"person": "p1"}]), exchange(3, inputs=[{"person": "p2"}]))
    assert traffic.erase("person", "p1").exchanges == 2
    assert [one.request_id for one in traffic.exchanges("lending")] == ["r1", "r3"]


def test_erasing_by_a_column_that_was_dropped_says_that_nobody_can_tell(project, exchange):
    bench = project(capture_redact='["mail"]')
    traffic = written(bench, exchange(0, inputs=[{"mail": SECRET, "age": 1}]))
    with pytest.raises(InvalidInput, match="no value of 'mail' was ever written") as refused:
        traffic.erase("mail", SECRET)
    assert "request_ids" in refused.value.remedy
    written(project(), exchange(1, inputs=[{"mail": SECRET, "age": 2}]))
    removal = traffic.erase("mail", SECRET)
    assert (removal.exchanges, removal.unwritten) == (1, 1)
    assert "never written" in str(removal)


def test_the_key_is_this_persons_alone_and_stays_the_same(project, tmp_path):
    bench = project(capture_subject='"person"')
    first = CapturePolicy.of(bench.settings)
    assert CapturePolicy.of(bench.settings) == first
    path = bench.settings.state / KEY
    assert path.stat().st_mode & 0o777 == 0o600
    assert bytes.fromhex(path.read_text()) == first.key == known_key(bench.settings.state)
    shutil.rmtree(bench.settings.state)
    assert CapturePolicy.of(bench.settings).key != first.key


def test_a_key_that_cannot_be_read_stops_the_gateway_before_it_captures(project):
    bench = project(capture_subject='"person"')
    bench.settings.state.mkdir(exist_ok=True)
    (bench.settings.state / KEY).write_text("no hex")
    with pytest.raises(Unavailable, match="key of captured subjects"):
        CaptureWriter.of(bench.settings, "lending")


@given(value=st.integers(-(10**6), 10**6))
def test_a_digest_is_the_same_however_a_number_is_written_and_of_nothing_else(value):
    key = b"k" * 32
    assert len({digest(key, "id", form) for form in (value, str(value), float(value))}) == 1
    assert digest(key, "id", value) != digest(key, "id", value + 1)
    assert digest(key, "id", value) != digest(key, "other", value)
    assert digest(key, "id", value) != digest(b"l" * 32, "id", value)
    assert Key("id", value, secret=key).is_value(digest(key, "id", str(value)))
    assert digest(key, "id", None) is None


# The coin of an entity


@pytest.fixture
def of_entity(exchange):
    """The exchange of a customer whose coin was thrown under a release's id, which everybody may know."""
    from workbench.gateway.coin import of_entity

    def made(number, customer):
        coin = of_entity("lending-1", customer)
        return exchange(number, inputs=[{"person": customer}], coin=coin.value, unit=coin.unit)

    return made


@pytest.mark.parametrize("setting", [{"capture_redact": '["person"]'}, {"capture_subject": '"person"'}])
@pytest.mark.parametrize("sample", [1.0, 0.0])
def test_who_knows_the_release_cannot_guess_the_entity_that_must_not_be_kept(
    project, of_entity, setting, sample
):
    bench = project(capture_sample=sample, **setting)
    put = [of_entity(n, 740_123 + n % 2) for n in range(6)]
    read = written(bench, *put).exchanges("lending")
    assert {one.unit for one in put}.isdisjoint(one.unit for one in read)
    assert [one.coin for one in read] == [None] * 6
    units = [one.unit for one in read]
    assert (len(set(units)), len(set(units[::2])), len(set(units[1::2]))) == (2, 1, 1)
    assert written(bench, of_entity(6, 740_123)).exchanges("lending")[-1].unit == units[0]  # after a restart


def test_of_a_request_alone_the_coin_stays(project, exchange):
    bench = project(capture_redact='["mail"]')
    (read,) = written(bench, exchange(0, coin=0.25, inputs=[{"mail": SECRET}])).exchanges("lending")
    assert (read.coin, read.unit) == (0.25, "")


def test_where_everything_may_be_kept_an_entity_keeps_its_coin(project, of_entity):
    put = of_entity(0, 740_123)
    assert written(project(), put).exchanges("lending") == [put]


# Sampling


def test_sampling_leaves_out_rows_and_keeps_every_line(project, exchange):
    bench = project(capture_sample=0.25)
    put = [exchange(n, coin=0.5, inputs=[{"age": n}, {"age": -n}], outputs=["a", "b"]) for n in range(2000)]
    traffic = written(bench, *put)
    read = traffic.exchanges("lending")
    assert len(read) == 2000
    left_out = {"inputs", "outputs", "kept"}
    assert [one.model_dump(exclude=left_out) for one in read] == [
        one.model_dump(exclude=left_out) for one in put
    ]
    share = sum(one.kept for one in read) / 2000
    assert 0.2 < share < 0.3  # 0.25 within five standard errors
    for one, before in zip(read, put, strict=True):
        if one.kept:
            assert one == before
        else:
            assert (one.inputs, one.outputs) == ([{}, {}], None)
    assert len(rows(traffic.frame("lending"))) == 2 * sum(one.kept for one in read)


def test_the_same_requests_are_drawn_every_time_and_more_when_more_are_asked_for(exchange):
    def drawn(sample):
        policy = CapturePolicy(sample=sample)
        return {n for n in range(3000) if policy.kept(exchange(n)).kept}

    assert drawn(0.3) == drawn(0.3)
    assert drawn(0.3) < drawn(0.6) < drawn(1.0) == set(range(3000))
    assert drawn(0.0) == set()


def test_what_a_shadow_is_judged_by_stays(exchange):
    pair = CapturePolicy(sample=0.0).kept(exchange(shadow_version=2, shadow_outputs=["bad"]))
    assert (pair.outputs, pair.shadow_outputs) == (["good"], ["bad"])
    assert (pair.kept, pair.inputs) == (False, [{}])
    assert CapturePolicy(sample=0.0).kept(exchange(shadow_version=2, shadow_error="E")).outputs is None


def test_labels_join_to_requests_whose_rows_were_left_out(project, exchange):
    bench = project(capture_sample=0.0)
    traffic = written(bench, exchange(0, inputs=[{"age": 1}, {"age": 2}], outputs=["a", "b"]))
    traffic.label("r0", "good", row=1)
    assert traffic.frame("lending", labels=True)["labels"].tolist() == [[None, "good"]]
    assert traffic.waiting() == 0
    with pytest.raises(InvalidInput, match="no row 2"):
        traffic.label("r0", "good", row=2)
    assert rows(traffic.frame("lending", labels=True)).empty


def test_a_share_that_is_none_is_refused(tmp_path):
    (tmp_path / "workbench.toml").write_text("capture_sample = 1.5\n")
    with pytest.raises(InvalidInput, match="capture_sample"):
        open_settings(tmp_path, actor="ada")


def test_a_segment_from_before_there_was_sampling_reads_as_whole(tmp_path, exchange, store):
    import pyarrow as pa
    import pyarrow.parquet as pq

    from workbench.traffic import segments

    name, body = segments.made([exchange(0)], closed=10**15)
    old = pq.read_table(pa.BufferReader(body)).drop_columns(["kept", "redacted"])
    (tmp_path / "lending").mkdir()
    pq.write_table(old, tmp_path / "lending" / name, write_page_checksum=True)
    assert store.exchanges("lending") == [exchange(0)]
