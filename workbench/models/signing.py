"""Signatures of artifacts by OpenSSF model-signing: a file that anybody can check with its own tool.

``model_signing verify key --signature model.sig --public-key key.pub FOLDER`` does so without this product.
"""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

from workbench.core.errors import InvalidInput, Refused, Tampered
from workbench.core.optional import require

#: Others may neither read nor write a private key.
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def sign(folder: Path, signature: Path, *, key: Path) -> None:
    """Sign the files of a folder.

    Args:
        folder: a private copy of the artifact.
        signature: the file to write, outside ``folder``.
        key: an elliptic-curve private key in PEM, which nobody else may read.

    Raises:
        InvalidInput: no such key, no key at all, or one that others may read.
        MissingDependency: the extra ``supply-chain`` is not installed.
    """
    if not key.is_file():
        raise InvalidInput(
            f"signing_key: there is no file {key.name!r}.", remedy=_HOW_TO_MAKE, field="signing_key"
        )
    if key.stat().st_mode & _OTHERS:
        raise InvalidInput(
            f"signing_key: others may read {key.name!r}.", remedy=f"Run: chmod 600 {key}", field="signing_key"
        )
    config: Any = _model_signing("signing").Config()
    try:
        signer = config.use_elliptic_key_signer(private_key=key)
    except Exception as error:  # what is no key raises whatever the parser does
        raise InvalidInput(
            f"signing_key: {key.name!r} is no elliptic-curve key in PEM: {type(error).__name__}.",
            remedy=_HOW_TO_MAKE,
            field="signing_key",
        ) from error
    signer.sign(folder, signature)


def verify(folder: Path, signature: Path, *, key: Path | None, what: str) -> None:
    """Check that a folder holds the files that were signed by the owner of a key, and no others.

    Args:
        folder: a private copy of the artifact.
        signature: what ``sign`` wrote.
        key: the public key in PEM.
        what: the version, for messages.

    Raises:
        Refused: no key to check with.
        Tampered: the signature does not hold.
    """
    if key is None or not key.is_file():
        raise Refused(
            f"{what} is signed, and there is no key here to check that with.",
            remedy='Name the public key in workbench.toml: verify_key = "keys/model.pub"',
            field="verify_key",
        )
    config: Any = _model_signing("verifying").Config()
    try:
        config.use_elliptic_key_verifier(public_key=key).verify(folder, signature)
    except Exception as error:  # a crafted signature raises whatever its parser does
        raise Tampered(
            f"The signature of {what} does not hold: {str(error)[:200] or type(error).__name__}.",
            remedy="Do not use it. If the key was changed, register the model again.",
            field="model",
        ) from error


def _model_signing(module: str) -> Any:
    require("OpenSSL", extra="supply-chain")  # model-signing needs it and does not say so
    return require(f"model_signing.{module}", extra="supply-chain")


_HOW_TO_MAKE = (
    "Make one: openssl ecparam -name prime256v1 -genkey -noout -out model.key && chmod 600 model.key; "
    "openssl ec -in model.key -pubout -out model.pub"
)
