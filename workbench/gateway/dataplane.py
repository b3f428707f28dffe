"""The way of one request: coin, call with a deadline, who answers instead, a copy for the shadow, the record.

A version that fails is replaced by the next one of the chain (``chain``). Each has the deadline, and all of
them together twice that, counted from the moment the request was read; nobody is asked when it is over. So a
request ends within two deadlines, and a gateway that is told to stop waits that long.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, NamedTuple

from workbench.gateway import coin
from workbench.gateway.answers import Answer, DeadlineExceeded, Failed, Loaded, Reply
from workbench.gateway.breaker import Breakers, State
from workbench.gateway.chain import Chain
from workbench.gateway.course import Call, Course
from workbench.gateway.live import Live
from workbench.gateway.metrics import Metrics
from workbench.gateway.problems import Problem, not_serving, overloaded
from workbench.gateway.routing import RoutingTable
from workbench.gateway.shedding import Load
from workbench.traffic import CaptureWriter, Exchange


class _Step(NamedTuple):
    """Whom to ask now."""

    one: Loaded
    ticket: int | None
    """Of its breaker; None: the breaker is not asked, and not told."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What came of asking one version."""

    answer: Answer | None = None
    status: int = 200
    error: str = ""
    busy: bool = False
    """It was not asked: too many calls wait for it."""


