"""Requests at a rate, and an honest account of what came back.

The loop is open: a request is due at its time whether or not earlier ones have been answered, and its latency
counts from when it was due. A server that stalls cannot hide that by receiving fewer requests.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

Row = dict[str, Any]

#: Variable with the key that is shown to the gateway.
KEY = "WORKBENCH_GATEWAY_KEY"


class Answered(NamedTuple):
    """One request, as its sender saw it."""

    due: float
    """When it was to be sent; ``time.time()``."""
    done: float
    """When the whole answer was there, or the connection failed."""
    status: int
    """HTTP status; 0 when there was no answer."""
    version: int | None
    """The version that served, None for a fallback or an error."""
    request_id: str
    body: bytes
    """The answer, or what went wrong with the connection."""

    @property
    def latency_ms(self) -> float:
        """From when it was due: a request that waited for an earlier one has waited."""
        return (self.done - self.due) * 1000


@dataclass(frozen=True)
class Sent:
    """What became of a series of requests, in the order they were due."""

    answers: list[Answered] = field(repr=False)
    seconds: float

    @property
    def statuses(self) -> Counter[int]:
        """Answers by HTTP status; 0 where there was none."""
        return Counter(answer.status for answer in self.answers)

    @property
    def failed(self) -> int:
        """Requests without a 200."""
        return sum(answer.status != 200 for answer in self.answers)

    @property
    def versions(self) -> list[int | None]:
        """Who served, request by request."""
        return [answer.version for answer in self.answers]

    def latency_ms(self, quantile: float = 0.5) -> float:
        """A quantile of the latencies."""
        latencies = sorted(answer.latency_ms for answer in self.answers)
        return latencies[min(len(latencies) - 1, int(quantile * len(latencies)))]

    def __str__(self) -> str:
        failed = next((a for a in self.answers if a.status != 200), None)
        served = dict(Counter(map(str, self.versions)))
        first = f"; first failure: {failed.status} {failed.body[:200]!r}" if failed else ""
        return (
            f"{len(self.answers)} requests in {self.seconds:.1f} s, {self.failed} failed, versions {served}, "
            f"median {self.latency_ms():.1f} ms, p99 {self.latency_ms(0.99):.1f} ms{first}"
        )


def send(
    url: str,
    endpoint: str,
    rows: Sequence[Row],
    *,
    rate: float | None = None,
    connections: int = 4,
    protocol: Literal["oip", "mlflow"] = "oip",
    timeout: float = 30.0,
) -> Sent:
    """Send every row as a request of its own, and wait for all answers.

    Args:
        url: of the gateway.
        endpoint: the model's name.
        rows: one request each.
        rate: requests a second, evenly spaced, sent whether or not earlier ones have been answered as long
            as a connection is free; None: as fast as the connections allow.
        connections: kept open, one thread each.
        protocol: ``oip`` or ``mlflow``.
        timeout: seconds an answer may take.
    """
    path = f"/v2/models/{endpoint}/infer" if protocol == "oip" else "/invocations"
    bodies = [(oip if protocol == "oip" else _mlflow)(row) for row in rows]
    answers: list[Answered] = [None] * len(bodies)  # type: ignore[list-item]
    sender = Sender(url, path, bodies, rate=rate, timeout=timeout)
    seconds = sender.run(len(bodies), connections, answers.__setitem__, say_nothing)
    return Sent(answers, seconds)


class Sender:
    """Sends bodies in turn over several connections, each request at its time."""

    def __init__(
        self,
        url: str,
        path: str,
        bodies: Sequence[bytes],
        *,
        rate: float | None,
        timeout: float,
        stop: threading.Event | None = None,
    ) -> None:
        self._url, self._path, self._bodies = url, path, bodies
        self._rate, self._timeout = rate, timeout
        self._stop = stop or threading.Event()

    def run(
        self,
        total: int,
        connections: int,
        took: Callable[[int, Answered], None],
        tick: Callable[[], None],
    ) -> float:
        """Send so many, hand each answer to ``took``, and return the seconds it took."""
        turn, start = itertools.count(), time.time()

        def work() -> None:
            connection = Connection(self._url, self._timeout)
            while (at := next(turn)) < total:
                due = time.time() if self._rate is None else start + at / self._rate
                if self._stop.wait(max(0.0, due - time.time())):
                    break
                took(at, connection.post(self._path, self._bodies[at % len(self._bodies)], due))
            connection.close()

        threads = [threading.Thread(target=work, daemon=True) for _ in range(connections)]
        for thread in threads:
            thread.start()
        self._wait(threads, tick)
        return time.time() - start

    def _wait(self, threads: Sequence[threading.Thread], tick: Callable[[], None]) -> None:
        while any(thread.is_alive() for thread in threads):
            try:
                end = time.monotonic() + 1
                for thread in threads:
                    thread.join(max(0.0, end - time.monotonic()))
                tick()
            except KeyboardInterrupt:
                self._stop.set()


def say_nothing() -> None:
    """What a load tells of its progress when nobody asked."""


class Connection:
    """One kept-alive connection; opened anew after it failed, without repeating what failed on it.

    A key in the variable ``WORKBENCH_GATEWAY_KEY`` is shown to the gateway. Over https the certificate must
    be signed by somebody whom this machine trusts, or by those in the file that ``SSL_CERT_FILE`` names.
    """

    def __init__(self, url: str, timeout: float) -> None:
        parts, key = urlsplit(url), os.environ.get(KEY)
        make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._base = parts.path.rstrip("/")  # an endpoint may lie under a path of its own
        self._http = make(parts.hostname or "", parts.port, timeout=timeout)
        self._headers = {"Content-Type": "application/json", **({"X-Api-Key": key} if key else {})}

    def get(self, path: str) -> tuple[int, bytes]:
        """Ask for something, and return the status and the body.

        Raises:
            OSError, http.client.HTTPException: no answer came.
        """
        self._http.request("GET", self._base + path, headers=self._headers)
        answer = self._http.getresponse()
        return answer.status, answer.read()

    def post(self, path: str, body: bytes, due: float) -> Answered:
        """Send a request once."""
        try:
            self._http.request("POST", self._base + path, body, self._headers)
            answer = self._http.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._http.close()
            return Answered(due, time.time(), 0, None, "", repr(error).encode())
        served = answer.getheader("X-Workbench-Version", "")
        return Answered(
            due,
            time.time(),
            answer.status,
            int(served) if served.isdigit() else None,
            answer.getheader("X-Request-Id", ""),
            content,
        )

    def close(self) -> None:
        """Close it."""
        self._http.close()


def oip(row: Row) -> bytes:
    """One row as the body of a V2 request."""
    return json.dumps({"inputs": [_tensor(name, value) for name, value in row.items()]}).encode()


def _tensor(name: str, value: Any) -> dict[str, Any]:
    datatypes = {bool: "BOOL", int: "INT64", str: "BYTES"}
    missing = value is None or value != value  # noqa: PLR0124 - NaN, as pandas writes a missing value
    data = [None if missing else value]
    return {"name": name, "shape": [1], "datatype": datatypes.get(type(value), "FP64"), "data": data}


def _mlflow(row: Row) -> bytes:
    missing = {name for name, value in row.items() if value != value}  # noqa: PLR0124 - NaN
    return json.dumps(
        {"dataframe_records": [{name: None if name in missing else row[name] for name in row}]}
    ).encode()
