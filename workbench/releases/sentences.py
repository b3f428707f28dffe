"""How the verdicts of a release read: one sentence each, with the numbers it can be checked by."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from workbench.core.values import Outcome
from workbench.releases.records import EvidencePoint, Kind, StageVerdict

#: What is counted: each entity once, where a plan splits them.
Unit = Literal["entity", "pair", "request"]

#: Metrics that can abort and never be proved good.
_ONLY_HARM = ("latency", "guardrail")


def of_verdict(
    verdict: StageVerdict,
    kind: Kind,
    highest: EvidencePoint,
    *,
    carried: bool,
    sticky: bool,
    about: str = "",
    least: int = 0,
) -> str:
    """Return the sentence of one verdict.

    Args:
        verdict: with its numbers; the sentence it has is not read.
        kind: of the stage.
        highest: the greatest evidence either way at any look.
        carried: True when earlier stages hold a part of the evidence.
        sticky: True when entities are counted.
        about: of latency the threshold, or why there is none; of a guardrail the column.
        least: below so many nothing is concluded.
    """
    n, unit = verdict.candidate_n + verdict.champion_n, _unit(kind, sticky=sticky)
    if n == 0:
        return about or _nothing_yet(verdict, unit)
    counted = _counted(verdict, unit, about)
    with_earlier = ", with the stages before" if carried else ""
    if n < least:
        return f"{counted}{with_earlier}: {least:,} {_many(unit)} are needed before anything is said of it."
    return f"{counted}: {_finding(verdict, unit, highest, with_earlier)}"


def passed(stage: str, verdicts: Sequence[StageVerdict], exposure: int, kind: Kind, *, sticky: bool) -> str:
    """Return why a stage passed, and what of it is not proved."""
    of = f"{exposure:,} {_many(_unit(kind, sticky=sticky), exposure)}"
    parts = [f"{v.metric} proved {_good(v)}" for v in verdicts if v.outcome is Outcome.PASS]
    parts += _open_still(verdicts, of)
    to = "" if kind == "shadow" else " to the candidate"
    return f"{stage} passed after {of}{to}: {'; '.join(parts)}."


def waiting_for_exposure(exposure: int, least: int, kind: Kind, *, sticky: bool) -> str:
    """Return how far the exposure is."""
    units = _many(_unit(kind, sticky=sticky))
    what = units if kind == "shadow" else f"{units} to the candidate"
    return f"{exposure:,} of {least:,} {what}" if exposure else f"no {what} yet, {least:,} are needed"


def further_attempt(attempt: int, alpha: float) -> str:
    """Return why the error budget is smaller than the plan's."""
    return f"Attempt {attempt} with these bytes: the error budget is {alpha:g}."


def counted_before(entities: int) -> str:
    """Return why exposure does not grow though requests come."""
    came = "1 entity that came was" if entities == 1 else f"{entities:,} entities that came were"
    return f"{came} counted before and count{'s' if entities == 1 else ''} no more"


def waiting_for_time(watched: float, least: float) -> str:
    """Return how long the stage was watched: ``watched`` in seconds, ``least`` in minutes."""
    return f"watched for {round(watched / 60, 2):g} of {least:g} minutes"


def waiting_for_captures(lost: int, exchanges: int, most: float) -> str:
    """Return how much of the stage nobody can look at, and what to do."""
    of = _of(lost, lost + exchanges, "exchanges")
    remedy = f"make room (the gateway's log says why), and let requests come until it is {_share(most)}"
    return f"{of} could not be kept: {remedy}"


def waiting_for_people(stage: str, missing: Mapping[str, int]) -> str:
    """Return whose yes the next stage asks for."""
    roles = ", ".join(f"{n} more by {role}" for role, n in missing.items())
    return f"{stage} asks for approvals: {roles}"


