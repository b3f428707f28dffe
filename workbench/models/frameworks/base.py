"""The contract of a framework: say what it handles, save it as an MLflow model folder, load it back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Saving:
    """What MLflow writes beside the model's own bytes."""

    signature: Any = None
    """An ``mlflow.models.ModelSignature``."""
    example: pd.DataFrame | None = None
    requirements: tuple[str, ...] = ()
    """Pinned distributions. Given always: without them MLflow spawns a process to find out, for seconds."""
    trusted: frozenset[str] = frozenset()
    """Types that the project lets a skops file ask for, beside those on the list of this package."""

    def arguments(self) -> dict[str, Any]:
        """Return keyword arguments for any ``mlflow.<flavor>.save_model``."""
        return {
            "signature": self.signature,
            "input_example": self.example,
            "pip_requirements": list(self.requirements),
        }


class Framework(Protocol):
    """One way of writing models to files. Made without arguments; keeps no state."""

    name: ClassVar[str]
    """As in the plug-in table, and kept as ``ModelVersion.flavor``."""

    def handles(self, model: Any) -> bool:
        """Say whether this is the framework for ``model``. Must not import anything heavy to say no."""
        ...

    def packages(self, model: Any) -> tuple[str, ...]:
        """Return the distributions needed to load ``model``, beside NumPy and pandas."""
        ...

    def save(self, model: Any, folder: Path, saving: Saving) -> str:
        """Write an MLflow model folder (``folder`` does not exist yet) and return the format of the bytes."""
        ...

    def load(self, folder: Path) -> Any:
        """Read what ``save`` wrote: checked bytes in a private folder. Best without MLflow: gateways load."""
        ...


def is_plain(model: Any, package: str) -> bool:
    """Return whether ``model`` is an estimator of ``package`` that its native format holds whole.

    A class of the user's own, or an objective that is a function, is code, and native formats hold none.
    The package is not imported.
    """
    own = type(model).__module__.partition(".")[0] == package
    return own and not callable(getattr(model, "objective", None))
