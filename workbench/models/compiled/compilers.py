"""Which compiler a model has, and the versions of the libraries that it runs on."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from workbench.models.compiled.base import Compiler, NotCompiled
from workbench.models.compiled.lightgbm import LightGBM
from workbench.models.compiled.onnx import Onnx
from workbench.models.compiled.records import Kind
from workbench.models.compiled.xgboost import XGBoost

_ALL: tuple[Compiler, ...] = (XGBoost(), LightGBM(), Onnx())


def compiler_for(model: Any) -> Compiler:
    """Return the compiler for a model.

    Raises:
        NotCompiled: there is none.
    """
    for compiler in _ALL:
        if compiler.handles(model):
            return compiler
    name = getattr(model, "__name__", type(model).__name__)
    raise NotCompiled(
        f"There is no compiled form of a {name}: of scikit-learn, XGBoost and LightGBM there is."
    )


def compiler(kind: Kind) -> Compiler:
    """Return a compiler by its name in a record."""
    return next(one for one in _ALL if one.name == kind)


def libraries(one: Compiler) -> dict[str, str]:
    """Return the versions installed here of what a compiler runs on."""
    return {name: found for name in one.packages if (found := _version(name))}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
