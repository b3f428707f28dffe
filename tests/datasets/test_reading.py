from __future__ import annotations

import pytest

from workbench.core.errors import InvalidInput
from workbench.datasets import read_frame


def test_a_file_that_is_not_there_is_named_without_its_folder(tmp_path):
    with pytest.raises(InvalidInput, match=r"^data: there is no file 'train.csv'"):
        read_frame(tmp_path / "train.csv")


def test_another_ending_is_refused(tmp_path):
    (tmp_path / "a.xlsx").write_text("x")
    with pytest.raises(InvalidInput, match=r"neither \.csv nor \.parquet"):
        read_frame(tmp_path / "a.xlsx")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b""),
        ("a.csv", b"a,b\n1,\xff\xfe\n"),
        ("a.parquet", b"no parquet"),
        ("a.csv", b'a,b\n1,"2\n'),
    ],
    ids=["empty", "not UTF-8", "not Parquet", "open quote"],
)
def test_a_damaged_file_says_so(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInput, match="cannot be read") as caught:
        read_frame(tmp_path / name)
    assert caught.value.field == "data"


def test_compas_is_read_as_it_is_published(shared_data):
    frame = read_frame(shared_data / "compas" / "compas-scores-two-years.csv")
    assert frame.shape == (7214, 46)
