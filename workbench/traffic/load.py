"""A load: requests drawn from a file's rows at a rate, for demonstrations and tests; only counts are kept."""

from __future__ import annotations

import http.client
import json
import math
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from workbench.core.errors import InvalidInput, Unavailable
from workbench.core.records import Record
from workbench.traffic.sending import KEY, Answered, Connection, Row, Sender, oip, say_nothing

#: Requests of one load.
MOST = 10_000_000
#: Connections of a load: a request that finds none free waits, and the wait counts.
CONNECTIONS = 64
#: With these a gateway lets a caller not in: no key, a wrong one, or too often.
SHUT = frozenset({401, 403, 429})


class Load(Record):
    """What a load came to. Latencies are milliseconds, from when a request was due to its whole answer."""

    endpoint: str
    url: str
    rate: float
    """Requests a second that were asked for."""
    seconds: float
    """From the first request to the last answer."""
    sent: int
    answered: int
    """With a 200."""
    failed: dict[str, int]
    """The others, by HTTP status; ``none`` where no answer came."""
    versions: dict[str, int]
    """Answers with a 200 by the version that served; ``none`` for a fallback."""
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    first_failure: str = ""
    stopped: bool = False
    """Somebody stopped it before its end."""

    def __str__(self) -> str:
        early = ", stopped early" if self.stopped else ""
        lines = [f"{self.sent:,} requests to {self.endpoint} in {self.seconds:.1f} s{early}"]
        lines += [f"  answered: {self.answered:,}", f"  versions: {_counts(self.versions)}"]
        if self.failed:
            lines += [f"  failed: {_counts(self.failed)}; the first: {self.first_failure}"]
        if self.p50_ms is not None:
            lines += [f"  latency: p50 {self.p50_ms:.1f}, p95 {self.p95_ms:.1f}, p99 {self.p99_ms:.1f} ms"]
        return "\n".join(lines)


def send_load(
    url: str,
    endpoint: str,
    rows: Sequence[Row],
    *,
    rate: float,
    seconds: float,
    progress: Callable[[int, int, int], None] | None = None,
    stop: threading.Event | None = None,
    timeout: float = 30.0,
) -> Load:
    """Send requests at a rate for a while, drawn from the rows in turn, and count what came back.

    Args:
        url: of the gateway.
        endpoint: the model's name.
        rows: columns and values; those that the model does not read are left out.
        rate: requests a second, evenly spaced.
        seconds: for so long.
        progress: called about once a second with requests answered, failed, and to be sent.
        stop: set it, and no more requests are sent.
        timeout: seconds an answer may take.

    Raises:
        InvalidInput: nothing to send, too much, or a column that the model reads is missing.
        Unavailable: no gateway answers there.
        KeyboardInterrupt: never: it stops the load, and what was sent so far is returned.
    """
    if not (rate > 0 and seconds > 0 and 1 <= rate * seconds <= MOST):
        raise InvalidInput(
            f"rate: {rate:g} requests a second for {seconds:g} s is not from one request to {MOST:,}.",
            remedy="Give another rate, or other seconds.",
            field="rate",
        )
    total = int(rate * seconds)
    bodies = [oip(row) for row in _readable(rows, inputs_of(url, endpoint, timeout))]
    tally, stop = _Tally(), stop or threading.Event()
    sender = Sender(url, f"/v2/models/{endpoint}/infer", bodies, rate=rate, timeout=timeout, stop=stop)
    threads = max(4, min(CONNECTIONS, total))
    tick = partial(_tell, progress, tally, total) if progress else say_nothing
    took = sender.run(total, threads, tally.add, tick)
    return tally.load(endpoint=endpoint, url=url, rate=rate, seconds=took, stopped=stop.is_set())


