"""Real worker processes: whatever a model does, its callers are told, and the next call is answered."""

from __future__ import annotations

import asyncio

import psutil
import pytest

from workbench.core.errors import Tampered, Unavailable
from workbench.gateway.answers import DeadlineExceeded, Failed
from workbench.gateway.problems import Problem


def test_a_hung_worker_is_killed_at_its_limit_and_another_answers(moody, serving, until, run):
    async def story():
        async with serving(moody, gateway_workers=1, gateway_deadline_seconds=0.3) as ask:
            (before,) = ask.served.crew.pids
            with pytest.raises(DeadlineExceeded, match=r"within 0\.3 s") as late:
                await ask(101, deadline=0.3)
            assert late.value.started
            assert await ask(1) == [1.0]
            assert ask.served.crew.pids != (before,)
            await until(lambda: not psutil.pid_exists(before))

    run(story())


def test_while_one_worker_hangs_the_others_answer(moody, serving, run):
    async def story():
        async with serving(moody, gateway_workers=2, gateway_deadline_seconds=5) as ask:
            hanging = asyncio.create_task(ask(101, deadline=0.2))
            assert [await ask(1) for _ in range(20)] == [[1.0]] * 20
            with pytest.raises(DeadlineExceeded):
                await hanging

    run(story())


def test_a_crash_fails_the_call_it_happened_in_and_no_other(moody, serving, run):
    async def story():
        async with serving(moody, gateway_workers=1) as ask:
            answers = await asyncio.gather(ask(1), ask(102), ask(2), return_exceptions=True)
            assert answers[0] == answers[2] == [1.0]
            assert isinstance(answers[1], Failed)
            assert str(answers[1]) == "its process ended (SIGSEGV)"

    run(story())


def test_what_a_model_raises_is_told_in_one_line(moody, serving, run):
    async def story():
        async with serving(moody, gateway_workers=1) as ask:
            with pytest.raises(Failed, match=r"^ValueError: 103 is$"):
                await ask(103)

    run(story())


def test_a_leaking_worker_is_replaced_before_it_goes_and_no_call_fails(moody, serving, until, run):
    async def story():
        async with serving(moody, gateway_workers=1, gateway_worker_memory_mb=500) as ask:
            (before,) = ask.served.crew.pids
            for _ in range(12):
                assert await ask(104) == [1.0]
            while before in ask.served.crew.pids:
                assert await ask(1) == [1.0]
            await until(lambda: not psutil.pid_exists(before))
            assert ask.served.crew.replaced == 1

    run(story())


def test_a_worker_that_died_after_thousands_of_fruitless_tries_is_still_replaced(
    moody, serving, until, run, monkeypatch
):
    monkeypatch.setattr("workbench.gateway.workers.crew._LONGEST_PAUSE", 0.01)

    async def story():
        async with serving(moody, gateway_workers=1) as ask:
            (before,) = ask.served.crew.pids
            ask.served.crew._fruitless = 5000
            psutil.Process(before).kill()
            await until(lambda: ask.served.crew.replaced == 1)
            assert await ask(1) == [1.0]

    run(story())


def test_one_great_allocation_fails_its_call_alone(moody, serving, run):
    async def story():
        async with serving(moody, gateway_workers=1, gateway_worker_memory_mb=500) as ask:
            with pytest.raises(Failed, match="MemoryError"):
                await ask(106)
            assert await ask(1) == [1.0]

    run(story())


def test_who_finds_no_room_is_told_to_come_again_and_a_shadow_has_its_own(moody, serving, run):
    from workbench.gateway.workers import limits

    async def story():
        async with serving(moody, gateway_workers=1) as ask:
            ask.served.crew._limits = limits.Limits(workers=1, seconds=2.0, waiting=2, shadow_waiting=1)
            slow = [asyncio.create_task(ask(105)) for _ in range(3)]
            shadow = asyncio.create_task(ask(1, shadow=True))
            await asyncio.sleep(0.05)
            for kind in (False, True):
                with pytest.raises(Problem) as full:
                    await ask(1, shadow=kind)
                assert (full.value.status, full.value.retry_after) == (503, 1)
            assert await asyncio.gather(*slow, shadow) == [[1.0]] * 4

    run(story())


def test_a_shadow_waits_behind_what_is_sent(moody, serving, run):
    order = []

    async def one(ask, name, shadow):
        await ask(105, shadow=shadow)
        order.append(name)

    async def story():
        async with serving(moody, gateway_workers=1) as ask, asyncio.TaskGroup() as group:
            for name, shadow in (("first", False), ("shadow", True), ("second", False)):
                group.create_task(one(ask, name, shadow))
                await asyncio.sleep(0.01)

    run(story())
    assert order == ["first", "second", "shadow"]


