"""scikit-learn, and estimators with its interface: skops where every type is known, cloudpickle otherwise.

A skops file names the types it needs; only listed ones are made when it is read. The list is held here, in
code under review, never in the artifact: MLflow's own loader trusts the list that the artifact brings along.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from workbench.core.errors import Tampered
from workbench.models.formats import identify
from workbench.models.frameworks.base import Saving

#: Types that skops does not trust by default and we do, each read: plain data, no code of the file's own.
#: ``Tree`` and ``TreePredictor`` are on it although crafted indices in them could crash a process: what is
#: loaded is what was registered (its digest is checked), and without them no tree could be kept as data.
TRUSTED_TYPES = frozenset(
    {
        "numpy.dtype",
        "sklearn._loss.loss.HalfTweedieLossIdentity",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "sklearn.gaussian_process.kernels.ConstantKernel",
        "sklearn.gaussian_process.kernels.Product",
        "sklearn.gaussian_process.kernels.RBF",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.metrics._scorer._PassthroughScorer",
        "sklearn.model_selection._split.KFold",
        "sklearn.model_selection._split.StratifiedKFold",
        "sklearn.neighbors._ball_tree.BallTree",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        "sklearn.tree._tree.Tree",
        "sklearn.utils._bunch.Bunch",
    }
)

_SKOPS = "model.skops"
_PICKLE = "model.pkl"


class Sklearn:
    """Anything with ``predict`` that no other framework claims."""

    name: ClassVar[str] = "sklearn"

    def handles(self, model: Any) -> bool:
        """Anything with ``fit`` and ``predict``, or ``predict`` alone."""
        from workbench.models.frameworks.mlflow import Pyfunc

        return hasattr(model, "predict") and not isinstance(model, Pyfunc)

    def packages(self, model: Any) -> tuple[str, ...]:
        """scikit-learn, the format's package, and the one the estimator's class comes from."""
        found = ["scikit-learn", "skops", "cloudpickle"]
        for part in _parts(model):
            found += _DISTRIBUTIONS.get(type(part).__module__.partition(".")[0], [])
        return tuple(dict.fromkeys(found))

    def save(self, model: Any, folder: Path, saving: Saving) -> str:
        """Write ``model.skops`` when every type is trusted, else ``model.pkl`` by cloudpickle."""
        import mlflow.sklearn

        needed = types_for_skops(model, saving.trusted)
        if needed is not None:
            mlflow.sklearn.save_model(
                model,
                folder,
                serialization_format="skops",
                skops_trusted_types=sorted(needed),
                **saving.arguments(),
            )
            return "skops"
        mlflow.sklearn.save_model(model, folder, serialization_format="cloudpickle", **saving.arguments())
        return "cloudpickle"

    def load(self, folder: Path, trusted: frozenset[str] = frozenset()) -> Any:
        """Read the one of the two files that is there; ``trusted`` are types the project let through."""
        if (folder / _SKOPS).is_file():
            return load_skops(folder / _SKOPS, trusted)
        return load_pickle(folder / _PICKLE)


def load_pickle(file: Path) -> Any:
    """Read a pickle, which runs what it holds: where a scan has called the file one, and nowhere else.

    Raises:
        Tampered: a scan calls it something else.
    """
    import pickle

    if identify(file).format != "pickle":
        raise Tampered(
            f"{file.name} is kept as a pickle, and is none by its bytes.",
            remedy="Do not load it. Register the model again from the notebook that trained it.",
            field="model",
        )
    return pickle.loads(file.read_bytes())  # noqa: S301 - its digest was checked, and its author is known


def load_skops(file: Path, trusted: Iterable[str] = ()) -> Any:
    """Read a skops file that needs no type outside ``TRUSTED_TYPES`` and ``trusted``.

    Raises:
        Tampered: it names another type. A file written by ``save`` never does.
    """
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        return skops.io.load(file, trusted=sorted({*TRUSTED_TYPES, *trusted}))
    except UntrustedTypesFoundException as error:
        raise Tampered(
            f"{file.name} asks for types that are not on the reviewed list: {error}",
            remedy="Do not load it. Register the model again from the notebook that trained it.",
            field="model",
        ) from error


#: Distribution of a package whose estimators may sit inside a pipeline.
_DISTRIBUTIONS = {"xgboost": ["xgboost"], "lightgbm": ["lightgbm"], "catboost": ["catboost"]}


def _parts(model: Any) -> list[Any]:
    """The estimator and, for a pipeline, its steps."""
    return [model, *(step for _, step in getattr(model, "steps", []))]


def types_for_skops(model: Any, trusted: Iterable[str] = ()) -> set[str] | None:
    """Return the types skops would have to be told to trust; None when it cannot keep the model as data."""
    import skops.io

    try:
        needed = set(skops.io.get_untrusted_types(data=skops.io.dumps(model)))
    except Exception:  # noqa: BLE001 - skops raises whatever an estimator's own __reduce__ raises
        return None
    return needed if needed <= {*TRUSTED_TYPES, *trusted} else None
