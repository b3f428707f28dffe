"""Clients of others at a gateway that asks for a key, each in a way that its own documentation names."""

from __future__ import annotations

from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest

from workbench.testing.traffic import send


@pytest.fixture(scope="module")
def gateway(gateways, routes):
    return gateways(champion=routes.champion, settings={"gateway_auth": "keys"})


def tensor():
    from tritonclient.http import InferInput

    made = InferInput("x1", [2], "FP64")
    made.set_data_from_numpy(np.array([1.0, -1.0]))
    return [made]


def test_triton_sends_the_key_as_a_header_of_each_call(gateway, new_key):
    from tritonclient.http import InferenceServerClient

    headers = {"Authorization": f"Bearer {new_key(gateway, 'infer')}"}
    with InferenceServerClient(urlsplit(gateway.url).netloc) as client:
        assert client.is_server_live()
        assert client.is_model_ready("tiny", headers=headers)
        assert client.infer("tiny", tensor(), headers=headers).as_numpy("predict").tolist() == [1, 0]


def test_triton_sends_the_key_by_its_plugin_for_passwords(gateway, new_key):
    from tritonclient.http import InferenceServerClient
    from tritonclient.http.auth import BasicAuth
    from tritonclient.utils import InferenceServerException

    with InferenceServerClient(urlsplit(gateway.url).netloc) as client:
        with pytest.raises(InferenceServerException, match="A key or a token is needed"):
            client.infer("tiny", tensor())
        client.register_plugin(BasicAuth("intake", new_key(gateway, "infer")))
        assert client.infer("tiny", tensor()).as_numpy("predict").tolist() == [1, 0]


def test_mlflow_takes_the_key_from_netrc(gateway, new_key, tmp_path, monkeypatch):
    from mlflow.pyfunc.scoring_server.client import ScoringServerClient

    place = urlsplit(gateway.url)
    client, frame = ScoringServerClient(place.hostname, place.port), pd.DataFrame({"x1": [1.0, -1.0]})
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    client.wait_server_ready(timeout=5)
    with pytest.raises(Exception, match="401"):
        client.invoke(frame)
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {place.hostname} login intake password {new_key(gateway, 'infer')}\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert client.invoke(frame).get_predictions()[0].tolist() == [1, 0]
    assert client.get_version()


def test_a_load_shows_the_key_in_its_variable(gateway, new_key, monkeypatch):
    rows = [{"x1": 1.0}] * 5
    monkeypatch.delenv("WORKBENCH_GATEWAY_KEY", raising=False)
    assert send(gateway.url, "tiny", rows).statuses == {401: 5}
    monkeypatch.setenv("WORKBENCH_GATEWAY_KEY", new_key(gateway, "infer"))
    assert send(gateway.url, "tiny", rows).statuses == {200: 5}
