"""TLS of the gateway's own: certificate and key from files, clients' certificates too where a CA is named."""

from __future__ import annotations

import ssl
import stat
from pathlib import Path

from workbench.core.errors import InvalidInput, Refused
from workbench.core.settings import Settings


def context_of(settings: Settings) -> ssl.SSLContext | None:
    """Return what connections are made with; None where no certificate is named.

    Raises:
        InvalidInput: a file is missing, or is no certificate or key, or they do not fit.
        Refused: everybody on this machine can read the key.
    """
    named = {key: getattr(settings, key) for key in ("gateway_tls_cert", "gateway_tls_key")}
    if not any(named.values()):
        _need_none(settings)
        return None
    for key, value in named.items():
        if not value:
            raise InvalidInput(
                f"{key}: it is empty. TLS needs a certificate and its key.",
                remedy="Name both files in workbench.toml, or neither.",
                field=key,
            )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    _load(context, _place(settings, "gateway_tls_cert"), _private(_place(settings, "gateway_tls_key")))
    if settings.gateway_tls_client_ca:
        _ask_clients(context, _place(settings, "gateway_tls_client_ca"))
    return context


def _need_none(settings: Settings) -> None:
    if settings.gateway_tls_client_ca:
        raise InvalidInput(
            "gateway_tls_client_ca: clients show certificates over TLS only.",
            remedy="Name gateway_tls_cert and gateway_tls_key too.",
            field="gateway_tls_client_ca",
        )


def _place(settings: Settings, key: str) -> Path:
    path = settings.root / Path(getattr(settings, key)).expanduser()
    if not path.is_file():
        raise InvalidInput(
            f"{key}: there is no file {path}.", remedy="Correct the path in workbench.toml.", field=key
        )
    return path


def _private(path: Path) -> Path:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & stat.S_IRWXO:
        raise Refused(
            f"Everybody on this machine can read the key in {path} (mode {mode:o}).",
            remedy=f"Get a new key, and: chmod 600 {path}",
            field="gateway_tls_key",
        )
    return path


def _load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    try:
        context.load_cert_chain(certificate, key, password=lambda: "")  # never ask at a terminal
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise InvalidInput(
            f"gateway_tls_key: {key} is no key (without a password) for the certificate in {certificate}.",
            remedy="Give both in PEM: the certificate with those that vouch for it, and its key.",
            field="gateway_tls_key",
        ) from error


def _ask_clients(context: ssl.SSLContext, authority: Path) -> None:
    try:
        context.load_verify_locations(authority)
    except OSError as error:
        raise InvalidInput(
            f"gateway_tls_client_ca: {authority} has no certificates in PEM.",
            remedy="Name the file with the certificate of the authority that signs your clients'.",
            field="gateway_tls_client_ca",
        ) from error
    context.verify_mode = ssl.CERT_REQUIRED
