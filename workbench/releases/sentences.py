"""How the verdicts of a release read: one sentence each, with the numbers it can be checked by."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from workbench.core.values import Outcome
from workbench.releases.records import EvidencePoint, Kind, StageVerdict

#: Metrics that can abort and never be proved good.
_ONLY_HARM = ("latency", "guardrail")


def of_verdict(
    verdict: StageVerdict,
    kind: Kind,
    highest: EvidencePoint,
    *,
    carried: bool,
    about: str = "",
    least: int = 0,
) -> str:
    """Return the sentence of one verdict.

    Args:
        verdict: with its numbers; the sentence it has is not read.
        kind: of the stage.
        highest: the greatest evidence either way at any look.
        carried: True when earlier stages hold a part of the evidence.
        about: of latency the threshold, or why there is none; of a guardrail the column.
        least: below so many requests nothing is concluded.
    """
    n = verdict.candidate_n + verdict.champion_n
    if n == 0:
        return about or _nothing_yet(verdict, kind)
    counted = _counted(verdict, kind, about)
    if n < least:
        return f"{counted}: {least:,} requests are needed before anything is said of it."
    with_earlier = ", with the stages before" if carried else ""
    return f"{counted}: {_finding(verdict, kind, highest, with_earlier)}"


def passed(stage: str, verdicts: Sequence[StageVerdict], exposure: int, kind: Kind) -> str:
    """Return why a stage passed, and what of it is not proved."""
    of = f"{exposure:,} {_unit(kind, exposure)}"
    parts = [f"{v.metric} proved {_good(v)}" for v in verdicts if v.outcome is Outcome.PASS]
    parts += _open_still(verdicts, of)
    to = "" if kind == "shadow" else " to the candidate"
    return f"{stage} passed after {of}{to}: {'; '.join(parts)}."


def waiting_for_exposure(exposure: int, least: int, kind: Kind) -> str:
    """Return how far the exposure is."""
    what = _unit(kind) if kind == "shadow" else f"{_unit(kind)} to the candidate"
    return f"{exposure:,} of {least:,} {what}" if exposure else f"no {what} yet, {least:,} are needed"


def waiting_for_time(watched: float, least: float) -> str:
    """Return how long the stage was watched: ``watched`` in seconds, ``least`` in minutes."""
    return f"watched for {round(watched / 60, 2):g} of {least:g} minutes"


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


def _nothing_yet(verdict: StageVerdict, kind: Kind) -> str:
    if verdict.metric == "disagreement":
        return "No pair of answers to compare yet."
    return "No request scored by both yet." if kind == "shadow" else "No request counted yet."


def _counted(verdict: StageVerdict, kind: Kind, about: str) -> str:
    """The counts of a metric, as the beginning of a sentence."""
    if verdict.metric == "disagreement":
        return _disagreement_counts(verdict)
    if verdict.metric == "objective":
        return f"The candidate failed {_of(verdict.candidate_bad, verdict.candidate_n, 'requests')}"
    if verdict.metric == "latency":
        candidate = _of(verdict.candidate_bad, verdict.candidate_n, "requests")
        champion = _of(verdict.champion_bad, verdict.champion_n, "requests")
        return f"Longer than {about} took {candidate} of the candidate, {champion} of the champion"
    if verdict.metric == "guardrail":
        counts = _error_counts(verdict, kind)
        return f"Where {about} is {verdict.group}, {counts[0].lower()}{counts[1:]}"
    return _error_counts(verdict, kind)


def _disagreement_counts(verdict: StageVerdict) -> str:
    n, bad = verdict.candidate_n, verdict.candidate_bad
    return f"The candidate answered {bad:,} of {n:,} {_unit('shadow', n)} differently ({_percent(bad, n)})"


def _error_counts(verdict: StageVerdict, kind: Kind) -> str:
    candidate = _of(verdict.candidate_bad, verdict.candidate_n, "copies" if kind == "shadow" else "requests")
    champion = _of(verdict.champion_bad, verdict.champion_n, "requests")
    return f"The candidate failed {candidate}, the champion {champion}"


def _finding(verdict: StageVerdict, kind: Kind, highest: EvidencePoint, with_earlier: str) -> str:
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
        return f"not settled, {leaning}.{_settle(verdict, kind)}"
    if max(now.log_e_worse, now.log_e_no_worse) <= 0:
        so_far = "no evidence of harm" if verdict.metric == "errors" else "no evidence either way"
        return f"{so_far}{with_earlier}, not proved {_good(verdict)}.{_settle(verdict, kind)}"
    worse = now.log_e_worse > now.log_e_no_worse
    leaning, log_e = (_bad(verdict), now.log_e_worse) if worse else (_good(verdict), now.log_e_no_worse)
    odds = _odds(log_e, verdict.alpha)
    return f"not settled, leaning to {leaning} (evidence {odds}{with_earlier}).{_settle(verdict, kind)}"


def _settle(verdict: StageVerdict, kind: Kind) -> str:
    if verdict.still_needed is not None:
        return f" About {_rounded(verdict.still_needed)} more {_unit(kind)} like these would settle it."
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


def _unit(kind: Kind, n: int = 2) -> str:
    """What a stage counts."""
    word = "pair" if kind == "shadow" else "request"
    return word if n == 1 else f"{word}s"


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
