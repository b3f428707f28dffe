"""Who should answer: a pure function of an endpoint's releases, to be set again after any crash."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from workbench.releases.records import Release, Status
from workbench.releases.targets.base import Deployment, Routing


class Wanted(NamedTuple):
    """Who should answer an endpoint's requests, by ``name/version``."""

    champion: str
    candidate: str = ""
    share: float = 0.0
    shadow: str = ""
    standby: str = ""
    sticky: str = ""
    """Column whose values are given to an arm as a whole; empty: every request has a coin of its own."""
    salt: str = ""
    """The release, so that no two of them split entities alike."""
    arms: tuple[str, str] | None = None
    """What champion and candidate are called in an A/B test."""


def champions(releases: Sequence[Release]) -> list[str]:
    """Return the champions one after the other, those that were rolled back left out; the last one reigns."""
    return [release.candidate for release in releases if release.status is Status.PROMOTED]


def active(releases: Sequence[Release]) -> Release | None:
    """Return the release that is not over; there is one at most."""
    return next((release for release in releases if not release.status.final), None)


def wanted(releases: Sequence[Release]) -> Wanted | None:
    """Return who should answer.

    Args:
        releases: of one endpoint, in the order they were opened.

    Returns:
        None before there is a champion.
    """
    reigned = champions(releases)
    if not reigned:
        return None
    standby = reigned[-2] if len(reigned) > 1 else ""
    base = Wanted(champion=reigned[-1], standby=standby)
    now = active(releases)
    if now is None:
        return base
    if now.current.kind == "shadow":
        return base._replace(shadow=now.candidate)
    return base._replace(
        candidate=now.candidate,
        share=now.weight,
        sticky=now.sticky,
        salt=now.id if now.sticky else "",
        arms=now.current.arms,
    )


def taken_out(releases: Sequence[Release], ref: str) -> list[Release]:
    """Return the releases that end because somebody took a version out: the one that is meant, then others.

    With a champion goes what is under way beside it: it was compared with who answers no more. When traffic
    had not followed the journal yet, and the version's own release is over, the one under way is meant.

    Args:
        releases: of one endpoint, in the order they were opened.
        ref: who answers no more.

    Returns:
        Nothing when that is written already, or when nothing is known of the version and nothing under way.
    """
    now = active(releases)
    under_way = [now] if now else []
    reigning = [release for release in releases if release.status is Status.PROMOTED][-1:]
    if any(release.candidate == ref for release in reigning):
        return [*reigning, *under_way]
    newest = newest_of(releases, ref)
    return [] if newest and newest.status is Status.ROLLED_BACK else under_way


def newest_of(releases: Sequence[Release], ref: str) -> Release | None:
    """Return the newest release of a version, None when there never was one."""
    return next((release for release in reversed(releases) if release.candidate == ref), None)


def routing(
    endpoint: str, who: Wanted, deployed: Callable[[str], Deployment], *, standby: Deployment | None
) -> Routing:
    """Return the routing in which those who should answer are deployed, and beside them who stands by."""

    def place(ref: str) -> Deployment | None:
        return deployed(ref) if ref else None

    return Routing(
        endpoint=endpoint,
        champion=deployed(who.champion),
        candidate=place(who.candidate),
        share=who.share,
        shadow=place(who.shadow),
        standby=standby,
        sticky=who.sticky,
        salt=who.salt,
        arms=who.arms,
    )


def deployed(now: Routing | None) -> list[Deployment]:
    """Return who is in a routing, whatever as."""
    roles = (now.champion, now.candidate, now.shadow, now.standby) if now else ()
    return [one for one in roles if one is not None]


def without_newest(now: Routing) -> Routing | None:
    """Return the routing one step back: without the candidate, or with the champion before this one.

    None when there is neither a candidate nor anybody to go back to. It needs nothing but the routing itself,
    so that it works with every database down.
    """
    if now.candidate or now.shadow:
        return now.model_copy(
            update={"candidate": None, "shadow": None, "share": 0.0, "sticky": "", "salt": "", "arms": None}
        )
    if now.standby:
        return now.model_copy(update={"champion": now.standby, "standby": None})
    return None


def newest(now: Routing) -> str:
    """Return whom going back takes out."""
    return (now.candidate or now.shadow or now.champion).model.ref
