"""Rows of an incident that was never opened, because its opener was killed, are no longer there, or are named."""

from __future__ import annotations

import os
import time

from workbench.incidents import freeze
from workbench.traffic.removal import Key


def left(here, name, age):
    """A folder with frozen rows of which no journal tells."""
    folder = here.frozen / name
    folder.mkdir(parents=True)
    (folder / freeze.FILE).write_bytes(b"rows of a person")
    for path in (folder / freeze.FILE, folder):
        os.utime(path, (time.time() - age,) * 2)
    return folder


def test_a_draft_that_nobody_is_writing_any_more_is_gone_once_somebody_looks_for_a_person(here):
    old, young = left(here, ".draft-abc", 90), left(here, ".draft-def", 10)
    assert here.incidents.holding(Key("person", "p1")) == []
    assert (old.exists(), young.exists()) == (False, True)


def test_a_folder_that_the_journal_does_not_know_is_named_for_nobody_can_tell_and_it_may_be_evidence(here):
    folder = left(here, "INC-7", 90)
    assert here.incidents.holding(Key("person", "p1")) == ["INC-7"]
    assert folder.exists()
