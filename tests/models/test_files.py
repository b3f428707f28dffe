from __future__ import annotations

import pickle

import joblib
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from workbench.core.errors import InvalidInput
from workbench.models.intake import bring
from workbench.testing.models import FEATURES, Threshold, tiny_classifier


@pytest.mark.parametrize("ending", [".skops", ".joblib", ".pkl"])
def test_a_fitted_model_is_read_from_each_usual_file(ending, tmp_path, frame):
    file = tmp_path / f"model{ending}"
    (skops.io.dump if ending == ".skops" else joblib.dump)(tiny_classifier(frame), file)
    assert len(bring(file).open().predict(frame[list(FEATURES)])) == 200


def test_a_pickle_that_is_no_model_is_refused_by_the_type_in_it(tmp_path):
    (tmp_path / "m.pkl").write_bytes(pickle.dumps({"weights": [1, 2]}))
    with pytest.raises(InvalidInput, match="a dict is not a model") as caught:
        bring(tmp_path / "m.pkl").open()
    assert caught.value.field == "model"


def test_an_unfitted_model_in_a_file_is_refused(tmp_path):
    joblib.dump(LogisticRegression(), tmp_path / "m.joblib")
    with pytest.raises(InvalidInput, match="not fitted"):
        bring(tmp_path / "m.joblib").open()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("m.pkl", b"no pickle", "cannot be read"),
        ("m.pkl", b"", "cannot be read"),
        ("m.skops", b"no zip", "cannot be read"),
        ("m.joblib", b"\x80\x04\x95", "cannot be read"),
        ("m.h5", b"x", "neither .skops"),
        ("m.onnx", b"x", "cannot be read"),
    ],
)
def test_a_damaged_or_unknown_file_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInput, match=message):
        bring(tmp_path / name).open()


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InvalidInput, match=r"there is no file 'm\.pkl'"):
        bring(tmp_path / "m.pkl").open()


def test_code_that_is_missing_is_named(tmp_path):
    (tmp_path / "m.pkl").write_bytes(b"cnowhere_at_all\nModel\n.")
    with pytest.raises(InvalidInput, match="needs code that is not here: No module named 'nowhere_at_all'"):
        bring(tmp_path / "m.pkl").open()


def test_what_changes_after_it_was_copied_changes_nothing_of_what_is_opened(tmp_path, frame):
    file = tmp_path / "m.skops"
    skops.io.dump(tiny_classifier(frame), file)
    foreign = bring(file)
    file.write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    assert len(foreign.open().predict(frame[list(FEATURES)])) == 200
    file.unlink()
    file.symlink_to("/etc/passwd")
    assert len(foreign.open().predict(frame[list(FEATURES)])) == 200
    with pytest.raises(InvalidInput, match="it holds text, and its ending says skops"):
        bring(file)


def test_a_skops_file_runs_no_code_of_its_own(tmp_path):
    skops.io.dump(Threshold(), tmp_path / "m.skops")
    with pytest.raises(InvalidInput, match="not on the reviewed list"):
        bring(tmp_path / "m.skops").open()
