"""A data set is a frame whose columns have roles: target, sensitive, prediction, score, or feature."""

from __future__ import annotations

from workbench.datasets.dataset import Dataset
from workbench.datasets.fingerprints import fingerprint
from workbench.datasets.reading import read_frame

__all__ = ["Dataset", "fingerprint", "read_frame"]
