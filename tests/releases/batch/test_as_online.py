"""On real data a file is answered as requests are: the same rows, the same predictions and scores."""

from __future__ import annotations

import json
import urllib.request

import pandas as pd
import pytest

from workbench.releases.batch import Batches
from workbench.releases.targets.base import Routing
from workbench.releases.targets.local import Local
from workbench.testing.gateway import running_gateway

NUMBERS = ["age", "priors_count", "juv_fel_count", "juv_misd_count"]
FEATURES = [*NUMBERS, "c_charge_degree"]
TARGET = "two_year_recid"
DATATYPES = {"double": "FP64", "long": "INT64", "string": "BYTES"}


@pytest.fixture
def registered(compas, settings, registry):
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame = compas[[*FEATURES, TARGET]].sample(frac=1, random_state=0)
    columns = make_column_transformer(
        (StandardScaler(), NUMBERS), (OneHotEncoder(handle_unknown="ignore"), ["c_charge_degree"])
    )
    train = frame.iloc[:3000]
    model = make_pipeline(columns, LogisticRegression(max_iter=500)).fit(train[FEATURES], train[TARGET])
    version = registry.register(model, name="recidivism", train=train, target=TARGET)
    return version, frame.iloc[3000:4000]


def asked(url, version, rows) -> tuple[list[int], list[float]]:
    """What the gateway answers to all the rows in one request."""
    inputs = [
        {
            "name": column.name,
            "datatype": DATATYPES[column.type],
            "shape": [len(rows)],
            "data": rows[column.name].tolist(),
        }
        for column in version.columns
    ]
    request = urllib.request.Request(
        f"{url}/v2/models/recidivism/infer", json.dumps({"inputs": inputs}).encode()
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        outputs = {output["name"]: output["data"] for output in json.load(answer)["outputs"]}
    return outputs["predict"], outputs["score"]


@pytest.mark.slow
def test_a_file_is_answered_as_the_gateway_answers_its_rows(
    registered, settings, journal, registry, tmp_path
):
    version, rows = registered
    target = Local(settings)
    deployment = target.deploy(version, registry.artifact_path(version))
    target.route(Routing(endpoint="recidivism", champion=deployment), expected=0)
    with running_gateway(settings.root, "recidivism", settings={"gateway_deadline_seconds": 20}) as url:
        predictions, scores = asked(url, version, rows)
    rows.to_csv(tmp_path / "rows.csv", index=False)
    rows.to_parquet(tmp_path / "rows.parquet", index=False)
    for form in ("csv", "parquet"):
        source, to = tmp_path / f"rows.{form}", tmp_path / f"of-{form}.parquet"
        batches = Batches(settings, journal, registry)
        run = batches.score("recidivism/1", source, to, any_version=True, rows=len(rows))
        out = pd.read_parquet(to)
        assert (run.scored, run.rejected, run.passed_over) == (1000, 0, (TARGET,))
        assert out["prediction"].tolist() == predictions
        assert out["score"].tolist() == scores  # to the last bit
