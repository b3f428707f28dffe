"""skops files: a zip of arrays and one ``schema.json`` that names types. Read here without unpacking it."""

from __future__ import annotations

import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from workbench.models.copying import shows
from workbench.models.formats import flaw_of_array, packed
from workbench.models.pickle_opcodes import is_pickle

#: Bytes all members may have together, unpacked.
MOST_UNPACKED = 16 << 30

#: Times a member above a megabyte may be greater than its packed form.
MOST_RATIO = 200

#: Bytes of an archive within one that are held in memory; a greater one lies on the disk meanwhile.
_IN_MEMORY = 16 << 20

_MOST_MEMBERS = 100_000
_MOST_SCHEMA = 64 << 20
_KNOWN_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def look_into(file: Path) -> tuple[str, tuple[str, ...]]:
    """Say why a zip archive is not used, and what is asked of whoever reads it.

    Returns:
        A flaw, empty when it is an archive of skops without one; and the types it asks for that are not on
        the list in this package, sorted. Which of those a project trusts stands in its settings, never in
        the artifact.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            flaw = next(_flaws(archive, file.stat().st_size, inner=False), "")
            if not flaw and "schema.json" not in archive.namelist():
                flaw = "is a zip archive, and not one that skops wrote"
        return flaw, () if flaw else _strangers(file)
    except Exception as error:  # noqa: BLE001 - a crafted archive raises anything
        return f"is a damaged zip archive: {type(error).__name__}", ()


def _flaws(archive: zipfile.ZipFile, size: int, *, inner: bool) -> Iterator[str]:
    members = archive.infolist()
    names = [member.filename for member in members]
    if len(names) > _MOST_MEMBERS:
        yield f"holds {len(names)} members, more than {_MOST_MEMBERS}"
    if len(set(names)) < len(names):
        yield "holds two members of one name"
    if sum(member.file_size for member in members) > MOST_UNPACKED:
        yield f"would unpack to more than {MOST_UNPACKED >> 30} GB"
    if sum(member.compress_size for member in members) > size:
        yield "holds members that overlap"
    if strange := [name for name in names if not shows(name)]:
        yield f"holds {strange[0][:80]!a}, which is a name that cannot be shown"
    for member in members:
        if flaw := _flaw_of_member(member):
            yield f"holds {member.filename[:80]!a}, which {flaw}"
    for member in members:
        if flaw := _flaw_of_content(archive, member, inner=inner):
            yield f"holds {member.filename[:80]!a}, which {flaw}"


def _flaw_of_member(member: zipfile.ZipInfo) -> str:
    path = PurePosixPath(member.filename)
    if path.is_absolute() or ".." in path.parts or ":" in member.filename:
        return "points outside the archive"
    if member.is_dir() or stat.S_IFMT(member.external_attr >> 16) not in {0, stat.S_IFREG}:
        return "is a link, a folder or a device"
    if member.flag_bits & 0x1:
        return "is encrypted"
    if member.compress_type not in _KNOWN_METHODS:
        return "is packed in a way that is not known here"
    if member.file_size > (1 << 20) and member.file_size > MOST_RATIO * max(member.compress_size, 1):
        return f"would unpack to more than {MOST_RATIO} times its size"
    return ""


def _flaw_of_content(archive: zipfile.ZipFile, member: zipfile.ZipInfo, *, inner: bool) -> str:
    """Members are arrays, zips of arrays (sparse matrices), ``schema.json`` and the bytes of byte strings."""
    with archive.open(member) as opened:
        head = opened.read(4096)
    if head.startswith(b"\x93NUMPY"):
        with archive.open(member) as opened:
            return flaw_of_array(opened, member.file_size)
    if member.filename == "schema.json" and not inner:
        return "" if member.file_size <= _MOST_SCHEMA else "is greater than any model needs"
    if head.startswith(b"PK") and member.filename.endswith(".npz") and not inner:
        return _flaw_of_nested(archive, member)
    if head.startswith(b"PK") or (name := packed(head)):
        return f"is packed{'' if head.startswith(b'PK') else f' with {name}'}: what is inside cannot be told"
    with archive.open(member) as opened:
        if is_pickle(opened, member.file_size):
            return "is a pickle"
    return "" if member.filename.endswith(".bin") and not inner else "is in a format that is not known here"


def _flaw_of_nested(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> str:
    """Look into an archive within one: unpacked first, since going back in what is packed starts anew."""
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as unpacked:
        with archive.open(member) as opened:
            shutil.copyfileobj(opened, unpacked, 1 << 20)
        with zipfile.ZipFile(unpacked) as nested:
            return next(_flaws(nested, member.file_size, inner=True), "")


def _strangers(file: Path) -> tuple[str, ...]:
    import skops.io

    from workbench.models.frameworks.sklearn import TRUSTED_TYPES

    return tuple(sorted(set(skops.io.get_untrusted_types(file=file)) - TRUSTED_TYPES))
