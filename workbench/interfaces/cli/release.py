"""``workbench release``: begin a release, drive it, look at it, decide about it."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from workbench.core.errors import Unavailable
from workbench.core.values import Outcome
from workbench.interfaces.cli.options import (
    HERE,
    Actor,
    Model,
    Project,
    Reason,
    asked,
    bench,
    in_a_folder,
)
from workbench.interfaces.cli.output import AsJson, finish, say, show

if TYPE_CHECKING:
    from workbench.bench import Workbench
    from workbench.releases.loop import Loop
    from workbench.releases.records import Release


class StartsByModel(TyperGroup):
    """``workbench release credit/4`` is ``workbench release start credit/4``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take a first word that is no command as the model."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["start", *args]
        return super().parse_args(ctx, args)


releases = typer.Typer(
    cls=StartsByModel,
    help="Move traffic to a version through the stages of a plan: `workbench release credit/4`.",
    no_args_is_help=True,
)

ReleaseId = Annotated[str, typer.Argument(metavar="RELEASE", help="Its id, such as `credit-2`.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (start, run, tick, pause, resume, abort, retry, approve, revoke):
        releases.command(command.__name__)(command)
    releases.command("list")(list_all)
    releases.command("plan")(try_dry)
    releases.command("show")(show_one)
    app.add_typer(releases, name="release")


def start(
    model: Model,
    plan: Annotated[
        str | None, typer.Option("--plan", help="A file, or a name in plans/.", show_default="canary")
    ] = None,
    policy: Annotated[
        str | None, typer.Option("--policy", help="A file, or a name in policies/.", show_default="default")
    ] = None,
    supersede: Annotated[
        bool, typer.Option("--supersede", help="Take the place of a release that is under way.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch/--no-watch", help="Drive it here until it ends.", show_default=True)
    ] = True,
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds to drive it at most.")] = 3600.0,
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Move traffic to a version through the stages of a plan; goes on with an active release of that version.

    That one goes on by the plan and the policy that it began with; others than those are refused.
    Exit 0 promoted, 1 aborted, rolled back or killed, 2 still running. `start` may be left out.

    Example: `workbench release start recidivism/4 --plan plans/canary.yaml`
    """
    wb = bench(project, actor)
    version = wb.model(model)
    active = wb.releases.active(version.name)
    if active is not None and active.candidate == version.ref:
        now = _as_begun(wb, active, plan, policy)
    else:
        now = wb.release(model, plan=plan or "canary", policy=policy or "default", supersede=supersede)
    for state in wb.watch(now, timeout=timeout) if watch else ():
        now = state
        say(f"{now.id}: {now.current.name}, {now.weight:.0%} of requests. {now.reason}")
    show(now, as_json=as_json)
    if not now.status.final:
        finish(Outcome.INCONCLUSIVE)
    finish(Outcome.PASS if now.status == "promoted" else Outcome.FAIL)


Only = Annotated[
    list[str] | None,
    typer.Argument(metavar="ENDPOINT…", help="These alone. Default: all that something was released to."),
]


def run(
    endpoints: Only = None,
    every: Annotated[float, typer.Option("--every", help="Seconds between looks.", show_default=True)] = 1.0,
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Drive all releases of the project until stopped: SIGTERM or Ctrl-C ends it after the step under way.

    What fails is said once and tried again; a database that is down stops no gateway.

    Example: `workbench release run`
    """
    with _until_stopped() as stop:
        _loop(project, actor, endpoints, as_json=as_json, stop=stop).run(every=every)


def tick(endpoints: Only = None, project: Project = HERE, actor: Actor = "", as_json: AsJson = False) -> None:
    """Take one step of every release of the project: for cron, where nothing is to keep running.

    Exit 0 when every step was taken, 3 when one was not.

    Example: `workbench release tick`
    """
    if not _loop(project, actor, endpoints, as_json=as_json, stop=None).once():
        raise Unavailable(
            "Not every step could be taken.",
            remedy="The lines above say why; the next tick tries again.",
            field="release",
        )


def try_dry(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="A file, or a name in plans/.")],
    model: Annotated[str, typer.Option("--model", help="The candidate: `name`, `name/3`, `name@candidate`.")],
    rate: Annotated[
        float | None, typer.Option("--rate", help="Requests a minute, in place of the last day's.")
    ] = None,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Try a plan dry: what a release would take on the traffic of the last day. Nothing is opened.

    Example: `workbench release plan canary --model recidivism/4`
    """
    show(bench(project).forecast(model, plan=plan, rate=rate), as_json=as_json)


def list_all(project: Project = HERE, as_json: AsJson = False) -> None:
    """List every release, oldest first.

    Example: `workbench release list`
    """
    found = bench(project).releases.all()
    if as_json:
        show(list(found), as_json=True)
    for one in found if not as_json else ():
        print(f"{one.id:<20} {one.candidate:<20} {one.status:<12} {one.current.name}, {one.weight:.0%}")


def show_one(
    release: ReleaseId,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="Write the page with its picture, too.", callback=in_a_folder),
    ] = None,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Show a release: where it stands, and one sentence for each verdict of each stage.

    Example: `workbench release show recidivism-2 --html release.html`
    """
    found = bench(project).releases.get(release)
    if html is not None:
        say(f"page: {found.to_html(html)}")
    show(found, as_json=as_json)


def pause(
    release: ReleaseId, reason: Reason, project: Project = HERE, actor: Actor = "", as_json: AsJson = False
) -> None:
    """Hold the stage and its deadline. Harm still ends the release.

    Example: `workbench release pause recidivism-2 --reason "holiday"`
    """
    show(bench(project, actor).pause(release, reason=reason), as_json=as_json)


def resume(
    release: ReleaseId, reason: Reason, project: Project = HERE, actor: Actor = "", as_json: AsJson = False
) -> None:
    """Go on after a pause.

    Example: `workbench release resume recidivism-2 --reason "back"`
    """
    show(bench(project, actor).resume(release, reason=reason), as_json=as_json)


def abort(
    release: ReleaseId, reason: Reason, project: Project = HERE, actor: Actor = "", as_json: AsJson = False
) -> None:
    """End a release that is not over; the champion keeps the traffic.

    Example: `workbench release abort recidivism-2 --reason "changed our mind"`
    """
    show(bench(project, actor).abort(release, reason=reason), as_json=as_json)


def retry(release: ReleaseId, project: Project = HERE, actor: Actor = "", as_json: AsJson = False) -> None:
    """Try an aborted candidate again: the same bytes and plan, half the error budget.

    Example: `workbench release retry recidivism-2`
    """
    show(bench(project, actor).retry(release), as_json=as_json)


def approve(
    release: ReleaseId,
    note: Annotated[str, asked("note", "What you looked at.")],
    stage: Annotated[str, typer.Option("--stage", help="Its name. Default: the one that comes next.")] = "",
    role: Annotated[str, typer.Option("--role", help="In which role. Default: the one missing.")] = "",
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Say, signed with your own key, that a release may go on to its next stage.

    Example: `workbench release approve recidivism-2 --note "looked at the canary"`
    """
    wb = bench(project, actor)
    show(wb.approve_stage(release, note=note, stage=stage or None, role=role or None), as_json=as_json)


def revoke(
    release: ReleaseId,
    note: Annotated[str, asked("note", "Why. It is kept.")],
    given_by: Annotated[
        str, typer.Option("--given-by", help="Whose approval. Default: your own; another's in your role.")
    ] = "",
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Take back an approval of the next stage of a release, until that is entered.

    Example: `workbench release revoke recidivism-2 --note "the pairs were from last week"`
    """
    show(bench(project, actor).revoke_stage(release, note=note, given_by=given_by or None), as_json=as_json)


def _as_begun(wb: Workbench, active: Release, plan: str | None, policy: str | None) -> Release:
    """The release under way; refused where another plan or policy was asked for than it has."""
    from workbench.releases.book import Book
    from workbench.releases.opening import require_as_begun
    from workbench.releases.plan import plan_of

    state = Book(wb.journal).page(active.id).state
    asked = wb.decisions.policy(policy) if policy else None
    require_as_begun(state, plan_of(wb.settings.root, plan) if plan else None, asked)
    own = f"plan {active.plan} and policy {state.allowed.policy}"
    say(f"{active.id} of {active.candidate} is under way, and goes on by its own {own}.")
    return active


def _loop(
    project: Path, actor: str, endpoints: list[str] | None, *, as_json: bool, stop: threading.Event | None
) -> Loop:
    from workbench.core.project import existing
    from workbench.releases.loop import Loop

    root = existing(project)
    return Loop(
        lambda: bench(root, actor).releases,
        _say_as_json if as_json else _say_line,
        endpoints=endpoints or (),
        stop=stop,
    )


def _say_line(sentence: str) -> None:
    from workbench.views.formats import visible

    print(visible(sentence), flush=True)


def _say_as_json(sentence: str) -> None:
    print(json.dumps({"sentence": sentence}), flush=True)


@contextmanager
def _until_stopped() -> Iterator[threading.Event]:
    """An event that SIGTERM and Ctrl-C set, while the block runs."""
    stop = threading.Event()

    def end(*_: object) -> None:
        stop.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, old in before.items():
            signal.signal(number, old)
