"""Controllers as processes: killed by SIGKILL at each of their steps, and stopped while another one takes over."""

from __future__ import annotations

import os
import signal
import time
import uuid
from contextlib import suppress

import pytest

from workbench.core.errors import Conflict, WorkbenchError
from workbench.core.settings import Settings
from workbench.journal import Event, Journal, witness
from workbench.models.registry import Registry
from workbench.releases import Releases, Status
from workbench.testing.clock import ManualClock
from workbench.testing.killing import child
from workbench.testing.releases import PLAN, plan, verdict_on

NAME = "tiny"
SHORT = plan(stages=[PLAN["stages"][2], PLAN["stages"][3]])

#: What a controller does to others, in the order of a step that promotes.
STEPS = ["append_many", "route", "set_alias"]


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request, root):
    """Of a project whose journal is in a file, or on a server."""
    url = ""
    if request.param == "postgresql":
        url = request.getfixturevalue("server").url(f"c{uuid.uuid4().hex[:12]}")
    return Settings(root=root, actor="ada", journal_url=url)


@pytest.fixture
def journal(settings, clock):
    file = settings.state / "journal.db"
    with Journal.open(file, actor="ada", clock=clock) as registered:
        entries = registered.entries()
    if settings.journal != file:  # another journal, which has not been seen by the witness of the first
        witness.path_of(file).unlink()
    with Journal.open(settings.journal, actor="ada", clock=clock, beside=settings.state) as journal:
        for entry in entries if settings.journal != file else []:
            journal.append(entry.stream, Event(kind=entry.kind, payload=entry.payload))
        yield journal


@pytest.fixture
def release(project):
    """``tiny/2`` in its only canary stage, with all the evidence it needs: the next step promotes it."""
    project.open(1)
    version = project.version(2)
    now = project.releases.open(version, SHORT, endpoint=NAME, verdict=verdict_on(version))
    project.send(400, seed=1)
    return now


def controller(project, moment, signal_number, *, after=False):
    """A process that takes one step and gets a signal right before (or after) it does what ``moment`` names.

    It exits with 0 when it got through, 7 when it was told that somebody else has taken over.
    """

    def work(writer: int) -> None:
        clock = ManualClock(project.clock.now())
        journal = Journal.open(
            project.settings.journal, actor="grace", clock=clock, beside=project.settings.state
        )
        registry = Registry(project.settings, journal, clock)
        releases = Releases(
            project.settings,
            journal,
            registry,
            project.traffic,
            clock,
            permission=lambda state: state.allowed,
        )
        owner = {"append_many": journal, "route": releases._target, "set_alias": registry}[moment]
        honest, seen = getattr(owner, moment), []

        def signalled(*args, **kwargs):
            promoted = journal.read("release/tiny-2")[-1].kind == "release.promoted"
            now = not seen and (promoted or moment == "append_many")
            seen.extend([1] * now)
            if now and not after:
                os.kill(os.getpid(), signal_number)
            result = honest(*args, **kwargs)
            if now and after:
                os.kill(os.getpid(), signal_number)
            return result

        setattr(owner, moment, signalled)
        os.write(writer, b"begun")
        try:
            releases.tick("tiny-2")
        except Conflict:
            os._exit(7)
        os._exit(0)

    pid, reader = child(work)
    assert os.read(reader, 5) == b"begun"
    os.close(reader)
    return pid


def kinds(project) -> list[str]:
    entries = project.journal.read("release/tiny-2")
    return [e.kind.removeprefix("release.") for e in entries if e.kind != "release.judged"]


def serving(project) -> tuple:
    now = project.table()
    return tuple(role and role.version for role in (now.champion, now.candidate, now.standby))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("moment", STEPS)
def test_a_controller_killed_at_any_step_of_a_promotion_is_followed_at_once(project, release, moment, after):
    pid = controller(project, moment, signal.SIGKILL, after=after)
    assert os.WIFSIGNALED(os.waitpid(pid, 0)[1])
    began = time.monotonic()
    assert project.another().tick("tiny-2").status is Status.PROMOTED
    assert time.monotonic() - began < 5.0
    project.another().tick("tiny-2")
    assert kinds(project) == ["opened", "promoted"]
    assert serving(project) == (2, None, 1)
    assert project.registry.aliases(NAME)["champion"] == 2
    assert project.journal.read(f"lease/{NAME}") == []  # nobody lived whose lease was to be taken
    assert project.journal.verify().ok


@pytest.mark.parametrize("moment", STEPS)
def test_a_controller_stopped_in_a_step_and_continued_later_neither_appends_nor_routes(
    project, release, moment
):
    pid = controller(project, moment, signal.SIGSTOP)
    try:
        assert os.WIFSTOPPED(os.waitpid(pid, os.WUNTRACED)[1])
        silence(project)
        other = project.another()
        other.tick("tiny-2")  # takes over, and does what the first one was about to do
        assert [e.actor for e in project.journal.read(f"lease/{NAME}")] == ["ada"]
        other.rollback(NAME, "INC-1")
        told, table = project.journal.size(), project.table()
        os.kill(pid, signal.SIGCONT)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert kinds(project) == ["opened", "promoted", "rolled_back"]
    assert project.table() == table
    assert serving(project) == (1, None, None)
    if moment == "set_alias":  # what it had begun to say to MLflow is said, and set right by the next look
        project.another().keep(NAME)
    else:
        assert code == 7
        assert project.journal.size() == told
    assert project.registry.aliases(NAME)["champion"] == 1


def silence(project) -> None:
    """Make whoever drives look as if they had shown no sign of life for a minute."""
    for path in (project.settings.state / "releases" / NAME).glob("*.lock"):
        os.utime(path, (time.time() - 60, time.time() - 60))


def test_taking_over_changes_no_version_of_the_routing(project, release):
    before = project.table()
    first = project.another()
    with first.driving(NAME):
        silence(project)
        with project.another().driving(NAME) as lease:
            assert lease.token == 1
            assert project.table() == before.model_copy(update={"token": 1})
            status = first._target.status(NAME)
            with pytest.raises(WorkbenchError, match="lease 1; 0 is an earlier one"):
                first._target.route(status.routing, expected=status.version, token=0)


def test_people_need_no_lease(project, release):
    with project.another().driving(NAME):
        assert project.another().abort("tiny-2", "changed our mind").status is Status.ABORTED
        assert serving(project) == (1, None, None)
