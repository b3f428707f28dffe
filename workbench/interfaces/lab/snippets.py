"""The Python that a click inserts: the one place where it is written.

Every value from the project goes through ``quoted``, in comments as well: a name with a quote or a line break
in it stays a string and cannot become code. What cannot be known (the data at hand) is a plain variable with
a comment.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from workbench.core.errors import InvalidInput, NotFound, unknown
from workbench.views.overview import Overview, VersionGlance

if TYPE_CHECKING:
    from workbench.audits.base import Audit

_OPEN = "import workbench as wb\n\nbench = wb.open()\n"


@dataclass(frozen=True)
class Words:
    """What somebody has filled in; what is empty is left to the reader of the code."""

    policy: str = ""
    role: str = ""
    note: str = ""
    approval: str = ""
    """Id of an approval or a rejection."""


WORDS = tuple(field.name for field in fields(Words))


@dataclass(frozen=True)
class Subject:
    """What a step is about, as far as the project tells."""

    name: str
    """Model name; a placeholder where no model is registered."""
    ref: str
    """``name/version``."""
    target: str
    """Target column; empty when it is not known."""
    sensitive: tuple[str, ...]
    """Sensitive columns."""
    incident: str
    """Incident id."""
    champion: bool
    """True when the model has a champion to compare with."""
    audits: tuple[Audit, ...] | None = None
    """Audits that somebody chose; None for the default suite."""
    said: Words = Words()
    """What somebody has filled in about an approval."""


def chosen(text: str) -> tuple[Audit, ...]:
    """Read what a form chose: a JSON object of audits, each with the options that were filled in.

    Raises:
        InvalidInput: no JSON object, or an audit or option that does not exist, or has another type.
    """
    from workbench.audits.suite import load_suite

    try:
        spec = json.loads(text)
    except (ValueError, RecursionError):
        spec = None
    if not isinstance(spec, dict):  # a text would be read as the name of a file
        raise InvalidInput("audits: not a JSON object.", remedy="Choose audits again.", field="audits")
    return tuple(load_suite(spec))


def code(
    step: str,
    overview: Overview | None,
    *,
    model: str = "",
    incident: str = "",
    audits: tuple[Audit, ...] | None = None,
    said: Words = Words(),
) -> str:
    """Return the Python of one step.

    Args:
        step: one of ``STEPS``.
        overview: the project; None where there is none yet.
        model: name or ``name/version``; default: the newest version of the first model.
        incident: id; default: the newest.
        audits: of the step ``audit``, from ``chosen``. Default: the default suite.
        said: of the steps ``request``, ``approve``, ``reject`` and ``revoke``.

    Raises:
        InvalidInput: no such step.
        NotFound: no such model or version.
    """
    if step not in STEPS:
        raise unknown("step", "step", step, STEPS)
    return STEPS[step](replace(_subject(overview, model, incident), audits=audits, said=said))


def quoted(text: str) -> str:
    """Return a string as a Python literal, in double quotes where it has none itself."""
    literal = repr(text)
    return literal if '"' in text or literal[0] == '"' else f'"{literal[1:-1]}"'


def _subject(overview: Overview | None, model: str, incident: str) -> Subject:
    models = {m.name: m for m in overview.models} if overview else {}
    name, _, number = model.partition("/")
    if model and name not in models:
        raise NotFound(f"No model {name!r}.", field="model")
    if not models:
        return Subject("my-model", "my-model/1", "", (), incident or "INC-1", champion=False)
    chosen = models[name] if name else next(iter(models.values()))
    version = _version(chosen.versions, number)
    incidents = [i.id for i in overview.incidents] if overview else []
    return Subject(
        name=chosen.name,
        ref=f"{chosen.name}/{version.version}",
        target=version.target,
        sensitive=version.sensitive,
        incident=incident or next(iter(incidents), "INC-1"),
        champion=any("champion" in v.aliases for v in chosen.versions),
    )


def _version(versions: tuple[VersionGlance, ...], number: str) -> VersionGlance:
    found = [v for v in versions if number in ("", str(v.version))]
    if not found:
        raise NotFound(f"No version {number!r}.", field="model")
    return found[0]


def _open(_: Subject) -> str:
    return f"{_OPEN}bench.overview()"


def _register(subject: Subject) -> str:
    sensitive = ", ".join(quoted(column) for column in subject.sensitive)
    return (
        f"{_OPEN}"
        "# pipeline: your fitted model; train: the DataFrame it was fitted on, with the target\n"
        "model = bench.register(\n"
        "    pipeline,\n"
        f"    name={quoted(subject.name)},\n"
        "    train=train,\n"
        f"    target={quoted(subject.target or 'target')},  # the column with the truth\n"
        f"    sensitive=[{sensitive}],  # columns to compare groups by\n"
        ")\n"
        "model"
    )


def _audit(subject: Subject) -> str:
    target = f" with the column {quoted(subject.target)}" if subject.target else ""
    return (
        f"{_OPEN}"
        f"# test: a DataFrame{target} that the model has not seen\n"
        f"report = bench.audit({quoted(subject.ref)}, on=test{_audits(subject.audits)})\n"
        "report"
    )


def _audits(audits: tuple[Audit, ...] | None) -> str:
    """The audits that were chosen, each with the options that are not their defaults."""
    from workbench.audits.base import options_of

    if audits is None:
        return ""
    lines = []
    for audit in audits:
        defaults = options_of(type(audit)())
        options = {k: v for k, v in options_of(audit).items() if v != defaults[k]}
        given = ", ".join(f"{quoted(k)}: {_literal(v)}" for k, v in options.items())
        lines.append(f"{{{quoted(audit.name)}: {{{given}}}}}" if options else quoted(audit.name))
    return ", audits=[\n" + "".join(f"    {line},\n" for line in lines) + "]"


def _literal(value: Any) -> str:
    """An option as Python: options are JSON values, and their texts are quoted like any other."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(k)}: {_literal(v)}" for k, v in value.items()) + "}"
    return repr(value)


