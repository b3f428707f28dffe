"""Behaviour cases: what a model must do on rows somebody can read, one YAML file a case in ``cases/``.

Four kinds. *golden*: these rows must be answered like this. *minimum_functionality*: whatever else a row
says, with these values every version must give this answer. *invariance*: replacing these values must not
change the answer. *directional*: adding to these values must not move the score the wrong way::

    name: priors are counted once
    kind: golden
    source: INC-1
    rows:
      - {age: 24, priors_count: 3, sex: Male}
    expected: [1]
    at_least: 0.95          # share of the rows that must be answered so

    name: four late payments on no income are a refusal
    kind: minimum_functionality
    template: {late_payments: [4, 6, 8], income: [0, 500]}      # every combination, put into a sample
    expected: [1]

    name: sex does not decide
    kind: invariance
    replace: {sex: [Male, Female]}      # no rows: a sample of the data that is audited
    at_least: 0.99

    name: more priors never lower the risk
    kind: directional
    add: {priors_count: 2}
    direction: not_lower
    where: {age: {at_least: 18, at_most: 25}, sex: [Male]}      # the sample is of these rows only

The kinds beside *golden* are those of Ribeiro, Wu, Guestrin and Singh, "Beyond accuracy: behavioral testing
of NLP models with CheckList", 2020.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable
from datetime import date
from math import prod
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import Field, model_validator

from workbench.core import digests
from workbench.core.documents import SUFFIXES, LabelLoader, parse_yaml, validated
from workbench.core.errors import Conflict, InvalidInput, NotFound
from workbench.core.records import Record

MOST_COMBINATIONS = 10_000
"""Of the values of a template, and of rows with them."""


class Case(Record):
    """One thing the model must do."""

    name: str = Field(min_length=1)
    kind: Literal["golden", "minimum_functionality", "invariance", "directional"]
    description: str = ""
    source: str = ""
    """Where it comes from: an incident, a requirement, a person."""
    model: str = ""
    """Name of the registered model it is for; empty: any."""
    rows: tuple[dict[str, Any], ...] = ()
    """Inputs by column. Empty, for any kind but golden: a sample of the audited data."""
    where: dict[str, Any] = {}
    """Which rows of the audited data, by column: a value, a list of values, or a range
    ``{at_least: 18, at_most: 25}``. All must hold."""
    template: dict[str, list[Any]] = {}
    """Values that are put in, by column, in every combination. When they fill every column that the model
    reads, the combinations are the rows."""
    expected: tuple[Any, ...] = ()
    """The answer to each row, in order; minimum functionality: also one answer to all."""
    tolerance: float = Field(default=0.0, ge=0)
    """Largest difference that still counts as equal, for numbers and scores."""
    replace: dict[str, Any] = {}
    """invariance: values that are put in, by column; a list tries each."""
    add: dict[str, float] = {}
    """directional: what is added, by column."""
    direction: Literal["not_lower", "not_higher"] = "not_lower"
    """directional: where the score (regression: the prediction) may not go by more than ``tolerance``."""
    at_least: float = Field(default=1.0, gt=0, le=1)
    """Share of the rows that must hold."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind == "golden" and not self.rows:
            raise ValueError("a golden case needs rows")
        if self.kind == "golden" and len(self.rows) != len(self.expected):
            raise ValueError(f"{len(self.rows)} rows but {len(self.expected)} expected answers")
        if self.kind == "golden" and (self.where or self.template):
            raise ValueError("a golden case has rows of its own: no 'where', no 'template'")
        if self.kind == "minimum_functionality":
            self._require_minimum()
        if self.kind == "invariance" and not self.replace:
            raise ValueError("an invariance case needs 'replace'")
        if self.kind == "directional" and not self.add:
            raise ValueError("a directional case needs 'add'")
        if self.rows and self.where:
            raise ValueError("'where' chooses rows of the data; give it or 'rows'")
        self._require_choices()
        return self

    def _require_minimum(self) -> None:
        if not (self.rows or self.where or self.template):
            raise ValueError("a minimum functionality case needs 'rows', 'where' or 'template'")
        most = 1 if self.template or not self.rows else len(self.rows)
        if len(self.expected) not in (1, most):
            raise ValueError(f"'expected' needs one answer{f' or {most}' if most > 1 else ''}")

    def _require_choices(self) -> None:
        for column, values in self.template.items():
            if not values:
                raise ValueError(f"template: {column} has no value")
        if prod(len(values) for values in self.template.values()) > MOST_COMBINATIONS:
            raise ValueError(f"template: more than {MOST_COMBINATIONS} combinations")
        for column, wanted in self.where.items():
            if isinstance(wanted, dict) and not (wanted and wanted.keys() <= {"at_least", "at_most"}):
                raise ValueError(f"where: {column} takes a value, a list, or at_least and at_most")


