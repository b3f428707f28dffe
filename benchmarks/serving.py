"""Serving beside the peers: same model, same machine, same load, one run; throughput, latency and CPU.

Ours checks every request, keeps every exchange, counts metrics and sends a tenth to a second version; the
peers do what they do as they come. The servers take turns, round by round, so that whatever else the machine
does meets all of them; printed are medians. ``wrk`` sends (``apt-get install wrk``).

    python benchmarks/serving.py [--seconds 8] [--rounds 3] [--without mlserver]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import astuple
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from servers import peers
from servers.peers import Case
from servers.running import Figures, load

ENVIRONMENT = Path(__file__).parents[1] / ".mlserver-venv"


def logistic():
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))


def forest():
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(100, random_state=0)


def frame():
    """Breast cancer: 569 rows, 30 numbers."""
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer(as_frame=True).frame
    return found.rename(columns=lambda name: "y" if name == "target" else name.replace(" ", "_"))


def compared(title: str, makers: dict, *, rounds: int, seconds: float, home: Path) -> dict:
    """Measure each server in turn, one running at a time, and print the medians."""
    print(f"\n{title}")
    found: dict = {}
    for round in range(rounds):
        for name, make in makers.items():
            with make() as server:
                load(server, 4, 1.0, home / "warm.lua")
                for connections in (1, 16):
                    figures = load(server, connections, seconds, home / "load.lua")
                    found.setdefault((name, connections), []).append(figures)
        print(f"  round {round + 1} of {rounds} done", file=sys.stderr)
    medians = {
        key: Figures(*map(statistics.median, zip(*map(astuple, runs), strict=True)))
        for key, runs in found.items()
    }
    heads = ("connections", "answers/s", "p50 ms", "p99 ms", "CPU ms", "bad")
    print(f"  {'':24}" + "".join(f"{head:>12}" for head in heads))
    for (name, connections), f in medians.items():
        figures = f"{connections:12}{f.rate:12.0f}{f.p50:12.2f}{f.p99:12.2f}{f.cpu:12.3f}{f.bad:12.0f}"
        print(f"  {name:24}{figures}")
    return medians


def ratio(medians: dict, ours: str, theirs: str) -> None:
    a, b = medians[ours, 16], medians[theirs, 16]
    figures = f"{a.rate / b.rate:.2f} x the throughput, {a.p99 / b.p99:.2f} x the p99"
    print(f"  {ours} : {theirs}, 16 connections: {figures}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--without", action="append", default=[], choices=["mlserver", "mlflow", "bare", "ours"]
    )
    given = parser.parse_args()
    options = {"rounds": given.rounds, "seconds": given.seconds}
    data = frame()
    with ExitStack() as stack:
        for title, model, which in (
            (
                "logistic regression on 30 numbers",
                logistic(),
                ("ours", "ours, joined", "ours, compiled", "bare", "mlflow", "mlserver"),
            ),
            ("a forest of 100 trees", forest(), ("ours, compiled", "bare", "mlflow")),
        ):
            home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            case = Case(home, model.fit(data.drop(columns="y"), data["y"]), data)
            every = {
                "ours": partial(peers.ours, case),
                "ours, joined": partial(peers.ours, case, join_ms=10),
                "ours, compiled": partial(peers.ours, case, compiled=True),
                "bare": partial(peers.bare, case),
                "mlflow": partial(peers.mlflow, case),
                "mlserver": partial(peers.mlserver, case, ENVIRONMENT),
            }
            makers = {name: every[name] for name in which if name not in given.without}
            medians = compared(title, makers, home=home, **options)
            for ours in ("ours", "ours, joined", "ours, compiled"):
                for theirs in ("bare", "mlflow", "mlserver"):
                    if ours in makers and theirs in makers:
                        ratio(medians, ours, theirs)


if __name__ == "__main__":
    main()
