"""Triton's own client, in the binary mode it uses by default, in JSON, and compressed."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="module")
def client(gateways, routes):
    from tritonclient.http import InferenceServerClient

    gateway = gateways(champion=routes.pipeline, standby=routes.numeric)
    made = InferenceServerClient(gateway.url.removeprefix("http://"))
    yield made
    made.close()


def inputs(*, binary):
    from tritonclient.http import InferInput

    columns = {
        "x1": (np.array([0.5, -2.0, 3.0]), "FP64"),
        "x2": (np.array([[-1.0], [0.0], [1.0]], "float32"), "FP32"),
        "colour": (np.array(["red", "grün", "blue"], dtype=object), "BYTES"),
    }
    made = []
    for name, (values, datatype) in columns.items():
        tensor = InferInput(name, list(values.shape), datatype)
        tensor.set_data_from_numpy(values, binary_data=binary)
        made.append(tensor)
    return made


def test_it_finds_server_and_model_live_and_ready(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("tiny")
    assert client.is_model_ready("tiny", "7")
    assert not client.is_model_ready("other")
    assert client.get_server_metadata()["name"] == "model-workbench"
    assert client.get_model_metadata("tiny")["versions"] == ["7", "8"]


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("compressed", [None, "gzip", "deflate"])
def test_it_gets_the_same_answer_in_every_mode(client, binary, compressed):
    from tritonclient.http import InferRequestedOutput

    plain = client.infer("tiny", inputs(binary=False))
    outputs = [InferRequestedOutput(name, binary_data=binary) for name in ("predict", "score")]
    for asked in (None, outputs):
        result = client.infer(
            "tiny",
            inputs(binary=binary),
            outputs=asked,
            request_id="t-1",
            request_compression_algorithm=compressed,
            response_compression_algorithm=compressed,
        )
        assert result.get_response()["id"] == "t-1"
        assert result.get_response()["model_version"] == "7"
        for name in ("predict", "score"):
            np.testing.assert_array_equal(result.as_numpy(name), plain.as_numpy(name))
    assert plain.as_numpy("predict").dtype == np.int64


def test_it_asks_for_a_version_by_number(client):
    from tritonclient.http import InferInput

    matrix = InferInput("rows", [1, 2], "FP64")
    matrix.set_data_from_numpy(np.array([[0.5, 1.0]]))
    result = client.infer("tiny", [matrix], model_version="8")
    assert result.get_response()["model_version"] == "8"


def test_it_shows_our_error(client):
    from tritonclient.http import InferInput
    from tritonclient.utils import InferenceServerException

    wrong = InferInput("x9", [1], "FP64")
    wrong.set_data_from_numpy(np.array([1.0]))
    with pytest.raises(InferenceServerException, match="column 'x9'"):
        client.infer("tiny", [wrong])
