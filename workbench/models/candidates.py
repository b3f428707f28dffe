"""A model about to be registered: looked at from every side before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.core.errors import InvalidInput, WorkbenchError
from workbench.datasets import Dataset
from workbench.models import lineage as lineages
from workbench.models.checks import require_model
from workbench.models.frameworks import Framework, framework_for
from workbench.models.frameworks.base import Saving
from workbench.models.predictors import Predictor, predictor_of
from workbench.models.records import Column, Lineage
from workbench.models.signature import columns_of, example_of, inputs_of, mlflow_signature

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

#: Training rows the model answers before and after it is saved.
TRIAL_ROWS = 100


@dataclass(frozen=True, eq=False)
class Candidate:
    """What ``examine`` found: everything a version record needs that does not depend on where it is kept."""

    model: Any
    data: Dataset
    predictor: Predictor
    framework: Framework
    columns: tuple[Column, ...]
    example: dict[str, Any]
    lineage: Lineage
    answers: np.ndarray
    """Answers to the first training rows."""

    @property
    def rows(self) -> pd.DataFrame:
        """The training rows that were answered."""
        return self.data.frame.head(TRIAL_ROWS)

    def save(self, folder: Path, trusted: frozenset[str] = frozenset()) -> str:
        """Write the MLflow model folder and return the format of the bytes.

        Args:
            folder: does not exist yet.
            trusted: types that the project lets a skops file ask for.
        """
        import pandas as pd

        pinned = tuple(f"{name}=={version}" for name, version in self.lineage.packages.items())
        saving = Saving(
            signature=mlflow_signature(self.columns, self.answers),
            example=pd.DataFrame([self.example]),
            requirements=pinned,
            trusted=trusted,
        )
        return self.framework.save(self.model, folder, saving)

    def compare(self, loaded: Predictor) -> None:
        """Check that the model read back from its files answers as the one given did.

        Raises:
            InvalidInput: it does not.
        """
        import numpy as np

        before, after = self.predictor.scores(self.rows), loaded.scores(self.rows)
        # Native formats keep single precision, so scores may differ in the seventh digit.
        alike = (before is None) == (after is None) and (
            before is None or after is None or np.allclose(before, after, atol=1e-6)
        )
        if not alike or not np.array_equal(loaded.predict(self.rows), self.answers):
            raise InvalidInput(
                "model: saved and read back, it answers the same rows differently.",
                remedy="Make it deterministic (a fixed random_state), and free of state outside the object.",
                field="model",
            )


def examine(model: Any, data: Dataset, *, root: Path) -> Candidate:
    """Check a model against its training data without writing anything.

    Args:
        model: a fitted estimator or a function.
        data: what it was trained on.
        root: the project folder, whose git commit is lineage.

    Raises:
        InvalidInput: not a model, not fitted, reads a column that is not there or the target itself, cannot
            answer training rows, or no framework can save it.
    """
    require_model(model)
    names = inputs_of(model, data)
    if data.target in names:
        raise InvalidInput(
            f"model: it reads the target {data.target!r} as an input.",
            remedy="Fit it on the features alone: train.drop(columns=target).",
            field="target",
        )
    columns = columns_of(data.frame, names)
    predictor = predictor_of(model, data=data, columns=names)
    framework = framework_for(model)
    return Candidate(
        model=model,
        data=data,
        predictor=predictor,
        framework=framework,
        columns=columns,
        example=example_of(data.frame, columns),
        lineage=lineages.lineage_of(data, model=model, packages=framework.packages(model), root=root),
        answers=_trial(predictor, data.frame.head(TRIAL_ROWS)),
    )


def _trial(predictor: Predictor, rows: pd.DataFrame) -> np.ndarray:
    try:
        return predictor.predict(rows)
    except WorkbenchError:
        raise
    except Exception as error:
        raise InvalidInput(
            f"model: it cannot answer the first rows of train: {type(error).__name__}: "
            f"{str(error).splitlines()[0] if str(error) else ''}",
            remedy="Give train with the columns and types the model was fitted on.",
            field="model",
        ) from error
