"""What callers meet: routes, headers, and a clear answer to everything that is wrong."""

from __future__ import annotations

import gzip
import json
import socket
import zlib

import pytest

INFER = "/v2/models/tiny/infer"
ROW = {"x1": 0.5, "x2": -1.0, "colour": "red"}
TENSORS = [
    {"name": "x1", "shape": [1], "datatype": "FP64", "data": [0.5]},
    {"name": "x2", "shape": [1], "datatype": "FP64", "data": [-1.0]},
    {"name": "colour", "shape": [1], "datatype": "BYTES", "data": ["red"]},
]


@pytest.fixture(scope="module")
def gateway(gateways, routes):
    return gateways(champion=routes.pipeline, settings={"gateway_max_body_bytes": 100_000})


def test_an_answer_says_who_gave_it(gateway):
    status, headers, body = gateway.post({"inputs": TENSORS})
    assert status == 200
    assert headers["X-Workbench-Version"] == "7"
    assert body["model_version"] == "7"
    assert body["id"] == headers["X-Request-Id"]
    assert [o["name"] for o in body["outputs"]] == ["predict", "score"]
    assert body["outputs"][0]["datatype"] == "INT64"
    assert 0 <= body["outputs"][1]["data"][0] <= 1


def test_both_protocols_give_the_same_answer(gateway):
    _, _, oip = gateway.post({"inputs": TENSORS})
    status, headers, mlflow = gateway.post({"dataframe_records": [ROW]}, "/invocations")
    assert status == 200
    assert headers["X-Workbench-Version"] == "7"
    assert mlflow == {"predictions": oip["outputs"][0]["data"]}


def test_csv_with_its_content_type_is_answered(gateway):
    csv = "colour,x1,x2\nred,0.5,-1\nblue,0,0\n"
    status, _, body = gateway.post(csv, "/invocations", Content_Type="text/csv")
    assert status == 200
    assert len(body["predictions"]) == 2


def test_a_harmless_request_id_is_kept_and_another_replaced(gateway):
    _, headers, _ = gateway.post({"inputs": TENSORS}, X_Request_Id="order-66:a.b_c")
    assert headers["X-Request-Id"] == "order-66:a.b_c"
    _, headers, _ = gateway.post({"inputs": TENSORS, "id": "mine"})
    assert headers["X-Request-Id"] == "mine"
    for hostile in ("a b", "<script>", "x" * 200, "../../etc"):
        _, headers, _ = gateway.post({"inputs": TENSORS}, X_Request_Id=hostile)
        assert headers["X-Request-Id"] != hostile
        assert len(headers["X-Request-Id"]) == 32


def test_the_server_and_the_model_describe_themselves(gateway):
    _, _, server = gateway.request("GET", "/v2")
    assert server["name"] == "model-workbench"
    assert "binary_tensor_data" in server["extensions"]
    status, _, model = gateway.request("GET", "/v2/models/tiny")
    assert status == 200
    assert model["versions"] == ["7"]
    assert model["inputs"][2] == {"name": "colour", "datatype": "BYTES", "shape": [-1]}
    assert model["outputs"][0] == {"name": "predict", "datatype": "INT64", "shape": [-1]}
    assert gateway.request("GET", "/v2/models/tiny/versions/7")[2]["versions"] == ["7"]


@pytest.mark.parametrize(
    "path",
    ["/v2/health/live", "/v2/health/ready", "/v2/models/tiny/ready", "/v2/models/tiny/versions/7/ready"],
)
def test_health_answers_with_both_keys(gateway, path):
    status, _, body = gateway.request("GET", path)
    assert status == 200
    assert body["live"] is True
    assert body["ready"] is True


@pytest.mark.parametrize("path", ["/ping", "/health", "/version"])
def test_mlflow_health_routes_answer(gateway, path):
    assert gateway.request("GET", path)[0] == 200


