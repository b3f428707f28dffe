"""The process that a model from elsewhere is opened in, seen from the one that asks it.

Nothing a worker says is unpickled, and no text of it is shown before ``printable`` has been through it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from workbench.core.errors import InvalidInput, Unavailable, WorkbenchError
from workbench.models import frames

#: Variables of the environment that a worker sees; all others, and so every credential in one, stay here.
SEEN = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SYSTEMROOT", "LD_LIBRARY_PATH")


@dataclass(frozen=True)
class Limits:
    """What a worker may use."""

    memory: int = 4 << 30
    """Bytes of address space."""
    seconds: int = 3600
    """Of processor time, all calls together."""
    patience: float = 120.0
    """Seconds one call, and the opening, may take by the clock."""


class Worker:
    """One process and the two pipes to it.

    Args:
        order: what it opens: ``path`` is the private copy, which it may read and not write.
        limits: what it may use.

    Raises:
        InvalidInput: it could not open the model.
        Unavailable: it died, or took too long.
    """

    def __init__(self, order: dict[str, Any], limits: Limits) -> None:
        self._patience = limits.patience
        self.home = Path(tempfile.mkdtemp(prefix="workbench-worker-"))
        """The one folder that it may write into."""
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-m", "workbench.models.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(self.home),
            cwd=self.home,
            start_new_session=True,
        )
        self._end = weakref.finalize(self, _end, self._process, self.home)
        limited = {"home": str(self.home), "memory": limits.memory, "seconds": limits.seconds}
        self.held = {name: str(value) for name, value in self._exchange({**order, **limited})[0].items()}
        self.described = self._exchange(None)[0]
        if "error" in self.described:
            self.close()
            raise InvalidInput(
                f"model: it could not be opened in a process of its own: {_said(self.described)}",
                remedy="It may need packages that are not installed, or more than it is allowed there.",
                field="model",
            )

    @property
    def alive(self) -> bool:
        """Whether the process can answer."""
        return self._process.poll() is None

    def call(
        self, question: dict[str, Any], content: bytes = b"", *, most: int = 0
    ) -> tuple[dict[str, Any], bytes]:
        """Return what it says, and at most ``most`` bytes beside it.

        Raises:
            WorkbenchError: the model raised.
            Unavailable: its process died, or took too long.
        """
        message, answers = self._exchange(question, content, most=most)
        if "error" in message:
            raise WorkbenchError(
                f"The model raised {_said(message)}", remedy="Look at the rows it was given.", field="model"
            )
        return message, answers

    def close(self) -> None:
        """End the process."""
        self._end()

    def _exchange(
        self, question: dict[str, Any] | None, content: bytes = b"", *, most: int = 0
    ) -> tuple[dict[str, Any], bytes]:
        timer = threading.Timer(self._patience, _kill, [self._process])
        timer.start()
        start = time.monotonic()
        try:
            if question is not None:
                frames.send(cast("BinaryIO", self._process.stdin), question, content)
            return frames.receive(cast("BinaryIO", self._process.stdout), most=most)
        except (EOFError, OSError, ValueError) as error:
            late = time.monotonic() - start >= self._patience
            self.close()
            code = self._process.returncode
            why = (
                f"it took more than {self._patience:g} s" if late else f"its process ended ({_ending(code)})"
            )
            raise Unavailable(
                f"The model did not answer: {why}.",
                remedy="It may need more memory or time than a model under examination is given.",
                field="model",
            ) from error
        finally:
            timer.cancel()


def printable(text: object, most: int) -> str:
    """Return what a worker said as one line that moves no cursor: its words are a stranger's."""
    return "".join(c if c.isprintable() else "\ufffd" for c in str(text)[:most])


def _said(message: dict[str, Any]) -> str:
    return f"{printable(message['error'], 80)}: {printable(message.get('message'), 300)}"


def _environment(home: Path) -> dict[str, str]:
    seen = {name: os.environ[name] for name in SEEN if name in os.environ}
    seen |= dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP", "MPLCONFIGDIR"), str(home))
    seen |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return seen | {"USER": "worker", "LOGNAME": "worker", "MLFLOW_DISABLE_TELEMETRY": "true"}


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a worker and what it may have started."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _end(process: subprocess.Popen[bytes], home: Path) -> None:
    if process.poll() is None:
        _kill(process)
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            cast("IO[bytes]", pipe).close()
    process.wait()
    shutil.rmtree(home, ignore_errors=True)
