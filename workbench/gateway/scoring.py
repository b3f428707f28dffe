"""MLflow's scoring protocol: ``POST /invocations`` with JSON or CSV."""

from __future__ import annotations

import csv
import io
import re
from itertools import islice
from typing import Any

import orjson

from workbench.gateway import json_body
from workbench.gateway.answers import Reply
from workbench.gateway.batch import Batch, Schema
from workbench.gateway.problems import malformed, shown, unprocessable, unsupported, wrong_column
from workbench.models.records import Column

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
_WHOLE = re.compile(r"[+-]?[0-9]{1,40}")
# Possessive: linear in the length, whatever is sent.
_DECIMAL = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")


def read(body: bytes, content_type: str, schema: Schema) -> Batch:
    """Read a request body by its content type; none means JSON.

    Raises:
        Problem: 400, 413, 415 or 422, with what is wrong.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind in ("", "application/json"):
        return _of_json(json_body.parse(body), schema)
    if kind == "text/csv":
        return _of_csv(body, schema)
    raise unsupported(
        f"Content-Type {shown(kind)} is not read here.", remedy="Send application/json or text/csv."
    )


def write(reply: Reply) -> bytes:
    """Return the body of an answer."""
    return orjson.dumps({"predictions": reply.predictions})


def _of_json(content: Any, schema: Schema) -> Batch:
    if not isinstance(content, dict):
        raise malformed("The body must be an object.", remedy=f"Give exactly one of {', '.join(FORMS)}.")
    unknown = content.keys() - {*FORMS, "params"}
    given = [form for form in FORMS if form in content]
    if unknown or len(given) != 1:
        found = ", ".join(shown(key) for key in sorted(content)[:8]) or "nothing"
        raise malformed(f"The body has {found}.", remedy=f"Give exactly one of {', '.join(FORMS)}.")
    if json_body.optional_object(content.get("params"), "'params'"):
        raise unprocessable("'params': the model takes none.", remedy="Leave them out.")
    rows = content[given[0]]
    if given[0] == "dataframe_split":
        return _split(rows, schema)
    if given[0] == "inputs" and isinstance(rows, dict):
        return _columns(rows, schema)
    if not isinstance(rows, list):
        raise malformed(f"'{given[0]}' must be a list of rows.")
    if given[0] == "dataframe_records" or (rows and isinstance(rows[0], dict)):
        return schema.batch_of_records(rows)
    return schema.batch_of_rows(rows)


def _split(frame: Any, schema: Schema) -> Batch:
    if not isinstance(frame, dict) or frame.keys() - {"columns", "data", "index"}:
        raise malformed("'dataframe_split' must be an object with columns and data.")
    names, rows = frame.get("columns"), frame.get("data")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise malformed("'dataframe_split': columns must be a list of names.")
    if not isinstance(rows, list):
        raise malformed("'dataframe_split': data must be a list of rows.")
    return schema.batch_of_rows(rows, names)


def _columns(columns: dict[str, Any], schema: Schema) -> Batch:
    for name, cells in columns.items():
        if not isinstance(cells, list):
            raise wrong_column(name, "'inputs' must give a list of values.")
    lengths = {len(cells) for cells in columns.values()}
    if len(lengths) > 1:
        raise unprocessable("The columns of 'inputs' differ in length.")
    return schema.batch(columns, lengths.pop() if lengths else 0)


def _of_csv(body: bytes, schema: Schema) -> Batch:
    most = None if schema.limits is None else schema.limits.rows + 2  # a header, and one line too many
    try:
        text = io.StringIO(body.decode("utf-8-sig"), newline="")
        rows = list(islice(csv.reader(text, strict=True), most))
    except UnicodeDecodeError as error:
        raise malformed(f"The body is not valid UTF-8 at byte {error.start}.") from error
    except csv.Error as error:
        raise malformed(f"The body is not valid CSV: {error}.") from error
    if not rows:
        raise unprocessable("There are no rows.", remedy="Send a header line and at least one row.")
    names, *lines = rows
    typed = {
        name: [cell_of(schema.by_name.get(name), text) for text in texts]
        for name, texts in schema.by_column(lines, names).items()
    }
    return schema.batch(typed, len(lines))


def cell_of(column: Column | None, text: str) -> Any:
    """Return what a CSV cell says for its column; unreadable text stays text, and is refused by name."""
    if column is None or column.type == "string":
        return text or (None if column is not None and not column.required else text)
    if not text:
        return None
    if column.type == "boolean":
        return {"true": True, "false": False}.get(text.lower(), text)
    return _number(text)


def _number(text: str) -> Any:
    """A number as JSON or a spreadsheet writes it; Python would also read 1_000, nan and infinity."""
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text
