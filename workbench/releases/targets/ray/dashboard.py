"""Ray Serve over its dashboard: the configuration is put whole, and read back with how far it came."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from workbench.core.errors import Unavailable
from workbench.core.settings import Settings
from workbench.releases.targets.ray.cluster import how_to_start, token
from workbench.releases.targets.ray.config import Config

#: Seconds to connect, and to wait for an answer: Serve's controller starts with the first one.
_PATIENCE = (1.0, 60.0)
_PATH = "/api/serve/applications/"
_CAUSE = re.compile(
    r"^(?:ray\.exceptions\.)?[\w.]+(?:Error|Tampered|NotFound|Refused|Invalid\w*)?: (?P<why>.+)$"
)


class Dashboard:
    """Serve's declarative interface.

    Args:
        settings: the address and the token.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def read(self) -> dict[str, Any]:
        """Return what is declared, and how far each application is.

        Raises:
            Unavailable: nobody answers there, or the token is another cluster's.
        """
        answer: dict[str, Any] = self._ask("GET").json()
        return answer

    def put(self, config: Config) -> None:
        """Declare a configuration. Serve takes it and works on it; read how far it came.

        Raises:
            Unavailable: nobody answers there, or Serve does not take it.
        """
        self._ask("PUT", config)

    def _ask(self, method: str, config: Config | None = None) -> Any:
        import requests

        address = self._settings.ray_address.rstrip("/")
        with requests.Session() as session:
            session.trust_env = False  # no proxy, no .netrc: the token goes to this address alone
            try:
                answer = session.request(
                    method,
                    address + _PATH,
                    json=config,
                    headers={"Authorization": f"Bearer {token(self._settings)}"},
                    timeout=_PATIENCE,
                    allow_redirects=False,
                )
            except requests.RequestException as error:
                raise Unavailable(
                    f"No Ray cluster answers at {address}.",
                    remedy=f"Start one: {how_to_start(self._settings)}",
                    field="ray_address",
                ) from error
        if answer.status_code in (401, 403):
            raise Unavailable(
                f"The Ray cluster at {address} asks for another token.",
                remedy="Name the file that its nodes were started with: ray_token_file in workbench.toml.",
                field="ray_token_file",
            )
        if answer.status_code != 200:
            raise Unavailable(
                f"Ray Serve at {address} answers {answer.status_code}: {answer.text.strip()[:300]}",
                remedy="Look at its dashboard, or start the cluster again.",
                field="ray_address",
            )
        return answer


def running(answer: dict[str, Any], names: Iterable[str]) -> bool:
    """Whether all these applications run."""
    apps = answer.get("applications", {})
    return all(apps.get(name, {}).get("status") == "RUNNING" for name in names)


def failure(answer: dict[str, Any], names: Iterable[str]) -> str:
    """Return why one of these applications cannot start, in one sentence; empty when none has failed."""
    apps = answer.get("applications", {})
    for name in names:
        app = apps.get(name, {})
        if app.get("status") == "DEPLOY_FAILED":
            said = [
                app.get("message", ""),
                *(d.get("message", "") for d in app.get("deployments", {}).values()),
            ]
            return next(filter(None, map(_cause, said)), f"{name} could not start.")
    return ""


def _cause(text: str) -> str:
    """The last line of a traceback that tells what was raised."""
    causes = [found["why"] for line in text.splitlines() if (found := _CAUSE.match(line.strip()))]
    return causes[-1] if causes else ""
