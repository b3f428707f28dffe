"""Opening: what is frozen, under which number, and what is refused without leaving anything behind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from workbench.core.errors import Conflict, InvalidInput, NotFound, Tampered, WorkbenchError
from workbench.incidents.freeze import FILE, freeze, thaw
from workbench.monitoring import Monitoring

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

MIXED = pd.DataFrame(
    {
        "n": [1, 2, 3],
        "gap": [1.5, None, 2.0],
        "text": ["a", None, "ü"],
        "flag": [True, False, True],
        "some_flag": pd.Series([True, None, False], dtype=object),
        "mixed": pd.Series([1, "one", None], dtype=object),
        "list": pd.Series([[1, 2], {"a": None}, []], dtype=object),
        "huge": pd.Series([2**70, 1, 2], dtype=object),
        "kind": pd.Categorical(["x", "y", "x"]),
        "when": pd.to_datetime(["2026-01-01", None, "2026-01-03"], utc=True),
        "__version": pd.array([1, None, 2], dtype="Int64"),
    }
)


def test_rows_come_back_as_they_were_whatever_types_a_client_mixed(tmp_path):
    digest = freeze(MIXED, tmp_path)
    back = thaw(tmp_path / FILE, digest)
    pd.testing.assert_frame_equal(back, MIXED)


def test_the_same_rows_have_the_same_digest(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert freeze(MIXED, tmp_path / "a") == freeze(MIXED.copy(), tmp_path / "b")


def test_a_window_freezes_its_exchanges_and_who_answered(here, exchange, traffic_of_three):
    here.capture([*traffic_of_three, exchange(500, 0.5, served_by=None, outputs=None, error="timeout")])
    incident = here.incidents.open(
        " too few are answered 1 ", window=(NOON, NOON + timedelta(minutes=10)), endpoint="limits"
    )
    assert incident == here.incidents.get("INC-1") == here.incidents.all()[0]
    assert (incident.title, incident.source, incident.model) == ("too few are answered 1", "window", "limits")
    assert (incident.requests, incident.rows, incident.versions) == (401, 401, (3,))
    assert (incident.status, incident.labelled, incident.opened_by) == ("open", False, "ada")
    frame = here.incidents.rows(incident)
    assert frame["x1"].iloc[0] == traffic_of_three[0].inputs[0]["x1"]
    assert frame["__prediction"].isna().tolist() == [False] * 400 + [True]
    assert frame["__version"].iloc[0] == 3
    assert here.journal.verify().ok


def test_a_window_can_be_said_in_words_and_the_only_endpoint_is_meant(here, traffic_of_three):
    here.capture(traffic_of_three)
    assert here.incidents.open("words", window="last 2 hours").rows == 400
    assert here.incidents.open("length", window=timedelta(hours=2)).endpoint == "limits"
    first = (NOON.isoformat(), (NOON + timedelta(seconds=9)).isoformat())
    assert here.incidents.open("text", window=first).requests == 10


def test_with_several_endpoints_one_must_be_named_or_the_model_names_it(here, exchange):
    here.capture([exchange(1, 0.5), exchange(2, 0.5, endpoint="shaky", served_by=1)])
    with pytest.raises(InvalidInput, match="limits, shaky"):
        here.incidents.open("which", window="last 2 hours")
    assert here.incidents.open("by model", window="last 2 hours", model="shaky").endpoint == "shaky"


def test_a_request_of_several_rows_is_one_request(here, exchange):
    batch = exchange(1, 0, inputs=[{"x1": 0.1}, {"x1": 2.0}], outputs=[0, 1])
    here.capture([batch])
    incident = here.incidents.open("batch", window="last 2 hours")
    assert (incident.requests, incident.rows) == (1, 2)


def test_only_what_named_versions_answered_can_be_frozen(here, exchange):
    here.capture([exchange(1, 0.5, served_by=2), exchange(2, 0.5), exchange(3, 0.5, served_by=4)])
    incident = here.incidents.open("of two", window="last 2 hours", versions=[2, 4])
    assert (incident.requests, incident.versions) == (2, (2, 4))
    with pytest.raises(InvalidInput, match=r"answered by versions \[1\]"):
        here.incidents.open("of one", window="last 2 hours", versions=[1])


def test_an_empty_window_says_when_there_is_traffic(here, traffic_of_three):
    here.capture(traffic_of_three)
    with pytest.raises(InvalidInput) as error:
        here.incidents.open("early", window=("2020-01-01", "2020-01-02"), endpoint="limits")
    assert "from 2026-03-01T12:00:00+00:00 to 2026-03-01T12:06:39+00:00" in error.value.remedy
    with pytest.raises(InvalidInput, match="There is traffic of: limits"):
        here.incidents.open("elsewhere", window="last 2 hours", endpoint="shaky")
    assert not here.frozen.exists()


def test_an_alert_freezes_its_own_window(here, exchange):
    here.capture(
        [exchange(n, 0.5, error="timeout", served_by=None, outputs=None, status=503) for n in range(50)]
    )
    monitoring = Monitoring(here.journal, here.registry, here.traffic, here.clock)
    [alert] = monitoring.check("limits")
    incident = here.incidents.open("alarm", alert=alert.id)
    assert (incident.source, incident.requests, incident.since) == ("alert", 50, alert.since)
    assert here.incidents.open("alarm again", alert=alert).digest == incident.digest
    with pytest.raises(NotFound, match=alert.id):
        here.incidents.open("alarm", alert="limits-alert-9")


def test_rows_are_frozen_with_their_labels(here, rows, tmp_path):
    rows.to_csv(tmp_path / "rows.csv", index=False)
    incident = here.incidents.open("rows", rows=tmp_path / "rows.csv", model="limits", versions=[3])
    assert (incident.requests, incident.labelled, incident.versions) == (400, True, (3,))
    told = rows.assign(__version=[1, 4] * 200, __prediction=0)
    assert here.incidents.open("rows", rows=told, model="limits").versions == (1, 4)


def test_more_than_may_be_frozen_is_sampled_and_a_note_says_so(here, rows, traffic_of_three):
    small = here.allowing(capture_max_rows=100)
    incident = small.incidents.open("many", rows=rows, model="limits")
    assert incident.rows == 100
    assert incident.notes == ("A sample of 100 of 400 rows, drawn with seed 0 (setting capture_max_rows).",)
    assert small.incidents.open("same", rows=rows, model="limits").digest == incident.digest
    here.capture(traffic_of_three)
    assert small.incidents.open("requests", window="last 2 hours").requests == 100


@pytest.mark.parametrize(
    ("given", "field", "says"),
    [
        ({}, "window", "nothing given"),
        ({"window": "last hour", "rows": {"x1": [1.0]}}, "window", "window and rows"),
        ({"rows": {"x1": [1.0]}}, "model", "'limits', 'shaky'"),
        ({"rows": {"x1": []}, "model": "limits"}, "data", "no rows"),
        ({"rows": {"x1": [1.0], "__mine": [1]}, "model": "limits"}, "rows", "__mine"),
        ({"rows": "there_is_none.csv", "model": "limits"}, "data", "no file"),
        ({"window": "last hour"}, "endpoint", "Start `workbench gateway`"),
    ],
)
def test_what_cannot_be_frozen_is_refused_by_name_and_leaves_nothing(here, given, field, says):
    with pytest.raises(InvalidInput, match=says) as error:
        here.incidents.open("bad", **given)
    assert error.value.field == field
    assert here.incidents.all() == []
    assert not here.frozen.exists() or not list(here.frozen.iterdir())


def test_a_title_and_a_known_model_are_needed(here, rows):
    with pytest.raises(InvalidInput, match="what went wrong"):
        here.incidents.open("  ", rows=rows, model="limits")
    with pytest.raises(NotFound, match="Did you mean 'limits'"):
        here.incidents.open("typo", rows=rows, model="limit")


def test_a_changed_byte_is_noticed_before_anything_is_read(here, rows):
    incident = here.incidents.open("rows", rows=rows, model="limits")
    file = here.frozen / incident.id / FILE
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    for look in (here.incidents.rows, here.incidents.replay, here.incidents.bisect):
        with pytest.raises(Tampered, match="INC-1"):
            look(incident)
    file.unlink()
    with pytest.raises(NotFound, match="backup"):
        here.incidents.rows(incident)


def test_openers_at_the_same_moment_get_different_numbers(here, rows, reopen):
    others = [reopen() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        opened = list(
            pool.map(
                lambda n: others[n % 4].incidents.open(f"row {n}", rows=rows.iloc[[n]], model="limits"),
                range(20),
            )
        )
    assert sorted(i.id for i in opened) == sorted(f"INC-{n}" for n in range(1, 21))
    for incident in opened:
        assert here.incidents.rows(incident)["x1"].tolist() == [
            rows["x1"].iloc[int(incident.title.split()[1])]
        ]
    assert [i.id for i in here.incidents.all()][9:11] == ["INC-10", "INC-11"]
    assert here.journal.verify().ok


def test_a_folder_left_by_a_process_that_died_is_never_written_into(here, rows):
    left = here.frozen / "INC-4"
    left.mkdir(parents=True)
    (left / FILE).write_bytes(b"half")
    assert here.incidents.open("next", rows=rows, model="limits").id == "INC-5"
    assert (left / FILE).read_bytes() == b"half"


def test_nothing_stays_when_the_journal_refuses(here, rows):
    # Somebody else's opening is in the journal, and its folder is gone.
    here.incidents.open("first", rows=rows, model="limits")
    streams = here.journal.streams
    here.journal.streams = lambda prefix="": [] if prefix == "incident/" else streams(prefix)  # type: ignore[method-assign]
    (here.frozen / "INC-1").rename(here.root / "elsewhere")
    with pytest.raises(Conflict):
        here.incidents.open("second", rows=rows, model="limits")
    assert list(here.frozen.iterdir()) == []


def test_rows_that_no_parquet_can_hold_leave_nothing(here):
    strange = pd.DataFrame({"x1": [1.0], "odd": pd.Series([complex(1, 2)], dtype=object)})
    with pytest.raises(WorkbenchError, match="odd"):
        here.incidents.open("odd", rows=strange, model="limits")
    assert list(here.frozen.iterdir()) == []


def test_notes_are_kept_and_closing_twice_is_closing_once(here, rows):
    incident = here.incidents.open("rows", rows=rows, model="limits")
    assert here.incidents.note(incident, " seen by the desk ").notes == ("ada: seen by the desk",)
    with pytest.raises(InvalidInput):
        here.incidents.note(incident, " ")
    assert here.incidents.close("INC-1").status == "closed"
    entries = here.journal.length("incident/INC-1")
    assert here.incidents.close("INC-1").status == "closed"
    assert here.journal.length("incident/INC-1") == entries
    with pytest.raises(NotFound, match="Did you mean 'INC-1'"):
        here.incidents.get("INC-11")


def test_no_row_enters_the_journal(here, rows):
    secret = rows.assign(name="Jane Unmistakable")
    incident = here.incidents.open("rows", rows=secret, model="limits", versions=[3])
    here.incidents.replay(incident)
    here.incidents.bisect(incident)
    here.incidents.save_case(incident, name="case", expected_from=2, folder=here.root / "cases")
    written = "".join(entry.to_json() for entry in here.journal.entries())
    assert "Unmistakable" not in written
    assert str(np.round(rows["x1"].iloc[0], 6)) not in written


@pytest.mark.parametrize("missing", [pd.NA, pd.NaT, np.nan, None])
def test_what_is_missing_in_a_column_of_mixed_types_is_missing_when_it_comes_back(tmp_path, missing):
    mixed = pd.DataFrame({"x": pd.Series(["one", 1, missing], dtype=object)})
    digest = freeze(mixed, tmp_path)
    assert thaw(tmp_path / FILE, digest)["x"].tolist() == ["one", 1, None]


def test_arrays_among_other_things_come_back_as_lists(tmp_path):
    mixed = pd.DataFrame({"x": pd.Series(["one", np.array([1.5, 2.5]), np.int64(3)], dtype=object)})
    digest = freeze(mixed, tmp_path)
    assert thaw(tmp_path / FILE, digest)["x"].tolist() == ["one", [1.5, 2.5], 3]


@pytest.mark.parametrize("cell", ["half a \ud83d", {("a", 1): 2}])
def test_what_cannot_be_frozen_is_refused_in_words_that_can_be_printed(tmp_path, cell):
    with pytest.raises(InvalidInput) as error:
        freeze(pd.DataFrame({"x": pd.Series([cell], dtype=object)}), tmp_path)
    assert error.value.field == "rows"
    assert str(error.value).isprintable()


@pytest.mark.parametrize("version", ["x", 1.5, float("inf")])
def test_a_version_that_is_no_number_of_one_is_refused(here, rows, version):
    told = rows.head(2).assign(__version=[1, version])
    with pytest.raises(InvalidInput, match="__version") as error:
        here.incidents.open("who", rows=told, model="limits")
    assert error.value.field == "rows"
