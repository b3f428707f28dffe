"""A call on its way: what was asked, which arm it was given, and what has become of it so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from typing import Any
from urllib.parse import quote

from workbench.gateway import unusual
from workbench.gateway.answers import Loaded, Reply
from workbench.gateway.batch import Batch
from workbench.gateway.coin import Coin
from workbench.gateway.live import Live
from workbench.traffic import Arm, Exchange

ARM, UNUSUAL = "X-Workbench-Arm", "X-Workbench-Unusual"


@dataclass(frozen=True, slots=True)
class Call:
    """A request that has been read and checked."""

    request_id: str
    live: Live
    """The table by which it was read; the coin uses the same."""
    champion: Loaded
    """Of that table."""
    batch: Batch
    scores: bool = False
    """Whether the caller gets scores."""
    version: int | None = None
    """The version the caller named."""
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = field(default_factory=perf_counter)


@dataclass(slots=True)
class Course:
    """What has become of a call so far."""

    call: Call
    arm: Arm
    chosen: Loaded
    """Whom the coin, or the caller, chose."""
    coin: Coin | None
    """None: none was thrown."""
    unusual: tuple[str, ...]
    """Columns with a value that training never showed."""
    error: str = ""
    """Why whom was chosen did not answer."""
    tried: set[int] = field(default_factory=set)
    """Versions that were asked, or passed over."""
    asked: list[int] = field(default_factory=list)
    """Versions that were asked."""

    @property
    def named(self) -> bool:
        """The caller named the version: it answers, or nobody."""
        return self.call.version is not None

    @property
    def arm_name(self) -> str:
        """What an A/B test calls the arm; empty outside one, and when the request does not count."""
        names = self.call.live.table.arms
        return "" if names is None or self.arm == "none" else names[self.arm == "candidate"]

    @property
    def headers(self) -> dict[str, str]:
        """What the caller is told beside the answer. Names in it are percent-encoded."""
        headers = {}
        if self.arm_name:
            headers[ARM] = quote(self.arm_name, safe="")
        if self.unusual:
            headers[UNUSUAL] = unusual.header(self.unusual)
        return headers

    def reply(self, predictions: list[Any], scores: list[float] | None, served_by: int | None) -> Reply:
        """Return what the caller gets."""
        return Reply(self.call.request_id, predictions, scores, served_by, self.headers)

    def exchange(
        self, endpoint: str, *, status: int, served_by: int | None = None, outputs: list[Any] | None = None
    ) -> Exchange:
        """Return the call as it is captured."""
        call, coin = self.call, self.coin
        return Exchange(
            request_id=call.request_id,
            time=call.time,
            endpoint=endpoint,
            table_version=call.live.table.version,
            arm=self.arm,
            share=call.live.table.share,
            coin=None if coin is None else coin.value,
            unit="" if coin is None else coin.unit,
            arm_name=self.arm_name,
            version=self.chosen.version,
            served_by=served_by,
            status=status,
            error=self.error,
            latency_ms=(perf_counter() - call.started) * 1000,
            inputs=call.batch.records(),
            outputs=outputs,
            unusual=self.unusual,
        )
