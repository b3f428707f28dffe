"""A project in which somebody must decide: a candidate beside a champion, evidence, a policy, and people.

No model is trained, so it takes milliseconds. It is measured now, so that nothing is stale yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from workbench.audits.archive import keep
from workbench.audits.memory import entry_of
from workbench.audits.records import Evidence, Measurement, Report
from workbench.bench import Workbench
from workbench.core import digests, project
from workbench.core.values import Outcome
from workbench.journal import Event
from workbench.models import history
from workbench.models.records import Lineage, ModelVersion, TrainedColumn

POLICY = """\
name: default
rules:
  - {audit: performance, metric: roc_auc_score, bound: lower, at_least: 0.70}
  - any:
      - {audit: fairness, metric: demographic_parity_ratio, slice: group, bound: lower, at_least: 0.80}
      - {audit: fairness, metric: equalized_odds_difference, slice: group, bound: upper, at_most: 0.10}
    because: Groups get credit alike (four fifths), or are mistaken about alike.
  - {audit: drift, outcome: pass}
required_audits: [explainability]
max_age_days: {drift: 30}
max_open_findings: {critical: 0}
approvals: {model-risk: 1, data-protection: 1}
"""

PEOPLE = """\
[people]
ada = ["model-risk"]
grace = ["model-risk"]
joan = ["model-risk", "data-protection"]
"""

ROWS = 4000


class _Figure(NamedTuple):
    """One metric on one slice: its unit, half its interval, and its value for each version."""

    audit: str
    metric: str
    slice: str
    unit: str
    half: float
    values: tuple[float, float]
    n: int = ROWS


_FIGURES = (
    _Figure("performance", "roc_auc_score", "", "score", 0.012, (0.731, 0.764)),
    _Figure("performance", "accuracy_score", "", "rate", 0.014, (0.742, 0.751)),
    _Figure("performance", "accuracy_score", "purpose=education", "rate", 0.061, (0.702, 0.588), 212),
    _Figure("performance", "accuracy_score", "group=circle", "rate", 0.019, (0.748, 0.761), 2010),
    _Figure("performance", "accuracy_score", "group=square", "rate", 0.026, (0.739, 0.744), 1190),
    _Figure("performance", "accuracy_score", "group=triangle", "rate", 0.032, (0.729, 0.733), 800),
    _Figure("fairness", "demographic_parity_ratio", "group", "ratio", 0.05, (0.78, 0.83)),
    _Figure("fairness", "equalized_odds_difference", "group", "difference", 0.021, (0.094, 0.062)),
    _Figure(
        "fairness", "false_positive_rate", "group=circle & sex=female", "rate", 0.04, (0.241, 0.262), 402
    ),
    _Figure("drift", "drifted_columns_share", "", "share", 0.0, (0.0, 0.0)),
    _Figure("explainability", "shap_importance_share", "column=debt_to_income", "share", 0.01, (0.31, 0.36)),
    _Figure("explainability", "shap_importance_share", "column=prior_defaults", "share", 0.01, (0.22, 0.24)),
    _Figure("explainability", "shap_importance_share", "column=income", "share", 0.01, (0.27, 0.18)),
    _Figure("explainability", "shap_importance_share", "column=employment", "share", 0.01, (0.11, 0.12)),
)


@contextmanager
def opened(root: Path, actor: str) -> Iterator[Workbench]:
    """The project as somebody opens it, closed at the end."""
    bench = Workbench(project.open_settings(root, actor=actor))
    try:
        yield bench
    finally:
        bench.journal.close()


def seed(root: Path, *, actor: str = "grace") -> None:
    """Make a project that ``actor`` opens: ada's ``loans/2`` passes, is judged, and waits for approval."""
    root.mkdir(exist_ok=True)
    (root / "workbench.toml").write_text(f'actor = "{actor}"\n\n{PEOPLE}', encoding="utf-8")
    (root / "policies").mkdir(exist_ok=True)
    (root / "policies" / "default.yaml").write_text(POLICY, encoding="utf-8")
    with opened(root, "ada") as bench:
        now = bench.clock.now()
        for number in (1, 2):
            version = model(number, now - timedelta(days=40 - 10 * number))
            bench.journal.append("model/loans", history.registered_event(version))
            _keep(bench, report(version, now - timedelta(hours=2)))
        for alias, number in (("champion", 1), ("candidate", 2)):
            bench.journal.append("model/loans", history.alias_event(bench.model(f"loans/{number}"), alias))
        bench.gate("loans/2")


def audit_again(root: Path) -> None:
    """Let ada audit ``loans/2`` once more, on newer data."""
    with opened(root, "ada") as bench:
        _keep(bench, report(bench.model("loans/2"), bench.clock.now(), data="applications of November"))


def model(number: int, created: datetime) -> ModelVersion:
    """A version of the model."""
    named = ("income", "debt_to_income", "prior_defaults", *(("employment",) if number > 1 else ()))
    columns = tuple(
        TrainedColumn(name=name, type="float64", digest=digests.of_json([name, number > 1]), missing=0)
        for name in named
    )
    return ModelVersion(
        name="loans",
        version=number,
        digest=digests.of_json(["loans", number]),
        run_id="0" * 32,
        flavor="sklearn",
        format="skops",
        task="classification",
        target="default",
        positive=1,
        classes=(0, 1),
        sensitive=("group", "sex"),
        columns=(),
        author="ada",
        created=created,
        lineage=Lineage(
            git_commit=f"{number}" * 40,
            data_digest=digests.of_json(["train", number]),
            data_rows=9000 + 3000 * number,
            data_columns=columns,
            parameters={"C": 0.1 if number == 1 else 1.0, "max_iter": 500},
            python="3.11.7",
            packages={"scikit-learn": f"1.{7 + number}.0", "numpy": "2.4.1"},
        ),
    )


def report(version: ModelVersion, at: datetime, data: str = "applications of October") -> Report:
    """What four audits measured on a version."""
    audits = dict.fromkeys(figure.audit for figure in _FIGURES)
    return Report(
        title="Audit",
        model=version,
        subject=version.ref,
        task="classification",
        target="default",
        positive=1,
        sensitive=version.sensitive,
        data_digest=digests.of_json(data),
        rows=ROWS,
        evidence=tuple(_evidence(audit, version, at, data) for audit in audits),
        created=at,
        code="",
    )


def _evidence(audit: str, version: ModelVersion, at: datetime, data: str) -> Evidence:
    return Evidence(
        audit=audit,
        outcome=Outcome.PASS if audit == "drift" else Outcome.MEASURED,
        model_digest=version.digest,
        data_digest=digests.of_json(data),
        measurements=tuple(_measured([f for f in _FIGURES if f.audit == audit], version.version)),
        started=at,
        seconds=0.5,
        made_by="ada",
    )


def _measured(figures: Sequence[_Figure], number: int) -> Iterator[Measurement]:
    for figure in figures:
        value = figure.values[number - 1]
        yield Measurement(
            metric=figure.metric,
            slice=figure.slice,
            value=value,
            low=value - figure.half,
            high=value + figure.half,
            n=figure.n,
            unit=figure.unit,
        )


def _keep(bench: Workbench, made: Report) -> None:
    payload = {
        "model": made.subject,
        "report": keep(made, bench.settings.state / "reports"),
        "outcome": str(made.outcome),
        "rows": made.rows,
        "audits": {e.audit: str(e.outcome) for e in made.evidence},
        **entry_of(made),
    }
    bench.journal.append(f"evidence/{made.subject}", Event(kind="audit.finished", payload=payload))
