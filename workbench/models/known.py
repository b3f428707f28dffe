"""Whether a name is a model's: asked before something is made for a name that may be mistyped."""

from __future__ import annotations

from workbench.core.errors import NotFound, nearest
from workbench.journal import Journal

_PREFIX = "model/"


def require_model(journal: Journal, name: str, *, field: str = "model") -> None:
    """Refuse a name under which no model was ever registered.

    Raises:
        NotFound: there is none, with the nearest.
        Unavailable: the journal does not answer.
    """
    known = [stream.removeprefix(_PREFIX) for stream in journal.streams(_PREFIX)]
    if name not in known:
        raise NotFound(f"There is no model {name!r}.", remedy=nearest(name, known), field=field)
