"""The door put together from the settings, or refused where it would stand open."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from workbench.core.errors import InvalidInput, Refused
from workbench.core.settings import FILE, Settings
from workbench.gateway.door.authentication import Authentication, Way
from workbench.gateway.door.callers import PROBES, SCOPES, Caller, needed, needed_of_admin
from workbench.gateway.door.hosts import LOOPBACK, Hosts
from workbench.gateway.door.keyring import KeyRing
from workbench.gateway.door.middleware import Rules
from workbench.gateway.door.quota import Quotas
from workbench.gateway.door.tls import Tls
from workbench.gateway.door.tokens import Tokens


@dataclass(frozen=True)
class Front:
    """What stands before the applications of one gateway."""

    public: Rules
    admin: Rules
    way: Way
    """How callers prove who they are."""
    tls: Tls | None

    @classmethod
    def of(cls, settings: Settings, endpoint: str, host: str) -> Front:
        """Build it for an endpoint that is served at ``host``.

        Raises:
            InvalidInput: a setting is missing, or names a file that cannot be used.
            Refused: everybody who reaches the address could ask; or the key of TLS is everybody's.
        """
        _refuse_open(settings, host)
        way = settings.gateway_auth
        authentication = Authentication(
            keys=KeyRing(settings.state, endpoint) if way in ("keys", "both") else None,
            tokens=_tokens(settings) if way in ("oidc", "both") else None,
            anybody=_anybody(settings),
        )
        quotas = Quotas(settings.gateway_per_minute)
        public = Rules(
            hosts=Hosts(settings.gateway_hosts or None, host),
            authentication=authentication,
            quotas=quotas,
            needed=needed,
            probes=PROBES,
        )
        admin = Rules(Hosts(LOOPBACK, host), authentication, quotas, needed_of_admin)
        return cls(public, admin, way, Tls.of(settings))


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse_open(settings: Settings, host: str) -> None:
    if settings.gateway_auth == "none" and not is_loopback(host) and not settings.gateway_open:
        raise Refused(
            f"Whoever reaches {host or 'this machine'} could ask the gateway, and nobody asks who they are.",
            remedy=f'Ask for keys: gateway_auth = "keys" in {FILE}, then: workbench gateway-key add. Or say '
            "that something in front of it asks: gateway_open = true.",
            field="gateway_auth",
        )


def _tokens(settings: Settings) -> Tokens:
    for key in ("oidc_issuer", "oidc_audience"):
        if not getattr(settings, key):
            raise InvalidInput(
                f"{key}: it is empty, and gateway_auth is {settings.gateway_auth}.",
                remedy=f"Write it into {FILE}.",
                field=key,
            )
    return Tokens(settings)


def _anybody(settings: Settings) -> Caller:
    """Everybody, where nobody is asked: all but administration, and metrics only where they have no port."""
    given = frozenset(SCOPES) - {"admin"}
    return Caller(
        "anybody", "Whoever asks", given if settings.gateway_admin_port is None else given - {"metrics"}
    )
