"""The contract every model framework keeps. Subclass it, say how to make models, and run it with pytest."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from workbench.core.digests import of_tree
from workbench.models.frameworks.base import Framework, Saving
from workbench.models.mlflow_session import quiet
from workbench.models.predictors import predictor_of
from workbench.testing.models import FEATURES, tiny_frame

if TYPE_CHECKING:
    import pandas as pd


class FrameworkContract:
    """Tests of one framework. ``make`` returns a fitted binary model, ``FORMATS`` what it may be saved as."""

    FRAMEWORK: ClassVar[type[Framework]]
    FORMATS: ClassVar[tuple[str, ...]]
    COLUMNS: ClassVar[tuple[str, ...]] = FEATURES
    """The columns of ``tiny_frame`` that the model reads."""

    def make(self, frame: pd.DataFrame) -> Any:
        """Return a model of ``frame['y']`` by ``COLUMNS``, fitted."""
        raise NotImplementedError

    def test_it_handles_its_own_models_and_no_others(self) -> None:
        framework = self.FRAMEWORK()
        assert framework.handles(self.make(tiny_frame()))
        assert not framework.handles({"a": "dictionary"})
        assert not framework.handles(None)

    def test_it_names_the_packages_a_model_needs(self) -> None:
        assert self.FRAMEWORK().packages(self.make(tiny_frame()))

    def test_a_model_read_back_gives_the_same_answers_and_scores(self, tmp_path: Path) -> None:
        frame = tiny_frame()
        model = self.make(frame)
        loaded = self._round_trip(model, tmp_path / "model")
        before, after = (
            predictor_of(m, task="classification", classes=(0, 1), columns=list(self.COLUMNS))
            for m in (model, loaded)
        )
        rows = tiny_frame(50, seed=1)
        assert before.predict(rows).tolist() == after.predict(rows).tolist()
        first, second = before.scores(rows), after.scores(rows)
        assert (first is None) == (second is None)
        if first is not None and second is not None:
            assert abs(first - second).max() < 1e-7  # single precision, where the library stores that

    def test_what_was_read_back_can_be_saved_again(self, tmp_path: Path) -> None:
        loaded = self._round_trip(self.make(tiny_frame()), tmp_path / "first")
        assert self.FRAMEWORK().handles(loaded)
        self._round_trip(loaded, tmp_path / "second")

    def test_reading_a_folder_leaves_its_digest_as_it_was(self, tmp_path: Path) -> None:
        folder = tmp_path / "model"
        self._save(self.make(tiny_frame()), folder)
        before = of_tree(folder)
        with quiet():
            self.FRAMEWORK().load(folder)
        assert of_tree(folder) == before

    def test_mlflow_itself_can_open_the_folder(self, tmp_path: Path) -> None:
        folder = tmp_path / "model"
        frame = tiny_frame()
        self._save(self.make(frame), folder)
        with quiet():
            import mlflow.pyfunc

            answers = mlflow.pyfunc.load_model(str(folder)).predict(frame[list(self.COLUMNS)])
        assert len(answers) == len(frame)

    def test_the_framework_keeps_no_state(self) -> None:
        framework = self.FRAMEWORK()
        assert vars(framework) == {}
        assert type(pickle.loads(pickle.dumps(framework))) is self.FRAMEWORK  # noqa: S301 - ours

    def _save(self, model: Any, folder: Path) -> None:
        with quiet():
            form = self.FRAMEWORK().save(model, folder, Saving(requirements=("numpy",)))
        assert form in self.FORMATS
        assert (folder / "MLmodel").is_file()

    def _round_trip(self, model: Any, folder: Path) -> Any:
        self._save(model, folder)
        with quiet():
            return self.FRAMEWORK().load(folder)
