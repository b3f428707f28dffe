import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.audits.base import Subject
from workbench.audits.corruption import Corruption
from workbench.audits.parts.corruption.image_corruptions import CORRUPTIONS, corruptions_of
from workbench.audits.runner import run
from workbench.core.clock import SystemClock
from workbench.core.errors import InvalidInput
from workbench.core.values import Outcome
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of
from workbench.testing.audits import AuditContract

SIDE = 6


def squares(count: int = 60, *, seed: int = 0, dtype: str = "uint8") -> pd.DataFrame:
    """Pictures of 6 by 6: bright on the left or on the right, with the answer."""
    rng = np.random.default_rng(seed)
    right = rng.integers(0, 2, count)
    images = rng.integers(0, 60, (count, SIDE, SIDE))
    images[right == 1, :, 3:] += 180
    images[right == 0, :, :3] += 180
    frame = pd.DataFrame(images.reshape(count, -1), columns=[f"p{i}" for i in range(SIDE**2)])
    return frame.astype(dtype).assign(right=right)


def subject_of(frame: pd.DataFrame, target: str = "right") -> Subject:
    from sklearn.linear_model import LogisticRegression

    data = Dataset.of(frame, target=target, task="classification")
    model = LogisticRegression(max_iter=500).fit(frame.drop(columns=target), frame[target])
    return Subject(predictor_of(model, data=data), data)


class TestImageCorruption(AuditContract):
    audit = Corruption(images=(SIDE, SIDE), rows=30)

    def subject(self) -> Subject:
        return subject_of(squares())

    def messy_audit(self) -> Corruption:
        return Corruption(rows=30)


def images_of(frame: pd.DataFrame, name: str) -> list[np.ndarray]:
    """The corrupted pictures at the five severities."""
    made = corruptions_of(frame, (SIDE, SIDE), (name,), seed=0)
    return [fault.columns.to_numpy(dtype=float).reshape(-1, SIDE, SIDE) for fault in made]


@pytest.mark.parametrize("name", sorted(CORRUPTIONS))
@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_every_corruption_keeps_shape_type_and_range_and_grows_with_severity(name: str, dtype: str):
    clean = squares(200, dtype=dtype).drop(columns="right")
    before = clean.copy()
    made = list(corruptions_of(clean, (SIDE, SIDE), (name,), seed=0))
    pd.testing.assert_frame_equal(clean, before)
    assert [fault.place for fault in made] == [f"severity={i}" for i in range(1, 6)]
    moved = []
    for fault in made:
        assert (fault.columns.dtypes == clean.dtypes).all()
        pixels = fault.columns.to_numpy(dtype=float)
        assert pixels.min() >= 0
        assert pixels.max() <= 255
        moved.append(np.abs(pixels - clean.to_numpy(dtype=float)).mean())
    assert moved[-1] > moved[0] >= 0
    assert moved[-1] > 0.5


def test_light_and_contrast_are_exact():
    clean = squares(5, dtype="float64").drop(columns="right")
    pixels = clean.to_numpy().reshape(-1, SIDE, SIDE)
    assert np.allclose(images_of(clean, "brightness")[2], np.minimum(pixels + 0.15 * 255, 255))
    mean = pixels.mean(axis=(1, 2), keepdims=True)
    assert np.allclose(images_of(clean, "contrast")[1], (pixels - mean) * 0.5 + mean)


def test_noise_has_the_size_that_is_published():
    grey = pd.DataFrame(np.full((400, SIDE**2), 127.5)).rename(columns=str)
    grey.iloc[0, 0] = 255.0  # white is 255, not the brightest pixel there is
    expected = {
        "gaussian_noise": [0.04, 0.06, 0.08, 0.09, 0.10],
        "shot_noise": np.sqrt(0.5 / np.array([500, 250, 100, 75, 50])),
        "speckle_noise": 0.5 * np.array([0.06, 0.1, 0.12, 0.16, 0.2]),
    }
    for name, sizes in expected.items():
        found = [images[1:].std() / 255 for images in images_of(grey, name)]
        assert found == pytest.approx(sizes, rel=0.05), name
    struck = [(images[1:] != 127.5).mean() for images in images_of(grey, "impulse_noise")]
    assert struck == pytest.approx([0.01, 0.02, 0.03, 0.05, 0.07], rel=0.15)


