"""The plain-text form: what a terminal, a log and a screen without HTML show."""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import Any

from workbench.core.digests import short
from workbench.core.records import Shown
from workbench.core.values import Outcome
from workbench.views.decisions import lines, notes, sought
from workbench.views.endpoints import told
from workbench.views.forecasts import expectations, forecast_headline
from workbench.views.formats import change, count, duration, estimate, number, sign, value, visible
from workbench.views.summary import headlines, numbers, outcomes, sentence, taken, tally

#: Failures of one audit that its line is followed by.
_FAILURES = 5
#: Characters of a reason that is said again for each version that has it.
_REPEATED = 60


def headline(record: Any) -> str:
    """One line that says what the record is and how it ended."""
    return _HEADLINES[record.view](record)


def plain(record: Shown) -> str:
    """The headline and the lines below it."""
    lines = [headline(record), *(f"  {line}" for line in _LINES[record.view](record))]
    # A line break inside a value must not pass for a line of ours.
    return visible("\n".join(line.replace("\n", "\u23ce").replace("\r", "\u23ce") for line in lines))


def _marked(outcome: Outcome | str, text: str) -> str:
    return f"{sign(outcome)} {outcome!s:<13}{text}"


def _counted(things: Sized, word: str) -> str:
    return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"


def _report_lines(report: Any) -> list[str]:
    lines = [f"{outcomes(report.evidence)}."]
    for evidence in report.evidence:
        first = "" if evidence.error else ", ".join(sentence(m) for m in headlines(evidence, 2))
        told = "; ".join(part for part in (first, tally(evidence), taken(evidence)) if part)
        lines.append(_marked(evidence.outcome, f"{evidence.audit}: {told}"))
        failed = [m for m in evidence.measurements if m.outcome is Outcome.FAIL]
        lines += [f"    {sign(Outcome.FAIL)} {sentence(m)}" for m in failed[:_FAILURES]]
        if len(failed) > _FAILURES:
            lines.append(f"    and {len(failed) - _FAILURES} more that fail")
    lines += [f"not measured   {name}: {reason}" for name, reason in report.left_out.items()]
    return [
        *lines,
        f"All {count(numbers(report))} numbers: .frame(). With figures and notes: .to_html(path).",
    ]


def _verdict_lines(verdict: Any) -> list[str]:
    missing = [
        f"still needs {n} approval{'s' if n > 1 else ''} by {role}"
        for role, n in verdict.missing_approvals.items()
    ]
    rules = [_marked(r.outcome, f"{'  ' * r.depth}{_ruled(r)}") for r in verdict.rules]
    against = [f"rejected by {', '.join(verdict.rejected_by)}"] if verdict.rejected_by else []
    return [*rules, *against, *missing]


def _ruled(rule: Any) -> str:
    return rule.reason if rule.audit else f"{rule.rule}: {rule.reason}"


def _request_lines(request: Any) -> list[str]:
    difference = request.difference
    beside = difference.champion or "no champion"
    found = [f"asked by {request.by}: {request.note}", *_verdict_lines(request.verdict), f"beside {beside}:"]
    found += [_change(c, difference.champion) for c in difference.metrics]
    if difference.slices or difference.explanations:
        hidden = len(difference.slices) + difference.slices_left_out + len(difference.explanations)
        found.append(f"{hidden} more of groups and columns: .to_html(path)")
    found += [
        *difference.data,
        *difference.code,
        *map(str, difference.findings),
        *map(str, difference.waivers),
    ]
    return [*found, *difference.notes]


def _change(c: Any, champion: str) -> str:
    ours, theirs = (
        "—" if side is None else " ".join(filter(None, estimate(side.value, side.low, side.high, c.unit)))
        for side in (c.candidate, c.champion)
    )
    moved = "" if c.difference is None else f", {change(c.difference, c.unit)}{' apart' * c.apart}"
    beside = f", champion {theirs}{moved}" if champion else ""
    return f"{c.audit}: {c.metric} {ours}{beside}"


def _freshness_lines(fresh: Any) -> list[str]:
    found = []
    for basis in fresh.bases:
        until = f", until {basis.until:%Y-%m-%d}" if basis.until and not basis.stale else ""
        id = f"  ({basis.id})" if basis.id else ""
        found.append(f"{'? stale' if basis.stale else '✓ holds'}  {basis.kind:<9}{basis.name}{until}{id}")
        found += [f"    {basis.why}", f"    → {basis.renew}"] if basis.stale else []
    return found


def _release_lines(release: Any) -> list[str]:
    said = [_said(one, release.taken_back(place)) for place, one in enumerate(release.approvals)]
    return said + [_marked(v.outcome, f"{v.stage}, {v.about}: {v.sentence}") for v in release.verdicts]


def _said(approval: Any, taken: Any) -> str:
    return f"✕ {approval} ({taken})" if taken else f"✓ {approval}"


def _forecast_lines(forecast: Any) -> list[str]:
    found = []
    for step in forecast.steps:
        lasts = f"may pass after {duration(step.minutes)} ({step.waits_for})"
        passes = "cannot pass" if step.minutes is None else lasts
        sign_of = sign(Outcome.INCONCLUSIVE if step.late else Outcome.PASS)
        found.append(f"{sign_of} {step.name}: {passes}, deadline {duration(step.deadline_minutes)}")
        found += [f"    {line}" for line in expectations(step)]
    return [*found, *forecast.notes]


def _replay_lines(replay: Any) -> list[str]:
    return [
        f"{c.label}: {c.errors} errors in {count(c.n)}, "
        f"{number(c.disagrees_with_recorded, 'rate')} answered differently than in production"
        for c in replay.columns
    ]


