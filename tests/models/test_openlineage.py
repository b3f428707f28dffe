"""Events as the specification wants them, checked against its own rules, written down here by hand."""

from __future__ import annotations

import json
import re
import threading
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from uuid import UUID

import jsonschema
import pytest

import workbench as wb
from workbench.core.errors import Unavailable
from workbench.models.openlineage import events, send
from workbench.testing.models import tiny_classifier, tiny_frame

FACETS = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "required": ["_producer", "_schemaURL"],
        "properties": {
            "_producer": {"type": "string", "pattern": "^https://"},
            "_schemaURL": {"type": "string", "pattern": r"^https://openlineage\.io/spec/.*#/\$defs/\w+$"},
        },
    },
}
DATASET = {
    "type": "object",
    "required": ["namespace", "name"],
    "additionalProperties": False,
    "properties": {
        "namespace": {"type": "string", "minLength": 1},
        "name": {"type": "string", "minLength": 1},
        "facets": FACETS,
        "inputFacets": FACETS,
        "outputFacets": FACETS,
    },
}
RUN_EVENT = {
    "type": "object",
    "required": ["eventTime", "producer", "schemaURL", "run", "job"],
    "additionalProperties": False,
    "properties": {
        "eventType": {"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
        "eventTime": {"type": "string"},
        "producer": {"type": "string"},
        "schemaURL": {"const": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"},
        "run": {
            "type": "object",
            "required": ["runId"],
            "properties": {"runId": {"type": "string"}, "facets": FACETS},
        },
        "job": {
            "type": "object",
            "required": ["namespace", "name"],
            "properties": {"namespace": {"type": "string"}, "name": {"type": "string"}, "facets": FACETS},
        },
        "inputs": {"type": "array", "items": DATASET},
        "outputs": {"type": "array", "items": DATASET},
    },
}
#: What each facet of the specification must have beside producer and schema.
REQUIRED = {
    "processing_engine": {"version"},
    "jobType": {"processingType", "integration"},
    "ownership": {"owners"},
    "sourceCodeLocation": {"type", "url"},
    "schema": {"fields"},
    "version": {"datasetVersion"},
    "documentation": {"description"},
    "dataQualityMetrics": {"columnMetrics"},
}


class Collector(BaseHTTPRequestHandler):
    """Takes events as Marquez does."""

    status = 201

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.taken.append((self.path, self.headers["Authorization"], body))
        self.send_response(self.status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Nothing on the terminal."""


@pytest.fixture
def server():
    with HTTPServer(("127.0.0.1", 0), Collector) as opened:
        opened.taken = []
        thread = threading.Thread(target=opened.serve_forever, daemon=True)
        thread.start()
        yield opened
        opened.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    bench = wb.open(tmp_path_factory.mktemp("lending"))
    tiny_frame().to_csv(bench.settings.root / "train.csv", index=False)
    bench.register(tiny_classifier(), name="base", train=bench.settings.root / "train.csv", target="y")
    bench.register(
        tiny_classifier(),
        name="tiny",
        train=tiny_frame(),
        target="y",
        source="SELECT * FROM loans",
        parents=["base/1"],
    )
    return bench


@pytest.fixture
def said(bench, tmp_path):
    return bench.export_lineage("tiny", tmp_path / "events.ndjson")


def facets(event):
    groups = [event["run"], event["job"], *event["inputs"], *event["outputs"]]
    for group in groups:
        for kind in ("facets", "inputFacets", "outputFacets"):
            yield from group.get(kind, {}).items()


def test_every_event_has_what_the_specification_requires(said):
    for event in said:
        jsonschema.validate(event, RUN_EVENT)
        assert datetime.fromisoformat(event["eventTime"]).tzinfo is not None
        UUID(event["run"]["runId"])


def test_every_facet_has_what_the_specification_requires_of_it(said):
    seen = set()
    for event in said:
        for name, facet in facets(event):
            assert REQUIRED.get(name, set()) <= set(facet), name
            assert name in REQUIRED or name.startswith("workbench_")
            seen.add(name)
    assert set(REQUIRED) - {"sourceCodeLocation"} <= seen


def test_every_run_starts_and_completes_and_parents_come_first(said):
    assert [(e["eventType"], e["job"]["name"]) for e in said] == [
        ("START", "train.base"),
        ("COMPLETE", "train.base"),
        ("START", "train.tiny"),
        ("COMPLETE", "train.tiny"),
    ]
    assert said[0]["run"]["runId"] == said[1]["run"]["runId"] != said[2]["run"]["runId"]


def test_what_one_run_puts_out_is_what_the_next_takes_in(said):
    [made] = said[1]["outputs"]
    assert made in said[3]["inputs"]


def test_the_data_is_its_file_or_its_fingerprint_with_columns_and_counts(said, bench):
    version = bench.model("base")
    data = said[1]["inputs"][0]
    assert data["name"] == "train.csv"
    assert data["facets"]["version"]["datasetVersion"] == version.lineage.data_digest
    assert [f["name"] for f in data["facets"]["schema"]["fields"]] == list(tiny_frame().columns)
    assert data["inputFacets"]["dataQualityMetrics"]["rowCount"] == version.lineage.data_rows
    assert re.fullmatch(r"data/[0-9a-f]{16}", said[3]["inputs"][0]["name"])
    assert "SELECT * FROM loans" in said[3]["inputs"][0]["facets"]["documentation"]["description"]


def test_a_repository_with_an_address_is_where_the_code_is(bench):
    version = bench.model("base")
    lineage = version.lineage.model_copy(
        update={"git_remote": "https://example.org/risk.git", "git_commit": "c0ffee"}
    )
    found = events([version.model_copy(update={"lineage": lineage})], namespace="x")[0]["job"]["facets"]
    assert found["sourceCodeLocation"]["url"] == "https://example.org/risk.git"
    assert found["sourceCodeLocation"]["version"] == "c0ffee"


def test_the_same_version_always_says_the_same(bench, said, tmp_path):
    assert bench.export_lineage("tiny", tmp_path / "again.ndjson") == said


def test_a_file_holds_one_event_in_a_line(said, tmp_path):
    lines = (tmp_path / "events.ndjson").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == said


def test_a_folder_that_is_not_there_is_named(said, tmp_path):
    with pytest.raises(Unavailable, match="cannot be written"):
        send(said, tmp_path / "none" / "events.ndjson")


def test_a_server_is_given_every_event_with_the_token(said, server, monkeypatch):
    monkeypatch.setenv("OPENLINEAGE_API_KEY", "token-of-a-test")
    send(said, f"http://127.0.0.1:{server.server_port}/api/v1/lineage")
    assert [body for _, _, body in server.taken] == said
    assert {(path, token) for path, token, _ in server.taken} == {
        ("/api/v1/lineage", "Bearer token-of-a-test")
    }


@pytest.mark.parametrize("status", [302, 307, 404, 500])
def test_a_server_that_refuses_or_sends_elsewhere_is_told_once_and_not_followed(
    status, said, server, monkeypatch
):
    monkeypatch.setattr(Collector, "status", status)
    with pytest.raises(Unavailable, match=f"HTTP {status}"):
        send(said, f"http://127.0.0.1:{server.server_port}/")
    assert len(server.taken) == 1


@pytest.mark.parametrize("to", ["http://127.0.0.1:1/", "http://", "https://no such host/"])
def test_an_address_where_nobody_listens_is_told(to, said):
    with pytest.raises(Unavailable, match="does not take the events"):
        send(said, to)