def load_cases(path: str | Path, *, model: str = "") -> list[Case]:
    """Read the cases of a file, or of every ``.yaml`` file of a folder, in order of file name.

    Args:
        path: a folder (one that is not there holds no case) or a file with one case or a list of cases.
        model: leave out cases for other models.

    Raises:
        NotFound: a file that is not there.
        InvalidInput: a file is not YAML, a key is unknown or a value wrong, or two cases share a name.
    """
    path = Path(path)
    if path.suffix in SUFFIXES:
        files = [path]
    else:
        files = sorted(p for p in path.glob("*") if p.suffix in SUFFIXES and p.is_file())
    found: dict[str, Path] = {}
    cases = []
    for file in files:
        for case in _read(file):
            if case.name in found:
                raise InvalidInput(
                    f"{file.name}: the case {case.name!r} is also in {found[case.name].name}.",
                    remedy="Rename one of them.",
                    field="name",
                )
            found[case.name] = file
            if model in ("", case.model) or not case.model:
                cases.append(case)
    return cases


def save_case(folder: str | Path, case: Case) -> Path:
    """Write ``case`` into ``folder`` under a name made safe for every file system. Returns the file.

    Saving the same case again changes nothing.

    Raises:
        Conflict: the folder has another case of that name.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    case = Case.model_validate(_plain(case.model_dump()))
    path = folder / _file_name(case.name)
    if path.exists():
        if digest_of(_read(path)) == digest_of([case]):
            return path
        raise Conflict(
            f"{path.name} already holds another case.",
            remedy="Choose another name, or edit the file.",
            field="name",
        )
    text = yaml.safe_dump(
        case.model_dump(mode="python", exclude_defaults=True) | {"kind": case.kind},
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
        width=10_000,
    )
    _write_whole(path, text)
    return path


def digest_of(cases: Iterable[Case]) -> str:
    """Digest of the cases' content, whatever files they lie in."""
    return digests.of_bytes("\n".join(_content(c) for c in cases).encode())


def _content(case: Case) -> str:
    """As JSON, without what older cases could not say: the digest of a saved case stays what it was."""
    return case.model_dump_json(exclude={name for name in ("where", "template") if not getattr(case, name)})


def _read(file: Path) -> list[Case]:
    try:
        text = file.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {file.name}.", remedy="Check the path.", field="cases") from error
    content = parse_yaml(text, where=file.name, field=file.name, loader=LabelLoader)
    return [_case(file, entry) for entry in (content if isinstance(content, list) else [content])]


def _case(file: Path, entry: object) -> Case:
    if not isinstance(entry, dict):
        raise InvalidInput(
            f"{file.name}: a case is a mapping with 'name' and 'kind', not {type(entry).__name__}.",
            remedy="Write a list of cases, each with its keys.",
            field=file.name,
        )
    return validated(Case, entry, where=file.name, what=file.name)


def _plain(value: Any) -> Any:
    """Turn NumPy and pandas scalars into what YAML can write."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_plain(v) for v in value)
    if hasattr(value, "to_pydatetime"):
        return value.to_pydatetime()
    if hasattr(value, "item"):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str | date):
        return value
    return None if type(value).__name__ in ("NAType", "NaTType") else str(value)


def _file_name(name: str) -> str:
    """Letters, digits and dashes. When that loses something, a piece of the name's digest keeps two apart."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60]
    if slug == re.sub(r"[ _-]+", "-", name.lower()):
        return f"{slug}.yaml"
    return f"{slug or 'case'}-{digests.short(digests.of_bytes(name.encode()))}.yaml"


def _write_whole(path: Path, text: str) -> None:
    """All or nothing: a reader never meets half a file."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".case-", suffix=".tmp")
    with os.fdopen(handle, "w", encoding="utf-8") as f:
        f.write(text)
        f.flush()
        os.fsync(f.fileno())
    Path(temporary).replace(path)
