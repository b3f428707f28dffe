"""A view is what a record looks like, in a cell and in a file that is opened years later.

A record shows itself by one MIME bundle: ``text/plain``; static ``text/html`` with inline SVG and no script,
which is what nbconvert, a code host and a notebook without its kernel show; and
``application/vnd.workbench.<view>+json``, which the JupyterLab renderer draws interactively. Every value is
escaped by the template engine.
"""

from __future__ import annotations

from typing import Any

from workbench.core.records import Shown
from workbench.views.page import fragment, html_page
from workbench.views.text import plain

__all__ = ["bundle", "fragment", "html_page", "mime_type", "plain"]


def mime_type(record: Shown) -> str:
    """The MIME type our JupyterLab renderer draws."""
    return f"application/vnd.workbench.{record.view}+json"


def bundle(record: Shown) -> dict[str, Any]:
    """Return every form of a record that a notebook keeps."""
    return {
        "text/plain": plain(record),
        "text/html": fragment(record),
        mime_type(record): record.model_dump(mode="json"),
    }
