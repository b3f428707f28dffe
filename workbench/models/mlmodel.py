"""``MLmodel``, the file that tells MLflow how to open a folder: which loader, which files.

It can name any module and any path, so that it is read here before anything obeys it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from workbench.models.records import ScanVerdict

_MOST_BYTES = 1 << 20

#: The quick one where PyYAML has it: a crafted megabyte takes the other one half a minute.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Flavor(NamedTuple):
    """How one flavour is opened."""

    payload: tuple[str, ...]
    """Keys that name the model's own file."""
    formats: frozenset[str]
    """What that file may be."""
    package: str = ""
    """Where the class it names must come from."""
    always: str = ""
    """A file that is opened whatever is said."""


_SKLEARN = Flavor(("pickled_model",), frozenset({"skops", "pickle"}))
_XGBOOST = Flavor(("data",), frozenset({"xgboost-ubj", "xgboost-json"}), "xgboost")
_LIGHTGBM = Flavor(("data",), frozenset({"lightgbm-text", "pickle", "skops"}), "lightgbm")
_ONNX = Flavor(("data",), frozenset({"onnx"}))
_PYTHON = Flavor(("python_model",), frozenset({"pickle"}))

_FLAVORS = {"sklearn": _SKLEARN, "xgboost": _XGBOOST, "lightgbm": _LIGHTGBM, "onnx": _ONNX}

#: How a loader opens ``python_function``: it is handed ``data``, where that is named, instead of the folder.
_LOADERS = {f"mlflow.{name}": flavor for name, flavor in _FLAVORS.items()} | {
    "mlflow.sklearn": Flavor(("data", "model_path"), _SKLEARN.formats),
    "mlflow.pyfunc.model": _PYTHON,
    "workbench.models.frameworks.program": Flavor((), frozenset({"pickle"}), always="model.pkl"),
}

#: Keys whose values are no paths that a loader follows.
_FREE = frozenset({"uri", "config", "metadata", "signature", "predict_fn", "providers"})
_OUTSIDE = re.compile(r"(^|[/\\])\.\.([/\\]|$)|^[/\\~]|^[A-Za-z]:|://")


def flavors(folder: Path) -> dict[str, Any]:
    """Return what a scanned folder's ``MLmodel`` says of its flavours, by name."""
    return {str(name): described for name, described in _flavors(folder / "MLmodel").flavors.items()}


def read(file: Path, formats: Mapping[str, str]) -> tuple[ScanVerdict, str]:
    """Judge an ``MLmodel`` file.

    Args:
        file: the file.
        formats: the format of every file in its folder, by path.

    Returns:
        A verdict and the reason for it.
    """
    found = list(_flaws(file, formats))
    for worst in ("refused", "program"):
        for verdict, reason in found:
            if verdict == worst:
                return verdict, reason
    return "data", ""


def _flaws(file: Path, formats: Mapping[str, str]) -> Iterator[tuple[ScanVerdict, str]]:
    try:
        flavors = _flavors(file)
    except ValueError as error:
        yield "refused", str(error)
        return
    for where, text in _strings({"flavors": flavors.flavors, "saved_input_example_info": flavors.example}):
        if _OUTSIDE.search(text):
            yield "refused", f"points outside its folder: {where[:80]} is {text[:80]!a}"
    for name, described in flavors.flavors.items():
        if not isinstance(described, dict):
            yield "refused", f"describes the flavour {str(name)[:40]!r} with no mapping"
            continue
        yield from _flaws_of_flavor(str(name), described, formats)
        if name == "python_function":
            yield from _flaws_of_loader(described, flavors.flavors)


def _flaws_of_flavor(
    name: str, described: Mapping[str, Any], formats: Mapping[str, str]
) -> Iterator[tuple[ScanVerdict, str]]:
    loader = described.get("loader_module") if name == "python_function" else name
    known = (_LOADERS if name == "python_function" else _FLAVORS).get(
        loader if isinstance(loader, str) else ""
    )
    if described.get("code") or described.get("model_code_path"):
        yield "program", "brings source code along, which is imported when the model is opened"
    if known is None:
        what = "the loader module" if name == "python_function" else "the flavour"
        yield "program", f"names {what} {str(loader)[:80]!r}, which nobody here has read"
        return
    named = str(described.get("model_class", ""))
    if known.package and named and named.partition(".")[0] != known.package:
        yield "refused", f"names {named[:80]!r} as a class of {known.package}"
    paths = [str(described[key]) for key in known.payload if described.get(key)]
    paths += [known.always] if known.always else []
    if not paths:
        yield "refused", f"names no file for {name}"
    for path in paths:
        yield from _flaws_of_payload(name, path, known, formats)


def _flaws_of_loader(
    described: Mapping[str, Any], flavors: Mapping[Any, Any]
) -> Iterator[tuple[ScanVerdict, str]]:
    """A loader obeys the ``MLmodel`` beside what it is handed; without the flavour it may assume a pickle."""
    loader = str(described.get("loader_module"))
    if loader not in _LOADERS:
        return
    flavor = loader.removeprefix("mlflow.")
    if flavor in _FLAVORS and flavor not in flavors:
        yield "refused", f"is opened by {loader} and describes no flavour {flavor!r}, which says how"
    if data := described.get("data"):
        if "data" not in _LOADERS[loader].payload:
            yield "refused", f"names {str(data)[:80]!r} as data for {loader}, which would obey it"
        elif "/" in str(data).removeprefix("./"):
            yield (
                "refused",
                f"names {str(data)[:80]!r} as data, and the loader would obey what lies beside that",
            )


def _flaws_of_payload(
    name: str, path: str, known: Flavor, formats: Mapping[str, str]
) -> Iterator[tuple[ScanVerdict, str]]:
    format = formats.get(path.removeprefix("./"))
    if format is None:
        yield "refused", f"names {path[:80]!r}, which is not in its folder"
    elif format == "source":
        yield "program", f"opens {path[:80]!r}, which is source code"
    elif format not in known.formats:
        yield "refused", f"says that {name} opens {path[:80]!r}, which holds {format}"


class _Described(NamedTuple):
    flavors: dict[Any, Any]
    example: Any


def _flavors(file: Path) -> _Described:
    if file.stat().st_size > _MOST_BYTES:
        raise ValueError("is greater than a megabyte")
    try:
        described = yaml.load(file.read_text("utf-8"), Loader=_Loader)  # noqa: S506 - both are safe loaders
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"is no YAML: {type(error).__name__}") from error
    if not isinstance(described, dict) or not isinstance(described.get("flavors"), dict):
        raise ValueError("names no flavours")  # noqa: TRY004 - one kind of flaw
    return _Described(described["flavors"], described.get("saved_input_example_info"))


def _strings(value: Any) -> Iterator[tuple[str, str]]:
    """Yield key and text of every string below, each object once: YAML can refer back to itself."""
    seen: set[int] = set()
    waiting = [("", value)]
    while waiting:
        key, one = waiting.pop()
        if isinstance(one, str):
            yield key, one
        elif isinstance(one, dict | list) and id(one) not in seen:
            seen.add(id(one))
            pairs = one.items() if isinstance(one, dict) else ((key, inner) for inner in one)
            waiting += [(str(name), inner) for name, inner in pairs if _followed(name, inner)]


def _followed(name: Any, value: Any) -> bool:
    """Whether a loader may take a value for a path: ``config`` is a mapping, or a file that holds one."""
    return name not in _FREE or (name == "config" and isinstance(value, str))
