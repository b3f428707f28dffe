"""Where segments lie: a folder of this machine, or object storage with a spool before it.

A segment is put whole or not at all, and never changed afterwards but by a removal. Serving must not wait for
a network, so exchanges are written to this machine first, the **spool**; an ``Uploader`` moves them on.
Readers on this machine see both. Labels and the plan of a removal stay on this machine.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit
from urllib.request import url2pathname

from workbench.core.errors import InvalidInput, Unavailable
from workbench.traffic import segments
from workbench.traffic.files import part_of, put

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

    from workbench.core.settings import Settings

#: Storages whose writers show an object whole or not at all, whatever becomes of them meanwhile.
WHOLE = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory"})
#: Bytes of one endpoint that may wait on this machine for a storage that does not answer.
SPOOL_BYTES = 1 << 30

LOCK = ".removal.lock"
"""Held by whoever moves segments or takes something out of them."""

_NEWEST = ".newest"


class Storage(Protocol):
    """Segments of endpoints, by name."""

    def endpoints(self) -> list[str]:
        """Names of the endpoints that have segments."""
        ...

    def names(self, endpoint: str, after: str = "") -> list[str]:
        """Names of an endpoint's segments that sort after ``after``, oldest first."""
        ...

    def newest(self, endpoint: str) -> str:
        """The newest name that this machine knows of; empty for none. Asks nobody else."""
        ...

    def read(self, endpoint: str, name: str) -> bytes:
        """Return a segment's bytes. ``FileNotFoundError`` when it has gone."""
        ...

    def put(self, endpoint: str, name: str, body: bytes) -> None:
        """Write a segment whole. ``OSError`` when there is no room; then nothing has changed."""
        ...

    def take(self, endpoint: str, name: str, file: Path) -> None:
        """Put a file that lies ready on this machine in a segment's place; the file is gone then."""
        ...

    def drop(self, endpoint: str, name: str) -> None:
        """Take a segment away, if it is there."""
        ...

    def tidy(self, seconds: float, endpoint: str = "*") -> None:
        """Take away what killed writers left of segments so many seconds ago, of all endpoints or one."""
        ...


class LocalStorage:
    """Segments in a folder, one sub-folder an endpoint. A file has its name once its bytes are on the disk.

    Args:
        folder: ``<state>/traffic``, or another.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def endpoints(self) -> list[str]:
        """Names of the endpoints that have segments."""
        if not self.folder.is_dir():
            return []
        return sorted(place.name for place in self.folder.iterdir() if self.names(place.name))

    def names(self, endpoint: str, after: str = "") -> list[str]:
        """Names of an endpoint's segments that sort after ``after``, oldest first."""
        folder = self.folder / endpoint
        if not folder.is_dir():
            return []
        # A Path for each of many thousand names would cost seconds.
        return segments.names(os.listdir(folder), after)  # noqa: PTH208

    def newest(self, endpoint: str) -> str:
        """The newest name; empty for none."""
        return max(self.names(endpoint), default="")

    def size(self, endpoint: str) -> int:
        """Bytes of an endpoint's segments; what goes meanwhile counts nothing."""
        size = 0
        for name in self.names(endpoint):
            with suppress(FileNotFoundError):
                size += (self.folder / endpoint / name).stat().st_size
        return size

    def read(self, endpoint: str, name: str) -> bytes:
        """Return a segment's bytes."""
        return (self.folder / endpoint / name).read_bytes()

    def put(self, endpoint: str, name: str, body: bytes) -> None:
        """Write a segment; when this returns it is on the disk."""
        (self.folder / endpoint).mkdir(parents=True, exist_ok=True)
        put(self.folder / endpoint / name, body)

    def take(self, endpoint: str, name: str, file: Path) -> None:
        """Rename a file: needs no room, where it is on the same disk."""
        try:
            file.replace(self.folder / endpoint / name)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self.put(endpoint, name, file.read_bytes())
            file.unlink()

    def drop(self, endpoint: str, name: str) -> None:
        """Take a segment away."""
        (self.folder / endpoint / name).unlink(missing_ok=True)

    def tidy(self, seconds: float, endpoint: str = "*") -> None:
        """Take away files that never got their name."""
        before = time.time() - seconds
        for part in self.folder.glob(f"{endpoint}/{part_of(Path(f'*{segments.SUFFIX}'))}"):
            with suppress(FileNotFoundError):
                if part.stat().st_mtime <= before:
                    part.unlink()


