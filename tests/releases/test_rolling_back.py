"""Going back under load: the candidate's last answer, measured, again and again, and no request lost.

``WORKBENCH_ROLLBACKS`` sets how often (100 for the promise of the README; fewer in CI).
"""

from __future__ import annotations

import os
import sys
import threading
import time

import pytest

from workbench.releases import Status
from workbench.testing.gateway import GatewayProcess
from workbench.testing.releases import plan
from workbench.traffic.sending import Sender, oip, say_nothing

TIMES = int(os.environ.get("WORKBENCH_ROLLBACKS", "20"))
RATE = 200.0
#: A tenth of a second is the aim; a machine that does other work beside this gets slack. Printed is what it was.
SLACK = 0.5

HALF = {
    "name": "half",
    "metrics": {"errors": {"margin": 2.0}},
    "stages": [
        {"name": "half", "kind": "canary", "weight": 0.5, "min_requests": 10_000},
        {"name": "champion", "kind": "champion"},
    ],
}


class Load:
    """Requests at a rate, until told to stop."""

    def __init__(self, url: str) -> None:
        self.answers = []
        self._stop = threading.Event()
        body = oip({"x1": -1.0})
        sender = Sender(url, "/v2/models/tiny/infer", [body], rate=RATE, timeout=10, stop=self._stop)
        run = (10**7, 16, lambda _, answer: self.answers.append(answer), say_nothing)
        self._thread = threading.Thread(target=sender.run, args=run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


@pytest.mark.timeout(900)
def test_a_rollback_takes_the_candidate_out_at_once_and_loses_no_request(project, capsys):
    project.open(1)
    gateway = GatewayProcess(project.settings.root, "tiny")
    try:
        lags = []
        with Load(gateway.wait().url) as load:
            for _ in range(TIMES):
                release = project.open(2, plan=plan(**HALF))
                time.sleep(0.1)
                decided = time.time()
                assert project.releases.rollback("tiny", reason="drill").status is Status.ROLLED_BACK
                time.sleep(0.2)
                by_candidate = [a.done for a in load.answers if a.version == 2 and a.done < time.time()]
                assert by_candidate, release
                lags.append(max(by_candidate) - decided)
        failed = [answer for answer in load.answers if answer.status != 200]
        with capsys.disabled():
            sys.stdout.write(
                f"\n  {TIMES} rollbacks at {RATE:g} requests/s, {len(load.answers)} requests, "
                f"{len(failed)} failed; last answer of the candidate after the decision: "
                f"median {sorted(lags)[len(lags) // 2] * 1000:.0f} ms, greatest {max(lags) * 1000:.0f} ms\n"
            )
        assert not failed
        assert max(lags) < SLACK
    finally:
        gateway.end()
