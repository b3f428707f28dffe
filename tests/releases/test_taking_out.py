"""Taking a candidate out needs nothing of what serves already: changed files and a registry that is down do not."""

from __future__ import annotations

import os

import pytest

from workbench.core.errors import Tampered, Unavailable
from workbench.gateway.status import write_status
from workbench.gateway.watcher import new_status
from workbench.releases import Releases, Status, refusals
from workbench.testing.releases import plan

NAME = "tiny"
HALF = plan(
    metrics={"errors": {}},
    stages=[
        {"name": "half", "kind": "canary", "weight": 0.5, "min_requests": 2000},
        {"name": "champion", "kind": "champion"},
    ],
)


class Down:
    """A registry whose artifacts are elsewhere and cannot be fetched."""

    def __init__(self, real) -> None:
        self._real = real

    def __getattr__(self, name: str):
        return getattr(self._real, name)

    def artifact_path(self, version):
        raise Unavailable(f"MLflow does not answer for {version.ref}.", field="tracking_uri")


@pytest.fixture
def release(project):
    """``tiny/3`` has half of the requests of ``tiny/2``; ``tiny/1`` stands by."""
    project.open(1)
    project.promote(2)
    return project.open(3, plan=HALF)


@pytest.fixture
def change(project):
    """Changes the file of a version."""

    def changed(number: int) -> None:
        file = project.registry.artifact_path(project.version(number)) / "model.pkl"
        file.write_bytes(file.read_bytes() + b"x")

    return changed


def without_artifacts(project) -> Releases:
    """A fresh process that reaches the journal and the traffic, and no artifact."""
    parts = (project.settings, project.journal, Down(project.registry), project.traffic, project.clock)
    return Releases(*parts, permission=lambda state: state.allowed)


def serving(project) -> tuple:
    now = project.table()
    return (*(role and role.version for role in (now.champion, now.candidate, now.standby)), now.share)


def refused(project) -> list[str]:
    entries = project.journal.read(f"artifact/{NAME}")
    return [entry.payload["model"] for entry in entries if entry.kind == refusals.REFUSED]


def test_a_candidate_whose_bytes_were_changed_is_taken_out_by_the_next_controller(project, release, change):
    change(3)
    ended = project.another().tick(release.id)
    assert ended.status is Status.ABORTED
    assert ended.reason.startswith("The candidate's bytes must not be served: tiny/3 was registered as")
    assert serving(project) == (2, None, 1, 0.0)
    assert refused(project) == ["tiny/3"]


def test_a_candidate_whose_files_are_gone_is_taken_out(project, release):
    folder = project.registry.artifact_path(project.version(3))
    folder.rename(folder.with_name("elsewhere"))
    assert project.another().tick(release.id).status is Status.ABORTED
    assert serving(project) == (2, None, 1, 0.0)


def test_a_paused_candidate_whose_bytes_were_changed_is_taken_out(project, release, change):
    project.releases.pause(release.id, "holiday")
    change(3)
    assert project.another().tick(release.id).status is Status.ABORTED


def test_harm_is_told_before_changed_bytes(project, release, change):
    change(3)
    project.send(400, bad=0.5)
    ended = project.another().tick(release.id)
    assert "proved worse than the champion" in ended.reason
    assert serving(project) == (2, None, 1, 0.0)


def test_a_candidate_changed_between_its_entry_and_its_traffic_never_gets_any(project, change):
    project.open(1)
    opener = project.another()
    take, taken = opener._effects.take, []

    def dies(*given) -> None:
        taken.append(given)
        if len(taken) > 1:
            raise KeyboardInterrupt
        take(*given)

    opener._opener._effects.take = dies
    project.releases, own = opener, project.releases
    with pytest.raises(KeyboardInterrupt):
        project.open(2, plan=HALF)
    project.releases = own
    change(2)
    assert project.another().tick("tiny-2").status is Status.ABORTED
    assert serving(project) == (1, None, None, 0.0)


@pytest.mark.parametrize("number", [1, 2], ids=["standby", "champion"])
def test_changed_bytes_of_another_version_keep_no_harmful_candidate_in(project, release, change, number):
    change(number)
    project.send(400, bad=0.5)
    assert project.another().tick(release.id).status is Status.ABORTED
    assert serving(project) == (2, None, 1, 0.0)


@pytest.mark.parametrize("number", [1, 2], ids=["standby", "champion"])
def test_changed_bytes_of_another_version_stop_no_abort_by_hand(project, release, change, number):
    change(number)
    assert project.another().abort(release.id, "so").status is Status.ABORTED
    assert serving(project) == (2, None, 1, 0.0)


def test_a_controller_tells_once_of_changed_bytes_that_answer(project, release, change):
    change(1), change(2)
    controller = project.another()
    for _ in range(2):
        assert controller.tick(release.id).status is Status.RUNNING
    assert sorted(refused(project)) == ["tiny/1", "tiny/2"]


def test_where_nothing_is_under_way_a_controller_tells_too(project, change):
    project.open(1)
    change(1)
    project.another().keep(NAME)
    assert refused(project) == ["tiny/1"]


def test_a_fresh_controller_without_artifacts_takes_a_harmful_candidate_out(project, release):
    project.send(400, bad=0.5)
    assert without_artifacts(project).tick(release.id).status is Status.ABORTED
    assert serving(project) == (2, None, 1, 0.0)


def test_a_fresh_controller_without_artifacts_aborts_by_hand(project, release):
    assert without_artifacts(project).abort(release.id, "so").status is Status.ABORTED
    assert serving(project) == (2, None, 1, 0.0)


def test_that_artifacts_cannot_be_fetched_ends_no_release(project, release):
    assert without_artifacts(project).tick(release.id).status is Status.RUNNING
    assert serving(project) == (2, 3, 1, 0.5)


def test_going_back_where_the_one_before_was_changed_leaves_nobody_to_stand_by(project, change):
    project.open(1)
    project.promote(2)
    project.promote(3)
    change(1)
    assert project.another().rollback(NAME, "INC-1").candidate == "tiny/3"
    assert serving(project) == (2, None, None, 0.0)
    assert refused(project) == ["tiny/1"]


def test_a_standby_that_was_restored_stands_by_again(project, change):
    project.open(1)
    project.promote(2)
    project.promote(3)
    file = project.registry.artifact_path(project.version(1)) / "model.pkl"
    honest = file.read_bytes()
    change(1)
    controller = project.another()
    controller.rollback(NAME, "INC-1")
    file.write_bytes(honest)
    controller.keep(NAME)
    assert serving(project) == (2, None, None, 0.0)  # not looked at again at once
    project.clock.advance(minutes=2)
    controller.keep(NAME)
    assert serving(project) == (2, None, 1, 0.0)


def test_a_gateway_that_cannot_load_the_standby_gets_a_table_without(project, release, change):
    change(1)
    project.releases.abort(release.id, "so")
    says = {
        "refused_version": project.table().version,
        "refused": "The files of tiny/1 are not those that were registered.",
    }
    write_status(project.settings.state, new_status(NAME, os.getpid(), "").model_copy(update=says))
    project.releases.keep(NAME)
    assert serving(project) == (2, None, None, 0.0)


def test_a_champion_new_to_the_table_is_still_checked(project, change):
    project.open(1)
    change(1)
    (project.settings.state / "gateway" / NAME / "routes.json").unlink()
    with pytest.raises(Tampered):
        project.another().keep(NAME)