def _gate(subject: Subject) -> str:
    return f"{_OPEN}verdict = bench.gate({quoted(subject.ref)})\nverdict"


def _request(subject: Subject) -> str:
    note = subject.said.note or "Why it should be released"
    return (
        f"{_OPEN}"
        "# Whoever asks cannot approve\n"
        f"bench.request_approval({quoted(subject.ref)}{_under(subject)}, note={quoted(note)})"
    )


def _approve(subject: Subject) -> str:
    return _said(subject, "approve", "Why this version may go live")


def _reject(subject: Subject) -> str:
    return _said(subject, "reject", "Why this version may not go live")


def _said(subject: Subject, word: str, why: str) -> str:
    role = f", role={quoted(subject.said.role)}" if subject.said.role else ""
    return (
        f"{_OPEN}"
        "# As somebody who has a role in workbench.toml, and is not the author\n"
        f"bench.{word}({quoted(subject.ref)}{_under(subject)}{role}, note={quoted(subject.said.note or why)})"
    )


def _revoke(subject: Subject) -> str:
    approval, note = subject.said.approval, subject.said.note or "Why it no longer holds"
    return (
        f"{_OPEN}"
        + ("" if approval else f"# bench.freshness({quoted(subject.ref)}) lists the ids\n")
        + f"bench.revoke({quoted(approval or f'approval/{subject.ref}#0')}, note={quoted(note)})"
    )


def _under(subject: Subject) -> str:
    policy = subject.said.policy
    return f", policy={quoted(policy)}" if policy not in ("", "default") else ""


def _release(subject: Subject) -> str:
    return f'{_OPEN}release = bench.release({quoted(subject.ref)}, plan="canary")\nrelease'


def _incident(subject: Subject) -> str:
    return (
        f"{_OPEN}"
        "incident = bench.open_incident(\n"
        '    "What went wrong",\n'
        '    window="last 30 minutes",\n'
        f"    endpoint={quoted(subject.name)},\n"
        ")\n"
        "incident"
    )


def _replay(subject: Subject) -> str:
    against = [f"{subject.name}@champion", subject.ref] if subject.champion else [subject.ref]
    versions = ", ".join(quoted(version) for version in against)
    return f"{_OPEN}replay = bench.replay({quoted(subject.incident)}, against=[{versions}])\nreplay"


def _bisect(subject: Subject) -> str:
    return f"{_OPEN}bisection = bench.bisect({quoted(subject.incident)})\nbisection"


STEPS: dict[str, Callable[[Subject], str]] = {
    "open": _open,
    "register": _register,
    "audit": _audit,
    "gate": _gate,
    "request": _request,
    "approve": _approve,
    "reject": _reject,
    "revoke": _revoke,
    "release": _release,
    "incident": _incident,
    "replay": _replay,
    "bisect": _bisect,
}
