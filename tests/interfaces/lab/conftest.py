"""A Jupyter server with the extension and nothing else, in a folder with a project in it."""

from __future__ import annotations

import pytest

# Imported, not named in pytest_plugins: some of its fixtures run for every test, and only these tests want them.
from pytest_jupyter.jupyter_server import *  # noqa: F403

from workbench.testing import showcase


@pytest.fixture
def jp_server_config():
    return {
        "ServerApp": {
            "jpserver_extensions": {"workbench.interfaces.lab": True},
            # A handler that forgot @authenticated must not start.
            "allow_unauthenticated_access": False,
        }
    }


@pytest.fixture
def journal(jp_root_dir):
    """The journal of a project in ``risk/`` under the server's root."""
    folder = jp_root_dir / "risk"
    folder.mkdir()
    with showcase.seed(folder) as journal:
        yield journal


@pytest.fixture
def ask(jp_fetch, journal):
    """``await ask("overview", path="risk")`` gives the answer's JSON."""
    import json

    async def ask(*place, **query):
        response = await jp_fetch("workbench", "api", *place, params=query)
        return json.loads(response.body)

    return ask
