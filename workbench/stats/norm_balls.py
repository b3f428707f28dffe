"""Moves of bounded length inside a box: the steepest, the nearest, and how far a plane is.

A move has d coordinates, each within ``low <= 0 <= high`` (the ends may be infinite), and its length is L2 or
Linf. With a linear score these give the exact worst case: the steepest move lowers it most, and the length of
the shortest move that brings it to zero is the distance of its boundary. All functions take n rows at once.

Both follow one path: coordinate j goes ``min(room_j, t * speed_j)`` along its slope, where the speed is the
slope itself for L2 and one for Linf (the conditions of Karush, Kuhn and Tucker). What is gained, or how long
the move is, is a sum over those that have stopped and those still going, so the t that is wanted lies between
two stops and has a closed form.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Norm = Literal["l2", "linf"]


def length(move: Array, norm: Norm) -> Array:
    """Length of moves, shape (..., d) to (...)."""
    if norm == "linf":
        return np.asarray(np.abs(move).max(axis=-1, initial=0.0))
    return np.asarray(np.sqrt((move**2).sum(axis=-1)))


def steepest(slope: Array, radius: Array, low: Array, high: Array, norm: Norm) -> Array:
    """Return the move that gains most along ``slope``, within a ball and a box.

    Args:
        slope: (n, d), what a unit of each coordinate gains.
        radius: (n,) of the ball.
        low: (n, d) lower ends of the box, not positive.
        high: (n, d) upper ends, not negative.
        norm: of the ball.

    Returns:
        Moves, shape (n, d).
    """
    room = np.where(slope > 0, high, -low)
    if norm == "linf":
        return _along(slope, room, radius, norm)
    t = _time(radius**2, _stops(slope, room, norm), room**2, slope**2, power=2)
    return _along(slope, room, t, norm)


def distance_to_plane(margin: Array, slope: Array, low: Array, high: Array, norm: Norm) -> Array:
    """Return the length of the shortest move within a box that gains ``margin`` along ``slope``.

    Without a box that is the margin over the dual norm of the slope: L2 for L2, L1 for Linf.

    Args:
        margin: (n,) what must be gained; where it is not positive nothing need move.
        slope: (n, d), what a unit of each coordinate gains.
        low: (n, d) lower ends of the box, not positive.
        high: (n, d) upper ends, not negative.
        norm: of the move.

    Returns:
        Lengths, shape (n,); infinite where the whole box gains less.
    """
    margin = np.maximum(margin, 0.0)
    room, size = np.where(slope > 0, high, -low), np.abs(slope)
    gain = size if norm == "linf" else size**2
    with np.errstate(invalid="ignore"):  # no slope times no end
        full = size * room
    t = _time(margin, _stops(slope, room, norm), full, gain, power=1)
    reached = np.isfinite(t)
    if norm == "linf":
        return np.where(margin > 0, t, 0.0)
    move = _along(slope, room, np.where(reached, t, 0.0), norm)
    return np.where(margin > 0, np.where(reached, length(move, norm), np.inf), 0.0)


def project(move: Array, radius: Array, low: Array, high: Array, norm: Norm) -> Array:
    """Return the nearest move (L2) within a ball and a box.

    Args:
        move: (n, d).
        radius: (n,) of the ball.
        low: (n, d) lower ends of the box, not positive.
        high: (n, d) upper ends, not negative.
        norm: of the ball.

    Returns:
        Moves, shape (n, d).
    """
    if norm == "linf":
        return np.asarray(np.clip(move, np.maximum(low, -radius[:, None]), np.minimum(high, radius[:, None])))
    # clip(move / (1 + λ)): the path of the steepest move along itself, and no further than itself
    room = np.where(move > 0, high, -low)
    t = _time(radius**2, _stops(move, room, norm), room**2, move**2, power=2)
    return _along(move, room, np.minimum(t, 1.0), norm)


def _stops(slope: Array, room: Array, norm: Norm) -> Array:
    """When each coordinate reaches its end; one without slope never does."""
    size = np.abs(slope)
    speed = np.where(size > 0, 1.0 if norm == "linf" else size, 0.0)
    with np.errstate(over="ignore"):
        return np.asarray(np.divide(room, speed, out=np.full(room.shape, np.inf), where=speed > 0))


def _along(slope: Array, room: Array, t: Array, norm: Norm) -> Array:
    speed = np.sign(slope) if norm == "linf" else slope
    with np.errstate(invalid="ignore"):
        far = np.minimum(room, np.abs(speed) * t[:, None])
    return np.where(slope == 0, 0.0, np.sign(slope) * far)


def _time(wanted: Array, stops: Array, full: Array, weight: Array, *, power: int) -> Array:
    """Solve Σ_{stopped} full + t^power Σ_{going} weight = wanted, shape (n,); infinite when it never is."""
    order = np.argsort(stops, axis=1, kind="stable")
    stops, full, weight = (np.take_along_axis(a, order, axis=1) for a in (stops, full, weight))
    start = np.zeros((len(stops), 1))
    stopped = np.hstack([start, np.cumsum(np.where(np.isfinite(stops), full, 0.0), axis=1)])
    going = np.hstack([np.cumsum(weight[:, ::-1], axis=1)[:, ::-1], start])
    with np.errstate(
        over="ignore", invalid="ignore"
    ):  # a stop may be out of all bounds: then it is never met
        at_stop = stopped[:, :-1] + np.where(going[:, :-1] > 0, stops**power * going[:, :-1], 0.0)
    at_stop = np.maximum.accumulate(at_stop, axis=1)  # what never stops has no end, whatever comes after it
    k = (at_stop < wanted[:, None]).sum(axis=1)[:, None]
    left = np.maximum(wanted - np.take_along_axis(stopped, k, axis=1)[:, 0], 0.0)
    rate = np.take_along_axis(going, k, axis=1)[:, 0]
    t = np.divide(left, rate, out=np.full(len(left), np.inf), where=rate > 0) ** (1 / power)
    before = np.take_along_axis(np.hstack([start, stops]), k, axis=1)[:, 0]
    return np.asarray(np.maximum(t, before))
