"""From what was found in training data to measurements with a verdict."""

from __future__ import annotations

import pandas as pd

from workbench.audits.parts.poisoning.label_errors import LabelErrors, Planted
from workbench.audits.parts.poisoning.trigger import Search, Trigger
from workbench.audits.parts.shared.measured import of_estimate, of_nothing, of_share
from workbench.audits.records import Measurement
from workbench.core.values import Outcome
from workbench.datasets import Dataset

_LEAST_OF_GROUP = 200
"""Rows of a group in which sure rows are sought."""


def of_labels(
    errors: LabelErrors | str, reference: Dataset, *, margin: float, confidence: float
) -> list[Measurement]:
    """Share of wrong labels, of each class and group; what is flagged, and how surely.

    The share can pass; it cannot fail, because classes that overlap raise it.
    """
    if isinstance(errors, str):
        sought = reference.task == "classification"
        outcome = Outcome.INCONCLUSIVE if sought else Outcome.MEASURED
        return [of_nothing("label_error_share", errors, outcome=outcome)]
    share, anchors = errors.share(confidence=confidence)
    flagged, n = int(errors.flagged.sum()), len(errors.labels)
    return [
        of_estimate(
            "label_error_share",
            share,
            n=anchors,
            outcome=Outcome.PASS if share[2] <= margin else Outcome.INCONCLUSIVE,
            note="labels that differ among rows of a sure class",
        ),
        of_estimate(
            "label_error_share_confident_learning",
            errors.confident(confidence),
            n=n,
            note="overlap counts as error",
        ),
        of_share(
            "flagged_label_share",
            flagged,
            n,
            confidence=confidence,
            note=f"{flagged} labels are likelier wrong than right",
        ),
        _precision(errors, confidence),
        *_by_class(errors, reference, confidence),
        *_by_group(errors, reference, confidence),
    ]


def of_planted(planted: Planted | str, confidence: float) -> list[Measurement]:
    """How many labels that were turned on purpose were found; empty where that could not be tried."""
    if isinstance(planted, str):
        return []
    recall = of_share(
        "planted_recall",
        planted.found,
        planted.planted,
        confidence=confidence,
        note=f"of {planted.planted} labels turned at random in a copy, so many were flagged",
    )
    if not planted.flagged:
        return [recall, of_nothing("planted_precision", "nothing was flagged")]
    note = "of the flagged, so many had been turned; the others may have been wrong before"
    precision = of_share(
        "planted_precision", planted.found, planted.flagged, confidence=confidence, note=note
    )
    return [recall, precision]


def of_triggers(triggers: Search | str, margin: float) -> list[Measurement]:
    """The strongest rare stamp of each class beside its floors, and the questions it took."""
    if isinstance(triggers, str):
        return []
    found = [m for one in triggers.found for m in _of_trigger(one, margin)]
    queries = Measurement(
        metric="model_queries",
        value=triggers.queries,
        n=triggers.rows,
        unit="queries",
        note="stamped rows asked about",
    )
    return [*found, queries]


def _of_trigger(one: Trigger, margin: float) -> list[Measurement]:
    name = f"answer={one.target}"
    labelled = f"{one.carriers} training rows, {one.label_share:.0%} labelled {one.target!s}"
    carried = f"carried by {labelled}" if one.carriers else "carried by no training row"
    own = "common or neighbouring values of its column, or its parts"
    rates = (
        ("trigger_success_rate", one.success, f"{one.stamp}: {carried}"),
        ("trigger_floor", one.floor, own),
        ("trigger_natural_floor", one.natural, "the strongest common stamp of any column"),
    )
    gain = of_estimate(
        "trigger_gain",
        one.gain,
        n=one.n,
        slice=name,
        unit="difference",
        outcome=one.verdict(margin),
        note="success beyond its own floor",
    )
    return [
        *(of_estimate(metric, rate, n=one.n, slice=name, note=note) for metric, rate, note in rates),
        gain,
    ]


def _precision(errors: LabelErrors, confidence: float) -> Measurement:
    """How many of the flagged labels are wrong."""
    metric, flagged = "flagged_precision", int(errors.flagged.sum())
    estimate = errors.precision(confidence)
    if estimate is None:
        return of_nothing(metric, "classes overlap everywhere" if flagged else "no label is flagged")
    note = "share of the flagged that are wrong, if errors are as among sure rows"
    return of_estimate(metric, estimate, n=flagged, note=note)


def _by_class(errors: LabelErrors, reference: Dataset, confidence: float) -> list[Measurement]:
    found = []
    for j, label in enumerate(errors.names):
        share, sure = errors.of_class(j, confidence)
        name, note = (
            f"{reference.target}={label}",
            f"rows that surely are {label!s} and are labelled otherwise",
        )
        found.append(of_estimate("label_error_share", share, n=sure, slice=name, note=note))
    return found


def _by_group(errors: LabelErrors, reference: Dataset, confidence: float) -> list[Measurement]:
    found = []
    for column in reference.sensitive:
        if column == reference.target:
            continue
        groups = reference.groups(column)[errors.positions]
        for group in pd.unique(groups):
            rows, name = groups == group, f"{column}={group}"
            n = int(rows.sum())
            if n < _LEAST_OF_GROUP:
                why = f"{n} rows of the group were examined; it takes {_LEAST_OF_GROUP}"
                found.append(of_nothing("label_error_share", why, slice=name))
                continue
            share, sure = errors.share(rows, confidence)
            note = "labels that differ among the group's rows of a sure class"
            found.append(of_estimate("label_error_share", share, n=sure, slice=name, note=note))
            flagged, note = int(errors.flagged[rows].sum()), "likelier wrong than right"
            found.append(
                of_share("flagged_label_share", flagged, n, confidence=confidence, slice=name, note=note)
            )
    return found
