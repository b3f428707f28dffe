"""Where a journal may lie: on a local disk, because write-ahead logging needs memory that processes share."""

from __future__ import annotations

from pathlib import Path

from workbench.core.errors import Unavailable

_NETWORK = {
    "afs",
    "ceph",
    "cifs",
    "fuse.sshfs",
    "glusterfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "smb3",
    "smbfs",
}
_MOUNTS = Path("/proc/mounts")


def refuse_network(folder: Path, *, mounts: Path = _MOUNTS) -> None:
    """Pass when ``folder`` is on a local disk, or when the system does not tell (it has no ``mounts`` table).

    Raises:
        Unavailable: the folder is on a network file system.
    """
    if not mounts.is_file():
        return
    kind = _kind_of(folder.resolve(), mounts.read_text(encoding="utf-8", errors="replace"))
    if kind in _NETWORK:
        raise Unavailable(
            f"{folder} is on a network file system ({kind}), where a journal can lose entries.",
            remedy="Open the project on a local disk.",
            field="path",
        )


def _kind_of(folder: Path, table: str) -> str:
    """Return the type of the file system mounted nearest above ``folder``; of two on one place, the later."""
    nearest, kind = Path(), ""
    for line in table.splitlines():
        _, place, found, *_ = line.split()
        mounted = Path(place.replace(r"\040", " "))
        if folder.is_relative_to(mounted) and len(mounted.parts) >= len(nearest.parts):
            nearest, kind = mounted, found
    return kind
