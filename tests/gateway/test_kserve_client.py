"""KServe's own client, in an environment of its own: it wants another FastAPI than Ray and MLflow take here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import workbench as wb

ROOT = Path(__file__).parents[2]
KSERVE = "kserve==0.21.0"


@pytest.fixture(scope="session")
def kserve_python():
    """Python with KServe, kept between runs in ``.kserve-venv``."""
    place = ROOT / ".kserve-venv"
    python = place / "bin" / "python"
    if not (place / "whole").exists():
        uv = Path(sys.executable).with_name("uv")
        try:
            for command in (
                ["venv", "--clear", "--python", sys.executable, place],
                ["pip", "install", "--python", python, KSERVE],
            ):
                subprocess.run([uv, *command], check=True, capture_output=True, timeout=120)
        except (OSError, subprocess.SubprocessError) as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"{KSERVE} cannot be installed here: {error}")
        (place / "whole").touch()
    return python


@pytest.mark.slow
def test_its_calls_work_as_they_are(kserve_python, gateways, routes):
    check(kserve_python, gateways(champion=routes.pipeline), {})


@pytest.mark.slow
def test_its_calls_work_with_a_key_in_a_header(kserve_python, gateways, routes):
    gateway = gateways(champion=routes.pipeline, settings={"gateway_auth": "keys"})
    bench = wb.open(gateway.root)
    key = bench.gateway_keys.add("tiny", name="kserve")[1]
    bench.journal.close()
    check(kserve_python, gateway, {"Authorization": f"Bearer {key}"})


def check(kserve_python, gateway, headers):
    """Make all calls, and look at what came back."""
    ran = subprocess.run(
        [kserve_python, Path(__file__).with_name("kserve_calls.py"), gateway.url, json.dumps(headers)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    seen = json.loads(ran.stdout.splitlines()[-1])
    assert "column" in seen.pop("v1 error")
    (answer,) = seen["v1 object"]["predictions"]
    id, outputs = seen["v2 json"]
    assert id == "k-1"
    assert outputs["predict"] == [answer]
    assert seen == {
        "v1 ready": True,
        "v1 object": {"predictions": [answer]},
        "v1 list": {"predictions": [answer]},
        "v2 live": True,
        "v2 ready": True,
        "v2 model": True,
        "v2 other": False,
        "v2 json": [id, outputs],
        "v2 binary": [id, outputs],
    }
