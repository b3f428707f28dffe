"""TLS of the gateway's own: certificate and key from files, clients' certificates too where a CA is named."""

from __future__ import annotations

import asyncio
import logging
import ssl
import stat
from pathlib import Path
from typing import Self

from workbench.core.errors import InvalidInput, Refused, WorkbenchError
from workbench.core.settings import Settings

#: Seconds between two looks at the files of the certificate.
LOOK_EVERY = 5.0

log = logging.getLogger(__name__)


class Tls:
    """What connections are made with, and its certificate, which is read anew when it was renewed."""

    def __init__(self, settings: Settings, context: ssl.SSLContext) -> None:
        self._settings = settings
        self.context = context
        self._read = self._stamps()

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """Read the files that the settings name; None where they name none. Raises as ``context_of``."""
        context = context_of(settings)
        return None if context is None else cls(settings, context)

    async def follow(self) -> None:
        """Look at the files for ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            await asyncio.to_thread(self.renew)

    def renew(self) -> None:
        """Use the files as they are now for new connections; while they do not fit, what was read before."""
        stamps = self._stamps()
        if stamps == self._read:
            return
        self._read = stamps
        try:
            context_of(
                self._settings
            )  # a pair that does not fit would leave the context in use with half of it
            _load(self.context, self._settings)
        except WorkbenchError as error:
            log.warning("the certificate stays as it was read before: %s", error)
        else:
            log.warning("the certificate was read anew")

    def _stamps(self) -> list[tuple[int, int, int]]:
        """When the files were last changed, as far as they are there."""
        found = []
        for key in _PAIR:
            try:
                about = _path(self._settings, key).stat()
                found.append((about.st_mtime_ns, about.st_ino, about.st_size))
            except OSError:
                found.append((0, 0, 0))
        return found


_PAIR = ("gateway_tls_cert", "gateway_tls_key")


def context_of(settings: Settings) -> ssl.SSLContext | None:
    """Return what connections are made with; None where no certificate is named.

    Raises:
        InvalidInput: a file is missing, or is no certificate or key, or they do not fit.
        Refused: everybody on this machine can read the key.
    """
    named = {key: getattr(settings, key) for key in _PAIR}
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
    _load(context, settings)
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


def _path(settings: Settings, key: str) -> Path:
    return settings.root / Path(getattr(settings, key)).expanduser()


def _place(settings: Settings, key: str) -> Path:
    path = _path(settings, key)
    if not path.is_file():
        raise InvalidInput(
            f"{key}: there is no file {path}.", remedy="Correct the path in workbench.toml.", field=key
        )
    return path


def _private(path: Path) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & stat.S_IRWXO:
        raise Refused(
            f"Everybody on this machine can read the key in {path} (mode {mode:o}).",
            remedy=f"Get a new key, and: chmod 600 {path}",
            field="gateway_tls_key",
        )


def _load(context: ssl.SSLContext, settings: Settings) -> None:
    certificate, key = (_place(settings, name) for name in _PAIR)
    _private(key)
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
