"""HTTP: each handler reads its arguments, asks the project in a thread, and answers JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, TypeVar

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.extension.handler import ExtensionHandlerMixin
from tornado.web import HTTPError, authenticated

from workbench.core.errors import Conflict, InvalidInput, NotFound, Refused, Tampered, WorkbenchError
from workbench.interfaces.lab import snippets
from workbench.interfaces.lab.projects import Project, Projects
from workbench.views.lookup import lookup

#: What an error of the workbench is in HTTP; any other is 503, for what does not answer now.
STATUS: dict[type[WorkbenchError], int] = {
    InvalidInput: 400,
    Refused: 403,
    NotFound: 404,
    Conflict: 409,
    Tampered: 409,
}

Answer = TypeVar("Answer")


class WorkbenchHandler(ExtensionHandlerMixin, APIHandler):
    """What the handlers share."""

    # A panel that polls is no sign of life: without this an idle server would never be culled.
    _track_activity = False

    @property
    def projects(self) -> Projects:
        """The projects under the server's root."""
        found: Projects = self.settings["workbench_projects"]
        return found

    async def ask(self, question: Callable[..., Answer], *arguments: Any) -> Answer:
        """Run blocking work in a thread and translate its errors."""
        try:
            return await asyncio.to_thread(question, *arguments)
        except WorkbenchError as error:
            status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 503)
            # The text goes into JSON, not into the status line, which cannot carry a newline.
            raise HTTPError(
                status, log_message=str(error).replace("%", "%%"), reason=type(error).__name__
            ) from error

    async def answer(self, question: Callable[..., Any], *arguments: Any) -> None:
        """Ask and send what comes back as JSON."""
        self.finish(json.dumps(await self.ask(question, *arguments)))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Send an error of the workbench as its own sentence and remedy."""
        cause = getattr(kwargs.get("exc_info", (None, None))[1], "__cause__", None)
        if not isinstance(cause, WorkbenchError):
            super().write_error(status_code, **kwargs)
            return
        self.set_header("Content-Type", "application/json")
        body = {"message": str(cause), "reason": cause.message, "remedy": cause.remedy, "field": cause.field}
        self.finish(json.dumps(body))


class OverviewHandler(WorkbenchHandler):
    """``GET /workbench/api/overview?path=``."""

    @authenticated
    @authorized(action="read", resource="workbench:models")
    async def get(self) -> None:
        """The project of a folder, or the folder's name where there is none."""
        await self.answer(self._overview, self.get_query_argument("path", ""))

    def _overview(self, path: str) -> dict[str, Any]:
        project = self.projects.find(path)
        return {
            "folder": self.projects.name(self.projects.folder(path)),
            "project": None if project is None else project.name,
            "overview": None if project is None else project.overview().model_dump(mode="json"),
        }


class RecordHandler(WorkbenchHandler):
    """``GET /workbench/api/records/<view>?id=&path=``."""

    @authenticated
    @authorized(action="read", resource="workbench:models")
    async def get(self, view: str) -> None:
        """One record: ``model`` and ``verdict`` by ``name/version``, ``report`` by digest, others by id."""
        await self.answer(
            self._record, self.get_query_argument("path", ""), view, self.get_query_argument("id")
        )

    def _record(self, path: str, view: str, key: str) -> dict[str, Any]:
        project = needed(self.projects.find(path))
        record = lookup(project.journal, project.state, view, key)
        return {"view": view, "record": record.model_dump(mode="json")}


class AuditsHandler(WorkbenchHandler):
    """``GET /workbench/api/audits``."""

    @authenticated
    @authorized(action="read", resource="workbench:models")
    async def get(self) -> None:
        """Every audit with its options, and which are run when nobody chooses: what a form is made from."""
        await self.answer(self._audits)

    @staticmethod
    def _audits() -> dict[str, Any]:
        from workbench.audits.catalogue import catalogue
        from workbench.audits.suite import load_suite

        audits = [one.model_dump(mode="json") for one in catalogue()]
        return {"audits": audits, "default": [audit.name for audit in load_suite()]}


class SnippetHandler(WorkbenchHandler):
    """``GET /workbench/api/snippets?step=&model=&incident=&audits=&policy=&role=&note=&approval=&path=``."""

    @authenticated
    @authorized(action="read", resource="workbench:models")
    async def get(self) -> None:
        """The Python of one step, ready for a cell."""
        keys = ("step", "model", "incident", "audits", *snippets.WORDS)
        given = {key: self.get_query_argument(key, "") for key in keys}
        await self.answer(self._snippet, self.get_query_argument("path", ""), given)

    def _snippet(self, path: str, given: dict[str, str]) -> dict[str, str]:
        project = self.projects.find(path)
        audits = given["audits"]
        code = snippets.code(
            given["step"],
            None if project is None else project.overview(),
            model=given["model"],
            incident=given["incident"],
            audits=snippets.chosen(audits) if audits else None,
            said=snippets.Words(**{key: given[key] for key in snippets.WORDS}),
        )
        return {"code": code}


def needed(project: Project | None) -> Project:
    """Return the project that a request is about.

    Raises:
        NotFound: its folder is none.
    """
    if project is None:
        raise NotFound("This folder is not a project.", remedy="Run: wb.open()", field="path")
    return project


ROUTES = [
    (r"/workbench/api/overview", OverviewHandler),
    (r"/workbench/api/records/([a-z]+)", RecordHandler),
    (r"/workbench/api/audits", AuditsHandler),
    (r"/workbench/api/snippets", SnippetHandler),
]
