"""Bad input, one of each: a clear error that names the field and the remedy, and nothing half-written."""

from __future__ import annotations

import json
import pickle
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from sklearn.linear_model import LogisticRegression

import workbench as wb
from workbench.core.errors import InvalidInput
from workbench.gates import load_policy
from workbench.models.intake import bring
from workbench.testing.models import FEATURES, tiny_classifier, tiny_frame


def refused(field: str, message: str, action, *arguments, **options) -> InvalidInput:
    """Run something that must be refused, and check that the error can be acted on."""
    with pytest.raises(InvalidInput, match=message) as caught:
        action(*arguments, **options)
    assert caught.value.field == field
    assert caught.value.remedy
    return caught.value


def test_a_missing_column_is_named_with_the_nearest_one():
    error = refused("target", "'yy'", wb.audit, tiny_classifier(), tiny_frame(), target="yy")
    assert "'y'" in error.remedy


def test_a_missing_sensitive_column_is_named():
    refused("sensitive", "'grop'", wb.audit, tiny_classifier(), tiny_frame(), target="y", sensitive=["grop"])


def test_a_target_with_one_class_is_refused():
    refused("target", "one class", wb.audit, tiny_classifier(), tiny_frame().assign(y=1), target="y")


def test_an_estimator_that_is_not_fitted_is_refused():
    error = refused("model", "not fitted", wb.audit, LogisticRegression(), tiny_frame(), target="y")
    assert ".fit(" in error.remedy


def test_a_pickle_that_is_no_model_is_refused_by_its_type(tmp_path):
    (tmp_path / "thing.pkl").write_bytes(pickle.dumps({"weights": [1, 2]}))
    refused("model", "dict", bring(tmp_path / "thing.pkl").open)


def test_a_policy_with_an_unknown_key_is_refused_with_the_nearest_one(tmp_path):
    (tmp_path / "p.yaml").write_text("name: p\nrules: []\naprovals: {model-risk: 1}\n")
    error = refused("aprovals", "aprovals", load_policy, tmp_path / "p.yaml")
    assert "approvals" in error.remedy


def test_nothing_is_written_when_registering_is_refused(tmp_path):
    bench = wb.open(tmp_path)
    assert bench.models() == []
    before = _files(tmp_path)
    for model, train in [(LogisticRegression(), tiny_frame()), (tiny_classifier(), tiny_frame().assign(y=1))]:
        with pytest.raises(InvalidInput):
            bench.register(model, name="tiny", train=train, target="y")
    assert bench.models() == []
    assert _files(tmp_path) == before


def _files(root: Path) -> set[str]:
    """What a person would find; SQLite's own side files come and go."""
    return {p.name for p in root.rglob("*") if p.is_file() and not p.name.endswith(("-wal", "-shm"))}


def test_a_request_with_nan_is_refused_and_reaches_no_model(tmp_path):
    from workbench.gateway import RoutingTable, write_table
    from workbench.testing.gateway import make_route, running_gateway

    route = make_route(tmp_path, tiny_classifier(), tiny_frame(), target="y")
    wb.open(tmp_path)
    write_table(tmp_path / ".workbench", RoutingTable(endpoint="tiny", version=1, champion=route))
    row = dict.fromkeys(FEATURES, 0.5) | {"colour": "red"}
    with running_gateway(tmp_path, "tiny") as url:
        body = json.dumps({"dataframe_records": [row | {"x1": float("nan")}]}).encode()
        request = urllib.request.Request(f"{url}/invocations", body, {"Content-Type": "application/json"})
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=10)
        with caught.value as answer:
            assert 400 <= answer.code < 500
            assert "x1" in json.load(answer)["error"]
    assert not list((tmp_path / ".workbench" / "traffic").rglob("*.parquet"))
