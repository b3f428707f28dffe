"""Ask a server for JSON: in a time that somebody would wait, from there alone, and no more than is needed."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from workbench.core.errors import Unavailable

if TYPE_CHECKING:
    import requests

#: Seconds until a connection stands, between two parts of an answer, and for the whole of it.
PATIENCE = 5.0
_LARGEST = 1 << 20


def get_json(url: str, *, remedy: str, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
    """Return the status of a server's answer and the JSON in it, None where it is none.

    Redirections are not followed: a token would go with them. Proxies that the environment names are used for
    https alone: through them, in clear, a token would be theirs to read.

    Args:
        url: the address.
        remedy: what to do when nobody answers there.
        headers: sent with the question.

    Raises:
        Unavailable: the server does not answer.
    """
    import requests

    try:
        with requests.Session() as session:
            session.trust_env = url.lower().startswith("https:")
            session.auth = _as_it_is  # or a .netrc would replace the token
            with session.get(
                url, headers=headers, timeout=PATIENCE, allow_redirects=False, stream=True
            ) as answer:
                return answer.status_code, _parsed(answer)
    except (requests.RequestException, ValueError) as error:
        raise Unavailable(
            f"{_host(url)} does not answer: {_why(error)}.", remedy=remedy, field="identity"
        ) from None  # what requests says may quote what was sent


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _parsed(answer: requests.Response) -> Any:
    import requests

    text, end = b"", time.monotonic() + PATIENCE
    for part in answer.iter_content(1 << 14):
        text += part
        if time.monotonic() > end:
            raise requests.Timeout
        if len(text) > _LARGEST:
            return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.rpartition("@")[2] or url
    except ValueError:
        return url


def _why(error: Exception) -> str:
    import requests

    reasons = {
        requests.exceptions.SSLError: "its certificate is not accepted",
        requests.exceptions.Timeout: f"nothing came in {PATIENCE:.0f} seconds",
        requests.exceptions.ConnectionError: "there is no connection",
    }
    return next((why for kind, why in reasons.items() if isinstance(error, kind)), "this is no web address")
