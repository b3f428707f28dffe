"""A real project in the middle of a release: three versions, a gateway, traffic, and somebody who drives.

Version 2 has taken over from version 1, the way back was drilled, and version 3 is in a canary stage that
asks for half an hour, so that it stays there for as long as somebody looks. The data is generated.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import workbench as wb
from workbench.core.errors import Unavailable
from workbench.releases.loop import Loop
from workbench.releases.records import Release
from workbench.testing.gateway import running_gateway
from workbench.testing.lending import FEATURES, SENSITIVE, TARGET, versions
from workbench.traffic.sending import Sender, oip, say_nothing

NAME = "lending"

POLICY = """\
name: ranks
rules: [{audit: performance, metric: roc_auc_score, bound: lower, at_least: 0.6}]
required_audits: [performance]
"""

QUICK = """\
name: quick
alpha: 0.05
metrics: {disagreement: {at_most: 0.5}}
stages:
  - {name: shadow, kind: shadow, min_requests: 40, deadline_minutes: 60}
  - {name: champion, kind: champion}
"""

CANARY = """\
name: careful
alpha: 0.05
metrics:
  errors: {margin: 2.0}
  disagreement: {at_most: 0.25}
  guardrails: {column: purpose, min_requests: 20}
stages:
  - {name: shadow, kind: shadow, min_requests: 150, deadline_minutes: 60}
  - {name: canary 10 %, kind: canary, weight: 0.1, min_requests: 50, min_minutes: 30, deadline_minutes: 600}
  - {name: canary 50 %, kind: canary, weight: 0.5, min_requests: 100, deadline_minutes: 600}
  - {name: champion, kind: champion, approvals: {model-risk: 1}}
"""

_PATIENCE = 120.0


@contextmanager
def running_release(root: Path, *, looks: int = 5) -> Iterator[Release]:
    """Make the project in ``root`` and keep its third version in a canary stage while the block runs.

    Args:
        root: an empty folder.
        looks: how often the controller has looked at the canary when the block begins.

    Yields:
        The release as it stood then.
    """
    wb.open(root, actor="ada")
    _write(root)
    bench = wb.open(root, actor="ada")  # with the people that were written
    for trained in (*versions(n=1500)[:2], versions(seed=5, n=1500)[1]):
        model = bench.register(
            trained.model, name=NAME, train=trained.train, target=TARGET, sensitive=SENSITIVE
        )
        bench.audit(model, on=trained.test, audits=["performance"])
        bench.gate(model, "ranks")
    rows = trained.test[list(FEATURES)].to_dict("records")
    bench.release(f"{NAME}/1", plan="quick", policy="ranks")
    with running_gateway(root, NAME) as url, _traffic(url, rows):
        second = bench.release(f"{NAME}/2", plan="quick", policy="ranks")
        for state in bench.watch(second, every=0.2, timeout=_PATIENCE):
            second = state
        if not second.status.final:
            raise Unavailable(f"{second.id} did not end: {second.reason}")
        bench.drill(NAME)
        third = bench.release(f"{NAME}/3", plan="careful", policy="ranks")
        with _driven(root):
            yield _in_canary(bench, third.id, looks)


def _write(root: Path) -> None:
    (root / "policies" / "ranks.yaml").write_text(POLICY, encoding="utf-8")
    for text in (QUICK, CANARY):
        name = text.split("\n", 1)[0].removeprefix("name: ")
        (root / "plans" / f"{name}.yaml").write_text(text, encoding="utf-8")
    settings = root / "workbench.toml"
    people = settings.read_text(encoding="utf-8").replace("[people]", '[people]\ngrace = ["model-risk"]', 1)
    settings.write_text(people, encoding="utf-8")


def _in_canary(bench: wb.Workbench, release: str, looks: int) -> Release:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        now = bench.releases.get(release)
        here = [verdict for verdict in now.verdicts if verdict.stage == now.current.name]
        if now.current.kind == "canary" and max((len(v.points) for v in here), default=0) >= looks:
            return now
        time.sleep(0.2)
    raise Unavailable(f"{release} did not come so far: {now.current.name}, {now.reason}")


@contextmanager
def _traffic(url: str, rows: Sequence[Mapping[Any, Any]]) -> Iterator[None]:
    """A hundred requests a second, until the block ends."""
    stop, path = threading.Event(), f"/v2/models/{NAME}/infer"
    sender = Sender(url, path, [oip(dict(row)) for row in rows], rate=100, timeout=30, stop=stop)
    with _beside(stop, lambda: sender.run(10**9, 4, lambda *_: None, say_nothing)):
        yield


@contextmanager
def _driven(root: Path) -> Iterator[None]:
    """A controller that holds the lease and looks twice a second, until the block ends."""
    stop, said = threading.Event(), logging.getLogger(__name__)
    loop = Loop(lambda: wb.open(root, actor="ada").releases, said.info, stop=stop)
    with _beside(stop, lambda: loop.run(every=0.5)):
        yield


@contextmanager
def _beside(stop: threading.Event, work: Callable[[], object]) -> Iterator[None]:
    """Do something in a thread of its own while the block runs."""
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
