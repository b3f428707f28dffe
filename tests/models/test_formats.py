"""What a file is, told by its bytes."""

from __future__ import annotations

import io
import os
import pickle
import tracemalloc
import zipfile

import numpy as np
import pytest
import skops.io
import xgboost

from workbench.models.formats import identify
from workbench.testing.models import Threshold, tiny_classifier


@pytest.mark.parametrize(
    "words",
    [
        "column_a,column_b\n1,2\n",
        "build: (tR.\n",
        "about this model",
        "x^2 + y",
        "",
        "[1, 2",
        "cc\nd\n",
        "numpy==2.4\n",
        "Flask\ncloudpickle==3\nnumpy\nboto3\n",
        "Title\n" + "word " * 20_000,
        "Verse\n" * 20_000,
    ],
)
def test_words_are_no_pickle(words, tmp_path):
    (tmp_path / "notes.txt").write_text(words)
    assert identify(tmp_path / "notes.txt").verdict == "data"


@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol_is_known_whatever_the_file_is_called(protocol, tmp_path):
    (tmp_path / "notes.txt").write_bytes(pickle.dumps(Threshold(), protocol=protocol))
    assert identify(tmp_path / "notes.txt").verdict == "program"


RUNS = b"cos\nsystem\n(S'true'\ntR."


@pytest.mark.parametrize(
    "before",
    [
        b"S'" + b"a" * (1 << 20) + b"'\n0",
        b"V" + b"x" * (3 << 20) + b"\n0",
        b"I0x10\n0",
        b"L0o17L\n0",
        b"F1.5e3\n0",
        b"T\x00\x00\x20\x00" + b" " * (2 << 20) + b"0",
        b"N0" * 60_000,
    ],
    ids=lambda before: before[:5],
)
def test_a_pickle_is_known_whatever_stands_before_what_it_runs(before, tmp_path):
    (tmp_path / "notes.txt").write_bytes(before + RUNS)
    assert pickle.loads(before + RUNS) == 0
    assert identify(tmp_path / "notes.txt").format == "pickle"


@pytest.mark.parametrize("before", [b"S'a\n0", b"I zero\n0", b"T\x00\x00\x00\x7f0", b"00", b"tN0"])
def test_what_a_reader_stumbles_over_before_it_runs_anything_is_no_pickle(before, tmp_path):
    (tmp_path / "notes.txt").write_bytes(before + RUNS)
    with pytest.raises((pickle.UnpicklingError, ValueError)):
        pickle.loads(before + RUNS)
    assert identify(tmp_path / "notes.txt").format != "pickle"


@pytest.mark.parametrize(
    "options", [{}, {"booster": "dart"}, {"booster": "gblinear"}, {"enable_categorical": True}]
)
def test_xgboosts_own_files_are_read_to_their_end(options, tmp_path):
    rows = np.random.default_rng(0).random((60, 3))
    model = xgboost.XGBClassifier(n_estimators=3, n_jobs=1, **options).fit(rows, (rows[:, 0] * 3).astype(int))
    file = tmp_path / "model.ubj"
    model.save_model(file)
    content = file.read_bytes()
    assert identify(file)[:3] == ("xgboost-ubj", "data", "")
    file.write_bytes(content[:-1])
    assert identify(file)[:3] == ("xgboost-ubj", "refused", "is not a whole UBJSON file of XGBoost")
    file.write_bytes(content + b" ")
    assert identify(file)[:3] == ("xgboost-ubj", "refused", "holds bytes after its end")


def test_an_archive_within_an_archive_takes_little_memory_to_look_into(tmp_path):
    arrays, file = io.BytesIO(), tmp_path / "m.skops"
    with zipfile.ZipFile(arrays, "w") as archive:
        content = io.BytesIO()
        np.save(content, np.frombuffer(os.urandom(1 << 20) + bytes(63 << 20), np.uint8))
        archive.writestr("data.npy", content.getvalue())
    skops.io.dump(tiny_classifier(), file)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("sparse.npz", arrays.getvalue())
    del arrays, content
    tracemalloc.start()
    try:
        assert identify(file).format == "skops"
        assert tracemalloc.get_traced_memory()[1] < 40 << 20
    finally:
        tracemalloc.stop()


def test_a_member_in_two_places_and_a_damaged_archive_are_refused(tmp_path):
    file = tmp_path / "m.skops"
    skops.io.dump(tiny_classifier(), file)
    assert identify(file).format == "skops"
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("schema.json", "{}")
    assert identify(file)[:3] == ("zip", "refused", "holds two members of one name")
    file.write_bytes(file.read_bytes()[:-40])
    assert "damaged" in identify(file).reason


def test_safetensors_and_arrays_are_data_and_their_crafted_kin_are_not(tmp_path):
    import json
    import struct

    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    (tmp_path / "m.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + b"\0\0\0\0")
    assert identify(tmp_path / "m.safetensors")[:3] == ("safetensors", "data", "")
    (tmp_path / "m.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + b"\0")
    assert identify(tmp_path / "m.safetensors").verdict == "refused"
    np.save(tmp_path / "a.npy", np.eye(2))
    assert identify(tmp_path / "a.npy")[:3] == ("npy", "data", "")
    np.save(tmp_path / "a.npy", np.array([{}], object), allow_pickle=True)
    assert identify(tmp_path / "a.npy").verdict == "refused"


def test_onnx_weights_in_another_file_are_refused(tmp_path):
    import onnx
    from onnx import TensorProto, helper

    weights = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    del weights.float_data[:]
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="../../etc/passwd")
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", [value], [out], [weights])
    (tmp_path / "m.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    assert identify(tmp_path / "m.onnx")[:3] == (
        "onnx",
        "refused",
        "keeps weights in another file, named by path",
    )
    assert onnx.__name__ == "onnx"