def _bisect_lines(report: Any) -> list[str]:
    trials = [f"{t.outcome:<11} {report.model}/{t.version}  {t.reason}" for t in report.trials]
    return trials + [f"changed: {change}" for change in report.changes]


def _decision_line(decision: Any) -> str:
    sure = "" if decision.score is None else f", probability {number(decision.score, 'rate')}"
    return f"{decision.model} answers {value(decision.answer)} ({decision.target}{sure})"


def _decision_lines(decision: Any) -> list[str]:
    summed = lines(decision)
    wide = max(len(line.number) for line in summed)
    found = [f"{decision.reasons.about}:", *(f"{line.number:>{wide}}  {line.text}" for line in summed)]
    change = decision.change
    if change is not None:
        found.append(f"what gets {sought(change)}:" + ("" if change.candidates else " no change was found"))
        found += [
            ", ".join(f"{c.column} {value(c.before)} → {value(c.after)}" for c in candidate.changes)
            + f": answers {value(candidate.answer)}"
            for candidate in change.candidates
        ]
    return [*found, *notes(decision)]


def _model_lines(model: Any) -> list[str]:
    return [
        f"{model.flavor} ({model.format}), target {model.target}, {len(model.columns)} input columns",
        f"trained on {count(model.lineage.data_rows)} rows {short(model.lineage.data_digest)}",
        f"commit {model.lineage.git_commit[:8] or 'not known'}",
    ]


def _card_lines(card: Any) -> list[str]:
    return [f"{e.time:%Y-%m-%d %H:%M} {e.actor}: {e.what}" for e in card.history]


def _refusal(refusal: Any) -> str:
    if refusal.by == "release":
        return f"{refusal.name} was refused, and nothing moved: {refusal.reason}"
    answering = f"{refusal.answering} goes on answering" if refusal.answering else "no model answers"
    return f"the gateway of {refusal.name} refused a table, and {answering}: {refusal.reason}"


def _judged_lines(model: Any) -> list[str]:
    """A line for each version. A long reason stands once: versions of a model often share it."""
    found: list[str] = []
    known: dict[str, str] = {}
    for v in model.versions:
        ref = f"{model.name}/{v.version}"
        if v.verdict is None:
            found.append(f"not judged     {ref} {', '.join(v.aliases)}")
            continue
        first = known.setdefault(v.verdict.reason, ref)
        again = first != ref and len(v.verdict.reason) > _REPEATED
        why = f"as {first}" if again else v.verdict.reason
        found.append(_marked(v.verdict.outcome, f"{ref} {', '.join(v.aliases)}: {why}"))
    return found


def _overview_lines(overview: Any) -> list[str]:
    versions = [line for model in overview.models for line in _judged_lines(model)]
    stale = [
        f"stale          {model.name}/{v.version} {s.kind} {s.name}: {s.why} → {s.renew}"
        for model in overview.models
        for v in model.versions
        for s in v.stale
    ]
    findings = [
        f"open finding   {model.name}/{v.version}: {n} of severity {severity}"
        for model in overview.models
        for v in model.versions
        for severity, n in v.open_findings.items()
    ]
    releases = [f"{r.id}: {r.candidate} {r.status}, {r.stage}, {r.weight:.0%}" for r in overview.releases]
    refusals = [_marked(Outcome.FAIL, _refusal(one)) for one in overview.refusals]
    return [
        *refusals,
        *versions,
        *stale,
        *findings,
        *releases,
        *(line for one in overview.endpoints for line in told(one)),
        *(f"{i.id} {i.status}: {i.title}" for i in overview.incidents),
    ]


_HEADLINES: dict[str, Callable[[Any], str]] = {
    "report": lambda r: f"{r.title}: {r.subject} on {count(r.rows)} rows, {r.outcome}",
    "verdict": lambda v: f"Gate {v.policy} on {v.model}: {v.outcome}. {v.reason}",
    "request": lambda r: f"{r.id}: approval of {r.model} under {r.policy}, which says {r.verdict.outcome}",
    "freshness": lambda f: (
        f"{f.model} under {f.policy}: {len(f.stale)} to renew"
        if f.stale
        else f"{f.model} under {f.policy}: holds"
    ),
    "release": lambda r: (
        f"Release {r.id}: {r.candidate} {r.status} at {r.weight:.0%}, {r.current.name}. {r.reason}"
    ),
    "forecast": forecast_headline,
    "incident": lambda i: (
        f"{i.id} {i.status}: {i.title} ({count(i.requests)} requests, {count(i.rows)} rows). {i.finding}"
    ),
    "replay": lambda r: f"Replay of {r.incident}: {count(r.rows)} rows on {len(r.columns)} versions",
    "bisect": lambda b: f"Bisection of {b.incident}: {b.sentence}",
    "decision": _decision_line,
    "model": lambda m: f"{m.ref} {short(m.digest)}, {m.task}, by {m.author}",
    "card": lambda c: f"Model card of {c.model.ref}",
    "overview": lambda o: f"{_counted(o.models, 'model')}, {_counted(o.incidents, 'incident')} not closed",
}

_LINES: dict[str, Callable[[Any], list[str]]] = {
    "report": _report_lines,
    "verdict": _verdict_lines,
    "request": _request_lines,
    "freshness": _freshness_lines,
    "release": _release_lines,
    "forecast": _forecast_lines,
    "incident": lambda i: [f"frozen as {short(i.digest)}, opened by {i.opened_by}"],
    "replay": _replay_lines,
    "bisect": _bisect_lines,
    "decision": _decision_lines,
    "model": _model_lines,
    "card": _card_lines,
    "overview": _overview_lines,
}
