"""What a file is, told by its bytes."""

from __future__ import annotations

import zipfile

import pytest
import skops.io

from workbench.models.formats import identify, is_pickle
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
    ],
)
def test_words_are_no_pickle(words, tmp_path):
    (tmp_path / "notes.txt").write_text(words)
    assert identify(tmp_path / "notes.txt").verdict == "data"


@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol_is_known_whatever_the_file_is_called(protocol, tmp_path):
    import pickle

    (tmp_path / "notes.txt").write_bytes(content := pickle.dumps(Threshold(), protocol=protocol))
    assert is_pickle(content)
    assert identify(tmp_path / "notes.txt").verdict == "program"


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

    import numpy as np

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