def test_metrics_count_requests_by_arm_version_and_status(gateway):
    gateway.post({"inputs": TENSORS})
    gateway.post("{")
    status, headers, body = gateway.request("GET", "/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain")
    text = body.decode()
    assert 'workbench_requests_total{arm="champion",status="200",version="7"}' in text
    assert 'workbench_refused_total{status="400"}' in text
    assert "workbench_capture_lost 0.0" in text


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ("", 400, "not valid JSON"),
        ("{", 400, "not valid JSON"),
        (b"\xff\xfe", 400, "UTF-8"),
        ('{"instances": [[NaN, 1.0, "red"]]}', 422, "column 'x1'"),
        ('{"instances": [[1.0, Infinity, "red"]]}', 422, "column 'x2'"),
        ('{"instances": [[1e999, 1.0, "red"]]}', 422, "column 'x1'"),
        ('{"instances": [[1, 2, "red"]], "instances": []}', 400, "comes twice"),
        ('{"dataframe_records": [{"x1": 1, "x1": 2, "x2": 1, "colour": "red"}]}', 400, "'x1' comes twice"),
        ({"dataframe_records": [{"x1": 1.0, "x2": 2.0}]}, 422, "column 'colour': it is missing"),
        ({"dataframe_records": [{**ROW, "color": "red"}]}, 422, "column 'color'"),
        ({"dataframe_records": [{**ROW, "x1": "0.5"}]}, 422, "column 'x1': row 0 is text"),
        ({"dataframe_records": [{**ROW, "x1": True}]}, 422, "column 'x1': row 0 is a boolean"),
        ({"dataframe_records": [{**ROW, "x1": 2**53 + 1}]}, 422, "2^53"),
        ({"dataframe_records": [{**ROW, "x1": None}]}, 422, "column 'x1': row 0 is missing"),
        ({"dataframe_records": []}, 422, "no rows"),
        ("[" * 50_000, 400, "deeper"),
        ('{"instances": [["\\ud800"]]}', 400, "surrogate"),
    ],
)
def test_bad_input_is_said_clearly(gateway, body, status, says):
    answered, headers, content = gateway.post(body, "/invocations", Content_Type="application/json")
    assert answered == status
    assert list(content) == ["error"]
    assert says in content["error"]
    assert "Traceback" not in content["error"]
    assert headers["X-Request-Id"]


def test_text_no_model_has_seen_is_answered(gateway):
    strange = {**ROW, "colour": "\0 😀 <script>alert(1)</script> =1+1"}
    assert gateway.post({"dataframe_records": [strange]}, "/invocations")[0] == 200


def test_another_content_type_or_encoding_is_415(gateway):
    body = json.dumps({"dataframe_records": [ROW]})
    assert gateway.post(body, "/invocations", Content_Type="application/x-parquet")[0] == 415
    assert gateway.post(body, "/invocations", Content_Encoding="br")[0] == 415


def test_a_body_over_the_limit_is_413_and_memory_stays_bounded(gateway):
    status, headers, body = gateway.post(b" " * 500_000)
    assert status == 413
    assert "100000 bytes" in body["error"]
    assert headers["Connection"] == "close"


