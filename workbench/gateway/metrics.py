"""Counts for Prometheus, in a registry of the gateway's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, Histogram, generate_latest

from workbench.gateway.breaker import State
from workbench.traffic import Exchange

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """What ``GET /metrics`` tells. No label holds what a caller sent."""

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self, *, lost: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "workbench_requests", "Requests answered.", ["arm", "version", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "workbench_request_seconds",
            "From the read request to its answer.",
            ["arm", "version"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._refused = Counter(
            "workbench_refused", "Requests that could not be read.", ["status"], registry=self._registry
        )
        self._dropped = Counter(
            "workbench_shadow_dropped", "Requests the busy shadow was not shown.", registry=self._registry
        )
        Gauge(
            "workbench_capture_lost", "Exchanges that could not be kept.", registry=self._registry
        ).set_function(lost)
        self._shed = Counter(
            "workbench_shed",
            "Requests given up because too many were under way: shadow (no copy), candidate, champion (503).",
            ["what"],
            registry=self._registry,
        )
        self._fell_back = Counter(
            "workbench_fallback",
            "Requests another version or the declared answer stood in for.",
            ["by"],
            registry=self._registry,
        )
        self._breaker = Enum(
            "workbench_breaker",
            "State of a version's circuit breaker, once it has opened.",
            ["version"],
            states=list(get_args(State)),
            registry=self._registry,
        )
        self._unusual = Counter(
            "workbench_unusual",
            "Requests with a value in this column that training never showed.",
            ["column"],
            registry=self._registry,
        )
        self.dropped = 0
        """Requests the shadow was not shown."""

    def answered(self, exchange: Exchange) -> None:
        """Count an exchange by the arm the coin assigned. An A/B test's names of arms are no labels."""
        requests, seconds = self._children(exchange.arm, exchange.version, exchange.status)
        requests.inc()
        seconds.observe(exchange.latency_ms / 1000)
        for column in exchange.unusual:
            self._unusual.labels(column).inc()

    def shed(self, what: Literal["shadow", "candidate", "champion"]) -> None:
        """Count what was given up for load."""
        self._shed.labels(what).inc()

    def fell_back(self, by: Literal["version", "declared"]) -> None:
        """Count a request that whom the coin chose did not answer."""
        self._fell_back.labels(by).inc()

    def breaker(self, ref: str, state: State) -> None:
        """Keep the state of a version's breaker."""
        self._breaker.labels(ref).state(state)

    def refused(self, status: int) -> None:
        """Count a request that ended before any model was asked."""
        self._refused.labels(str(status)).inc()

    def shadow_dropped(self) -> None:
        """Count a request the shadow was not shown."""
        self.dropped += 1
        self._dropped.inc()

    @lru_cache(maxsize=256)  # noqa: B019 - one object a process; finding the labels takes longer than counting
    def _children(self, arm: str, version: int, status: int) -> tuple[Counter, Histogram]:
        labels = arm, str(version)
        return self._requests.labels(*labels, str(status)), self._seconds.labels(*labels)

    def text(self) -> bytes:
        """The Prometheus exposition."""
        return generate_latest(self._registry)
