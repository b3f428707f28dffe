"""Lineage as a tree: a version, what it was made of, and what that was made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from workbench.core.digests import short
from workbench.core.records import Record
from workbench.models.records import Lineage, ModelVersion, Parent, TrainedColumn

Kind = Literal["model", "code", "data", "column", "environment", "package", "parameters", "parameter"]

#: Lines of one kind that the text shows; the record holds them all.
_SHOWN = 12


class LineageTree(Record):
    """One thing, and below it what it came from. Its text draws the tree."""

    kind: Kind
    name: str
    detail: str = ""
    digest: str = ""
    """``sha256:`` of the thing, where it has one."""
    children: tuple[LineageTree, ...] = ()

    def __str__(self) -> str:
        return "\n".join(_drawn(self))


def lineage_tree(version: ModelVersion, find: Callable[[str], ModelVersion]) -> LineageTree:
    """Return the lineage of a version with that of every version it was made from.

    Args:
        version: where it starts.
        find: returns a version by ``name/version``.
    """
    return _model(version, find, set())


def ancestors(version: ModelVersion, find: Callable[[str], ModelVersion]) -> list[ModelVersion]:
    """Return every version this one was made from, and itself as the last; parents before children."""
    found: dict[str, ModelVersion] = {}

    def walk(one: ModelVersion) -> None:
        for parent in one.lineage.parents:
            if parent.ref not in found:
                walk(find(parent.ref))
        found[one.ref] = one

    walk(version)
    return list(found.values())


def _model(version: ModelVersion, find: Callable[[str], ModelVersion], told: set[str]) -> LineageTree:
    told.add(version.ref)
    lineage = version.lineage
    return LineageTree(
        kind="model",
        name=version.ref,
        detail=f"{version.format}, by {version.author}, {version.created:%Y-%m-%d %H:%M} UTC",
        digest=version.digest,
        children=(
            _code(lineage),
            _data(version),
            _environment(lineage),
            *_parameters(lineage),
            *(_parent(parent, find, told) for parent in lineage.parents),
        ),
    )


def _parent(parent: Parent, find: Callable[[str], ModelVersion], told: set[str]) -> LineageTree:
    if parent.ref in told:
        return LineageTree(kind="model", name=parent.ref, detail="told above", digest=parent.digest)
    return _model(find(parent.ref), find, told)


def _code(lineage: Lineage) -> LineageTree:
    if not lineage.git_commit:
        return LineageTree(kind="code", name="not in git")
    state = {None: "whether there were changes is not known", False: "nothing uncommitted"}
    detail = state.get(lineage.git_dirty, "and changes that are not committed")
    where = f"; {lineage.git_remote}" if lineage.git_remote else ""
    return LineageTree(
        kind="code", name=lineage.git_commit[:12], detail=detail + where, digest=lineage.git_diff
    )


def _data(version: ModelVersion) -> LineageTree:
    lineage = version.lineage
    read = f"{lineage.data_file} {short(lineage.data_file_digest)}".strip()
    known = [one for one in (read, lineage.data_source) if one]
    return LineageTree(
        kind="data",
        name=f"{lineage.data_rows:,} rows",
        detail="; ".join([*(known or ["where it came from is not known"]), *lineage.data_notes]),
        digest=lineage.data_digest,
        children=tuple(_column(column, version) for column in lineage.data_columns),
    )


def _column(column: TrainedColumn, version: ModelVersion) -> LineageTree:
    roles = ["target"] if column.name == version.target else []
    roles += ["sensitive"] if column.name in version.sensitive else []
    lacking = [f"{column.missing:,} missing"] if column.missing else []
    detail = ", ".join([column.type, *roles, *lacking])
    return LineageTree(kind="column", name=column.name, detail=detail, digest=column.digest)


def _environment(lineage: Lineage) -> LineageTree:
    lock = f"{lineage.lock_file} {short(lineage.lock_digest)}" if lineage.lock_file else "no lock file"
    packages = lineage.packages.items()
    return LineageTree(
        kind="environment",
        name=f"Python {lineage.python}",
        detail=lock,
        digest=lineage.environment,
        children=tuple(LineageTree(kind="package", name=n, detail=number) for n, number in packages),
    )


def _parameters(lineage: Lineage) -> Iterator[LineageTree]:
    if lineage.parameters:
        each = lineage.parameters.items()
        children = tuple(LineageTree(kind="parameter", name=n, detail=repr(value)) for n, value in each)
        yield LineageTree(kind="parameters", name=str(len(children)), children=children)


def _drawn(tree: LineageTree) -> Iterator[str]:
    yield _line(tree)
    shown = tree.children if tree.kind == "model" else tree.children[:_SHOWN]
    more = len(tree.children) - len(shown)
    blocks = [list(_drawn(child)) for child in shown] + ([[f"… and {more} more"]] if more else [])
    for index, (first, *rest) in enumerate(blocks):
        last = index == len(blocks) - 1
        yield f"{'└─' if last else '├─'} {first}"
        yield from (f"{'   ' if last else '│  '}{line}" for line in rest)


def _line(tree: LineageTree) -> str:
    mark = f" ({short(tree.digest)})" if tree.digest else ""
    detail = f": {tree.detail}" if tree.detail else ""
    text = f"{tree.kind} {tree.name}{mark}{detail}"
    # Names come from data and from repositories: what moves a cursor is shown, not sent.
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
