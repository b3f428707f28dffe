"""What the OpenAPI document says of the door is what the door does."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from workbench.gateway import openapi
from workbench.gateway.door.callers import PROBES, needed


@pytest.mark.parametrize(
    ("way", "schemes"), [("none", set()), ("keys", {"key"}), ("oidc", {"token"}), ("both", {"key", "token"})]
)
def test_every_operation_but_the_probes_names_its_scope_and_how_it_is_refused(way, schemes):
    document = openapi.document("tiny", None, 1, way)
    assert set(document["components"]["securitySchemes"]) == schemes
    for path, item in document["paths"].items():
        for method in set(item) - {"parameters"}:
            asked = item[method].get("security", [])
            if path in PROBES:
                assert "security" not in item[method]
                assert "401" not in item[method]["responses"]
            else:
                assert {name for one in asked for name in one} == schemes
                assert all(scopes == [needed(path)] for one in asked for scopes in one.values())
                assert {"401", "403", "421", "429"} <= set(item[method]["responses"])


@pytest.mark.slow
def test_schemathesis_finds_that_what_needs_a_key_is_refused_without_one(gateways, routes, new_key, tmp_path):
    gateway = gateways(champion=routes.pipeline, settings={"gateway_auth": "keys"})
    key = new_key(gateway, "infer", "label", "metrics")
    ran = subprocess.run(
        [
            *f"{sys.executable} -m schemathesis.cli run {gateway.url}/openapi.json -H X-Api-Key:{key}".split(),
            *["--checks", "ignored_auth,not_a_server_error,status_code_conformance"],
            *[
                "--phases",
                "examples,fuzzing",
                "--max-examples",
                "3",
                "--generation-deterministic",
                "--no-color",
            ],
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-5000:]
    assert int(re.search(r"(\d+) generated", ran.stdout)[1]) > 30
