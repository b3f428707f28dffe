"""Frozen rows: written once, under a number nobody else gets, and read only after their digest was checked.

The file is plain Parquet, one line an input row: the inputs as columns, and what production answered in
``__prediction``, ``__version``, ``__request_id``, ``__time``, ``__arm`` and ``__error``. A column in which a
client mixed types (text among numbers, lists) is kept as JSON text, marked in the file's schema, and comes
back as it was.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.core.digests import of_bytes, short
from workbench.core.errors import InvalidInput, NotFound, Tampered, Unavailable

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

FILE = "exchanges.parquet"

#: Columns of ours: everything else is an input, or the target.
PREDICTION = "__prediction"
VERSION = "__version"
REQUEST = "__request_id"
ERROR = "__error"
RESERVED = (REQUEST, "__time", "__arm", VERSION, PREDICTION, ERROR)

_ID = re.compile(r"INC-(\d{1,9})")
_DRAFT = ".draft-"
#: Seconds after which nobody is writing a draft any more.
_LEFT = 60.0
_AS_JSON = {b"workbench": b"json"}


def freeze(frame: pd.DataFrame, folder: Path) -> str:
    """Write the rows into ``folder`` and return the digest of the file: the same rows, the same bytes.

    Raises:
        InvalidInput: a column holds what Parquet has no type for.
        Unavailable: the disk does not take it.
    """
    import pyarrow.parquet as pq

    table, path = _table(frame), folder / FILE
    try:
        with path.open("wb") as file:
            pq.write_table(table, file, compression="zstd", write_page_checksum=True)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Unavailable(
            f"The rows could not be frozen ({error.strerror or error}).",
            remedy="Make room on the disk, or freeze less.",
            field="incident",
        ) from error
    return of_bytes(path.read_bytes())


def thaw(path: Path, digest: str) -> pd.DataFrame:
    """Read frozen rows, after checking that they are those that were frozen.

    Raises:
        NotFound: the file is gone.
        Tampered: a byte differs.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    name = path.parent.name
    if not path.is_file():
        raise NotFound(
            f"The frozen rows of {name} are not there.",
            remedy=f"Restore {path.parent.parent.name}/{name} from a backup.",
            field="incident",
        )
    content = path.read_bytes()  # hashed and read are the same bytes
    found = of_bytes(content)
    if found != digest:
        raise Tampered(
            f"The frozen rows of {name} are not those that were frozen "
            f"(digest {short(found)}, recorded {short(digest)}).",
            remedy=f"Do not use them. Restore {path.parent.parent.name}/{name} from a backup.",
            field="incident",
        )
    return _frame(pq.read_table(pa.BufferReader(content)))


def unopened(home: Path, known: Collection[str]) -> list[str]:
    """Return the folders with frozen rows that the journal does not know: their opener was killed.

    Drafts that were left so are taken away first. A folder with a number stays: it may be of a journal that
    was restored from an older backup, and then it is evidence.

    Args:
        home: ``<state>/incidents``.
        known: ids of the incidents in the journal.
    """
    before = time.time() - _LEFT
    for draft in home.glob(f"{_DRAFT}*"):
        with suppress(FileNotFoundError):  # taken, meanwhile
            if max(path.stat().st_mtime for path in (draft, *draft.iterdir())) <= before:
                shutil.rmtree(draft, ignore_errors=True)
    there = {path.parent.name for path in home.glob(f"*/{FILE}") if _ID.fullmatch(path.parent.name)}
    return sorted(there.difference(known))


class Place:
    """A folder being made for the next incident: taken by a rename that only one opener wins.

    Args:
        home: ``<state>/incidents``.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        try:
            home.mkdir(parents=True, exist_ok=True)
            self.draft = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=home))
        except OSError as error:
            raise Unavailable(
                f"{home.name}/ cannot be written ({error.strerror}).",
                remedy="Open the project in a folder you may write to.",
                field="path",
            ) from error
        self.draft.chmod(0o755)
        self._at = self.draft

    def take(self, known: Iterable[str]) -> str:
        """Give the folder the next free id, above all ``known`` ones and every folder there is."""
        while True:
            names = [*known, *(path.name for path in self._home.iterdir())]
            numbers = [int(match[1]) for name in names if (match := _ID.fullmatch(name))]
            incident_id = f"INC-{max(numbers, default=0) + 1}"
            try:
                self._at = self._at.rename(self._home / incident_id)
            except OSError:
                if not (self._home / incident_id).exists():
                    raise
                continue  # another opener was first: it is a folder now, so the next number is higher
            return incident_id

    def drop(self) -> None:
        """Take the folder away again: nothing was opened."""
        shutil.rmtree(self._at, ignore_errors=True)


def _table(frame: pd.DataFrame) -> pa.Table:
    import pyarrow as pa

    mixed = [name for name in frame.columns if _is_mixed(frame[name])]
    try:
        texts = {name: frame[name].map(_to_json) for name in mixed}
        table = pa.Table.from_pandas(frame.assign(**texts), preserve_index=False)
    except (pa.ArrowException, TypeError, ValueError, RecursionError) as error:
        # One about text has the text in it, which nothing could print.
        half = isinstance(error, UnicodeError)
        told = ["half of a surrogate pair is no character"] if half else map(str, error.args)
        raise InvalidInput(
            f"rows: {'; '.join(told)}.",
            remedy="Leave the column out, or make it numbers, text or times.",
            field="rows",
        ) from error
    for name in mixed:
        place = table.schema.get_field_index(name)
        field = table.schema.field(place).with_metadata(_AS_JSON)
        table = table.set_column(place, field, table.column(place))
    return table


def _frame(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas()
    for field in table.schema:
        if (field.metadata or {}).items() >= _AS_JSON.items():
            frame[field.name] = frame[field.name].map(json.loads).astype(object)
    return frame


def _is_mixed(values: pd.Series) -> bool:
    """Whether Parquet could not keep these values apart: more than one type, or containers."""
    if values.dtype != object:
        return False
    kinds = {type(value) for value in values[values.notna()]}
    return len(kinds) > 1 or bool(kinds & {list, dict, tuple, set}) or _is_huge(values, kinds)


def _is_huge(values: pd.Series, kinds: set[type]) -> bool:
    return kinds == {int} and any(abs(value) >= 2**63 for value in values[values.notna()])


def _to_json(value: Any) -> str:
    import pandas as pd

    if hasattr(value, "tolist"):
        value = value.tolist()
    missing = pd.api.types.is_scalar(value) and pd.isna(value)
    return json.dumps(None if missing else value, default=str)