def test_an_endless_chunked_body_is_cut_off(gateway):
    host, port = gateway.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(
            f"POST {INFER} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        sent = 0
        with pytest.raises(OSError):  # noqa: PT012 - it fails at some chunk
            while sent < 100_000_000:
                connection.sendall(chunk)
                sent += len(chunk)
        assert sent < 50_000_000


def test_compressed_bodies_are_read_and_bombs_are_413(gateway):
    body = json.dumps({"inputs": TENSORS}).encode()
    assert gateway.post(gzip.compress(body), Content_Encoding="gzip")[0] == 200
    assert gateway.post(zlib.compress(body), Content_Encoding="deflate")[0] == 200
    assert gateway.post(gzip.compress(b" " * 10_000_000), Content_Encoding="gzip")[0] == 413
    assert gateway.post(gzip.compress(body)[:-9], Content_Encoding="gzip")[0] == 400
    assert gateway.post(gzip.compress(body) + b"x", Content_Encoding="gzip")[0] == 400
    assert gateway.post(body, Content_Encoding="gzip")[0] == 400


@pytest.mark.parametrize(
    "name",
    [
        "other",
        "..",
        "%2e%2e",
        "..%2f..%2fsecrets",
        "%2e%2e%2f%2e%2e",
        "tiny;rm",
        "tiny%00",
        "tiny%0a",
        "<b>x</b>".replace("<", "%3C"),
        "x" * 5000,
    ],
)
@pytest.mark.parametrize("path", ["/v2/models/{}/infer", "/v2/models/{}", "/v2/models/{}/ready"])
def test_a_name_that_is_not_the_endpoint_is_404_and_touches_no_file(gateway, name, path):
    before = sorted(gateway.state.rglob("*"))
    method = "POST" if path.endswith("infer") else "GET"
    status, _, body = gateway.request(method, path.format(name), b"{}" if method == "POST" else None)
    assert status == 404
    assert list(body) == ["error"]
    assert len(body["error"]) < 300
    captured = (".parquet", ".tmp")  # the gateway's own, coming and going meanwhile
    assert {p for p in gateway.state.rglob("*") if p.suffix not in captured} >= {
        p for p in before if p.suffix not in captured
    }


@pytest.mark.parametrize("version", ["8", "0", "-1", "01", "7.0", "latest", "%37x", "9" * 40, "..", "²"])
def test_a_version_that_is_not_loaded_is_404(gateway, version):
    from urllib.parse import quote

    path = f"/v2/models/tiny/versions/{quote(version, safe='%')}"
    assert gateway.request("GET", path)[0] == 404
    assert gateway.request("POST", f"{path}/infer", json.dumps({"inputs": TENSORS}))[0] == 404


def test_other_paths_and_methods_are_json_errors(gateway):
    assert gateway.request("GET", "/etc/passwd")[0] == 404
    status, _, body = gateway.request("GET", INFER)
    assert (status, body) == (405, {"error": "Method Not Allowed"})
    assert gateway.request("GET", "/v2/models/tiny/")[0] == 404


def test_every_answered_request_is_captured_and_no_refused_one(gateway, routes):
    gateway.take(champion=routes.pipeline)
    gateway.post({"inputs": TENSORS}, X_Request_Id="kept-1")
    gateway.post({"inputs": TENSORS[:1]}, X_Request_Id="refused-1")
    (exchange,) = gateway.captured(1, gateway.version)
    assert exchange.request_id == "kept-1"
    assert exchange.inputs == [ROW]
    assert exchange.arm == "champion"
    assert exchange.version == exchange.served_by == 7
    assert exchange.status == 200
    assert exchange.share == 0
    assert exchange.outputs in ([0], [1])
    assert exchange.latency_ms > 0


def test_a_matrix_is_answered_by_a_model_of_numbers(gateway, routes):
    gateway.take(champion=routes.numeric)
    matrix = {"name": "input-0", "shape": [2, 2], "datatype": "FP64", "data": [[0.5, 1.0], [-3.0, 0.0]]}
    columns = [
        {"name": "x1", "shape": [2, 1], "datatype": "FP64", "data": [0.5, -3.0]},
        {"name": "x2", "shape": [2], "datatype": "FP32", "data": [1.0, 0.0]},
    ]
    one, two = gateway.post({"inputs": [matrix]}), gateway.post({"inputs": columns})
    assert one[0] == two[0] == 200
    assert one[2]["outputs"] == two[2]["outputs"]


def test_a_regressor_answers_numbers_and_no_score(gateway, routes):
    gateway.take(champion=routes.regressor)
    status, _, body = gateway.post(
        {"inputs": [{"name": "x1", "shape": [1], "datatype": "FP64", "data": [0.5]}]}
    )
    assert status == 200
    assert [(o["name"], o["datatype"]) for o in body["outputs"]] == [("predict", "FP64")]
