"""A copy is used only when all about it holds; whatever is wrong, the model itself answers and it is said."""

from __future__ import annotations

import pytest
from sklearn.linear_model import LogisticRegression

from workbench.models.compiled import look

X = ["x1", "x2"]


@pytest.fixture
def version(bench, full):
    version = bench.register(LogisticRegression().fit(full[X], full["y"]), full)
    assert bench.compile(version).kind == "onnx"
    assert bench.look(version).fast is not None
    return version


def test_without_a_copy_the_model_answers(bench, full):
    version = bench.register(LogisticRegression().fit(full[X], full["y"]), full)
    found = bench.look(version)
    assert found.fast is None
    assert "was not compiled" in found.sentence


def test_the_seam_of_whoever_serves(bench, version):
    predictor = bench.registry.load(version)
    fast = look(version, predictor, state=bench.state).fast
    labels, scores = fast.answer({"x1": [3.0], "x2": [1.0]}, 1, True)
    assert labels == [1]
    assert 0.9 < scores[0] <= 1.0


def test_a_changed_byte_is_not_used(bench, version):
    [file] = bench.place(version).glob("*.bin")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    found = bench.look(version)
    assert found.fast is None
    assert "not the one that was compared" in found.sentence


def test_a_copy_that_is_gone_is_not_used(bench, version):
    [file] = bench.place(version).glob("*.bin")
    file.unlink()
    assert "not the one that was compared" in bench.look(version).sentence


def test_a_copy_of_another_model_with_a_record_that_fits_is_caught_by_the_example(bench, version, full):
    other = bench.register(LogisticRegression().fit(full[X], 1 - full["y"]), full)
    bench.compile(other)
    [file] = bench.place(other).glob("*.bin")
    bench.forge(version, file.read_bytes())
    found = bench.look(version)
    assert found.fast is None
    assert "another label" in found.sentence


def test_bytes_that_are_no_graph_are_not_used(bench, version):
    bench.forge(version, b"nonsense")
    assert "cannot be opened" in bench.look(version).sentence


def test_a_record_for_other_bytes_is_not_used(bench, version):
    place = bench.place(version) / "record.json"
    other = bench.look_record(version).model_copy(update={"digest": "sha256:" + "0" * 64})
    place.write_text(other.to_json())
    assert "of another model" in bench.look(version).sentence


def test_other_versions_of_libraries_are_not_used(bench, version):
    place = bench.place(version) / "record.json"
    record = bench.look_record(version)
    place.write_text(
        record.model_copy(update={"libraries": {**record.libraries, "onnxruntime": "1.0"}}).to_json()
    )
    assert "other versions of libraries" in bench.look(version).sentence


def test_a_record_of_another_kind_is_not_used(bench, version):
    place = bench.place(version) / "record.json"
    place.write_text(bench.look_record(version).model_copy(update={"kind": "xgboost"}).to_json())
    assert "another kind of model" in bench.look(version).sentence


def test_a_record_that_cannot_be_read_is_none(bench, version):
    (bench.place(version) / "record.json").write_text("{")
    assert "was not compiled" in bench.look(version).sentence


def test_compiling_again_leaves_one_copy(bench, version):
    bench.compile(version)
    assert len(list(bench.place(version).iterdir())) == 2
    assert bench.look(version).fast is not None