@pytest.mark.parametrize("name", ["gaussian_blur", "defocus_blur", "motion_blur", "pixelate"])
@settings(max_examples=10, deadline=None)
@given(value=st.integers(0, 255))
def test_a_plain_picture_stays_as_it_is_when_blurred(name: str, value: int):
    plain = pd.DataFrame(np.full((2, SIDE**2), float(value))).rename(columns=str)
    plain.iloc[1] = 255.0
    for images in images_of(plain, name):
        assert np.allclose(images[0], value)


def test_a_blur_spreads_one_bright_pixel_and_keeps_its_light():
    dot = np.zeros((1, 25, 25))
    dot[0, 12, 12] = 255
    frame = pd.DataFrame(dot.reshape(1, -1)).rename(columns=str)
    for name in ("gaussian_blur", "defocus_blur", "motion_blur", "pixelate"):
        *_, last = corruptions_of(frame, (25, 25), (name,), seed=0)
        spread = last.columns.to_numpy()
        assert spread.max() < 200, name
        if name != "pixelate":  # boxes of unequal size give a little away
            assert spread.sum() == pytest.approx(255)


def test_pictures_that_are_none_are_refused():
    frame = squares(4).drop(columns="right")
    for shape in ((5, 5), (SIDE, SIDE + 1)):
        with pytest.raises(InvalidInput, match="36 columns") as refused:
            list(corruptions_of(frame, shape, ("contrast",), seed=0))
        assert refused.value.field == "images"
    with pytest.raises(InvalidInput, match="missing"):
        list(corruptions_of(frame.astype(float).mask(frame > 200), (SIDE, SIDE), ("contrast",), seed=0))
    with pytest.raises(InvalidInput, match="35 of them numbers"):
        list(corruptions_of(frame.assign(p0="a"), (SIDE, SIDE), ("contrast",), seed=0))


def test_pixels_below_zero_keep_their_own_range():
    frame = squares(10, dtype="float64").drop(columns="right") / 100 - 1
    *_, last = corruptions_of(frame, (SIDE, SIDE), ("gaussian_noise",), seed=0)
    assert last.columns.min().min() >= frame.min().min()
    assert last.columns.max().max() <= frame.max().max()


# MNIST


def idx(file) -> np.ndarray:
    raw = np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8)
    return raw[16:].reshape(-1, 784) if "images" in file.name else raw[8:]


@pytest.fixture(scope="module")
def digits(shared_data) -> Subject:
    from sklearn.linear_model import RidgeClassifier

    folder, names = shared_data / "mnist", [f"p{i}" for i in range(784)]
    train = pd.DataFrame(idx(folder / "train-first10k-images-idx3-ubyte.gz")[:5000], columns=names)
    labels = idx(folder / "train-first10k-labels-idx1-ubyte.gz")[:5000].astype(int)
    test = pd.DataFrame(idx(folder / "t10k-images-idx3-ubyte.gz"), columns=names)
    test = test.assign(digit=idx(folder / "t10k-labels-idx1-ubyte.gz").astype(int))
    data = Dataset.of(test, target="digit", task="classification")
    return Subject(predictor_of(RidgeClassifier().fit(train, labels), data=data), data)


def test_on_mnist_noise_costs_a_linear_model_more_than_blur(digits: Subject):
    [found] = run(digits, [Corruption(images=(28, 28), rows=300)], made_by="", clock=SystemClock())
    assert found.outcome is Outcome.MEASURED, found.error
    assert found.seconds < 6
    cost = {m.slice: m for m in found.measurements if m.metric == "accuracy_score_difference"}
    assert cost["fault=gaussian_noise"].high < cost["fault=gaussian_blur"].low
    assert len([s for s in cost if "severity" in s]) == 5 * len(CORRUPTIONS)
    [error] = [m for m in found.measurements if m.metric == "mean_corruption_error"]
    [clean] = [m for m in found.measurements if m.metric == "accuracy_score"]
    mean = np.mean([m.value for s, m in cost.items() if "severity" not in s])
    assert error.value == pytest.approx(1 - clean.value - mean)
    assert error.low < error.value < error.high
    assert 1 - clean.value < error.low  # it is worse than on clean pictures


def test_more_rows_narrow_the_mean_corruption_error(digits: Subject):
    faults = ("gaussian_noise", "contrast")
    widths = []
    for rows in (100, 900):
        audit = Corruption(images=(28, 28), rows=rows, faults=faults)
        [m] = [m for m in audit.measure(digits).measurements if m.metric == "mean_corruption_error"]
        widths.append(m.high - m.low)
    assert widths[0] / widths[1] == pytest.approx(3, rel=0.25)
