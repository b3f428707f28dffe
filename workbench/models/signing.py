"""Signatures of artifacts in OpenSSF model-signing's format: a file that anybody can check with its own tool.

``model_signing verify key --signature model.sig --public_key key.pem FOLDER`` does so without this product.
model-signing signs. Checking is done here, with ``cryptography`` alone and from digests already taken, since
it happens wherever a version is loaded: model-signing brings 500 modules along, and needs an extra.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import stat
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from workbench.core.errors import InvalidInput, Tampered
from workbench.core.optional import require

#: Others may neither read nor write a private key.
_OTHERS = stat.S_IRWXG | stat.S_IRWXO

_PAYLOAD = "application/vnd.in-toto+json"
_PREDICATE = "https://model_signing/signature/v1.0"
_HASHES = {"secp256r1": "SHA256", "secp384r1": "SHA384", "secp521r1": "SHA512"}


def installed() -> bool:
    """Return whether artifacts can be signed here: the extra ``supply-chain``."""
    return find_spec("model_signing") is not None and find_spec("OpenSSL") is not None


def sign(folder: Path, signature: Path, *, key: Path) -> None:
    """Sign the files of a folder, every one of them.

    Args:
        folder: a private copy of the artifact.
        signature: the file to write, outside ``folder``.
        key: an elliptic-curve private key in PEM, which nobody else may read.

    Raises:
        InvalidInput: no key, or one that others may read.
        MissingDependency: the extra ``supply-chain`` is not installed.
    """
    if key.stat().st_mode & _OTHERS:
        raise InvalidInput(
            f"signing_key: others may read {key.name!r}.", remedy=f"Run: chmod 600 {key}", field="signing_key"
        )
    require("OpenSSL", extra="supply-chain")  # model-signing needs it and does not say so
    signing: Any = require("model_signing.signing", extra="supply-chain")
    hashing: Any = require("model_signing.hashing", extra="supply-chain")
    every_file = hashing.Config().set_ignored_paths(paths=[], ignore_git_paths=False)
    try:
        signer = signing.Config().set_hashing_config(every_file).use_elliptic_key_signer(private_key=key)
    except ValueError as error:
        raise InvalidInput(
            f"signing_key: {key.name!r} cannot sign artifacts: {str(error).splitlines()[0]}.",
            remedy="Use a key on the curve prime256v1.",
            field="signing_key",
        ) from error
    signer.sign(folder, signature)


def verify(digests: Mapping[str, str], signature: bytes, *, key: Path, what: str) -> None:
    """Check that files are those that the owner of a key signed, all of them and no others.

    Args:
        digests: of the files of a private copy, by path, as ``copy_tree`` returned them.
        signature: the content of the file that ``sign`` wrote.
        key: the public key in PEM.
        what: the version, for messages.

    Raises:
        Tampered: the signature does not hold.
    """
    try:
        signed = _signed_files(signature, key.read_bytes())
        if signed == dict(digests):
            return
        differ = [path for path, digest in digests.items() if signed.get(path) != digest]
        first = min([*differ, *(set(signed) - set(digests))])
        why = f"{first!r} is not what was signed"
    except Exception as error:  # noqa: BLE001 - a crafted signature raises whatever its parser does
        why = str(error)[:200] or type(error).__name__
    raise Tampered(
        f"The signature of {what} does not hold: {why}.",
        remedy="Do not use it. If the key was changed, register the model again.",
        field="model",
    )


def _signed_files(signature: bytes, key: bytes) -> dict[str, str]:
    """Return the digests that a signature holds over, by path; ``ValueError`` when it is not this key's."""
    envelope = json.loads(signature)["dsseEnvelope"]
    payload = _decoded(envelope["payload"])
    [made] = envelope["signatures"]
    if envelope["payloadType"] != _PAYLOAD:
        raise ValueError("it is of another kind")
    _require_made_by(key, _decoded(made["sig"]), _encoded(payload))
    statement = json.loads(payload)
    predicate = statement["predicate"]
    described = predicate["serialization"]
    if statement["predicateType"] != _PREDICATE or described["method"] != "files":
        raise ValueError("it does not name files")
    if any(one["algorithm"] != "sha256" for one in predicate["resources"]):
        raise ValueError("it uses another hash than SHA-256")
    files = {str(one["name"]): f"sha256:{one['digest']}" for one in predicate["resources"]}
    if len(files) < len(predicate["resources"]):
        raise ValueError("it names a file twice")
    [subject] = statement["subject"]
    root = hashlib.sha256(b"".join(bytes.fromhex(one["digest"]) for one in predicate["resources"]))
    if subject["digest"]["sha256"] != root.hexdigest():
        raise ValueError("its files are not those it is about")
    return files


def _require_made_by(key: bytes, signature: bytes, signed: bytes) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    public = serialization.load_pem_public_key(key)
    if not isinstance(public, ec.EllipticCurvePublicKey) or public.curve.name not in _HASHES:
        raise ValueError("the key to check it with is on no curve that is known here")
    try:
        public.verify(signature, signed, ec.ECDSA(getattr(hashes, _HASHES[public.curve.name])()))
    except InvalidSignature:
        raise ValueError("it was made by another key, or over something else") from None


def _encoded(payload: bytes) -> bytes:
    """Return what is signed: DSSE's pre-authentication encoding (https://github.com/secure-systems-lab/dsse)."""
    return f"DSSEv1 {len(_PAYLOAD)} {_PAYLOAD} {len(payload)} ".encode() + payload


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("it is not in base64") from error