def test_a_call_that_never_began_says_so(moody, serving, run):
    async def story():
        async with serving(moody, gateway_workers=1, gateway_deadline_seconds=5) as ask:
            slow = asyncio.create_task(ask(105))
            await asyncio.sleep(0.05)
            with pytest.raises(DeadlineExceeded) as late:
                await ask(1, deadline=0.02)
            assert not late.value.started
            assert await slow == [1.0]

    run(story())


def test_closing_answers_what_has_begun_and_leaves_no_process(moody, serving, until, run):
    async def story():
        async with serving(moody, gateway_workers=2) as ask:
            pids = ask.served.crew.pids
            begun = asyncio.create_task(ask(105))
            await asyncio.sleep(0.02)
            await ask.served.close()
            assert await begun == [1.0]
            await until(lambda: not any(map(psutil.pid_exists, pids)))
            with pytest.raises(Problem):
                await ask(1)

    run(story())


def test_closing_does_not_wait_for_what_hangs(moody, serving, until, run):
    async def story():
        async with serving(moody, gateway_workers=1, gateway_deadline_seconds=0.3) as ask:
            pids = ask.served.crew.pids
            hanging = asyncio.create_task(ask(101, deadline=9))
            await asyncio.sleep(0.02)
            await ask.served.close()
            with pytest.raises(Failed):
                await hanging
            await until(lambda: not any(map(psutil.pid_exists, pids)))

    run(story())


def test_bytes_that_changed_are_not_opened(moody, serving, root, tmp_path, run):
    import shutil

    place = tmp_path / "changed"
    shutil.copytree(root / moody.path, place)
    (place / "added").write_text("not registered", "utf-8")

    async def story():
        with pytest.raises(Tampered):
            async with serving(moody.model_copy(update={"path": str(place)})):
                pass

    run(story())


def test_a_version_that_cannot_be_opened_says_why(moody, serving, run):
    other = moody.model.model_copy(update={"flavor": "sklearn"})

    async def story():
        with pytest.raises(Unavailable, match="moody/1 cannot be served"):
            async with serving(moody.model_copy(update={"model": other})):
                pass

    run(story())


def test_a_version_whose_reading_never_ends_is_killed(sleeping, serving, run, monkeypatch, until):
    monkeypatch.setattr("workbench.gateway.workers.worker.OPENING_SECONDS", 3.0)
    left = {child.pid for child in psutil.Process().children(recursive=True)}

    async def story():
        with pytest.raises(Unavailable, match="took too long"):
            async with serving(sleeping):
                pass
        now = psutil.Process().children(recursive=True)
        await until(lambda: not any(one.is_running() for one in now if one.pid not in left))

    run(story())


def test_calls_that_wait_are_joined_and_each_gets_its_own_rows(moody, serving, run):
    async def story():
        async with serving(moody, gateway_workers=1, gateway_join_ms=2000) as ask:
            await ask(1)  # so that it is known what a row costs
            first = asyncio.create_task(ask(105))
            await asyncio.sleep(0.05)
            answers = await asyncio.gather(*(ask(*range(n)) for n in (1, 2, 3)))
            assert await first == [1.0]
            assert [len(answer) for answer in answers] == [1, 2, 3]
            assert {value for answer in answers for value in answer} == {6.0}

    run(story())


@pytest.mark.parametrize(("x1", "why"), [(103, "ValueError: 103 is"), (102, "its process ended (SIGSEGV)")])
def test_a_row_that_fails_a_joined_call_fails_its_own_call_alone(moody, serving, x1, why, run):
    async def story():
        async with serving(moody, gateway_workers=1, gateway_join_ms=2000) as ask:
            await ask(1)
            first = asyncio.create_task(ask(105))
            await asyncio.sleep(0.05)
            answers = await asyncio.gather(ask(1), ask(x1), ask(2), return_exceptions=True)
            assert await first == [1.0]
            assert (answers[0], str(answers[1]), answers[2]) == ([1.0], why, [1.0])

    run(story())


def test_a_row_that_hangs_a_joined_call_lets_the_others_be_answered(moody, serving, run):
    async def story():
        async with serving(
            moody, gateway_workers=1, gateway_join_ms=2000, gateway_deadline_seconds=20
        ) as ask:
            await ask(1)
            first = asyncio.create_task(ask(105))
            await asyncio.sleep(0.05)
            calls = (ask(1), ask(2), ask(101))
            answers = await asyncio.gather(*calls, return_exceptions=True)
            assert await first == [1.0]
            assert answers[:2] == [[1.0], [1.0]]
            assert isinstance(answers[2], DeadlineExceeded)

    run(story())
