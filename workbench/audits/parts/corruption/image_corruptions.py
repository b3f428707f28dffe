"""The common corruptions of small grey images: noise, blur, light, resolution, at severities 1 to 5.

Source: Hendrycks and Dietterich, "Benchmarking neural network robustness to common corruptions and
perturbations", 2019, with the settings of CIFAR-10-C. Blurs are made here with SciPy, so that pictures differ
from theirs in small ways; snow, frost, fog and JPEG need pictures or codecs and are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.audits.parts.corruption.faults import Faulty
from workbench.core.errors import InvalidInput

Array = npt.NDArray[Any]
Corrupt = Callable[[Array, int, np.random.Generator], Array]
"""Images of shape (n, height, width) between 0 and 1, the severity's place 0 to 4, draws; images likewise."""

SEVERITIES = (1, 2, 3, 4, 5)


def corruptions_of(
    frame: pd.DataFrame, shape: tuple[int, int], corruptions: tuple[str, ...], *, seed: int
) -> Iterator[Faulty]:
    """Make every corruption at every severity.

    Args:
        frame: pixels only, one image a row, its rows from top to bottom.
        shape: height and width.
        corruptions: names from ``CORRUPTIONS``.
        seed: of the noise.

    Raises:
        InvalidInput: the columns are not numbers, or not as many as an image has pixels.
    """
    clean = _pixels(frame, shape)
    low, high = _range(clean)
    scaled = (clean - low) / (high - low)
    for number, name in enumerate(CORRUPTIONS):
        for severity in SEVERITIES if name in corruptions else ():
            rng = np.random.default_rng([seed, number, severity])
            images = np.clip(CORRUPTIONS[name](scaled, severity - 1, rng), 0, 1) * (high - low) + low
            yield Faulty(name, f"severity={severity}", "", _columns(frame, images), len(frame))


def _gaussian_noise(x: Array, level: int, rng: np.random.Generator) -> Array:
    return x + rng.normal(scale=(0.04, 0.06, 0.08, 0.09, 0.10)[level], size=x.shape)


def _shot_noise(x: Array, level: int, rng: np.random.Generator) -> Array:
    photons = (500, 250, 100, 75, 50)[level]
    return np.asarray(rng.poisson(x * photons) / photons)


def _impulse_noise(x: Array, level: int, rng: np.random.Generator) -> Array:
    struck = rng.random(x.shape) < (0.01, 0.02, 0.03, 0.05, 0.07)[level]
    return np.where(struck, rng.random(x.shape) < 0.5, x)


def _speckle_noise(x: Array, level: int, rng: np.random.Generator) -> Array:
    return x + x * rng.normal(scale=(0.06, 0.1, 0.12, 0.16, 0.2)[level], size=x.shape)


def _gaussian_blur(x: Array, level: int, rng: np.random.Generator) -> Array:  # noqa: ARG001 - draws nothing
    from scipy.ndimage import gaussian_filter

    sigma = (0.4, 0.6, 0.7, 0.8, 1.0)[level]
    return np.asarray(gaussian_filter(x, sigma=(0, sigma, sigma)))


def _defocus_blur(x: Array, level: int, rng: np.random.Generator) -> Array:  # noqa: ARG001 - draws nothing
    from scipy.ndimage import gaussian_filter

    radius, edge = ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1.0, 0.2), (1.5, 0.1))[level]
    across = np.arange(-3, 4)
    disk = (across**2 + across[:, None] ** 2 <= radius**2).astype(float)
    return _convolved(x, gaussian_filter(disk, edge, radius=1))


def _motion_blur(x: Array, level: int, rng: np.random.Generator) -> Array:
    """Along one line for all images, at an angle of at most 45 degrees."""
    length, sigma = ((6, 1.0), (6, 1.5), (6, 2.0), (8, 2.0), (9, 2.5))[level]
    angle, along = rng.uniform(-np.pi / 4, np.pi / 4), np.arange(length)
    kernel = np.zeros((2 * length + 1, 2 * length + 1))
    down, right = (np.rint(along * f(angle)).astype(int) for f in (np.sin, np.cos))
    np.add.at(kernel, (length + down, length + right), np.exp(-0.5 * (along / sigma) ** 2))
    return _convolved(x, kernel)