class DataPlane:
    """Answers calls by the table in force.

    Args:
        endpoint: whose requests these are.
        capture: gets every exchange.
        metrics: counts them.
        deadline: seconds a version has for one call; a call has two of them, whoever is asked.
        most: requests that may be under way at once.
    """

    def __init__(
        self, endpoint: str, *, capture: CaptureWriter, metrics: Metrics, deadline: float, most: int
    ) -> None:
        self.endpoint = endpoint
        self.stopped = False
        """The ``KILL`` file is there."""
        self.draining = False
        """No new work: the process is ending."""
        self._live: Live | None = None
        self._chain = Chain()
        self._breakers = Breakers(self._breaker_changed)
        self._load = Load(most)
        self._capture = capture
        self._metrics = metrics
        self._deadline = deadline
        self._shadows: set[asyncio.Task[None]] = set()

    @property
    def live(self) -> Live | None:
        """The table in force, with its versions; None before the first."""
        return self._live

    @live.setter
    def live(self, live: Live | None) -> None:
        kept = {version for one in (self._live, live) if one is not None for version in one.loaded}
        self._breakers.keep(kept)
        self._chain.follow(live)
        self._live = live

    def signed_again(self, table: RoutingTable) -> None:
        """Put a table that says the same in place of the one in force: only its lease is another."""
        if self._live is not None:
            self._live = replace(self._live, table=table)

    @property
    def breakers(self) -> dict[str, State]:
        """The breakers that are not closed, by ``name/version``."""
        return {f"{self.endpoint}/{version}": state for version, state in self._breakers.tripped.items()}

    @property
    def killed(self) -> bool:
        """No model may answer."""
        return self.stopped or (self._live is not None and self._live.table.killed)

    @property
    def ready(self) -> bool:
        """A champion is loaded, and the process is not ending."""
        return not self.draining and self._live is not None and self._live.champion is not None

    def serving(self) -> tuple[Live, Loaded]:
        """Return the table in force and its champion.

        Raises:
            Problem: 503, there is no champion yet.
        """
        if self._live is None or self._live.champion is None:
            raise not_serving(
                f"No version of {self.endpoint} serves yet: its champion is loading, or none was released.",
                remedy=f"Try again in a moment, or release one: workbench release {self.endpoint}/1",
            )
        return self._live, self._live.champion

    async def infer(self, call: Call) -> Reply:
        """Answer a call.

        Raises:
            Problem: 422 the rows are about several entities, 500 the version failed, 503 killed, overloaded
                or all have failed, 504 no answer by the deadline.
        """
        course = self._assign(call)
        if self.killed:
            return self._declared(course)
        if self._load.full or not (self._load.calm or course.chosen is call.champion):
            raise self._shed(course)
        self._load.under_way += 1
        try:
            return await self._walk(course)
        finally:
            self._load.under_way -= 1

    async def drain(self) -> None:
        """Wait until every shadow has answered or met its deadline, and its exchange is handed over."""
        if self._shadows:
            await asyncio.wait(self._shadows)

    def _assign(self, call: Call) -> Course:
        """Throw the coin. What arrives in a hard time counts for no arm (``shedding``, ``_fair``)."""
        live, table = call.live, call.live.table
        unusual = call.batch.schema.usual.outside(call.batch.values, call.batch.n)
        if call.version is not None:
            return Course(call, "none", live.version(call.version), None, unusual)
        candidate, thrown = live.candidate, None
        if table.sticky:
            thrown = coin.of_batch(call.batch, table.sticky, table.salt)
        elif candidate is not None:
            thrown = coin.toss()
        calm = self._load.calm and self._fair(call)
        if candidate is not None and thrown is not None and thrown.value < table.share:
            return Course(call, "candidate" if calm else "none", candidate, thrown, unusual)
        return Course(call, "champion" if calm else "none", call.champion, thrown, unusual)

    def _fair(self, call: Call) -> bool:
        """Whether both arms are asked, where there are two to compare.

        A breaker that an outage of both versions has opened pauses longer than the outage; what comes in that
        pause would count against one version alone. So while either pauses no request counts. That rests on
        what was before this request, not on its coin, and what opened the breaker has counted, as does each
        call that tries whether the pause was long enough.
        """
        candidate, champion = call.live.candidate, call.champion
        if candidate is None or call.live.table.share >= 1:
            return True
        return all(self._breakers.of(one.version).lets_through for one in (candidate, champion))

    async def _walk(self, course: Course) -> Reply:
        """Ask one version after the other until one answers, or none is left, or there is no time."""
        last: _Attempt | None = None
        while (left := self._left(course)) > 0 and (step := self._next(course)) is not None:
            attempt = await self._ask(step, course.call, min(left, self._deadline))
            if self.killed:
                return self._declared(course)
            if not self._may_answer(step.one, course):
                # Taken out during the call: its answer must not go out any more, and says nothing of it.
                if step.one is course.chosen:
                    course.arm = "none"
                continue
            if attempt.answer is not None:
                return self._answered(course, step.one, attempt.answer)
            course.error, last = course.error or attempt.error, attempt
            if attempt.busy and not (step.one is course.chosen and course.arm == "candidate"):
                break  # it will have room in a moment: better than an older version's answer
        return self._unanswered(course, last)

    def _left(self, course: Course) -> float:
        """Seconds until nobody is asked any more."""
        return course.call.started + 2 * self._deadline - perf_counter()

    def _next(self, course: Course) -> _Step | None:
        """Whom to ask now; None when nobody is left.

        A version with an open breaker is passed over while anybody or anything else may answer. Where nothing
        may, the champion is asked all the same: a refusal would be certain, and rows on which it raises, sent
        by one caller, must not switch it off for all.
        """
        if course.named:
            return None if course.asked else self._step(course, course.chosen, None)
        live = self._live
        if live is None or (champion := live.champion) is None:
            return None  # it was taken out during the call
        if not course.tried and (step := self._entered(course, course.chosen)) is not None:
            return step
        for one in self._chain.order:
            if one.version not in course.tried and (step := self._entered(course, one)) is not None:
                return step
        if champion.version in course.asked or live.table.fallback is not None:
            return None
        if champion is course.chosen:
            course.error = ""
        return self._step(course, champion, None)

    def _entered(self, course: Course, one: Loaded) -> _Step | None:
        """Ask its breaker; passed over, it is an error of whom was chosen."""
        ticket = self._breakers.of(one.version).enter()
        if ticket is None:
            course.tried.add(one.version)
            course.error = course.error or f"the breaker of {one.model.ref} is open"
            return None
        return self._step(course, one, ticket)

    @staticmethod
    def _step(course: Course, one: Loaded, ticket: int | None) -> _Step:
        course.tried.add(one.version)
        course.asked.append(one.version)
        return _Step(one, ticket)

    def _may_answer(self, one: Loaded, course: Course) -> bool:
        """Whether the table in force by now still lets this version answer this call."""
        if course.named:
            return True
        if one is course.chosen:
            return self._live is not None and one.version in self._live.answering
        return any(one.version == other.version for other in self._chain.order)

    async def _ask(self, step: _Step, call: Call, seconds: float) -> _Attempt:
        """Ask a version, and tell its breaker."""
        well: bool | None = None
        try:
            answer = await step.one.ask(call.batch, scores=call.scores, deadline=seconds)
            well = True
            return _Attempt(answer)
        except DeadlineExceeded as error:
            # What had only the rest of another's time, or never had its turn, has not failed.
            well = None if seconds < self._deadline or not error.started else False
            return _Attempt(status=504, error=str(error))
        except Problem as error:
            return _Attempt(status=error.status, error=error.message, busy=error.retry_after is not None)
        except Failed as error:
            well = False
            return _Attempt(status=500, error=str(error))
        finally:
            if step.ticket is not None:
                self._breakers.of(step.one.version).leave(step.ticket, ok=well)

    def _answered(self, course: Course, one: Loaded, answer: Answer) -> Reply:
        """Record the answer, show the request to the shadow, and return the reply."""
        if course.error:
            self._metrics.fell_back("version")
        reply = course.reply(answer.predictions, answer.scores, one.version)
        exchange = course.exchange(
            self.endpoint, status=200, served_by=one.version, outputs=answer.predictions
        )
        self._metrics.answered(exchange)
        shadow = course.call.live.shadow
        if shadow is None or self._live is None or shadow is not self._live.shadow or not _counts(exchange):
            self._capture.put(exchange)
        elif not self._load.copies:
            self._metrics.shadow_dropped()
            self._metrics.shed("shadow")
            self._capture.put(exchange)
        else:
            task = asyncio.get_running_loop().create_task(self._shadow(shadow, course.call, exchange))
            self._shadows.add(task)
            task.add_done_callback(self._shadows.discard)
        return reply

    def _unanswered(self, course: Course, last: _Attempt | None) -> Reply:
        """Answer what the table declares, or say that nobody could."""
        table = course.call.live.table if self._live is None else self._live.table
        busy = last is not None and last.busy
        if table.fallback is not None and not (course.named or busy):
            self._metrics.fell_back("declared")
            return self._static(course, table.fallback)
        several = len(course.asked) > 1
        status = 503 if last is None or several else last.status
        self._record(course, status=status)
        if several:
            who, reason = f"No version of {self.endpoint}", "could answer"
        else:
            # What the model said may hold values of the rows: it is recorded, not sent.
            who = course.chosen.model.ref
            reason = "did not answer in time" if status == 504 else "could not answer"
        raise Problem(
            f"{who} {reason}.",
            status=status,
            retry_after=1 if status == 503 else None,
            headers=course.headers,
        )

    def _declared(self, course: Course) -> Reply:
        """Answer what the table declares for when no model may answer."""
        course.arm, course.error = "none", "killed"
        fallback = None if self._live is None else self._live.table.fallback
        if fallback is not None:
            return self._static(course, fallback)
        self._record(course, status=503)
        raise not_serving(
            f"{self.endpoint} is switched off.", remedy=f"To undo: workbench revive {self.endpoint}"
        )

    def _static(self, course: Course, value: Any) -> Reply:
        reply = course.reply([value] * course.call.batch.n, None, None)
        self._record(course, status=200, outputs=reply.predictions)
        return reply

    def _shed(self, course: Course) -> Problem:
        """Turn a request away. It counts for no arm (``shedding``)."""
        self._metrics.shed("champion" if course.chosen is course.call.champion else "candidate")
        course.arm, course.error = "none", "shed: too many requests were under way"
        self._record(course, status=503)
        return overloaded()

    async def _shadow(self, loaded: Loaded, call: Call, exchange: Exchange) -> None:
        """Ask the shadow after the caller has been answered, and record both answers together.

        Its failures open no breaker: it holds nobody up, and each of them is evidence.
        """
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

    def _record(self, course: Course, *, status: int, outputs: list[Any] | None = None) -> None:
        exchange = course.exchange(self.endpoint, status=status, outputs=outputs)
        self._metrics.answered(exchange)
        self._capture.put(exchange)

    def _breaker_changed(self, version: int, state: State) -> None:
        self._metrics.breaker(f"{self.endpoint}/{version}", state)


def _counts(exchange: Exchange) -> bool:
    """Whether the champion was chosen and answered: half of a pair."""
    return exchange.arm == "champion" and not exchange.error
