"""HTTP: what is to be decided, and people's decisions. Who decides is read from the login alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from workbench.bench import Workbench
from workbench.core.errors import Conflict, InvalidInput, Refused
from workbench.core.identity import Person, whoami
from workbench.core.records import Record
from workbench.core.settings import Settings, load
from workbench.gates import Policy
from workbench.interfaces.lab import bodies
from workbench.interfaces.lab.handlers import WorkbenchHandler, needed
from workbench.interfaces.lab.identity import acting
from workbench.interfaces.lab.matter import Hearing
from workbench.models.records import ModelVersion
from workbench.models.references import parse

#: A policy by name, or by name and digest: never a path, which could be any file of the server.
_POLICY = re.compile(r"\w[\w -]{0,99}(@[0-9a-f]{4,64})?")


class DecidingHandler(WorkbenchHandler):
    """Opens the project for whoever sent the request, and for that request alone."""

    @contextmanager
    def opened(self, path: str) -> Iterator[tuple[Workbench, Refused | None]]:
        """Open the project of a folder; the second says why this person can write nothing through here."""
        settings = load(needed(self.projects.find(path)).root)
        person = acting(self, settings)
        bench = Workbench(settings, person=person)
        journal = bench.journal
        try:
            yield bench, _barred(person, settings)
        finally:
            journal.close()

    @contextmanager
    def writing(self, path: str) -> Iterator[Workbench]:
        """Open the project of a folder for somebody who may write."""
        with self.opened(path) as (bench, barred):
            if barred:
                raise barred
            yield bench


class DecisionsHandler(DecidingHandler):
    """``/workbench/api/decisions``."""

    @authenticated
    @authorized(action="read", resource="workbench:decisions")
    async def get(self) -> None:
        """``?path=&model=&policy=``: what is to be decided, and what whoever asks may say."""
        argument = self.get_query_argument
        await self.answer(self._matter, argument("path", ""), argument("model"), argument("policy", ""))

    @authenticated
    @authorized(action="write", resource="workbench:decisions")
    async def post(self) -> None:
        """Request approval, approve, reject or revoke: a body as ``bodies.DECIDED``. Answers the record."""
        await self.answer(self._decide, self.request.body)

    def _matter(self, path: str, model: str, name: str) -> dict[str, Any]:
        with self.opened(path) as (bench, barred):
            version = _version(bench, model)
            policy = _policy(bench, name or _newest_policy(bench, version))
            return Hearing(bench, version, policy, barred).matter().model_dump(mode="json")

    def _decide(self, raw: bytes) -> dict[str, Any]:
        body = bodies.read(raw, bodies.DECIDED)
        with self.writing(body.path) as bench:
            return _answer(_decided(bench, body))


class FindingsHandler(DecidingHandler):
    """``/workbench/api/findings``."""

    @authenticated
    @authorized(action="write", resource="workbench:decisions")
    async def post(self) -> None:
        """Open, accept or fix a finding: a body as ``bodies.FOUND``. Answers the finding."""
        await self.answer(self._find, self.request.body)

    def _find(self, raw: bytes) -> dict[str, Any]:
        body = bodies.read(raw, bodies.FOUND)
        with self.writing(body.path) as bench:
            return _answer(_found(bench, body))


def _decided(bench: Workbench, body: bodies.Ask | bodies.Say | bodies.TakeBack) -> Record:
    if isinstance(body, bodies.TakeBack):
        return bench.revoke(body.approval, note=body.note)
    version, policy = _version(bench, body.model), _policy(bench, body.policy)
    if isinstance(body, bodies.Ask):
        return bench.decisions.request(version, policy, body.note)
    if body.seen and body.seen != Hearing(bench, version, policy).seen:
        raise Conflict(
            f"What is known of {version.ref} has changed since you looked.",
            remedy="Look again, then decide.",
            field="seen",
        )
    return bench.decisions.say(version, policy, body.action, note=body.note, role=body.role)


def _found(bench: Workbench, body: bodies.Open | bodies.Accept | bodies.Fix) -> Record:
    if isinstance(body, bodies.Open):
        return bench.open_finding(_version(bench, body.model), body.title, severity=body.severity)
    if isinstance(body, bodies.Accept):
        return bench.accept_finding(body.finding, reason=body.reason, until=body.until)
    return bench.fix_finding(body.finding, version=_version(bench, body.version), note=body.note)


def _answer(record: Record) -> dict[str, Any]:
    return {"record": record.model_dump(mode="json")}


def _version(bench: Workbench, model: str) -> ModelVersion:
    """Return a version by name and number: an alias may move while somebody reads."""
    if parse(model).version is None:
        raise InvalidInput(
            f"model: {model[:60]!r} does not name one version.", remedy="Write name/3.", field="model"
        )
    return bench.model(model)


def _policy(bench: Workbench, name: str) -> Policy:
    if not _POLICY.fullmatch(name):
        raise InvalidInput(
            f"policy: {name[:60]!r} is no name of a policy.",
            remedy="Give the name of a file in policies/ without its ending, or of a built-in policy.",
            field="policy",
        )
    return bench.decisions.policy(name)


def _newest_policy(bench: Workbench, version: ModelVersion) -> str:
    """Return the policy that was last asked for or judged by; ``default`` where none was."""
    judged = bench.journal.read(f"gate/{version.ref}")
    asked = bench.requests(version)
    if asked:
        return asked[-1].policy
    return str(judged[-1].payload["policy"]) if judged else "default"


def _barred(person: Person, settings: Settings) -> Refused | None:
    """Say why somebody can write nothing through this server: what they sign with would be its owner's."""
    owner = whoami(settings).name
    if person.name == owner:
        return None
    return Refused(
        f"This server is {owner}'s, who could read the key that {person.name} would sign with.",
        remedy="Decide in a server or a terminal of your own: workbench approve --help",
        field="by",
    )


ROUTES = [
    (r"/workbench/api/decisions", DecisionsHandler),
    (r"/workbench/api/findings", FindingsHandler),
]
