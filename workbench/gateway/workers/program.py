"""What a worker does: it opens one version, answers its example, and then whatever it is asked.

It is forked from a process that has the numeric libraries in memory already (``FORKS``), so that another one
can take the place of one that was killed within a moment.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import resource
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.gateway.answers import Answer, Answerer
from workbench.gateway.batch import Schema
from workbench.gateway.workers import wire
from workbench.models.records import ModelVersion

#: Where workers are forked from.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    ["numpy", "pandas", "sklearn.pipeline", "workbench.gateway.workers.program", "workbench.models.loading"]
)

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


@dataclass(frozen=True)
class Order:
    """What a worker is for."""

    model: ModelVersion
    folder: Path
    """The private copy of the artifact, whose digest has been checked."""
    state: Path
    """``.workbench``: where compiled copies lie."""
    memory: int
    """Bytes of data beyond which its allocations fail."""


def run(channel: socket.socket, order: Order) -> None:
    """Be a worker until the gateway closes the channel."""
    _settle_in(order.memory)
    try:
        answerer = _open(order)
        hello = {"ready": True, "note": _warm(answerer, order.model)}
    except BaseException as error:  # noqa: BLE001 - whatever a model raises while it is read, SystemExit too
        channel.sendall(wire.encode({"error": one_line(error)}))
        return
    channel.sendall(wire.encode(hello))
    while (question := wire.receive(channel)) is not None:
        channel.sendall(_answered(answerer, question))


def one_line(error: BaseException) -> str:
    """Return what an error says in one line that moves no cursor: a model's words are a stranger's."""
    first = (str(error).splitlines() or [""])[0]
    said = f"{type(error).__name__}: {first}"[:300]
    return "".join(c if c.isprintable() else "\ufffd" for c in said)


def _open(order: Order) -> Answerer:
    from workbench.models.loading import opened

    return Answerer(order.model, opened(order.model, order.folder, isolated=False))


def _warm(answerer: Answerer, model: ModelVersion) -> str:
    """Answer the input example, so that the first caller does not pay for first-time work.

    The example is made up: a model that cannot answer it is not refused for that. Returns why it could not.
    """
    if not model.input_example:
        return ""
    try:
        batch = Schema(model.columns).batch_of_records(model.input_example)
        answerer.answer(batch.cells(model.columns), batch.n, scores=True)
    except Exception as error:  # noqa: BLE001 - whatever a user's model raises on a made-up row
        return one_line(error)
    return ""


def _answered(answerer: Answerer, question: dict[str, Any]) -> bytes:
    try:
        answer: Answer = answerer.answer(question["cells"], question["n"], scores=question["scores"])
        return wire.encode({"predictions": answer.predictions, "scores": answer.scores})
    except Exception as error:  # noqa: BLE001 - a model may raise anything; that is what is recorded
        return wire.encode({"error": one_line(error)})


def _settle_in(memory: int) -> None:
    """End with the gateway, leave Ctrl-C to it, and bound what this process may allocate."""
    import numpy as np

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    with contextlib.suppress(OSError, ValueError):  # a lower limit is in force already
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    np.random.seed()  # noqa: NPY002 - forked alike, they would draw alike
