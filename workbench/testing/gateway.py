"""A real gateway in its own process, for tests, notebooks and the demo."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workbench.core.errors import Unavailable
from workbench.core.settings import STATE
from workbench.gateway import Route, Status, read_status, read_table
from workbench.gateway.problems import Problem


class GatewayProcess:
    """``python -m workbench.gateway`` on a free port.

    Args:
        root: the project folder.
        endpoint: what it serves.
        port: 0 picks a free one.
        settings: project settings for this process, by name: ``{"gateway_deadline_seconds": 0.2}``.
    """

    def __init__(
        self, root: Path, endpoint: str, *, port: int = 0, settings: Mapping[str, Any] | None = None
    ) -> None:
        self.root = Path(root).resolve()
        self.endpoint = endpoint
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        environment = {
            f"WORKBENCH_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
            for name, value in (settings or {}).items()
        }
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "workbench.gateway", self.root, endpoint, "--port", str(port)],
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
        )

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def status(self) -> Status | None:
        """What it says of itself; None before and after."""
        status = read_status(self.root / STATE, self.endpoint)
        return status if status is not None and status.pid == self.pid else None

    @property
    def output(self) -> str:
        """What it has written to standard output and error."""
        self._output.seek(0)
        return self._output.read().decode(errors="replace")

    def wait(self, timeout: float = 60.0) -> Status:
        """Wait until it has taken, or refused, the table there is, and has said where it serves.

        Raises:
            Unavailable: it ended, or was not ready in time; with what it wrote.
        """
        end = time.monotonic() + timeout
        while time.monotonic() < end and self._process.poll() is None:
            status, table = self.status, read_table(self.root / STATE, self.endpoint)
            wanted = table.version if table else 0
            settled = status and max(status.table_version, status.refused_version or 0) >= wanted
            if status and settled and "serving " in self.output:
                return status
            time.sleep(0.02)
        raise Unavailable(f"The gateway of {self.endpoint} did not come up: {self.output[-2000:]}")

    def stop(self, how: signal.Signals = signal.SIGTERM, timeout: float = 30.0) -> int:
        """Send a signal and return the exit code."""
        if self._process.poll() is None:
            self._process.send_signal(how)
        return self._process.wait(timeout)

    def end(self) -> None:
        """Make sure that it is gone, whatever state it is in."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._output.close()


@contextmanager
def running_gateway(
    root: Path, endpoint: str, *, port: int = 0, settings: Mapping[str, Any] | None = None
) -> Iterator[str]:
    """Serve an endpoint for as long as the block runs, and yield its URL.

    Args:
        root: the project folder.
        endpoint: the model's name.
        port: 0 picks a free one.
        settings: project settings for this process.

    Raises:
        Unavailable: it did not come up, or did not end with exit code 0.

    Example:
        >>> with running_gateway(bench.settings.root, "lending") as url:  # doctest: +SKIP
        ...     send(url, "lending", rows, rate=200)
    """
    process = GatewayProcess(root, endpoint, port=port, settings=settings)
    try:
        yield process.wait().url
        code = process.stop()
        if code != 0:
            raise Unavailable(f"The gateway of {endpoint} ended with {code}: {process.output[-2000:]}")
    finally:
        process.end()


def make_route(
    root: Path, model: Any, train: Any, *, target: str, name: str = "tiny", version: int = 1
) -> Route:
    """Save a fitted model under ``root`` and return a route to it: registering, less MLflow's registry.

    Args:
        root: the project folder.
        model: a fitted estimator or a function.
        train: frame with the target, from which the signature is read.
        target: its column.
        name: of the model.
        version: of the model.
    """
    from datetime import UTC, datetime

    from workbench.core.digests import of_tree
    from workbench.datasets import Dataset
    from workbench.models.candidates import examine
    from workbench.models.mlflow_session import quiet
    from workbench.models.records import ModelVersion

    data = Dataset.of(train, target=target)
    path = Path(STATE) / "artifacts" / name / str(version)
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    with quiet():
        candidate = examine(model, data, root=root)
        form = candidate.save(root / path)
    record = ModelVersion(
        name=name,
        version=version,
        digest=of_tree(root / path),
        run_id="",
        flavor=candidate.framework.name,
        format=form,
        task=data.task,
        target=target,
        positive=data.positive,
        classes=data.classes,
        columns=candidate.columns,
        input_example=(candidate.example,),
        author="test",
        created=datetime.now(UTC),
        lineage=candidate.lineage,
    )
    return Route(model=record, path=path.as_posix())


def status_of(read: Callable[..., object], *arguments: object) -> int | None:
    """Return the HTTP status with which the gateway refuses to read something; None when it is read."""
    try:
        read(*arguments)
    except Problem as problem:
        return problem.status
    return None