def waiting_for_proof(verdict: StageVerdict) -> str:
    """Return what is not proved yet, and about how long it takes."""
    needed = verdict.still_needed
    when = f" (about {_rounded(needed)} more would settle it)" if needed is not None else ""
    return f"{verdict.metric} not yet proved {_good(verdict)}{when}"


def mismatch(
    candidate_n: int, champion_n: int, share: float, log_e: float, alpha: float, *, units: str = "requests"
) -> str:
    """Return why the evidence is void."""
    n = candidate_n + champion_n
    got = f"the candidate got {candidate_n:,} of {n:,} {units} ({_percent(candidate_n, n)})"
    promised = f"the coin promised {_share(share)} (evidence {_odds(log_e, alpha)})"
    biased = "Assignment or capture is biased: the comparison is void."
    return f"Sample-ratio mismatch: {got} where {promised}. {biased}"


def _nothing_yet(verdict: StageVerdict, unit: Unit) -> str:
    if verdict.metric == "disagreement":
        return "No pair of answers to compare yet."
    return "No request scored by both yet." if unit == "pair" else f"No {unit} counted yet."


def _counted(verdict: StageVerdict, unit: Unit, about: str) -> str:
    """The counts of a metric, as the beginning of a sentence."""
    if verdict.metric == "disagreement":
        return _disagreement_counts(verdict, unit)
    if verdict.metric == "objective":
        return f"The candidate failed {_of(verdict.candidate_bad, verdict.candidate_n, _many(unit))}"
    if verdict.metric == "latency":
        candidate = _of(verdict.candidate_bad, verdict.candidate_n, _many(unit))
        champion = _of(verdict.champion_bad, verdict.champion_n, _many(unit))
        return f"Longer than {about} took {candidate} of the candidate, {champion} of the champion"
    if verdict.metric == "guardrail":
        counts = _error_counts(verdict, unit)
        return f"Where {about} is {verdict.group}, {counts[0].lower()}{counts[1:]}"
    return _error_counts(verdict, unit)


def _disagreement_counts(verdict: StageVerdict, unit: Unit) -> str:
    n, bad = verdict.candidate_n, verdict.candidate_bad
    return f"The candidate answered {bad:,} of {n:,} {_many(unit, n)} differently ({_percent(bad, n)})"


def _error_counts(verdict: StageVerdict, unit: Unit) -> str:
    mine, theirs = ("copies", "requests") if unit == "pair" else (_many(unit),) * 2
    candidate = _of(verdict.candidate_bad, verdict.candidate_n, mine)
    champion = _of(verdict.champion_bad, verdict.champion_n, theirs)
    return f"The candidate failed {candidate}, the champion {champion}"


def _finding(verdict: StageVerdict, unit: Unit, highest: EvidencePoint, with_earlier: str) -> str:
    if verdict.outcome is Outcome.FAIL:
        odds = _odds(highest.log_e_worse, verdict.alpha)
        return f"proved {_bad(verdict)} (evidence {odds}{with_earlier})."
    if verdict.outcome is Outcome.PASS:
        odds = _odds(highest.log_e_no_worse, verdict.alpha)
        return f"proved {_good(verdict)} (evidence {odds}{with_earlier})."
    now = verdict.points[-1]
    if verdict.metric in _ONLY_HARM:
        if now.log_e_worse <= 0:
            return f"no evidence of harm{with_earlier}."
        odds = _odds(now.log_e_worse, verdict.alpha)
        leaning = f"leaning to {_bad(verdict)} (evidence {odds}{with_earlier})"
        return f"not settled, {leaning}.{_settle(verdict, unit)}"
    if max(now.log_e_worse, now.log_e_no_worse) <= 0:
        so_far = "no evidence of harm" if verdict.metric == "errors" else "no evidence either way"
        return f"{so_far}{with_earlier}, not proved {_good(verdict)}.{_settle(verdict, unit)}"
    worse = now.log_e_worse > now.log_e_no_worse
    leaning, log_e = (_bad(verdict), now.log_e_worse) if worse else (_good(verdict), now.log_e_no_worse)
    odds = _odds(log_e, verdict.alpha)
    return f"not settled, leaning to {leaning} (evidence {odds}{with_earlier}).{_settle(verdict, unit)}"


