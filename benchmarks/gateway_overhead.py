"""What the gateway costs beside a bare Starlette and orjson application that serves the same model.

Both run in processes of their own, take turns in one run, and answer the same MLflow requests of one row. The
bare one checks nothing, keeps nothing and has no deadline. Printed: requests a second, latency, CPU a
request, and the gateway's ratio to the bare application.

    python benchmarks/gateway_overhead.py [--requests 2000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from workbench.gateway import Route, RoutingTable, write_table
from workbench.testing.gateway import GatewayProcess, make_route
from workbench.testing.models import FEATURES, Threshold, tiny_classifier, tiny_frame
from workbench.testing.traffic import send


def bare(root: Path, route: Route, port_file: Path) -> None:
    """Serve ``/invocations`` with nothing around the model."""
    import orjson
    import pandas as pd
    import uvicorn
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route as Path_

    from workbench.gateway.listening import listen
    from workbench.models.loading import load_version

    predictor = load_version(route.model, root / route.path)

    async def invocations(request):
        rows = orjson.loads(await request.body())["dataframe_records"]
        answers = predictor.predict(pd.DataFrame(rows))
        return Response(orjson.dumps({"predictions": answers.tolist()}), media_type="application/json")

    listener = listen("127.0.0.1", 0)
    port_file.write_text(str(listener.getsockname()[1]))
    app = Starlette(routes=[Path_("/invocations", invocations, methods=["POST"])])
    uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False)).run(sockets=[listener])


def cpu_seconds(pid: int) -> float:
    """CPU time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(url: str, pid: int, rows: list, connections: int) -> tuple[float, float, float, float]:
    """Requests a second, median and p99 latency in ms, CPU ms a request."""
    before = cpu_seconds(pid)
    sent = send(url, "tiny", rows, connections=connections, protocol="mlflow")
    assert sent.failed == 0, sent
    cpu = (cpu_seconds(pid) - before) / len(rows) * 1000
    return len(rows) / sent.seconds, sent.latency_ms(0.5), sent.latency_ms(0.99), cpu


def compare(name: str, model, features: list[str], *, requests: int, rounds: int) -> None:
    """Print both, and the ratio."""
    with tempfile.TemporaryDirectory() as home:
        root = Path(home)
        train = tiny_frame()
        rows = (train[features].to_dict("records") * (requests // len(train) + 1))[:requests]
        route = make_route(root, model, train[[*features, "y"]], target="y")
        write_table(root / ".workbench", RoutingTable(endpoint="tiny", version=1, champion=route))
        (root / "route.json").write_text(route.to_json())
        gateway = GatewayProcess(root, "tiny")
        other = subprocess.Popen([sys.executable, __file__, "--bare", str(root)])
        try:
            url = gateway.wait().url
            while not (port := root / "port").exists() or not port.read_text():
                time.sleep(0.05)
            bare_url = f"http://127.0.0.1:{port.read_text()}"
            for warm in (url, bare_url):
                send(warm, "tiny", rows[:100], protocol="mlflow")
            for connections in (1, 4):
                ours, theirs = [], []
                for _ in range(rounds):
                    ours.append(measure(url, gateway.pid, rows, connections))
                    theirs.append(measure(bare_url, other.pid, rows, connections))
                a, b = (tuple(map(statistics.median, zip(*of, strict=True))) for of in (ours, theirs))
                print(f"{name}, {connections} connection(s)")
                for label, values in (("gateway", a), ("bare", b)):
                    print(
                        f"  {label:8} {values[0]:7.0f} req/s  p50 {values[1]:6.2f} ms  "
                        f"p99 {values[2]:6.1f} ms  CPU {values[3]:5.2f} ms/req"
                    )
                print(f"  ratio    throughput {a[0] / b[0]:.2f}, CPU {a[3] / b[3]:.2f}")
        finally:
            other.terminate()
            other.wait()
            gateway.end()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.bare:
        route = Route.from_json((given.bare / "route.json").read_text())
        bare(given.bare, route, given.bare / "port")
        return
    options = {"requests": given.requests, "rounds": given.rounds}
    compare("threshold (nothing to compute)", Threshold(), ["x1"], **options)
    compare("pipeline (one-hot, logistic regression)", tiny_classifier(), list(FEATURES), **options)


if __name__ == "__main__":
    main()