class RemoteStorage:
    """Segments in object storage, through fsspec. No listing is remembered: others write there, too.

    Args:
        url: ``s3://bucket/prefix``. Credentials come from where the storage's own library looks for them.

    Raises:
        InvalidInput: nobody here knows such a storage, or files appear there before they are whole.
    """

    def __init__(self, url: str) -> None:
        import fsspec

        protocol = urlsplit(url).scheme
        if protocol not in WHOLE:
            raise InvalidInput(
                f"capture_url: {protocol or url!r} is no storage that is known to write whole objects.",
                remedy=f"Use one of {', '.join(sorted(WHOLE))}, or file:///… for a folder.",
                field="capture_url",
            )
        try:
            found: tuple[AbstractFileSystem, str] = fsspec.url_to_fs(url, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise InvalidInput(
                f"capture_url: {protocol}:// cannot be opened ({error}).",
                remedy="Install what it names beside this package.",
                field="capture_url",
            ) from error
        self._files, self._root = found[0], found[1].rstrip("/")
        self._url = url

    def endpoints(self) -> list[str]:
        """Names of the endpoints that have segments."""
        return sorted(name for name in self._list(self._root) if self.names(name))

    def names(self, endpoint: str, after: str = "") -> list[str]:
        """Names of an endpoint's segments that sort after ``after``, oldest first."""
        return segments.names(self._list(f"{self._root}/{endpoint}"), after)

    def newest(self, endpoint: str) -> str:
        """The newest name; empty for none."""
        return max(self.names(endpoint), default="")

    def read(self, endpoint: str, name: str) -> bytes:
        """Return an object's bytes, in one request."""
        with self._reached():
            return bytes(self._files.cat_file(self._path(endpoint, name)))

    def put(self, endpoint: str, name: str, body: bytes) -> None:
        """Write an object, in one request."""
        with self._reached():
            self._files.pipe_file(self._path(endpoint, name), body)

    def take(self, endpoint: str, name: str, file: Path) -> None:
        """Write an object from a file."""
        self.put(endpoint, name, file.read_bytes())
        file.unlink()

    def drop(self, endpoint: str, name: str) -> None:
        """Take an object away."""
        try:
            with self._reached():
                self._files.rm_file(self._path(endpoint, name))
        except FileNotFoundError:
            return

    def tidy(self, seconds: float, endpoint: str = "*") -> None:
        """Nothing: an object is there whole or not at all."""

    def _path(self, endpoint: str, name: str) -> str:
        return f"{self._root}/{endpoint}/{name}"

    def _list(self, place: str) -> list[str]:
        try:
            with self._reached():
                return [path.rstrip("/").rpartition("/")[2] for path in self._files.ls(place, detail=False)]
        except FileNotFoundError:
            return []

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except Exception as error:  # each storage has its own
            raise Unavailable(
                f"{self._url} does not answer as it should ({type(error).__name__}: {str(error)[:200]}).",
                remedy="Look at the address, the credentials and the network.",
                field="capture_url",
            ) from error


class SpooledStorage:
    """Object storage behind a folder of this machine: written here first, moved by ``move``, read from both.

    Args:
        local: the spool, ``<state>/traffic``.
        remote: where segments go.
        most: bytes of an endpoint that may wait here; what finds no room is refused, and lost.
    """

    def __init__(self, local: LocalStorage, remote: Storage, *, most: int = SPOOL_BYTES) -> None:
        self.local = local
        self.remote = remote
        self._most = most

    def endpoints(self) -> list[str]:
        """Names of the endpoints that have segments."""
        return sorted({*self.local.endpoints(), *self.remote.endpoints()})

    def names(self, endpoint: str, after: str = "") -> list[str]:
        """Names, oldest first. The spool is listed first: what is moved meanwhile is met at least once."""
        return sorted({*self.local.names(endpoint, after), *self.remote.names(endpoint, after)})

    def newest(self, endpoint: str) -> str:
        """The newest name there is here, or that was moved from here."""
        try:
            moved = (self.local.folder / endpoint / _NEWEST).read_text()
        except FileNotFoundError:
            moved = ""
        return max(moved, self.local.newest(endpoint))

    def read(self, endpoint: str, name: str) -> bytes:
        """Return a segment's bytes, from here or there."""
        try:
            return self.local.read(endpoint, name)
        except FileNotFoundError:
            return self.remote.read(endpoint, name)

    def put(self, endpoint: str, name: str, body: bytes) -> None:
        """Write a segment here."""
        waiting = self.local.size(endpoint)
        if waiting + len(body) > self._most:
            raise OSError(errno.ENOSPC, f"{waiting:,} bytes wait for the object storage already")
        self.local.put(endpoint, name, body)

    def take(self, endpoint: str, name: str, file: Path) -> None:
        """Put a file in a segment's place, where that is. ``move`` moves it again if it had begun to."""
        if name in self.local.names(endpoint):
            self.remote.drop(endpoint, name)
            self.local.take(endpoint, name, file)
        else:
            self.remote.take(endpoint, name, file)

    def drop(self, endpoint: str, name: str) -> None:
        """Take a segment away, here and there."""
        self.local.drop(endpoint, name)
        self.remote.drop(endpoint, name)

    def tidy(self, seconds: float, endpoint: str = "*") -> None:
        """Take away what lies half written in the spool."""
        self.local.tidy(seconds, endpoint)

    def move(self, endpoint: str, name: str) -> None:
        """Move a segment from here to there. Whoever moves or removes must be the only one.

        Raises:
            Unavailable: the storage does not answer; the segment stays here.
        """
        try:
            body = self.local.read(endpoint, name)
        except FileNotFoundError:
            return  # removed meanwhile
        self.remote.put(endpoint, name, body)
        put(self.local.folder / endpoint / _NEWEST, name.encode())
        self.local.drop(endpoint, name)


def storage_of(settings: Settings) -> Storage:
    """Return where a project's segments lie, by its setting ``capture_url``.

    Raises:
        InvalidInput: the address is of no storage that is known here.
    """
    local = LocalStorage(settings.state / "traffic")
    if not settings.capture_url:
        return local
    parts = urlsplit(settings.capture_url)
    if parts.scheme == "file":
        return LocalStorage(Path(url2pathname(parts.path)))
    return SpooledStorage(local, RemoteStorage(settings.capture_url))
