"""Fixtures every room's tests share: the public data beside the checkout, a clock one can move."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

from workbench.testing.postgres import PostgresServer, postgres_binaries

#: Run by ``make test-torch``, which brings torch along and fails when nothing was collected.
collect_ignore = [] if find_spec("torch") else ["torch"]

# CI tries the same examples every time; a person's own runs look for new ones.
settings.register_profile("ci", derandomize=True, print_blob=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

# A shell starts what runs in its background with Ctrl-C ignored, and some tests press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def _own_keys(tmp_path_factory):
    """Whoever acts in a test signs with a key of this run: none is made in the home of who runs it."""
    os.environ["WORKBENCH_KEY_FOLDER"] = str(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of public data sets. CI has it; a lone clone may not."""
    if not SHARED_DATA.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"CI must have {SHARED_DATA.name} beside the checkout")
        pytest.skip("no ../shared/data beside this checkout")
    return SHARED_DATA


@pytest.fixture(scope="session")
def compas(shared_data: Path):
    """COMPAS two-year file, its repeated header names made unique by pandas (``decile_score.1``)."""
    import pandas as pd

    return pd.read_csv(shared_data / "compas" / "compas-scores-two-years.csv")


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    """One real PostgreSQL for the session; each journal gets a schema of its own."""
    binaries = postgres_binaries()
    if binaries is None:
        if os.environ.get("CI"):
            pytest.fail("CI must have PostgreSQL: apt-get install postgresql")
        pytest.skip("no PostgreSQL here: initdb and pg_ctl are not on the path")
    server = PostgresServer(binaries)
    try:
        yield server
    finally:
        server.close()
