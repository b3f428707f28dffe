"""A failure as a predicate: measured on one version, judged against a limit, put into words."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.audits.records import Measurement
from workbench.core.errors import InvalidInput
from workbench.incidents import metrics
from workbench.incidents.answers import Answers, Array
from workbench.incidents.compare import rate, unlike
from workbench.incidents.records import Failure
from workbench.incidents.search import Result
from workbench.models.records import ModelVersion

#: The least that counts as a failure when no limit is given. Two sound trainings of one model on new data
#: answer a few rows in a hundred differently (COMPAS, 500 rows more: 4 %); errors have no such excuse.
_LEAST = {"disagreement": 0.05, "error": 0.01}


@dataclass(frozen=True)
class Judged:
    """What a trial found."""

    result: Result
    value: float | None
    reason: str
    said: str = ""
    """The value for people."""
    settled: bool = True
    """False when the interval includes the limit: judged by the estimate, but more rows might turn it."""


def require(failure: Failure, version: ModelVersion, *, labelled: bool) -> None:
    """Refuse a failure that cannot be judged.

    Raises:
        InvalidInput: a metric without bound or labels, a bound of the other kinds' on the wrong side …
    """
    if failure.kind != "metric":
        if failure.below is not None:
            raise InvalidInput(
                f"below: a failure of kind {failure.kind!r} is a share that is too large.",
                remedy="Use above=.",
                field="below",
            )
        if failure.metric:
            raise InvalidInput(
                f"metric: a failure of kind {failure.kind!r} has none.",
                remedy="Use kind='metric'.",
                field="metric",
            )
        return
    metrics.require(failure.metric, version)
    if (failure.above is None) == (failure.below is None):
        raise InvalidInput(
            f"failure: {failure.metric} needs one bound.",
            remedy="Give above= or below=: bad is what lies beyond.",
            field="above",
        )
    if not labelled:
        raise InvalidInput(
            f"failure: {failure.metric} needs labels, and the frozen rows have no {version.target!r}.",
            remedy="Open the incident with rows= that carry the target, or look for a disagreement.",
            field="metric",
        )


def measure(
    failure: Failure, version: ModelVersion, answers: Answers, *, reference: Answers | None, truth: Array
) -> Measurement:
    """Measure the failure on one version; value None when it cannot be.

    For a disagreement, an error where the reference answers counts as another answer.
    """
    if failure.kind == "error":
        note = "asked one at a time, those that failed in production first" if answers.singly else ""
        return rate("errors", int(answers.failed.sum()), int(answers.asked.sum()), note)
    if not answers.answered.any():
        kind = answers.error.partition(":")[0]  # the rest may quote a row, and trials go into the journal
        return rate(failure.kind, 0, 0, f"it answers no row ({kind}; a replay shows the error)")
    if failure.kind == "metric" and failure.metric not in metrics.names(version):
        return rate(failure.metric, 0, 0, f"it has no {failure.metric}: it is another kind of model")
    if failure.kind == "metric":
        return metrics.measure(failure.metric, version, answers, truth)
    assert reference is not None  # noqa: S101 - a disagreement is with somebody
    apart = unlike(reference, answers, version.task) | (reference.answered & answers.failed)
    return rate("disagreement", int(apart.sum()), int((reference.answered & answers.asked).sum()))


def with_limit(failure: Failure, worst: Measurement | None) -> Failure:
    """Fill in the limit where none was given: half of what the bad end shows, at least 5 % (errors: 1 %).

    A bisection looks for a step. Half its height is as far as can be from what sound retraining does on one
    side and from the failure on the other, whatever the height is.

    Args:
        failure: as asked for.
        worst: the measurement of the version expected to be bad; None when it could not be tested.
    """
    if failure.kind == "metric" or failure.above is not None:
        return failure
    shown = worst.value if worst is not None and worst.value is not None else 0.0
    return failure.model_copy(update={"above": max(_LEAST[failure.kind], shown / 2)})


def judge(measured: Measurement, failure: Failure, reference: str) -> Judged:
    """Judge a measurement by its estimate, and say when its interval includes the limit."""
    if measured.value is None:
        return Judged("untestable", None, measured.note)
    limit = failure.above if failure.above is not None else failure.below
    assert limit is not None  # noqa: S101 - with_limit and require have seen to it
    upward = failure.above is not None
    bad = measured.value > limit if upward else measured.value < limit
    found = _number(measured.value, measured.unit)
    reason = {
        "metric": f"{measured.metric} {found} on {measured.n:,} rows",
        "error": f"{found} of {measured.n:,} rows raise",
        "disagreement": f"{found} of {measured.n:,} rows are answered unlike {reference}",
    }[failure.kind] + _interval(measured)
    if failure.kind == "error" and measured.note:
        reason += f"; {measured.note}"
    low, high = measured.low, measured.high
    across = low is not None and high is not None and (low <= limit < high if upward else low < limit <= high)
    if across:
        reason += f"; the limit, {_number(limit, measured.unit)}, lies within the interval"
    return Judged("bad" if bad else "good", measured.value, reason, found, settled=not across)


def phrase(failure: Failure, reference: str) -> str:
    """What a bad version does, as the end of "the first version that …"."""
    if failure.kind == "metric":
        side, limit = ("above", failure.above) if failure.above is not None else ("below", failure.below)
        return f"has {failure.metric} {side} {limit:g}"
    rows = f"more than {_number(failure.above or 0.0, 'rate')} of the rows"
    return f"raises on {rows}" if failure.kind == "error" else f"answers {rows} unlike {reference}"


def _interval(measured: Measurement) -> str:
    if measured.low is None or measured.high is None:
        return ""
    return f" ({_number(measured.low, measured.unit)} to {_number(measured.high, measured.unit)})"


def _number(value: float, unit: str) -> str:
    return f"{100 * value:.3g} %" if unit == "rate" else f"{value:.4g}"
