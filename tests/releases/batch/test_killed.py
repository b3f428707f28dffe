"""A run that is killed at any write goes on and leaves the same bytes."""

from __future__ import annotations

import os
import signal

import pytest

from workbench.core.clock import SystemClock
from workbench.journal import Journal
from workbench.models.registry import Registry
from workbench.releases.batch import Batches, parts
from workbench.testing.killing import child, words

#: Of three chunks: the manifest at the beginning, then two files and the manifest for each.
WRITES = 1 + 3 * 3


def score(settings, source, to):
    clock = SystemClock()
    with Journal.open(settings.state / "journal.db", actor="ada", clock=clock) as journal:
        batches = Batches(settings, journal, Registry(settings, journal, clock))
        return batches.score("tiny/1", source, to, rows=4, resume=True, any_version=True)


def dying_at(nth, settings, source, to):
    """Score in a child that is killed just before its nth write."""

    def work(_: int) -> None:
        count, write = 0, parts.replace

        def counted(*given, **options):
            nonlocal count
            count += 1
            if count == nth:
                os.kill(os.getpid(), signal.SIGKILL)
            return write(*given, **options)

        parts.replace = counted
        score(settings, source, to)

    pid, reader = child(work)
    words(reader)
    return os.waitpid(pid, 0)[1]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_run_killed_at_any_write_goes_on_and_gives_the_same_bytes(settings, csv_of, tmp_path, form):
    source = csv_of("x1", "1", "2", "", "-1", *map(str, range(8)))
    whole = tmp_path / f"whole.{form}"
    first = score(settings, source, whole)
    for nth in range(1, WRITES + 1):
        to = tmp_path / f"killed-{nth}.{form}"
        assert os.WTERMSIG(dying_at(nth, settings, source, to)) == signal.SIGKILL
        assert not to.exists()
        run = score(settings, source, to)
        assert to.read_bytes() == whole.read_bytes()
        assert (run.scored, run.rejected) == (first.scored, first.rejected) == (11, 1)
        rejects = (tmp_path / run.rejects).read_bytes()
        assert rejects == (tmp_path / first.rejects).read_bytes()


def test_a_run_killed_between_its_output_and_its_end_is_told_once(settings, csv_of, tmp_path, monkeypatch):
    source, to = csv_of("x1", "1", "2"), tmp_path / "out.csv"

    def dies(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(parts.Parts, "clear", dies)
        with pytest.raises(KeyboardInterrupt):
            score(settings, source, to)
    body = to.read_bytes()
    score(settings, source, to)
    assert to.read_bytes() == body
    with Journal.open(settings.state / "journal.db", actor="ada", clock=SystemClock()) as journal:
        assert len(journal.read("batch/tiny")) == 1
