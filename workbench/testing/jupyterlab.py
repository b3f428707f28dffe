"""A real JupyterLab in its own process, and a page of it in Chromium, for browser stories and pictures.

Nothing of the person's own Jupyter is read or written. It needs the extension as it was last built
(``jlpm build`` in ``extensions/``), Chromium and the ``playwright`` package.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from workbench.core.errors import Unavailable

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

BUILT = Path(__file__).parents[1] / "interfaces" / "lab" / "labextension"
TOKEN = "test-token"  # noqa: S105 - of a server that lives for one test run on this machine
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
_START_SECONDS = 90


def chromium() -> str | None:
    """Path of the browser: ``CHROMIUM`` from the environment, else the first found."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def running_browser() -> Iterator[Browser]:
    """A headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), headless=True, args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def running_lab(root: Path) -> Iterator[str]:
    """JupyterLab on a folder, with the extension as it was last built.

    Yields:
        Its address.

    Raises:
        Unavailable: it did not start; the message is its log.
    """
    with TemporaryDirectory() as folder:
        home = Path(folder)
        environment = _isolated(home)
        port = _free_port()
        log = home / "lab.log"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own arguments
                _command(root, home, port), env=environment, stdout=output, stderr=subprocess.STDOUT
            )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(process, f"{url}/api", log)
            yield url
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def open_page(page: Page, url: str, *, workspace: str, folder: str = "") -> None:
    """Go to JupyterLab and wait until it stands."""
    page.goto(f"{url}/lab/workspaces/{workspace}/tree/{folder}?reset&token={TOKEN}")
    page.wait_for_function("() => window.jupyterapp !== undefined", timeout=60_000)
    page.evaluate("() => window.jupyterapp.restored.then(() => null)")
    page.wait_for_selector("#jupyterlab-splash", state="detached")


def _command(root: Path, home: Path, port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root"),
        *(f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}"),
        f"--ServerApp.root_dir={root}",
        "--ServerApp.jpserver_extensions={'workbench.interfaces.lab': True, 'jupyterlab': True}",
        f"--LabServerApp.extra_labextensions_path={home / 'labextensions'}",
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.news_url=None",
        f"--LabApp.app_settings_dir={home / 'app_settings'}",
    ]


def _isolated(home: Path) -> dict[str, str]:
    settings, extensions = home / "app_settings", home / "labextensions"
    settings.mkdir()
    extensions.mkdir()
    (extensions / "model-workbench").symlink_to(BUILT)
    quiet = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}
    overrides = {"@jupyterlab/apputils-extension:notification": quiet}
    (settings / "overrides.json").write_text(json.dumps(overrides), encoding="utf-8")
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }
    return {**os.environ, "HOME": str(home), **{key: str(home / name) for key, name in folders.items()}}


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
    return port


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not _answers(url):
        if process.poll() is not None or time.monotonic() > deadline:
            raise Unavailable(f"JupyterLab did not start:\n{log.read_text(errors='replace')}")
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=1).close()  # noqa: S310 - our own server
    except OSError:
        return False
    return True
