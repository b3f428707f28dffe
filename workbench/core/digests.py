"""Digests: what evidence, approvals and releases are bound to. Always ``sha256:<64 hex>``."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import rfc8785

_CHUNK = 1 << 20


def canonical_json(value: Any) -> bytes:
    """Return ``value`` as RFC 8785 canonical JSON, the only form that is hashed."""
    return rfc8785.dumps(value)


def of_bytes(data: bytes) -> str:
    """Digest of bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def of_json(value: Any) -> str:
    """Digest of a JSON value, whatever the order of its keys."""
    return of_bytes(canonical_json(value))


def of_file(path: Path) -> str:
    """Digest of one file's bytes, in constant memory."""
    h = hashlib.sha256()
    with path.open("rb") as f:
        while chunk := f.read(_CHUNK):
            h.update(chunk)
    return "sha256:" + h.hexdigest()


def of_tree(root: Path) -> str:
    """Digest of a folder: every file's name and bytes. A link is refused: it could point anywhere."""
    files: dict[str, str] = {}
    for path in sorted(root.rglob("*")):
        if path.is_symlink():
            raise ValueError(f"{path.relative_to(root)} is a symbolic link; an artifact holds files only")
        if path.is_file():
            files[path.relative_to(root).as_posix()] = of_file(path)
    return of_json(files)


def short(digest: str) -> str:
    """The first eight hex digits, for people."""
    return digest.removeprefix("sha256:")[:8]
