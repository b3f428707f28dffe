"""A real JupyterHub, a real OpenID Connect provider, and a server that answers what a test wants."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

import workbench as wb

GUIDE = Path(__file__).parents[3] / "docs" / "how-to" / "say-who-acts.md"

SERVICE = "a-token-of-the-tests-own"
CONFIG = """
from jupyterhub.proxy import Proxy


class NoProxy(Proxy):
    # The tests ask the hub and the servers themselves.
    should_start = False

    async def add_route(self, routespec, target, data): ...
    async def delete_route(self, routespec): ...
    async def get_all_routes(self): return {{}}


c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.bind_url = "http://127.0.0.1:{proxy}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {home!r} + "/{{username}}"
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root", "--ServerApp.jpserver_extensions=asking=True"]
c.Spawner.environment = {{
    "PYTHONPATH": {folder!r},
    "WORKBENCH_KEY_FOLDER": {home!r} + "/keys",
    "JUPYTERHUB_SINGLEUSER_APP": "jupyter_server.serverapp.ServerApp",  # JupyterLab would start for longer
}}
c.Spawner.start_timeout = c.Spawner.http_timeout = 120
c.JupyterHub.services = [{{"name": "tests", "api_token": {service!r}}}]
c.JupyterHub.load_roles = [
    {{"name": "tests", "services": ["tests"], "scopes": ["admin:users", "admin:servers", "tokens", "admin:groups", "shares"]}},
]
"""


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def config_of_the_guide() -> str:
    """The block of ``jupyterhub_config.py`` in the guide, as it stands."""
    [block] = re.findall(r"^```python\n(c\..*?)^```", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return block


class Hub:
    """A JupyterHub with its API alone: SQLite, anybody may log in, no proxy."""

    service = SERVICE
    """The token of a service that may do all that a test needs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        port = free_port()
        self.api = f"http://127.0.0.1:{port}/hub/api"
        config = CONFIG.format(
            proxy=free_port(),
            hub=port,
            home=str(folder / "home"),
            folder=str(folder),
            python=sys.executable,
            service=SERVICE,
        )
        (folder / "home").mkdir()
        (folder / "jupyterhub_config.py").write_text(config + config_of_the_guide())
        self._log = (folder / "hub.log").open("wb")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "WORKBENCH"))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub"],
            cwd=folder,
            env=environment,
            stdout=self._log,
            stderr=self._log,
        )
        wait_for(self.api, self._process, folder / "hub.log")

    def ask(self, method: str, place: str, **body) -> requests.Response:
        """What an administrator's script would do."""
        answer = requests.request(
            method,
            f"{self.api}/{place}",
            headers={"Authorization": f"token {SERVICE}"},
            json=body or None,
            timeout=60,
        )
        assert answer.ok, f"{answer.status_code} {answer.text}"
        return answer

    def token(self, user: str, **asked) -> str:
        """A token of somebody's own, as the hub's page Token gives one."""
        return self.ask("POST", f"users/{user}/tokens", note="a test", **asked).json()["token"]

    def said(self) -> str:
        """The end of its log, and of those of its servers."""
        return (self.folder / "hub.log").read_text(errors="replace")[-6000:]

    def let_in(self, guest: str, owner: str) -> None:
        """Share a server, as its owner may."""
        self.ask("POST", f"shares/{owner}/", user=guest, scopes=[f"access:servers!server={owner}/"])

    def address_of(self, user: str) -> str:
        """Where somebody's server listens, behind the proxy that there is none of."""
        with sqlite3.connect(self.folder / "jupyterhub.sqlite") as database:
            [row] = database.execute(
                "SELECT ip, port, base_url FROM servers WHERE base_url = ?", (f"/user/{user}/",)
            )
        database.close()
        ip, port, path = row
        return f"http://{ip or '127.0.0.1'}:{port}{path}"

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


def wait_for(url: str, process: subprocess.Popen, log: Path) -> None:
    """Wait until a server that was started answers."""
    end = time.monotonic() + 90
    while time.monotonic() < end and process.poll() is None:
        try:
            if requests.get(url, timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    process.kill()
    process.wait()
    raise AssertionError(f"{url} does not answer: {log.read_text(errors='replace')[-4000:]}")


@pytest.fixture(scope="session")
def hub(tmp_path_factory) -> Iterator[Hub]:
    """One hub for all tests of a process: ada, grace of the risk team, linus of no group."""
    hub = Hub(tmp_path_factory.mktemp("hub"))
    try:
        hub.ask("POST", "users", usernames=["ada", "linus"])
        yield hub
    finally:
        hub.stop()


@pytest.fixture
def hub_to_stop(tmp_path_factory) -> Iterator[Hub]:
    hub = Hub(tmp_path_factory.mktemp("stopped"))
    try:
        yield hub
    finally:
        hub.stop()


@pytest.fixture(autouse=True)
def _nobody(monkeypatch):
    """No variable of whoever runs the tests says who acts."""
    for name in list(os.environ):
        if name.startswith(("JUPYTERHUB_", "WORKBENCH_")) and name != "WORKBENCH_KEY_FOLDER":
            monkeypatch.delenv(name)


@pytest.fixture
def as_user(hub, monkeypatch):
    """``as_user("grace")`` makes this process one that the hub started for grace."""

    def become(user: str, **asked) -> str:
        token = hub.token(user, **asked)
        monkeypatch.setenv("JUPYTERHUB_API_URL", hub.api)
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", token)
        return token

    return become


@pytest.fixture
def project(tmp_path):
    """``project("identity = 'jupyterhub'")`` makes a project with these settings and returns its folder."""

    def make(settings: str) -> Path:
        wb.open(tmp_path)
        (tmp_path / "workbench.toml").write_text(settings)
        return tmp_path

    return make


@dataclass
class Loopback:
    """A web server whose answers a test writes: ``answers["/jwks"] = 200, {"keys": []}``."""

    url: str
    answers: dict[str, tuple] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Path and ``Authorization`` of each request."""

    def count(self, path: str) -> int:
        return sum(asked == path for asked, _ in self.asked)


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked.append((self.path, self.headers.get("Authorization", "")))
            status, body, *headers = server.answers.get(self.path, (404, {}))
            text = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server = Loopback(f"http://127.0.0.1:{http.server_port}")
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        http.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def provider(tmp_path_factory) -> Iterator[str]:
    """The address of a real OpenID Connect provider that knows grace of the risk team."""
    folder, port = tmp_path_factory.mktemp("provider"), free_port()
    grace = {"sub": "u-1", "preferred_username": "grace", "groups": ["risk-team"]}
    command = [sys.executable, "-m", "oidc_provider_mock", "-p", str(port), "-H", "localhost"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, "--user-claims", json.dumps(grace)], stdout=log, stderr=log)
        url = f"http://localhost:{port}"
        try:
            wait_for(f"{url}/jwks", process, folder / "log")
            yield url
        finally:
            process.kill()
            process.wait()
