"""The way of one request: coin, call with a deadline, fallback, a copy for the shadow, and the record."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter

from workbench.gateway.answers import Answer, DeadlineExceeded, Failed, Loaded, Reply
from workbench.gateway.batch import Batch
from workbench.gateway.live import Live
from workbench.gateway.metrics import Metrics
from workbench.gateway.problems import Problem, not_serving
from workbench.traffic import Arm, CaptureWriter, Exchange

#: Seeded by the operating system: who may see their own answers cannot foresee the next arm.
_coin = random.SystemRandom().random


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class _Attempt:
    """What came of asking one version."""

    answer: Answer | None = None
    status: int = 200
    error: str = ""


class DataPlane:
    """Answers calls by the table in force.

    Args:
        endpoint: whose requests these are.
        capture: gets every exchange.
        metrics: counts them.
        deadline: seconds a version has for one call. A candidate that takes longer is replaced by the
            champion, which then has as long again.
    """

    def __init__(self, endpoint: str, *, capture: CaptureWriter, metrics: Metrics, deadline: float) -> None:
        self.endpoint = endpoint
        self.live: Live | None = None
        self.stopped = False
        """The ``KILL`` file is there."""
        self.draining = False
        """No new work: the process is ending."""
        self._capture = capture
        self._metrics = metrics
        self._deadline = deadline
        self._shadows: set[asyncio.Task[None]] = set()

    @property
    def killed(self) -> bool:
        """No model may answer."""
        return self.stopped or (self.live is not None and self.live.table.killed)

    @property
    def ready(self) -> bool:
        """A champion is loaded, and the process is not ending."""
        return not self.draining and self.live is not None and self.live.champion is not None

    def serving(self) -> tuple[Live, Loaded]:
        """Return the table in force and its champion.

        Raises:
            Problem: 503, there is no champion yet.
        """
        if self.live is None or self.live.champion is None:
            raise not_serving(
                f"No version of {self.endpoint} serves yet: its champion is loading, or none was released.",
                remedy=f"Try again in a moment, or release one: workbench release {self.endpoint}/1",
            )
        return self.live, self.live.champion

    async def infer(self, call: Call) -> Reply:
        """Answer a call.

        Raises:
            Problem: 500 the version failed, 503 killed or overloaded, 504 no answer by the deadline.
        """
        arm, chosen = self._assign(call)
        assigned, error = chosen.version, ""
        while True:
            attempt = None if self.killed else await self._ask(chosen, call)
            if attempt is None or self.killed:
                return self._declared(call, assigned)
            live, champion = self.serving()
            if call.version is None and chosen.version not in live.answering:
                # Taken out during the call: its answer must not go out any more, and says nothing of it.
                arm, chosen = "none", champion
            elif attempt.answer is None and arm == "candidate" and chosen is not champion:
                error, chosen = attempt.error, champion
            else:
                exchange = self._exchange(call, arm, assigned, error or attempt.error)
                return self._settle(call, exchange, chosen, attempt)

    async def drain(self) -> None:
        """Wait until every shadow has answered or met its deadline, and its exchange is handed over."""
        if self._shadows:
            await asyncio.wait(self._shadows)

    def _assign(self, call: Call) -> tuple[Arm, Loaded]:
        """The coin: independent for every request."""
        if call.version is not None:
            return "none", call.live.version(call.version)
        candidate = call.live.candidate
        if candidate is not None and _coin() < call.live.table.share:
            return "candidate", candidate
        return "champion", call.champion

    async def _ask(self, loaded: Loaded, call: Call) -> _Attempt:
        try:
            return _Attempt(await loaded.ask(call.batch, scores=call.scores, deadline=self._deadline))
        except DeadlineExceeded as error:
            return _Attempt(status=504, error=str(error))
        except Problem as error:
            return _Attempt(status=error.status, error=error.message)
        except Failed as error:
            return _Attempt(status=500, error=str(error))

    def _settle(self, call: Call, exchange: Exchange, chosen: Loaded, attempt: _Attempt) -> Reply:
        """Record what came of it, and return the reply or raise what the caller is told."""
        if attempt.answer is None:
            self._record(exchange, status=attempt.status)
            # What the model said may hold values of the rows: it is recorded, not sent.
            reason = "did not answer in time" if attempt.status == 504 else "could not answer"
            raise Problem(
                f"{chosen.model.ref} {reason}.",
                status=attempt.status,
                retry_after=1 if attempt.status == 503 else None,
            )
        reply = Reply(call.request_id, attempt.answer.predictions, attempt.answer.scores, chosen.version)
        answered = {"served_by": chosen.version, "outputs": reply.predictions}
        shadow = call.live.shadow
        if (
            self.live is None
            or shadow is None
            or shadow is not self.live.shadow
            or exchange.arm != "champion"
        ):
            self._record(exchange, status=200, **answered)
            return reply
        exchange = self._count(exchange, status=200, **answered)
        task = asyncio.get_running_loop().create_task(self._shadow(shadow, call, exchange))
        self._shadows.add(task)
        task.add_done_callback(self._shadows.discard)
        return reply

    async def _shadow(self, loaded: Loaded, call: Call, exchange: Exchange) -> None:
        """Ask the shadow after the caller has been answered, and record both answers together."""
        started = perf_counter()
        seen: dict[str, object] = {"shadow_version": loaded.version}
        try:
            answer = await loaded.ask(call.batch, scores=False, deadline=self._deadline, shadow=True)
            seen["shadow_outputs"] = answer.predictions
        except DeadlineExceeded as error:
            # One that never began says nothing of the version: it was not shown the request.
            seen = seen | {"shadow_error": str(error)} if error.started else {}
        except Problem as error:
            seen = {} if error.retry_after else seen | {"shadow_error": error.message}
        except Failed as error:
            seen["shadow_error"] = str(error)
        if seen:
            seen["shadow_latency_ms"] = (perf_counter() - started) * 1000
        else:
            self._metrics.shadow_dropped()
        self._capture.put(exchange.model_copy(update=seen))

    def _declared(self, call: Call, assigned: int) -> Reply:
        """Answer what the table declares for when no model may answer."""
        exchange = self._exchange(call, "none", assigned, "killed")
        fallback = None if self.live is None else self.live.table.fallback
        if fallback is None:
            self._record(exchange, status=503)
            raise not_serving(
                f"{self.endpoint} is switched off.", remedy=f"To undo: workbench revive {self.endpoint}"
            )
        reply = Reply(call.request_id, [fallback] * call.batch.n, None, None)
        self._record(exchange, status=200, outputs=reply.predictions)
        return reply

    def _exchange(self, call: Call, arm: Arm, assigned: int, error: str) -> Exchange:
        return Exchange(
            request_id=call.request_id,
            time=call.time,
            endpoint=self.endpoint,
            table_version=call.live.table.version,
            arm=arm,
            share=call.live.table.share,
            version=assigned,
            served_by=None,
            status=0,
            error=error,
            latency_ms=(perf_counter() - call.started) * 1000,
            inputs=call.batch.records(),
            outputs=None,
        )

    def _count(self, exchange: Exchange, **known: object) -> Exchange:
        settled = exchange.model_copy(update=known)
        self._metrics.answered(settled)
        return settled

    def _record(self, exchange: Exchange, **known: object) -> None:
        self._capture.put(self._count(exchange, **known))
