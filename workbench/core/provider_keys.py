"""The public keys of an OpenID Connect provider: found, kept for a while, chosen by what a token names."""

from __future__ import annotations

import ipaddress
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from workbench.core.errors import InvalidInput, Refused, Unavailable
from workbench.core.settings import Settings
from workbench.core.web import get_json

if TYPE_CHECKING:
    from jwt import PyJWK

_REMEDY = "Try again later. Where it is asked for keys stands in workbench.toml: oidc_issuer, oidc_jwks."
#: Seconds that keys are kept: a key that the provider has withdrawn is believed no longer than that.
_KEPT = 3600.0
_kept: dict[str, tuple[float, list[dict[str, Any]]]] = {}


def signing_key(kid: str | None, algorithm: str, settings: Settings) -> PyJWK:
    """Return the provider's key of that name, for that algorithm and no other.

    Args:
        kid: the name in the token's header. None will do where the provider has one key alone.
        algorithm: what the token is signed with.
        settings: say where the keys are.

    Raises:
        Refused: there is no such key, or it is for something else.
        Unavailable: the provider does not answer, or the file cannot be read.
    """
    from jwt import PyJWK

    for fresh in (False, True):  # a provider changes its keys now and then
        named = [key for key in _keys(settings, fresh=fresh) if kid in (None, key.get("kid"))]
        fitting = [key for key in named if _fits(key, algorithm)]
        if len(fitting) == 1:
            return PyJWK(fitting[0], algorithm)
    raise Refused(
        "The token is signed with a key that the provider does not have.",
        remedy=f"Get a new ID token from {settings.oidc_issuer}: keys are changed now and then.",
        field="identity",
    )


def _fits(key: dict[str, Any], algorithm: str) -> bool:
    return (key.get("use", "sig"), key.get("alg", algorithm)) == ("sig", algorithm)


def _keys(settings: Settings, *, fresh: bool) -> list[dict[str, Any]]:
    place, now = settings.oidc_jwks or settings.oidc_issuer, time.monotonic()
    since, keys = _kept.get(place, (0.0, []))
    if fresh or not keys or now - since > _KEPT:
        if not settings.oidc_jwks:
            found = _ask(_discovered(settings))
        elif "://" in settings.oidc_jwks:
            found = _ask(_safe(settings.oidc_jwks, "oidc_jwks"))
        else:
            found = _read(settings.root / Path(settings.oidc_jwks).expanduser())
        listed = found.get("keys") if isinstance(found, dict) else None
        if not isinstance(listed, list):
            raise Unavailable(f"{place} has no JSON Web Key Set.", remedy=_REMEDY, field="oidc_jwks")
        keys = [key for key in listed if isinstance(key, dict)]
        _kept[place] = now, keys
    return keys


def _discovered(settings: Settings) -> str:
    """Return where the provider's discovery document says that its keys are."""
    issuer = _safe(settings.oidc_issuer, "oidc_issuer")
    said = _ask(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    said = said if isinstance(said, dict) else {}
    if said.get("issuer") != issuer:
        raise Refused(
            f"The provider at {issuer} calls itself by another name.",
            remedy="Write oidc_issuer exactly as the provider does, down to a slash at its end.",
            field="oidc_issuer",
        )
    return _safe(str(said.get("jwks_uri", "")), "jwks_uri of the provider")


def _ask(url: str) -> Any:
    status, found = get_json(url, remedy=_REMEDY)
    if status != 200:
        raise Unavailable(f"{url} answers with status {status}.", remedy=_REMEDY, field="identity")
    return found


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise Unavailable(
            f"The keys in {path} cannot be read.", remedy="Put the provider's JWKS there.", field="oidc_jwks"
        ) from error


def _safe(url: str, field: str) -> str:
    """Return an address at which nobody on the way can put other keys."""
    try:
        parts = urlsplit(url)
        safe = bool(parts.hostname) and (
            parts.scheme == "https" or _is_here(parts.scheme, parts.hostname or "")
        )
    except ValueError:
        safe = False
    if not safe:
        raise InvalidInput(
            f"{field}: {url!r} is no https address.",
            remedy="Only a provider on this machine may be asked without it.",
            field=field,
        )
    return url


def _is_here(scheme: str, host: str) -> bool:
    if scheme != "http":
        return False
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
