"""Training data kept beside the registry: what drift is measured against, and what bounds an attack."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from workbench.core.errors import Unavailable
from workbench.datasets import Dataset, read_frame
from workbench.models.records import ModelVersion

#: More rows than this are sampled: enough for every distribution drift looks at.
MOST_ROWS = 50_000


def keep(train: Dataset, state: Path) -> Path:
    """Write the training frame under its fingerprint, once; beyond 50,000 rows a sample drawn with seed 0.

    Raises:
        Unavailable: a column cannot be written, or the disk is full.
    """
    import pyarrow as pa

    place = _place(train.digest, state)
    if place.is_file():
        return place
    frame = train.frame
    if len(frame) > MOST_ROWS:
        frame = frame.sample(MOST_ROWS, random_state=0).sort_index()
    place.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=place.parent, suffix=".tmp")
    os.close(handle)
    try:
        frame.to_parquet(partial, index=False)
        Path(partial).replace(place)
    except (OSError, pa.ArrowException) as error:
        raise Unavailable(
            f"The training data could not be kept: {str(error).splitlines()[0]}",
            remedy="Give every column of train one type, and check that the disk is not full.",
            field="train",
        ) from error
    finally:
        Path(partial).unlink(missing_ok=True)
    return place


def read(version: ModelVersion, state: Path) -> Dataset | None:
    """Return the kept training data of a version with its roles; None when there is none."""
    place = _place(version.lineage.data_digest, state)
    if not place.is_file():
        return None
    return Dataset.of(
        read_frame(place),
        target=version.target,
        sensitive=version.sensitive,
        positive=version.positive,
        task=version.task,
    )


def _place(digest: str, state: Path) -> Path:
    return state / "reference" / f"{digest.removeprefix('sha256:')}.parquet"
