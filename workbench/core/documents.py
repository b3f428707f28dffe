"""Documents: YAML that a person wrote, read into a record, every mistake refused by its place.

Policies, plans, suites and behaviour cases are reviewed like code, so they are read strictly: no tag makes an
object, a key given twice is an error, and an unknown key is answered with the nearest one there is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from workbench.core.errors import InvalidInput, NotFound, nearest, unknown
from workbench.core.records import Record

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

R = TypeVar("R", bound=Record)

SUFFIXES = (".yaml", ".yml")

_REMEDIES = {
    "float_type": "Write a number such as 0.05 (YAML reads 1e-3 as text: write 0.001).",
    "int_type": "Write a whole number.",
    "string_type": "Put it in quotes.",
    "missing": "Add it.",
    "value_error": "",  # its sentence says what to do
}

#: Flaws of one document that are told at once.
_MOST_FLAWS = 5


class _EachKeyOnce:
    """A key given twice is an error: of two limits, the reader may believe the other."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {key.value!r} is given twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        built: dict[Any, Any] = super().construct_mapping(node, deep=deep)  # type: ignore[misc]
        return built


class StrictLoader(_EachKeyOnce, yaml.SafeLoader):
    """For what is short and written by hand: the parser that names the line a person would look at."""


class LabelLoader(_EachKeyOnce, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """For rows, which may be many: the fast parser. Only true and false are booleans, ``no`` is a label."""


_BOOL = "tag:yaml.org,2002:bool"
LabelLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOL]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
LabelLoader.add_implicit_resolver(_BOOL, re.compile(r"^(?:true|True|false|False)$"), list("tTfF"))


@dataclass(frozen=True)
class Documents(Generic[R]):
    """One kind of document: its word, the record it becomes, and where the built-in ones lie.

    Example:
        >>> POLICIES = Documents("policy", Policy, "workbench.gates", "policies")  # doctest: +SKIP
        >>> POLICIES.read("policies/credit.yaml")  # doctest: +SKIP
    """

    what: str
    """What a person calls it; also the field of errors about the whole of it."""
    record: type[R]
    """Has a field ``name``: left out of a file, it is the file's."""
    package: str
    folder: str
    """Built-in documents are the YAML files of this folder of that package."""

    def read(self, source: str | Path | Mapping[str, Any] | R, among: Sequence[str] = ()) -> R:
        """Read one.

        Args:
            source: the path of a YAML file, the name of a built-in document, what such a file would hold, or
                a record, which is returned as it is.
            among: names of further ones, told to whoever gives an unknown one.

        Raises:
            InvalidInput: not YAML, a key unknown or given twice, a value of the wrong kind: names the key.
            NotFound: there is no such file.
        """
        if isinstance(source, self.record):
            return source
        if isinstance(source, Mapping):
            return validated(self.record, dict(source), where=self.what, what=self.what)
        file = self._file(str(source), among)
        return self._parsed(file.read_bytes(), file.name)

    def built_in(self) -> list[str]:
        """Return the names of those that come with the package."""
        found = (Path(file.name) for file in self._shelf.iterdir())
        return sorted(file.stem for file in found if file.suffix in SUFFIXES)

    @property
    def _shelf(self) -> Traversable:
        return files(self.package) / self.folder

    def _file(self, source: str, among: Sequence[str]) -> Traversable:
        path = Path(source)
        if path.is_file():
            return path
        if path.suffix in SUFFIXES or path.parent != Path():
            if path.is_dir():
                raise InvalidInput(
                    f"{path} is a folder, not a {self.what}.", remedy="Name a file in it.", field=self.what
                )
            there = [p.name for p in path.parent.glob("*.y*ml")]
            raise NotFound(
                f"There is no {self.what} file {path}.", remedy=nearest(path.name, there), field=self.what
            )
        if source not in self.built_in():
            raise unknown(self.what, self.what, source, dict.fromkeys([*self.built_in(), *among]))
        return self._shelf / f"{source}.yaml"

    def _parsed(self, text: bytes, where: str) -> R:
        content = parse_yaml(text, where=where, field=self.what)
        content = {} if content is None else content
        if not isinstance(content, dict):
            raise InvalidInput(
                f"{where} is a {type(content).__name__}, not a {self.what}.",
                remedy=f"A {self.what} is keys and values: {', '.join(self.record.model_fields)}.",
                field=self.what,
            )
        named = {"name": Path(where).stem, **content}
        return validated(self.record, named, where=where, what=self.what)


def parse_yaml(text: bytes, *, where: str, field: str, loader: type = StrictLoader) -> Any:
    """Return what YAML text holds.

    Args:
        text: as read from the file.
        where: what a message calls it: the file's name.
        field: of the error.
        loader: ``LabelLoader`` where ``yes`` and ``no`` are values of a column.

    Raises:
        InvalidInput: not YAML, a tag that would make an object, a key given twice: names the line.
    """
    try:
        return yaml.load(text, Loader=loader)  # noqa: S506 - both are safe loaders
    except yaml.YAMLError as error:
        raise InvalidInput(
            f"{where}: {_problem(error)}.", remedy="It is not valid YAML: correct the file.", field=field
        ) from error


def validated(record: type[R], content: Mapping[str, Any], *, where: str, what: str) -> R:
    """Make a record of what a document holds.

    Raises:
        InvalidInput: names the keys that are wrong, unknown ones first, with the nearest ones that there are.
    """
    try:
        return record.model_validate(content)
    except ValidationError as error:
        told, *others = _flaws(record, error)
        message, remedy = str(told), told.remedy
        if others:
            more = len(others) + 1 - _MOST_FLAWS
            told_too = [told, *others][:_MOST_FLAWS]
            message = "; ".join([*map(str, told_too), *([f"and {more} more"] if more > 0 else [])])
            remedy = " ".join(f"{flaw.key}: {flaw.remedy}" for flaw in told_too if flaw.key and flaw.remedy)
        raise InvalidInput(f"{where}: {message}.", remedy=remedy, field=told.key or what) from error


class _Flaw(NamedTuple):
    key: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.key}: {self.message}" if self.key else self.message


def _flaws(record: type[BaseModel], error: ValidationError) -> list[_Flaw]:
    """What is wrong, once a place; unknown keys first, since another flaw often follows from one."""
    found = sorted(error.errors(), key=lambda flaw: flaw["type"] != "extra_forbidden")
    flaws = [_flaw(record, one["type"], one["loc"], one["msg"]) for one in found]
    return list({flaw.key: flaw for flaw in reversed(flaws)}.values())[::-1]


def _flaw(record: type[BaseModel], kind: str, loc: tuple[int | str, ...], said: str) -> _Flaw:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    key = place.removeprefix(".")
    if kind == "extra_forbidden":
        known = _record_at(record, loc[:-1]).model_fields
        return _Flaw(key, "unknown key", nearest(str(loc[-1]), known))
    return _Flaw(key, said.removeprefix("Value error, "), _REMEDIES.get(kind, "Correct the value."))


def _problem(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return f"not YAML ({getattr(error, 'reason', error)})"


def _record_at(record: type[BaseModel], place: tuple[int | str, ...]) -> type[BaseModel]:
    """The record whose keys are known at ``place`` of a document."""
    for part in place:
        field = record.model_fields.get(str(part))
        record = (_record_in(field.annotation) if field else None) or record
    return record


def _record_in(annotation: Any) -> type[BaseModel] | None:
    """The record in a field's type: ``Rule`` of ``tuple[Rule, ...]``, ``Errors`` of ``Errors | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_record_in(part) for part in get_args(annotation))
    return next((record for record in found if record), None)
