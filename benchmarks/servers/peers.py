"""Who is measured: ours with everything on, ``mlflow models serve``, MLServer and the bare application."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from servers.running import Server, free_port, started

import workbench as wb
from workbench.gateway import Route, RoutingTable, write_table

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One fitted model, written for each server, and one row."""

    root: Path
    model: Any
    frame: Any
    """Its training data with the target ``y``."""

    @property
    def split(self) -> bytes:
        """The row as MLflow's ``dataframe_split``."""
        features = self.frame.drop(columns="y")
        data = features.iloc[:1].to_numpy().tolist()
        return json.dumps({"dataframe_split": {"columns": list(features.columns), "data": data}}).encode()

    @property
    def tensor(self) -> bytes:
        """The row as one tensor of the Open Inference Protocol."""
        row = self.frame.drop(columns="y").iloc[0].tolist()
        tensor = {"name": "predict", "shape": [1, len(row)], "datatype": "FP64", "data": row}
        return json.dumps({"inputs": [tensor]}).encode()


@contextmanager
def ours(case: Case, *, compiled: bool = False, join_ms: float = 0.0) -> Iterator[Server]:
    """The gateway: validation, capture and metrics on, a second version on a tenth of the requests."""
    name = "ours, compiled" if compiled else f"ours, joined up to {join_ms:g} ms" if join_ms else "ours"
    root = Path(tempfile.mkdtemp(dir=case.root))
    bench = wb.open(root, actor="bench")
    versions = [bench.register(case.model, name="m", train=case.frame, target="y") for _ in (1, 2)]
    for version in versions if compiled else ():
        record = bench.compile(version)
        if not record.kind:
            sys.exit(f"not compiled: {record.reason}")
    routes = [Route(model=v, path=str(bench.registry.artifact_path(v))) for v in versions]
    table = RoutingTable(endpoint="m", version=1, champion=routes[0], candidate=routes[1], share=0.1)
    write_table(root / ".workbench", table)
    port = free_port()
    command = [sys.executable, "-m", "workbench.gateway", root, "m", "--port", str(port)]
    url = f"http://127.0.0.1:{port}/invocations"
    with started(name, command, url, case.split, WORKBENCH_GATEWAY_JOIN_MS=str(join_ms)) as server:
        yield server


def bare(case: Case) -> AbstractContextManager[Server]:
    """FastAPI and orjson, nothing else."""
    import joblib

    joblib.dump(case.model, case.root / "model.joblib")
    port = free_port()
    command = [sys.executable, HERE / "bare.py", case.root / "model.joblib", str(port)]
    return started("bare FastAPI + orjson", command, f"http://127.0.0.1:{port}/invocations", case.split)


def mlflow(case: Case) -> AbstractContextManager[Server]:
    """``mlflow models serve`` with one worker, as it comes."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", saved(case), "-p", str(port)]
    return started(
        "mlflow models serve",
        [*command, "--env-manager", "local"],
        f"http://127.0.0.1:{port}/invocations",
        case.split,
        MLFLOW_DISABLE_TELEMETRY="true",
    )


def mlserver(case: Case, environment: Path) -> AbstractContextManager[Server]:
    """MLServer with its scikit-learn runtime, in an environment of its own."""
    import joblib

    python = _mlserver_environment(environment)
    folder = case.root / "mlserver"
    folder.mkdir(exist_ok=True)
    joblib.dump(case.model, folder / "model.joblib")
    port, grpc, metrics = free_port(), free_port(), free_port()
    settings = {"http_port": port, "grpc_port": grpc, "metrics_port": metrics, "parallel_workers": 0}
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(
        json.dumps(
            {
                "name": "m",
                "implementation": "mlserver_sklearn.SKLearnModel",
                "parameters": {"uri": "./model.joblib"},
            }
        )
    )
    command = [python, "-m", "mlserver.cli", "start", folder]
    if (script := python.with_name("mlserver")).exists():
        command = [script, "start", folder]
    return started("MLServer", command, f"http://127.0.0.1:{port}/v2/models/m/infer", case.tensor)


def saved(case: Case) -> Path:
    """The model as MLflow keeps it."""
    import mlflow as library

    place = case.root / "mlflow"
    if not place.exists():
        trusted = ["sklearn.tree._tree.Tree"]
        library.sklearn.save_model(case.model, place, skops_trusted_types=trusted)
    return place


def _mlserver_environment(environment: Path) -> Path:
    """Make it once; it pins another FastAPI than ours."""
    import sklearn

    python = environment / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        packages = [
            "mlserver==1.7.1",
            "mlserver-sklearn==1.7.1",
            "uvloop<0.22",
            f"scikit-learn=={sklearn.__version__}",
        ]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    return python
