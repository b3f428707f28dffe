"""Suites: which audits, with which options. By name, by mapping, by YAML file, or the default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, overload

from pydantic import TypeAdapter, ValidationError

from workbench.audits.base import Audit
from workbench.audits.cases import Case
from workbench.core import plugins
from workbench.core.documents import SUFFIXES, parse_yaml
from workbench.core.errors import InvalidInput, nearest, unknown

#: Suites that come with the package, by file.
SHIPPED = Path(__file__).parent / "suites"
_KEYS = ("description", "audits")
"""Keys of a suite file that has a heading."""


@dataclass(frozen=True)
class Suite(Sequence[Audit]):
    """Audits in order. ``asked``: a person named them, so "does not apply" is part of the answer."""

    audits: tuple[Audit, ...]
    asked: bool = True

    def __iter__(self) -> Iterator[Audit]:
        return iter(self.audits)

    def __len__(self) -> int:
        return len(self.audits)

    @overload
    def __getitem__(self, index: int) -> Audit: ...
    @overload
    def __getitem__(self, index: slice) -> Suite: ...
    def __getitem__(self, index: int | slice) -> Audit | Suite:
        return replace(self, audits=self.audits[index]) if isinstance(index, slice) else self.audits[index]


def load_suite(spec: Any = None, *, default: Path | None = None, cases: Sequence[Case] = ()) -> Suite:
    """Make audits of what a person wrote.

    Args:
        spec: None for the default suite; the name of an audit or of a suite; a list of names, ``{name:
            options}`` or ``Audit``s; ``{name: {option: value}}``; or the path of a YAML file that holds one
            of these, also under the key ``audits``.
        default: a file to take as the default suite instead of the one that comes with the package.
        cases: behaviour cases of the project. They are run whatever the suite says, beside the suite's own.

    Raises:
        InvalidInput: an audit or option that does not exist (with the nearest match), a value of the wrong
            type, a file that is not YAML.
    """
    if spec is None:
        suite = replace(_suite(default or SHIPPED / "default.yaml"), asked=False)
    else:
        suite = _suite(spec)
    return _with_cases(suite, tuple(cases)) if cases else suite


def shipped() -> list[str]:
    """Return the names of the suites that come with the package."""
    return sorted(file.stem for file in SHIPPED.glob("*.yaml"))


def build(name: str, options: Mapping[str, Any] | None = None) -> Audit:
    """Make one audit from its name and its options.

    Raises:
        InvalidInput: the audit or an option is unknown, or a value has the wrong type.
    """
    plugin = plugins.load("audits", name)
    options = {} if options is None else options
    if not isinstance(options, Mapping):
        raise InvalidInput(
            f"{name}: options are a mapping, not {type(options).__name__}.",
            remedy=f"Write {{{name}: {{option: value}}}}.",
            field=name,
        )
    known = [f.name for f in fields(plugin)]
    for option in options:
        if option not in known:
            raise unknown(name, "option", str(option), known)
    try:
        audit: Audit = _adapter(plugin).validate_python(dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        option = ".".join(str(part) for part in first["loc"]) or name
        raise InvalidInput(
            f"{name}: {option}: {first['msg']} (given: {first['input']!r}).",
            remedy="Correct the value.",
            field=option,
        ) from error
    return audit


@cache
def _adapter(plugin: type) -> TypeAdapter[Any]:
    return TypeAdapter(plugin)


def _suite(spec: Any) -> Suite:
    if isinstance(spec, Suite):
        return spec
    if isinstance(spec, str) and not spec.endswith(SUFFIXES):
        spec = _named(spec)
    if isinstance(spec, Path) or (isinstance(spec, str) and spec.endswith(SUFFIXES)):
        return _suite(_read(Path(spec)))
    if isinstance(spec, Mapping):
        spec = [spec]
    if isinstance(spec, Audit) and not isinstance(spec, type):
        return Suite((spec,))
    if not isinstance(spec, Sequence):
        raise InvalidInput(
            f"audits: {type(spec).__name__} is not a suite.",
            remedy="Give names, {name: options}, or the path of a YAML file.",
            field="audits",
        )
    audits = tuple(audit for entry in spec for audit in _entry(entry))
    if not audits:
        raise InvalidInput(
            "audits: the suite is empty.",
            remedy=f"Name at least one of {', '.join(plugins.table('audits'))}.",
            field="audits",
        )
    return Suite(audits)


def _named(name: str) -> Path | list[str]:
    """An audit, or else a suite that comes with the package."""
    if name in plugins.table("audits"):
        return [name]
    if name in shipped():
        return SHIPPED / f"{name}.yaml"
    raise unknown("audits", "audit or suite", name, [*plugins.table("audits"), *shipped()])


def _entry(entry: Any) -> list[Audit]:
    if isinstance(entry, str):
        return [build(entry)]
    if isinstance(entry, Mapping):
        return [build(str(name), options) for name, options in entry.items()]
    if isinstance(entry, type) or not isinstance(entry, Audit):
        raise InvalidInput(
            f"audits: {entry!r} is not an audit.",
            remedy="Give a name, {name: options}, or an audit with its options, for example Drift().",
            field="audits",
        )
    return [entry]


def _read(path: Path) -> Any:
    try:
        text = path.read_bytes()
    except OSError as error:
        there = [p.name for p in path.parent.glob("*.y*ml")]
        raise InvalidInput(
            f"audits: the suite {path} cannot be read.",
            remedy=nearest(path.name, there),
            field="audits",
        ) from error
    content = parse_yaml(text, where=path.name, field="audits")
    if isinstance(content, Mapping) and "audits" in content:
        for key in content:
            if key not in _KEYS:
                raise unknown(path.name, "key", str(key), _KEYS)
        content = content["audits"]
    if content is None:
        raise InvalidInput(f"{path.name}: the suite is empty.", remedy="Name an audit.", field="audits")
    return content


def _with_cases(suite: Suite, cases: tuple[Case, ...]) -> Suite:
    """Add the project's cases: to the default suite's behaviour audit, else as one more."""
    others = tuple(a for a in suite.audits if suite.asked or a.name != "behaviour")
    return replace(suite, audits=(*others, build("behaviour", {"cases": cases})))
