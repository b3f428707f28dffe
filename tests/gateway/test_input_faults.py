"""The nineteen faults of input, over raw sockets: each has its answer, and memory stays bounded."""

from __future__ import annotations

import gzip
import itertools
import json
import zlib
from pathlib import Path

import numpy as np
import pytest

from workbench.testing.sockets import get_bytes, post_bytes, send_raw
from workbench.traffic import TrafficStore

HEAD = b"POST /v1/models/tiny:predict HTTP/1.1\r\nHost: localhost\r\n"
V1, MLFLOW, V2 = "/v1/models/tiny:predict", "/invocations", "/v2/models/tiny/infer"
GOOD = b'{"instances": [[0.5, -1.0, "red"]]}'
MIB = 2**20


@pytest.fixture(scope="module")
def gateway(gateways, routes):
    return gateways(champion=routes.pipeline)


@pytest.fixture(autouse=True)
def _serves_on(gateway):
    """Whatever was sent, the next caller is answered by the same process."""
    yield
    assert send_raw(gateway.url, post_bytes(V1, GOOD)).status == 200


@pytest.fixture
def bounded(gateway):
    """Memory's high-water mark may rise by a few bodies, never by what was sent."""
    before = peak(gateway.pid)
    yield
    assert peak(gateway.pid) - before < 48 * MIB


