"""The processes behind a gateway: a nursery that forks, and the workers it forks.

The nursery imports what models need and opens none of them, so that a worker is there within a moment of its
being wanted, and starts from a process in which no thread runs. A worker opens one version, answers its
example, and then whatever it is asked, until its channel is closed.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import resource
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from workbench.core.records import Record
from workbench.gateway.answers import Answerer
from workbench.gateway.batch import Schema
from workbench.gateway.workers import wire
from workbench.models.records import ModelVersion

#: What every model needs, imported before the first is asked for.
_ALWAYS = ("pandas", "sklearn.pipeline", "workbench.models.loading")

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


class Order(Record):
    """What a worker is for."""

    model: ModelVersion
    folder: Path
    """The private copy of the artifact, whose digest has been checked."""
    state: Path
    """``.workbench``: where compiled copies lie."""
    memory: int
    """Bytes of data beyond which its allocations fail."""


def main() -> None:
    """Be a nursery until the gateway closes the channel."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    _settle_in()
    _learn(_ALWAYS)
    signal.signal(signal.SIGCHLD, lambda *_: _bury(channel))
    while True:
        message, handles = wire.receive_with_handle(channel)
        if message is None:
            return
        if "import" in message:
            _learn(message["import"])
        elif handles and os.fork() == 0:
            channel.close()
            _work(socket.socket(fileno=handles[0]), Order.model_validate(message["order"]))
        for handle in handles:
            os.close(handle)


def one_line(error: BaseException) -> str:
    """Return what an error says in one line that moves no cursor: a model's words are a stranger's."""
    first = (str(error).splitlines() or [""])[0]
    said = f"{type(error).__name__}: {first}"[:300]
    return "".join(c if c.isprintable() else "\ufffd" for c in said)


def _learn(names: Any) -> None:
    """Import modules; one that cannot be imported again is not needed by every worker."""
    for name in names:
        with contextlib.suppress(Exception):
            importlib.import_module(str(name))


def _bury(channel: socket.socket) -> None:
    """Say how workers ended."""
    with contextlib.suppress(ChildProcessError, OSError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            channel.sendall(wire.encode({"ended": pid, "code": os.waitstatus_to_exitcode(status)}))


def _work(channel: socket.socket, order: Order) -> None:
    """Be a worker, and end."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _settle_in()
        _bound(order.memory)
        _answer(channel, order)
        code = 0
    finally:
        sys.stdout.flush()
        os._exit(code)  # what the nursery would do at its end is not a worker's business


def _answer(channel: socket.socket, order: Order) -> None:
    channel.sendall(wire.encode({"pid": os.getpid()}))
    known = set(sys.modules)
    try:
        answerer, compiled = _open(order)
        note = _warm(answerer, order.model)
    except BaseException as error:  # noqa: BLE001 - whatever a model raises while it is read, SystemExit too
        channel.sendall(wire.encode({"error": one_line(error)}))
        return
    hello = {"note": note, "compiled": compiled, "imported": [n for n in sys.modules if n not in known]}
    channel.sendall(wire.encode(hello))
    while (question := wire.receive(channel)) is not None:
        channel.sendall(_answered(answerer, question))


def _open(order: Order) -> tuple[Answerer, str]:
    """Open the model and its compiled copy; return also why the copy answers, or does not."""
    from workbench.models.compiled import look
    from workbench.models.loading import opened

    predictor = opened(order.model, order.folder, isolated=False)
    found = look(order.model, predictor, state=order.state)
    return Answerer(order.model, predictor, found.fast), found.sentence


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
        answer = answerer.answer(question["cells"], question["n"], scores=question["scores"])
        return wire.encode({"predictions": answer.predictions, "scores": answer.scores})
    except Exception as error:  # noqa: BLE001 - a model may raise anything; that is what is recorded
        return wire.encode({"error": one_line(error)})


def _settle_in() -> None:
    """End with whoever started this, and leave Ctrl-C to the gateway."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)


def _bound(memory: int) -> None:
    """Bound what this process may allocate, and let it draw its own numbers."""
    import random

    import numpy as np

    with contextlib.suppress(OSError, ValueError):  # a lower limit is in force already
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    np.random.seed()  # noqa: NPY002 - forked alike, they would draw alike
    random.seed()
