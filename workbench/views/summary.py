"""What a reader needs first: a line an audit, its leading figures, what is weak.

The front end says the same, from the same table of leading metrics: a test holds the two together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from workbench.audits.records import Evidence, Measurement, Report
from workbench.core.values import Outcome
from workbench.views.formats import count, estimate, moment

#: Metrics that answer each audit's question, the most telling first.
LEADS: dict[str, tuple[str, ...]] = {
    "performance": (
        "accuracy_score",
        "balanced_accuracy_score",
        "roc_auc_score",
        "mean_absolute_error",
        "r2_score",
    ),
    "fairness": (
        "equalized_odds_difference",
        "demographic_parity_difference",
        "accuracy_score_difference",
        "mean_error_difference",
        "mean_absolute_error_difference",
    ),
    "mitigation": ("equalized_odds_difference_change", "demographic_parity_difference_change"),
    "calibration": (
        "expected_calibration_error",
        "calibration_slope",
        "classification_coverage_score",
        "regression_coverage_score",
    ),
    "robustness": ("adversarial_accuracy", "attack_success_rate", "certified_accuracy"),
    "corruption": ("accuracy_score_difference", "mean_absolute_error_difference", "changed_answers"),
    "drift": ("drifted_columns_share", "domain_classifier_roc_auc"),
    "data_quality": ("contract_violated_column_count", "conflicting_label_share", "duplicate_share"),
    "explainability": ("shap_importance_share", "sensitive_importance_share", "counterfactual_rate"),
    "privacy": ("membership_advantage_over_floor", "attribute_inference_advantage", "extraction_agreement"),
    "poisoning": ("label_error_share", "trigger_gain", "near_duplicate_share"),
    "efficiency": ("latency_p95", "throughput", "artifact_size"),
    "worth": ("accuracy_score_difference", "roc_auc_score_difference", "mean_absolute_error_difference"),
    "behaviour": ("cases_passed",),
}

#: Audits of which the least figure is the one to read: what the model is worth over its strongest rival.
LEAST = ("worth",)

_ORDER = (Outcome.ERROR, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS, Outcome.MEASURED)


def headlines(evidence: Evidence, most: int = 3) -> tuple[Measurement, ...]:
    """The figures to read first, one a metric: for all rows, else of the slice where it is greatest."""
    leads = (_lead(evidence, metric) for metric in LEADS.get(evidence.audit, ()))
    found = [m for m in leads if m is not None and m.value is not None]
    overall = [m for m in evidence.measurements if not m.slice]
    return tuple(found or _between(evidence) or overall or evidence.measurements)[:most]


def _between(evidence: Evidence) -> list[Measurement]:
    """Differences between groups that stand for themselves, not derived from a rate of each group."""
    of_groups = {m.metric for m in evidence.measurements if "=" in m.slice}
    return [
        m
        for m in evidence.measurements
        if m.slice
        and not set("=&") & set(m.slice)
        and m.metric.endswith("_difference")
        and m.metric.removesuffix("_difference") not in of_groups
    ]


def _lead(evidence: Evidence, metric: str) -> Measurement | None:
    of_metric = [m for m in evidence.measurements if m.metric == metric]
    coarse = (
        [m for m in of_metric if not m.slice] or [m for m in of_metric if " & " not in m.slice] or of_metric
    )
    select = min if evidence.audit in LEAST else max
    return select(coarse, key=lambda m: abs(m.value or 0.0), default=None)


def concerns(evidence: Evidence, most: int = 6) -> tuple[Measurement, ...]:
    """What failed; where nothing did and the audit is inconclusive, what could not be settled."""
    wanted = Outcome.FAIL
    if evidence.outcome is Outcome.INCONCLUSIVE:
        wanted = Outcome.INCONCLUSIVE
    found = [m for m in evidence.measurements if m.outcome is wanted]
    return tuple(sorted(found, key=lambda m: m.slice != ""))[:most]


def tally(evidence: Evidence) -> str:
    """How many numbers there are and how many of them are weak: ``6 fail, 7 inconclusive of 25``."""
    if not evidence.measurements:
        return evidence.error or next(iter(evidence.notes), "")
    numbers = len(evidence.measurements)
    found = Counter(m.outcome for m in evidence.measurements)
    weak = [f"{count(found[o])} {o}" for o in _ORDER[:3] if found[o]]
    if weak:
        return f"{', '.join(weak)} of {count(numbers)}"
    return f"{count(numbers)} number{'' if numbers == 1 else 's'}"


def outcomes(evidence: Iterable[Evidence]) -> str:
    """How the audits of a report ended: ``14 audits: 1 fail, 5 inconclusive, 8 measured``."""
    found = Counter(e.outcome for e in evidence)
    audits = sum(found.values())
    parts = [f"{found[o]} {o}" for o in _ORDER if found[o]]
    return f"{audits} audit{'' if audits == 1 else 's'}: {', '.join(parts)}" if parts else "No audit was run"


def sentence(m: Measurement) -> str:
    """A figure in one line: ``accuracy_score 67.4 % [65.7, 69.1] (race)``."""
    value, between = estimate(m.value, m.low, m.high, m.unit)
    slice = f"({m.slice})" if m.slice else ""
    return " ".join(part for part in (m.metric, value, between, slice) if part)


def taken(evidence: Evidence) -> str:
    """When it was measured, where that was not now."""
    return f"measured on {moment(evidence.started)}, recalled" if evidence.recalled else ""


def numbers(report: Report) -> int:
    """How many measurements a report has."""
    return sum(len(e.measurements) for e in report.evidence)
