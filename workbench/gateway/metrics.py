"""Counts for Prometheus, in a registry of the gateway's own."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

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
        self.dropped = 0
        """Requests the shadow was not shown."""

    def answered(self, exchange: Exchange) -> None:
        """Count an exchange by the arm the coin assigned."""
        labels = exchange.arm, str(exchange.version)
        self._requests.labels(*labels, str(exchange.status)).inc()
        self._seconds.labels(*labels).observe(exchange.latency_ms / 1000)

    def refused(self, status: int) -> None:
        """Count a request that ended before any model was asked."""
        self._refused.labels(str(status)).inc()

    def shadow_dropped(self) -> None:
        """Count a request the shadow was not shown."""
        self.dropped += 1
        self._dropped.inc()

    def text(self) -> bytes:
        """The Prometheus exposition."""
        return generate_latest(self._registry)