def _settle(verdict: StageVerdict, unit: Unit) -> str:
    if verdict.still_needed is not None:
        more = f"{'new ' if unit == 'entity' else ''}{_many(unit)}"
        return f" About {_rounded(verdict.still_needed)} more {more} like these would settle it."
    if verdict.metric == "errors" and not (verdict.candidate_bad or verdict.champion_bad):
        return " With no failure in either arm there is nothing to compare."
    return ""


def _harm_so_far(verdict: StageVerdict) -> str:
    """What an open verdict says of harm, when its stage passes on exposure alone."""
    log_e = verdict.points[-1].log_e_worse
    if log_e <= 0:
        return "with no evidence of harm"
    return f"with some evidence of harm ({_odds(log_e, verdict.alpha)} to abort)"


def _open_still(verdicts: Sequence[StageVerdict], of: str) -> Iterator[str]:
    """What is not proved of each metric; of the groups the one with the most evidence speaks."""
    found = [v for v in verdicts if v.outcome is not Outcome.PASS]
    for v in found:
        if v.metric == "latency":
            yield f"latency {_harm_so_far(v)}"
        elif v.metric != "guardrail":
            yield f"{v.metric} {_harm_so_far(v)} in {of}, not proved {_good(v)}"
    groups = [v for v in found if v.metric == "guardrail"]
    if groups:
        worst = max(groups, key=lambda v: v.points[-1].log_e_worse)
        yield f"{len(groups)} guarded groups {_harm_so_far(worst)}"


def _good(verdict: StageVerdict) -> str:
    if verdict.metric == "disagreement":
        return f"below the limit of {_share(verdict.margin)}"
    if verdict.metric == "objective":
        return f"within the objective of {_share(verdict.margin)}"
    return f"no worse than {verdict.margin:g} times the champion's risk"


def _bad(verdict: StageVerdict) -> str:
    if verdict.metric == "disagreement":
        return f"above the limit of {_share(verdict.margin)}"
    if verdict.metric == "objective":
        return f"above the objective of {_share(verdict.margin)}"
    if verdict.metric == "latency":
        return "slower than the champion"
    return "worse than the champion"


def _unit(kind: Kind, *, sticky: bool) -> Unit:
    """What a stage counts."""
    if sticky:
        return "entity"
    return "pair" if kind == "shadow" else "request"


def _many(unit: Unit, n: int = 2) -> str:
    """So many of them, as a word."""
    if n == 1:
        return unit
    return "entities" if unit == "entity" else f"{unit}s"


def _of(bad: int, n: int, what: str) -> str:
    return f"{bad:,} of {n:,} {what}{f' ({_percent(bad, n)})' if n else ''}"


def _percent(part: int, n: int) -> str:
    """A share with two significant digits, never "0 %" for something that happened."""
    if not n or not part:
        return "0 %"
    percent = 100 * part / n
    digits = max(0, 1 - math.floor(math.log10(percent)))
    return f"{percent:.{min(digits, 6)}f} %"


def _share(share: float) -> str:
    return f"{100 * share:.4g} %"


def _odds(log_e: float, alpha: float) -> str:
    """Evidence as odds, as one reads a bet, with what is needed."""
    return f"{_ratio(log_e)}, {1 / alpha:,.0f}:1 needed"


def _ratio(log_e: float) -> str:
    if log_e > math.log(1e6):
        return "over a million to one"
    value = math.exp(log_e)
    return f"{value:,.1f}:1" if value < 10 else f"{value:,.0f}:1"


def _rounded(n: int) -> str:
    """Two significant digits: it is an estimate."""
    step = 10 ** max(len(str(n)) - 2, 0)
    return f"{math.ceil(n / step) * step:,}"
