"""Records: frozen, validated values that travel as JSON and show themselves in a notebook."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict

from workbench.core import plugins


class Record(BaseModel):
    """Base of everything that is kept, sent or shown.

    ``to_json`` and ``from_json`` are inverse; NaN and infinity become ``null``, because JSON has neither.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), ser_json_inf_nan="null")

    def to_json(self, *, indent: int | None = None) -> str:
        """Return the record as JSON text."""
        return self.model_dump_json(indent=indent)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a record written by ``to_json``."""
        return cls.model_validate_json(text)


class Shown(Record):
    """A record that draws itself in a cell: text, static HTML, and JSON for the Lab renderer.

    The drawing lives in ``workbench.views`` (a floor above); the plug-in table names the function, so that
    records know nothing of HTML.
    """

    view: ClassVar[str]
    """The middle of its MIME type: ``application/vnd.workbench.<view>+json``."""

    def __str__(self) -> str:
        """A few lines for a terminal: what ``print`` shows of what a cell would draw."""
        return str(plugins.load("views", "text")(self))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return dict(plugins.load("views", "bundle")(self))

    def to_html(self, path: str | Path) -> Path:
        """Write one self-contained file: no script, nothing to fetch. Returns its path."""
        path = Path(path)
        path.write_text(plugins.load("views", "html_page")(self), encoding="utf-8")
        return path
