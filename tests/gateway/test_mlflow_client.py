"""MLflow's own client of its scoring server."""

from __future__ import annotations

from urllib.parse import urlsplit

import pandas as pd
import pytest


@pytest.fixture(scope="module")
def client(gateways, routes):
    from mlflow.pyfunc.scoring_server.client import ScoringServerClient

    parts = urlsplit(gateways(champion=routes.pipeline).url)
    return ScoringServerClient(parts.hostname, parts.port)


def test_it_finds_the_server_and_the_protocol(client):
    import mlflow

    client.ping()
    client.wait_server_ready(timeout=5)
    assert client.get_version() == mlflow.__version__


def test_it_gets_an_answer_for_every_row_of_a_frame(client):
    frame = pd.DataFrame({"x1": [0.5, -3.0], "x2": [-1.0, 0.0], "colour": ["red", "grün"]})
    answers = client.invoke(frame).get_predictions()
    assert len(answers) == 2
    assert set(answers[0]) <= {0, 1}
    assert client.invoke(frame[["colour", "x2", "x1"]]).get_predictions().equals(answers)


def test_it_shows_our_error(client):
    with pytest.raises(Exception, match="column 'colour': it is missing"):
        client.invoke(pd.DataFrame({"x1": [0.5], "x2": [1.0]}))
