"""The triggers: one window of exchanges in, alerts out. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from workbench.datasets import Dataset
from workbench.models.records import Column, ModelVersion
from workbench.monitoring.alerts import Cause, cause
from workbench.monitoring.records import Alert
from workbench.traffic import rows

if TYPE_CHECKING:
    import pandas as pd

#: Chance of a false alarm in one window: of the error trigger, and of the drift trigger over all columns.
ALPHA = 0.05
#: Fewer requests (rows for drift) say nothing, neither alarm nor all-clear.
MIN_REQUESTS = 20
MIN_ROWS = 200
#: Quantile bins of the reference; the usual readings of the PSI (0.1, 0.25) are for ten.
_BINS = 10


@dataclass(frozen=True)
class Look:
    """What one window showed."""

    alerts: list[Alert]
    judged: set[Cause]
    """What there was enough traffic for, whether it fired or not."""


def check(
    exchanges: pd.DataFrame,
    *,
    endpoint: str,
    version: ModelVersion | None,
    reference: Dataset | None,
    now: datetime,
    objective: float = 0.01,
    psi_margin: float = 0.2,
) -> list[Alert]:
    """Return what fires in one window of exchanges; the alerts have no id yet.

    Args:
        exchanges: from ``TrafficStore.frame``, one row a request.
        endpoint: where they were captured.
        version: the version whose inputs are compared; None: no drift.
        reference: its training data; None: no drift.
        now: stamps the alerts.
        objective: largest share of failed requests that is promised, strictly between 0 and 1.
        psi_margin: the PSI above which a column has moved.
    """
    return look(
        exchanges,
        endpoint=endpoint,
        version=version,
        reference=reference,
        now=now,
        objective=objective,
        psi_margin=psi_margin,
    ).alerts


def look(
    exchanges: pd.DataFrame,
    *,
    endpoint: str,
    version: ModelVersion | None,
    reference: Dataset | None,
    now: datetime,
    objective: float,
    psi_margin: float,
) -> Look:
    """Do as ``check``, and say what could be judged at all."""
    if not len(exchanges):
        return Look([], set())
    window = {
        "id": "",
        "endpoint": endpoint,
        "since": exchanges["time"].min().to_pydatetime(),
        "until": exchanges["time"].max().to_pydatetime(),
        "time": now,
    }
    told = [*_errors(exchanges, objective)]
    if version is not None and reference is not None:
        told += _drift(_captured(exchanges), version, reference, psi_margin, _of(exchanges))
    alerts = [Alert(**window, **signal.facts) for signal in told if signal.fires]
    return Look(alerts, {signal.cause for signal in told} | {cause(alert) for alert in alerts})


@dataclass(frozen=True)
class _Signal:
    """One thing looked at, with its numbers."""

    cause: Cause
    fires: bool
    facts: dict[str, object]


def _errors(exchanges: pd.DataFrame, objective: float) -> Iterator[_Signal]:
    """The share of requests that failed: the assigned arm gave no answer, or nobody did.

    A request that the client got wrong (4xx) is not counted as a failure.
    """
    from workbench.stats.sequential import log_e_objective, rate_interval

    n = len(exchanges)
    if n < MIN_REQUESTS:
        return
    clients = exchanges["status"].between(400, 499)
    bad = int(((exchanges["error"] != "") & ~clients | (exchanges["status"] >= 500)).sum())
    log_e = log_e_objective(bad, n - bad, objective)
    low, high = rate_interval(bad, n, ALPHA)
    evidence = f"{math.exp(log_e):,.0f}:1" if log_e < math.log(1e6) else "over 1,000,000:1"
    yield _Signal(
        cause=("errors", ""),
        fires=log_e >= math.log(1 / ALPHA),
        facts={
            "trigger": "errors",
            "sentence": (
                f"error share {_percent(bad / n)} ({bad:,} of {n:,}), objective {_percent(objective)}: "
                f"evidence {evidence} at threshold {1 / ALPHA:.0f}:1"
            ),
            "value": bad / n,
            "low": low,
            "high": high,
            "limit": objective,
            "n": n,
        },
    )


def _drift(
    inputs: pd.DataFrame, version: ModelVersion, reference: Dataset, margin: float, of: str
) -> Iterator[_Signal]:
    """The PSI of every input column against the training data; the interval holds for all columns at once."""
    from workbench.audits.parts.drift.binning import Binning
    from workbench.audits.parts.drift.pairs import Pair
    from workbench.stats import divergence

    names = [c.name for c in version.columns if _comparable(c, inputs, reference)]
    if len(inputs) < MIN_ROWS or len(reference) < MIN_ROWS:
        return
    for name in names:
        pair = Pair.of(reference.frame[name], inputs[name])
        bins = Binning.of(pair.reference, bins=_BINS)
        before, now = bins.counts(pair.reference), bins.counts(pair.current)
        used = before + now > 0  # a bin that is empty on both sides says nothing
        value, low, high = divergence.interval(
            divergence.psi, before[used], now[used], level=1 - ALPHA / len(names)
        )
        yield _Signal(
            cause=("drift", name),
            fires=low > margin,
            facts={
                "trigger": "drift",
                "column": name,
                "sentence": (
                    f"{name} has moved from the training data of {version.ref}: PSI {value:.2f} "
                    f"({low:.2f} to {high:.2f}) on {len(inputs):,} rows{of}, margin {margin:g}"
                ),
                "value": value,
                "low": low,
                "high": high,
                "limit": margin,
                "n": len(inputs),
            },
        )


def _captured(exchanges: pd.DataFrame) -> pd.DataFrame:
    """The rows that were kept, without the columns of which there are no values, or only digests."""
    unfolded = rows(exchanges)
    redacted = set().union(*exchanges["redacted"])
    return unfolded.drop(columns=[name for name in unfolded.columns if name in redacted])


def _of(exchanges: pd.DataFrame) -> str:
    """Words for how many requests the rows are of, where not every one was kept."""
    kept, n = int(exchanges["kept"].sum()), len(exchanges)
    return "" if kept == n else f" (of the {kept:,} of {n:,} requests whose rows were kept)"


def _comparable(column: Column, inputs: pd.DataFrame, reference: Dataset) -> bool:
    """Whether both sides have the column, and it is no text of mostly distinct values, such as a name."""
    there = column.name in inputs.columns and column.name in reference.frame.columns
    return there and (column.type != "string" or column.categories is not None)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
