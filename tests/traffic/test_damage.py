"""A damaged segment is named: it is never read as if something else had been captured."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.core.errors import Tampered
from workbench.traffic import segments


@pytest.fixture
def whole(exchange):
    """The name and the table of a segment with failures, versions and shadows."""
    name, body = segments.made(
        [
            exchange(n, served_by=None if n % 3 else 1, error="ValueError" if n % 2 else "", shadow_version=2)
            for n in range(20)
        ],
        closed=10**15,
    )
    return name, segments.decoded(body, name)


def written(table):
    body = pa.BufferOutputStream()
    pq.write_table(table, body, compression="zstd", write_page_checksum=True)
    return bytes(body.getvalue())


@pytest.mark.parametrize("column", ["error", "shadow_version", "request_id", "served_by", "latency_ms"])
@pytest.mark.parametrize("asked", [None, ("time", "version")])
def test_a_column_whose_name_was_changed_is_no_column_that_was_never_written(whole, column, asked):
    name, table = whole
    other = [f"{of}x" if of == column else of for of in table.column_names]
    with pytest.raises(Tampered, match=name) as refused:
        segments.decoded(written(table.rename_columns(other)), name, asked)
    assert "backup" in refused.value.remedy


@pytest.mark.parametrize("column", ["error", "shadow_latency_ms", "request_id", "outputs"])
def test_a_column_that_every_version_wrote_is_missed(whole, column):
    name, table = whole
    with pytest.raises(Tampered, match=f"{name}.*{column!r}"):
        segments.decoded(written(table.drop_columns([column])), name)


def test_a_column_that_later_versions_added_may_be_missing(whole):
    name, table = whole
    added = ["coin", "unit", "arm_name", "unusual", "kept", "redacted"]
    assert segments.decoded(written(table.drop_columns(added)), name).equals(table)


def test_whatever_byte_of_the_footer_was_changed_nothing_else_is_read(whole):
    name, table = whole
    body = written(table)
    footer = len(body) - 8 - int.from_bytes(body[-8:-4], "little")
    for place in range(footer, len(body), 3):
        damaged = bytearray(body)
        damaged[place] ^= 0xFF
        try:
            assert segments.decoded(bytes(damaged), name).equals(table), place
        except Tampered:
            continue
