"""Any legal history is clean, whatever is left out of one is named, and nothing in an edited one is a crash."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.gateway.record import Recorded, Served
from workbench.journal import Entry
from workbench.releases.effects import ENDPOINT_KILLED, ENDPOINT_REVIVED
from workbench.releases.reconciliation import Reconciliation
from workbench.releases.reconciliation.order import EVER, NEVER
from workbench.releases.state import ABORTED, KILLED, OPENED, PROMOTED, ROLLED_BACK, STAGE_ENTERED
from workbench.testing.clock import START

DOINGS = st.lists(
    st.one_of(
        st.tuples(st.just("open"), st.integers(1, 5)),
        *[
            st.just((name,))
            for name in ("step", "step", "step", "step", "abort", "pause", "go_back", "kill", "revive")
        ],
    ),
    max_size=25,
)
WAITS = st.sampled_from([0.3, 2.0, 30.0, 90.0, 1000.0, 20_000.0])
LIMITS = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)


def lived(world, doings, waits, *, restarts=False):
    """A life in which the gateway follows whatever the journal says before anything else happens."""
    world.start()
    world.open(1)
    for name, *arguments in doings:
        world.wait(waits())
        getattr(world, name)(*arguments)
        if name in ("go_back", "kill"):
            world.wait(waits())
            world.record()
        if restarts:
            world.stop()
            world.wait(waits())
            world.start()
    return world


def names(world, left_out: Entry, sentence: str) -> bool:
    """Whether a sentence is about what was left out.

    Of a kill and a revival within the few seconds that clocks may differ by, either may be the one missed.
    """
    if left_out.stream.startswith("endpoint/"):
        return "has no endpoint." in sentence or "tiny is killed" in sentence
    release = next(r for r in world.releases if left_out.stream == f"release/{r.id}")
    return release.id in sentence or release.candidate in sentence


@LIMITS
@given(doings=DOINGS, data=st.data())
def test_no_whole_history_has_a_problem(World, doings, data):
    """Gateways stop, crash and start at any time, and versions take minutes to load."""
    world = World()
    if data.draw(st.booleans()):
        world.start()
    world.open(1)
    for name, *arguments in doings:
        world.wait(data.draw(WAITS))
        match data.draw(st.sampled_from(["", "", "start", "stop", "crash"])):
            case "start":
                world.start()
            case "stop":
                world.stop()
            case "crash":
                world.stop(crash=True)
        getattr(world, name)(*arguments)
        by_hand = name in ("go_back", "kill")
        if by_hand:
            world.wait(data.draw(WAITS))
        if not by_hand or data.draw(st.booleans()):
            world.record()
    found = world.found()
    assert found.problems == []
    waits = bool(world.intents) or (world.killed and not world.recorded_kill)
    assert bool(found.pending) == waits


@LIMITS
@given(doings=DOINGS, data=st.data(), restarts=st.booleans())
def test_whatever_single_entry_is_left_out_of_a_history_is_named(World, doings, data, restarts):
    world = lived(World(), doings, lambda: data.draw(WAITS), restarts=restarts)
    assert world.found() == ([], [], [])
    world.wait(1)
    moving = [
        e
        for e in world.entries
        if e.kind
        in (OPENED, STAGE_ENTERED, PROMOTED, ABORTED, ROLLED_BACK, KILLED, ENDPOINT_KILLED, ENDPOINT_REVIVED)
    ]
    for left_out in moving:
        problems, pending, _ = world.found(entries=world.without(left_out))
        # A kill that is still in force cannot be told from one that waits for its record: the next tick
        # writes it either way.
        stands = world.killed and left_out is world.switches[-1]
        assert any(names(world, left_out, said) for said in (pending if stands else problems)), left_out


STRANGE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@settings(deadline=None, max_examples=150)
@given(data=st.data(), strange=STRANGE)
def test_whatever_an_edited_journal_or_record_holds_is_no_crash(World, data, strange):
    world = World()
    world.open(1)
    world.start()
    world.promote(2)
    world.kill()
    world.record()
    edited = data.draw(st.sampled_from([e for e in world.entries if e.payload]))
    key = data.draw(st.sampled_from(sorted(edited.payload)))
    changes = {"payload": edited.payload | {key: strange}}
    changes |= {"time": data.draw(st.sampled_from([edited.time, EVER, NEVER]))}
    entries = [e.model_copy(update=changes) if e is edited else e for e in world.entries]
    nonsense = Served(ref=data.draw(st.text(max_size=8)), digest=data.draw(st.text(max_size=8)))
    time = data.draw(st.sampled_from([START, EVER, NEVER]))
    place = data.draw(st.integers(0, len(world.lines) - 1))
    line = world.lines[place].model_copy(update={"champion": nonsense, "table": 99, "time": time})
    record = Recorded((*world.lines[:place], line, *world.lines[place + 1 :]))
    for found in (
        world.found(entries=entries),
        world.found(record=record),
        world.found(entries=entries, record=record),
    ):
        assert isinstance(str(Reconciliation(ok=False, problems=tuple(found.problems))), str)
