"""What is to be frozen: exchanges of a window, or rows that somebody brings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from workbench.core.errors import InvalidInput
from workbench.datasets.reading import to_frame
from workbench.incidents.freeze import PREDICTION, REQUEST, RESERVED, VERSION
from workbench.traffic import TrafficStore, rows

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Captured:
    """Rows ready to be frozen."""

    frame: pd.DataFrame
    requests: int
    versions: tuple[int, ...]
    """Versions that answered."""
    notes: tuple[str, ...] = ()
    redacted: tuple[str, ...] = ()
    """Columns of which no value was captured."""


def from_window(
    traffic: TrafficStore,
    endpoint: str,
    since: datetime,
    until: datetime,
    *,
    versions: Sequence[int] | None,
    most: int,
) -> Captured:
    """Take the exchanges of a window, one row an input row.

    Args:
        traffic: the store.
        endpoint: whose.
        since: aware.
        until: aware.
        versions: only exchanges these versions answered.
        most: requests; beyond it a sample is taken with seed 0, and a note says so.

    Raises:
        InvalidInput: nothing there, with when there is traffic; or of nothing there the rows were kept.
    """
    exchanges = traffic.frame(endpoint, since, until)
    if versions is not None:
        exchanges = exchanges[exchanges["served_by"].isin(list(versions))]
    if not len(exchanges):
        raise InvalidInput(
            f"window: {endpoint} has no traffic from {since.isoformat()} to {until.isoformat()}"
            f"{'' if versions is None else f' answered by versions {list(versions)}'}.",
            remedy=_where_there_is_traffic(traffic, endpoint),
            field="window",
        )
    exchanges, unkept = _with_rows(exchanges)
    exchanges, left_out = _sampled(exchanges, most, "requests")
    redacted = tuple(sorted(set().union(*exchanges["redacted"])))
    frame = rows(exchanges).reset_index(drop=True)
    frame[PREDICTION] = _settled(frame[PREDICTION])
    served = exchanges["served_by"].dropna().unique()
    answered = tuple(sorted(int(v) for v in served))
    notes = (*unkept, *left_out, *_unwritten(redacted))
    return Captured(frame, len(exchanges), answered, notes, redacted)


def from_rows(data: Any, *, versions: Sequence[int] | None, most: int) -> Captured:
    """Take rows that did not come through a gateway. Each counts as a request.

    Columns ``__prediction``, ``__version`` and ``__request_id``, where there are any, say what production
    answered. Beyond ``most`` rows a sample is taken with seed 0.

    Raises:
        InvalidInput: no rows, another column that begins with two underscores, or a version that is none.
    """
    frame = to_frame(data).reset_index(drop=True)
    strange = [name for name in frame.columns if name.startswith("__") and name not in RESERVED]
    if strange:
        raise InvalidInput(
            f"rows: column {strange[0]!r} begins with two underscores, as the workbench's own do.",
            remedy=f"Rename it. What production answered is read from {PREDICTION!r} and {VERSION!r}.",
            field="rows",
        )
    frame, notes = _sampled(frame, most, "rows")
    frame = frame.reset_index(drop=True)
    if VERSION in frame.columns:
        frame[VERSION] = _numbered(frame[VERSION])
        versions = versions or sorted(frame[VERSION].dropna().unique())
    requests = frame[REQUEST].nunique() if REQUEST in frame.columns else len(frame)
    return Captured(frame, requests, tuple(int(v) for v in versions or ()), notes)


def endpoint_of(traffic: TrafficStore, endpoint: str, model: str) -> str:
    """Return the endpoint meant: the one given, that of the model, or the only one that has traffic.

    Raises:
        InvalidInput: there is none, or there are several.
    """
    known = traffic.endpoints()
    if endpoint or model in known:
        return endpoint or model
    if len(known) == 1:
        return known[0]
    raise InvalidInput(
        f"endpoint: {'several have' if known else 'none has'} traffic.",
        remedy=f"Give one of {', '.join(known)}." if known else "Start `workbench gateway`, or give rows=.",
        field="endpoint",
    )


def _with_rows(exchanges: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Only the exchanges whose rows were captured, and a note where there are others."""
    kept = exchanges[exchanges["kept"].astype(bool)]
    if len(kept) == len(exchanges):
        return exchanges, ()
    if not len(kept):
        raise InvalidInput(
            f"window: the rows of none of its {len(exchanges):,} requests were captured (capture_sample).",
            remedy="Take a longer window, or raise capture_sample for what is to come.",
            field="window",
        )
    return kept, (
        f"The rows of {len(kept):,} of {len(exchanges):,} requests were captured (capture_sample).",
    )


def _unwritten(redacted: Sequence[str]) -> tuple[str, ...]:
    if not redacted:
        return ()
    names = ", ".join(map(repr, redacted))
    return (f"No value of {names} was captured: versions that read it cannot answer these rows again.",)


def _sampled(frame: pd.DataFrame, most: int, what: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    if len(frame) <= most:
        return frame, ()
    note = f"A sample of {most:,} of {len(frame):,} {what}, drawn with seed 0 (setting capture_max_rows)."
    return frame.sample(most, random_state=0).sort_index(), (note,)


def _numbered(versions: pd.Series) -> pd.Series:
    try:
        return versions.astype("Int64")
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidInput(
            f"rows: column {VERSION!r} holds what is no number of a version.",
            remedy="Write the number of the version that answered, or leave the cell empty.",
            field="rows",
        ) from error


def _settled(values: pd.Series) -> pd.Series:
    """Give predictions the type they share, whole numbers among missing ones too; mixed ones stay objects."""
    return values.astype(object).convert_dtypes(convert_floating=False)


def _where_there_is_traffic(traffic: TrafficStore, endpoint: str) -> str:
    reach = traffic.reach(endpoint)
    if reach is None:
        others = traffic.endpoints()
        return f"There is traffic of: {', '.join(others)}." if others else "There is no traffic at all."
    first, last = reach
    return f"Its traffic reaches from {first.isoformat()} to {last.isoformat()}."