def peak(pid):
    """Bytes; 0 where the system does not tell."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def ask(gateway, body, path=V1, *headers):
    answer = send_raw(gateway.url, post_bytes(path, body, *headers), wait=20)
    assert answer.closed
    assert answer.answers == 1
    assert answer.content_type == "application/json"
    if answer.status != 200:
        assert list(answer.body) == ["error"]
        assert "Traceback" not in answer.body["error"]
    return answer


def rows(x1="0.5", x2="-1.0", colour='"red"'):
    """One row at each door, its cells as they are."""
    yield V1, f'{{"instances": [[{x1}, {x2}, {colour}]]}}'.encode()
    yield V1, f'{{"instances": [{{"x1": {x1}, "x2": {x2}, "colour": {colour}}}]}}'.encode()
    yield MLFLOW, f'{{"dataframe_records": [{{"x1": {x1}, "x2": {x2}, "colour": {colour}}}]}}'.encode()
    yield MLFLOW, f'{{"inputs": {{"x1": [{x1}], "x2": [{x2}], "colour": [{colour}]}}}}'.encode()
    tensor = '{{"name": "{}", "shape": [1], "datatype": "{}", "data": [{}]}}'
    cells = (("x1", "FP64", x1), ("x2", "FP64", x2), ("colour", "BYTES", colour))
    yield V2, f'{{"inputs": [{", ".join(tensor.format(*cell) for cell in cells)}]}}'.encode()


@pytest.mark.parametrize("path", [V1, MLFLOW, V2])
@pytest.mark.parametrize("body", [b"", b"{", b"{]", b"nul", b'{"a" 1}', b"{}{}", b"'x'"])
def test_1_malformed_json_is_400(gateway, path, body):
    assert ask(gateway, body, path).status == 400


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_2_what_is_not_finite_is_422_and_names_its_column(gateway, value):
    for path, body in rows(x1=value):
        answer = ask(gateway, body, path)
        assert answer.status == 422
        assert "column 'x1'" in answer.body["error"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_2_nor_is_it_taken_as_bytes(gateway, value):
    cells = {"x1": (value, 8), "x2": (0.0, 8)}
    head = json.dumps(
        {
            "inputs": [
                {"name": n, "shape": [1], "datatype": "FP64", "parameters": {"binary_data_size": size}}
                for n, (_, size) in cells.items()
            ]
            + [{"name": "colour", "shape": [1], "datatype": "BYTES", "data": ["red"]}]
        }
    ).encode()
    body = head + b"".join(np.array([v], "<f8").tobytes() for v, _ in cells.values())
    answer = ask(gateway, body, V2, f"Inference-Header-Content-Length: {len(head)}")
    assert answer.status == 422
    assert "column 'x1'" in answer.body["error"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (V1, b'{"instances": [], "instances": [[0.5, -1.0, "red"]]}'),
        (V1, b'{"instances": [{"x1": 1, "x\\u0031": 2, "x2": 1, "colour": "red"}]}'),
        (MLFLOW, b'{"inputs": {"x1": [1], "x1": [2], "x2": [1], "colour": ["red"]}}'),
        (V2, b'{"inputs": [], "inputs": []}'),
    ],
)
def test_3_a_key_that_comes_twice_is_400(gateway, path, body):
    answer = ask(gateway, body, path)
    assert answer.status == 400
    assert "comes twice" in answer.body["error"]


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ({"x1": 1, "x2": 1, "color": "red"}, "color"),
        ({"x1": 1, "colour": "red"}, "x2"),
        ({"x1": 1, "x2": 1, "colour": "red", "<b>": 1}, "<b>"),
    ],
)
def test_4_a_wrong_missing_or_extra_column_is_422_and_named(gateway, row, column):
    for path, form in ((V1, "instances"), (MLFLOW, "dataframe_records"), (MLFLOW, "instances")):
        answer = ask(gateway, json.dumps({form: [row]}).encode(), path)
        assert answer.status == 422
        assert f"column '{column}'" in answer.body["error"]


@pytest.mark.parametrize("value", ['"0.5"', "true", "[1]", '{"a": 1}', "null"])
def test_5_what_is_no_number_is_422(gateway, value):
    for path, body in rows(x2=value):
        answer = ask(gateway, body, path)
        assert answer.status == 422
        assert "column 'x2'" in answer.body["error"]


@pytest.mark.parametrize(
    ("value", "status"), [(2**53, 200), (-(2**53), 200), (2**53 + 1, 422), (10**40, 422)]
)
def test_6_an_integer_a_double_cannot_hold_is_422(gateway, value, status):
    for path, body in rows(x1=str(value)):
        assert ask(gateway, body, path).status == status


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (V1, {"instances": []}),
        (MLFLOW, {"dataframe_records": []}),
        (MLFLOW, {"dataframe_split": {"columns": ["x1", "x2", "colour"], "data": []}}),
        (MLFLOW, {"inputs": {}}),
        (V2, {"inputs": [{"name": "x1", "shape": [0], "datatype": "FP64", "data": []}]}),
    ],
)
def test_7_no_rows_are_422(gateway, path, body):
    assert ask(gateway, json.dumps(body).encode(), path).status == 422


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("shape", [[2], [-1], [10**18], [10**9, 10**9], [1, 1, 1], [], [1.0], [True], "1"])
def test_8_a_shape_that_does_not_fit_is_400_before_anything_is_made(gateway, shape):
    for data in ({"data": [1.0]}, {"parameters": {"binary_data_size": 10**12}}):
        tensor = {"name": "x1", "shape": shape, "datatype": "FP64", **data}
        assert ask(gateway, json.dumps({"inputs": [tensor]}).encode(), V2).status == 400


@pytest.mark.parametrize("size", [2**31, 10**4000], ids=["above", "far-above"])
@pytest.mark.parametrize("datatype", ["FP64", "BYTES"])
def test_8_nor_is_a_huge_shape_of_bytes_written_out(gateway, size, datatype):
    binary = {"binary_data_size": 8}
    tensor = {"name": "x1", "shape": [size, size], "datatype": datatype, "parameters": binary}
    head = json.dumps({"inputs": [tensor]}).encode()
    answer = ask(gateway, head + bytes(8), V2, f"Inference-Header-Content-Length: {len(head)}")
    assert answer.status == 400


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("path", [V1, MLFLOW, V2])
def test_9_a_hundred_megabytes_are_413(gateway, path):
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\n".encode()
    answer = send_raw(gateway.url, head, *itertools.repeat(b" " * 100_000, 1000))
    assert answer.status in (413, None)  # None: the connection was cut while we were sending
    assert answer.closed
    assert answer.sent < 40 * MIB


@pytest.mark.usefixtures("bounded")
def test_9_a_body_a_little_over_the_limit_is_told_so(gateway):
    answer = send_raw(gateway.url, post_bytes(V1, b" " * (2 * MIB)))
    assert answer.status == 413
    assert "1048576 bytes" in answer.body["error"]


@pytest.mark.usefixtures("bounded")
def test_9_more_rows_than_may_come_are_413_in_every_form(gateway):
    bodies = [
        (V1, "application/json", b'{"instances": [' + b"{}," * 10_000 + b"{}]}"),
        (MLFLOW, "application/json", b'{"dataframe_records": [' + b"{}," * 300_000 + b"{}]}"),
        (MLFLOW, "text/csv", b"x1,x2,colour\n" + b"1,2,red\n" * 10_001),
        (V2, "", b'{"inputs": [{"name": "x1", "shape": [10001], "datatype": "FP64", "data": ['
         + b"1," * 10_000 + b"1]}]}"),
    ]  # fmt: skip
    for path, kind, body in bodies:
        answer = ask(gateway, body, path, f"Content-Type: {kind}")
        assert answer.status == 413
        assert "10,000 rows (gateway_max_rows)" in answer.body["error"]
        assert answer.seconds < 5


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("chunk", [b"10000\r\n" + b" " * 65536 + b"\r\n", b"1\r\n \r\n" * 10_000])
def test_9_endless_chunks_are_cut_off(gateway, chunk):
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    answer = send_raw(gateway.url, head, *itertools.repeat(chunk, 2000))
    assert answer.status in (408, 413, None)  # chunks of one byte take longer than a body may
    assert answer.closed
    assert answer.sent < 60 * MIB


@pytest.mark.usefixtures("bounded")
def test_10_a_bomb_is_413_and_twice_packed_is_415(gateway):
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join([*(packer.compress(bytes(MIB)) for _ in range(200)), packer.flush()])
    assert len(bomb) < 250_000
    for path in (V1, MLFLOW, V2):
        assert ask(gateway, bomb, path, "Content-Encoding: gzip").status == 413
    twice = gzip.compress(gzip.compress(GOOD))
    assert ask(gateway, twice, V1, "Content-Encoding: gzip, gzip").status == 415
    assert ask(gateway, twice, V1, "Content-Encoding: gzip").status == 400
    assert ask(gateway, gzip.compress(GOOD), V1, "Content-Encoding: gzip").status == 200


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize(
    "nested",
    [b"[" * 50_000 + b"]" * 50_000, b"[" * 50_000, b'{"a":' * 50_000 + b"1" + b"}" * 50_000, b"[{" * 50_000],
)
def test_11_nesting_is_400(gateway, nested):
    for path, body in ((V1, nested), (V1, b'{"instances": ' + nested + b"}"), (MLFLOW, nested), (V2, nested)):
        answer = ask(gateway, body, path)
        assert answer.status == 400
        assert answer.seconds < 5


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"\xff", 400),
        (b"\xc0\xaf", 400),
        (b"\xed\xa0\x80", 400),
        (b"\\ud800", 400),
        (b"\\udc00\\ud800", 400),
        (b"\0", 400),
        (b"\\u0000", 200),
        (b"\\ud83d\\ude00", 200),
        ("😀 e\u0301 \u202e".encode(), 200),
    ],
)
def test_12_text_is_kept_or_400(gateway, text, status):
    for path, body in rows(colour='"?"'):
        assert ask(gateway, body.replace(b"?", text), path).status == status


def test_13_a_category_nobody_saw_is_answered_and_kept(gateway, wait_until):
    body = b'{"instances": [[0.5, -1.0, "octarine"]]}'
    assert send_raw(gateway.url, post_bytes(V1, body, "X-Request-Id: fault-13")).status == 200
    store = TrafficStore(gateway.state / "traffic")

    def kept():
        return [exchange.inputs for exchange in store.exchanges("tiny") if exchange.request_id == "fault-13"]

    wait_until(kept)
    assert kept() == [[{"x1": 0.5, "x2": -1.0, "colour": "octarine"}]]


@pytest.mark.parametrize("value", ["1e308", "-1e308", "5e-324", "1.7976931348623157e308"])
def test_14_the_edge_of_doubles_is_answered_in_finite_json_or_refused_by_the_answers_check(gateway, value):
    for path, body in rows(x1=value):
        answer = ask(gateway, body, path)
        assert answer.status in (200, 500)
        assert not {b"NaN", b"Infinity"} & set(answer.raw.replace(b",", b" ").split())


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/other:predict",
        "/v2/models/other/infer",
        "/v2/models/tiny/versions/99/infer",
        "/v2/models/tiny/versions/0x7/infer",
    ],
)
def test_15_an_unknown_model_or_version_is_404(gateway, path):
    assert ask(gateway, GOOD, path).status == 404


@pytest.mark.parametrize("path", [V1, MLFLOW])
@pytest.mark.parametrize("kind", ["text/html", "application/x-www-form-urlencoded", "application/jsonp", "x"])
def test_16_another_content_type_is_415(gateway, path, kind):
    assert ask(gateway, GOOD, path, f"Content-Type: {kind}").status == 415


@pytest.mark.parametrize(
    "name",
    ["..", "../../etc/passwd", "%2e%2e", "..%2f..%2fetc", "%2e%2e%5c", "..\\..", "tiny;x", "tiny%3b", "tiny%00",
     "tiny%0d%0aX: y", "tiny%ff", "%252e", "tiny?x", "tiny#x", "", "/tiny", "TINY"],
)  # fmt: skip
def test_17_a_name_that_means_something_in_a_path_is_404_and_no_file_is_touched(gateway, name):
    before = {p for p in gateway.state.rglob("*") if "traffic" not in p.parts}
    for path in ("/v1/models/{}", "/v2/models/{}/ready", "/v2/models/tiny/versions/{}"):
        answer = send_raw(gateway.url, get_bytes(path.format(name)))
        harmless = name in ("tiny?x", "tiny#x") and answer.status == 200
        assert harmless or answer.status in (400, 404)
        assert answer.content_type.startswith(("application/json", "text/plain"))
    assert {p for p in gateway.state.rglob("*") if "traffic" not in p.parts} == before


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", "=cmd|' /C calc'!A0", "{{7*7}}", "'; DROP TABLE x"]
)
def test_18_markup_in_a_name_or_value_is_only_ever_json(gateway, hostile):
    for body in ({"instances": [{hostile: 1}]}, {hostile: 1}, {"instances": hostile}):
        assert ask(gateway, json.dumps(body).encode()).status in (400, 422)
    answer = send_raw(gateway.url, post_bytes(V1, GOOD, f"X-Request-Id: {hostile}"))
    assert answer.status == 200
    assert hostile.encode() not in answer.raw
    for path, body in rows(colour=json.dumps(hostile)):
        assert ask(gateway, body, path).status == 200


SIZE = f"Content-Length: {len(GOOD)}\r\n".encode()
CHUNKED = b"Transfer-Encoding: chunked\r\n"
SECOND = b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "request_",
    [
        HEAD + SIZE + CHUNKED + b"\r\n0\r\n\r\n" + SECOND,
        HEAD + CHUNKED + b"Content-Length: 5\r\n\r\n0\r\n\r\n" + SECOND,
        HEAD + SIZE + b"Content-Length: 0\r\n\r\n" + GOOD + SECOND,
        HEAD + SIZE + SIZE + b"\r\n" + GOOD + SECOND,
        HEAD + b"Content-Length: +5\r\n\r\n" + SECOND,
        HEAD + b"Content-Length: -1\r\n\r\n" + SECOND,
        HEAD + b"Content-Length: 0x5\r\n\r\n" + SECOND,
        HEAD + b"X-Folded: a\r\n b\r\n" + SIZE + b"\r\n" + GOOD + SECOND,
        (HEAD + SIZE + b"\r\n").replace(b"\r\n", b"\n") + GOOD + SECOND,
        HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SECOND,
        HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SECOND,
        HEAD + CHUNKED + b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n" + SECOND,
        HEAD + CHUNKED + b"\r\n-1\r\n\r\n" + SECOND,
        HEAD + CHUNKED + b"\r\nffffffffffffffffff\r\n" + SECOND,
        HEAD + b"X-Nul: \0\r\n\r\n" + SECOND,
    ],
    ids=["both", "both-reversed", "two-lengths", "length-twice", "plus", "negative", "hex", "folded", "bare-lf",
         "space-before-colon", "unknown-coding", "two-codings", "negative-chunk", "huge-chunk", "nul"],
)  # fmt: skip
def test_19_what_two_servers_could_read_differently_is_400_and_closes(gateway, request_):
    answer = send_raw(gateway.url, request_)
    assert (answer.status, answer.answers, answer.closed) == (400, 1, True)


@pytest.mark.slow
def test_19_a_body_that_drips_is_408_in_time(gateway):
    head = HEAD + b"Content-Length: 1000\r\n\r\n"
    answer = send_raw(gateway.url, head, *itertools.repeat(b" ", 25), pause=0.5)
    assert answer.status in (408, None)
    assert answer.closed
    assert answer.seconds < 20


@pytest.mark.usefixtures("bounded")
def test_19_a_head_of_a_megabyte_is_431_or_cut_off(gateway):
    answer = send_raw(gateway.url, HEAD + b"X-Long: " + b"a" * MIB + b"\r\n\r\n")
    assert answer.status in (431, None)
    assert answer.closed


@pytest.mark.slow
def test_19_a_head_that_drips_is_closed_in_time(gateway):
    answer = send_raw(gateway.url, HEAD, *itertools.repeat(b"X", 25), pause=0.5)
    assert answer.closed
    assert answer.seconds < 20