def _brightness(x: Array, level: int, rng: np.random.Generator) -> Array:  # noqa: ARG001 - draws nothing
    return x + (0.05, 0.1, 0.15, 0.2, 0.3)[level]


def _contrast(x: Array, level: int, rng: np.random.Generator) -> Array:  # noqa: ARG001 - draws nothing
    mean = x.mean(axis=(1, 2), keepdims=True)
    return np.asarray((x - mean) * (0.75, 0.5, 0.4, 0.3, 0.15)[level] + mean)


def _pixelate(x: Array, level: int, rng: np.random.Generator) -> Array:  # noqa: ARG001 - draws nothing
    share = (0.95, 0.9, 0.85, 0.75, 0.65)[level]
    down, across = (_coarser(size, max(int(size * share), 1)) for size in x.shape[1:])
    return np.asarray(down @ x @ across.T)


#: Every corruption of an image, by name.
CORRUPTIONS: dict[str, Corrupt] = {
    "gaussian_noise": _gaussian_noise,
    "shot_noise": _shot_noise,
    "impulse_noise": _impulse_noise,
    "speckle_noise": _speckle_noise,
    "gaussian_blur": _gaussian_blur,
    "defocus_blur": _defocus_blur,
    "motion_blur": _motion_blur,
    "brightness": _brightness,
    "contrast": _contrast,
    "pixelate": _pixelate,
}


def _convolved(x: Array, kernel: Array) -> Array:
    from scipy.ndimage import convolve

    return np.asarray(convolve(x, kernel[None] / kernel.sum(), mode="nearest"))


def _coarser(size: int, fewer: int) -> Array:
    """The matrix that averages ``size`` pixels into ``fewer`` boxes and spreads them out again."""
    edges = np.linspace(0, size, fewer + 1)
    pixel = np.arange(size)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    averaged = np.clip(overlap, 0, None) * fewer / size
    return np.asarray(averaged[((pixel + 0.5) * fewer / size).astype(int)])


def _pixels(frame: pd.DataFrame, shape: tuple[int, int]) -> Array:
    height, width = shape
    numbers = frame.select_dtypes("number").shape[1]
    if numbers != frame.shape[1] or numbers != height * width:
        raise InvalidInput(
            f"corruption: images of {height} × {width} have {height * width} pixels; "
            f"the model reads {frame.shape[1]} columns, {numbers} of them numbers.",
            remedy="Give the height and width of one image, for example images=(28, 28).",
            field="images",
        )
    pixels = frame.to_numpy(dtype=float).reshape(-1, height, width)
    if not np.isfinite(pixels).all():
        raise InvalidInput("corruption: images: a pixel is missing.", remedy="Fill it.", field="images")
    return pixels


def _range(pixels: Array) -> tuple[float, float]:
    """Black and white: 0 and 1, 16 or 255, whichever holds all; else what is seen."""
    low, high = float(pixels.min()), float(pixels.max())
    if low < 0 or high > 255:
        return low, max(high, low + 1)
    return 0.0, next(white for white in (1.0, 16.0, 255.0) if high <= white)


def _columns(frame: pd.DataFrame, images: Array) -> pd.DataFrame:
    whole = np.array([pd.api.types.is_integer_dtype(dtype) for dtype in frame.dtypes])
    flat = images.reshape(len(images), -1)
    flat[:, whole] = np.rint(flat[:, whole])
    types = set(frame.dtypes)
    made = pd.DataFrame(flat, columns=frame.columns, index=frame.index)
    return made.astype(
        types.pop() if len(types) == 1 else dict(frame.dtypes)
    )  # one type: one block of memory
