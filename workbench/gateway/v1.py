"""KServe's V1 protocol: ``{"instances": [...]}`` in, ``{"predictions": [...]}`` out.

An instance is a row: a list in the order of the signature, or an object of columns and values.
"""

from __future__ import annotations

import orjson

from workbench.gateway import json_body
from workbench.gateway.answers import Reply
from workbench.gateway.batch import Batch, Schema
from workbench.gateway.problems import malformed, shown, unsupported


def read(body: bytes, content_type: str, schema: Schema) -> Batch:
    """Read the body of ``:predict``; no content type means JSON.

    Raises:
        Problem: 400, 413, 415 or 422, with what is wrong.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in ("", "application/json"):
        raise unsupported(f"Content-Type {shown(kind)} is not read here.", remedy="Send application/json.")
    content = json_body.parse(body)
    if not isinstance(content, dict) or set(content) != {"instances"}:
        raise malformed("The body must be an object with 'instances' and nothing else.")
    rows = content["instances"]
    if not isinstance(rows, list):
        raise malformed("'instances' must be a list of rows.")
    if rows and isinstance(rows[0], dict):
        return schema.batch_of_records(rows)
    return schema.batch_of_rows(rows)


def write(reply: Reply) -> bytes:
    """Return the body of an answer."""
    return orjson.dumps({"predictions": reply.predictions})