class _Tally:
    """Counts answers as they come; keeps no more of each than its latency."""

    def __init__(self) -> None:
        self.sent = self.wrong = 0
        self._failed: Counter[str] = Counter()
        self._versions: Counter[str] = Counter()
        self._latencies: list[float] = []
        self._first = ""
        self._one = threading.Lock()

    def add(self, _: int, answer: Answered) -> None:
        """Count one answer."""
        with self._one:
            self.sent += 1
            self._latencies.append(answer.latency_ms)
            if answer.status == 200:
                self._versions[str(answer.version or "none")] += 1
                return
            self.wrong += 1
            self._failed[str(answer.status or "none")] += 1
            self._first = self._first or f"{answer.status or 'no answer'} {answer.body[:200]!r}"

    def load(self, **about: Any) -> Load:
        """Return what it came to."""
        ordered = sorted(self._latencies)
        return Load(
            **about,
            sent=self.sent,
            answered=self.sent - self.wrong,
            failed=dict(self._failed),
            versions=dict(self._versions),
            p50_ms=_quantile(ordered, 0.5),
            p95_ms=_quantile(ordered, 0.95),
            p99_ms=_quantile(ordered, 0.99),
            first_failure=self._first,
        )


def _tell(progress: Callable[[int, int, int], None], tally: _Tally, total: int) -> None:
    progress(tally.sent, tally.wrong, total)


def _quantile(ordered: Sequence[float], quantile: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(quantile * len(ordered)))] if ordered else None


def _counts(of: dict[str, int]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in sorted(of.items())) or "none"


def inputs_of(url: str, endpoint: str, timeout: float) -> dict[str, str]:
    """Return names and data types of the columns that the model reads, as its gateway tells.

    Raises:
        InvalidInput: ``url`` is no address.
        Unavailable: no gateway answers there, its certificate is not trusted, or it lets nobody in without a
            key, with what to do about it.
    """
    _require_address(url)
    connection = Connection(url, timeout)
    try:
        status, body = connection.get(f"/v2/models/{endpoint}")
        if status == 200:
            return {column["name"]: column["datatype"] for column in json.loads(body)["inputs"]}
        raise refused(url, endpoint, status, body)
    except ssl.SSLCertVerificationError as error:
        raise Unavailable(
            f"{url} shows a certificate that is not trusted here: {error.verify_message}.",
            remedy="Name the file of who signed it in the variable SSL_CERT_FILE, and a host that it is for.",
            field="url",
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(
            f"{url} gives no answer: {error or type(error).__name__}.",
            remedy=f"Start its gateway: workbench gateway {endpoint}",
            field="url",
        ) from error
    except (ValueError, LookupError, TypeError) as error:
        raise Unavailable(
            f"{url} does not tell what {endpoint} reads.",
            remedy="Give the address of its gateway.",
            field="url",
        ) from error
    finally:
        connection.close()


def refused(url: str, endpoint: str, status: int, body: bytes) -> Unavailable:
    """Return what a gateway's answer means that is no 200.

    Raises:
        ValueError, LookupError, TypeError: it is not the answer of a gateway.
    """
    why = json.loads(body)["error"]
    if status in SHUT:
        new = f"workbench gateway-key add {endpoint} --name NAME"
        return Unavailable(
            f"{url} does not let you in: {why}",
            remedy=f"Put a key into the variable {KEY}; a new one: {new}",
            field="url",
        )
    return Unavailable(f"{url} answers {status}: {why}", remedy="See workbench status.", field="url")


def _require_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return
    except ValueError:
        pass  # a port that is no number
    raise InvalidInput(
        f"url: {url!r} is no address.", remedy="Give one such as http://127.0.0.1:8765.", field="url"
    )


def _readable(rows: Sequence[Row], inputs: dict[str, str]) -> list[Row]:
    """The columns that the model reads, with the whole numbers that gaps in a file made decimal."""
    missing = [name for name in inputs if not rows or name not in rows[0]]
    if missing:
        raise InvalidInput(
            f"data: there is no column {missing[0]!r}, which the model reads.",
            remedy=f"It reads: {', '.join(map(repr, inputs))}.",
            field="data",
        )
    return [{name: _read_as(row[name], kind) for name, kind in inputs.items()} for row in rows]


def _read_as(value: Any, datatype: str) -> Any:
    """A cell as the model's column has it, where it can be: the gateway says what is wrong with the others.

    One cell of text makes pandas read a whole column of numbers as text, and a gap makes integers decimal.
    """
    if isinstance(value, str) and datatype.startswith(("INT", "FP")):
        with suppress(ValueError):
            value = float(value) if math.isfinite(float(value)) else value
    if datatype.startswith("INT") and isinstance(value, float) and value.is_integer():
        return int(value)
    return float(value) if datatype.startswith("FP") and type(value) is int else value
