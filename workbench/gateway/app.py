"""The gateway over HTTP: routes, headers, and the one place where errors become answers."""

from __future__ import annotations

import re
from importlib.metadata import version as installed

from starlette.applications import Starlette
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workbench.core.version import __version__
from workbench.gateway import oip, openapi, scoring, v1
from workbench.gateway.answers import Reply
from workbench.gateway.batch import Schema
from workbench.gateway.body import read_body
from workbench.gateway.course import Call
from workbench.gateway.dataplane import DataPlane
from workbench.gateway.door.authentication import Way
from workbench.gateway.door.front import Front
from workbench.gateway.door.middleware import CALLER, Door
from workbench.gateway.labels import LabelDesk
from workbench.gateway.live import Live
from workbench.gateway.metrics import Metrics
from workbench.gateway.problems import Problem, not_here, shown
from workbench.gateway.refusals import REQUEST_ID, Refusals, as_json, request_id

VERSION = "X-Workbench-Version"

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


class _Name(StringConvertor):
    """A model's name in a path that may go on with a colon."""

    regex = "[^/:]+"


register_url_convertor("name", _Name())


def make_app(
    plane: DataPlane, metrics: Metrics, desk: LabelDesk, *, max_body: int, front: Front | None = None
) -> Starlette:
    """Return the ASGI application of one endpoint.

    Args:
        plane: answers calls.
        metrics: what it counts is told.
        desk: takes labels.
        max_body: bytes that a body may have.
        front: who may come in. None: whatever runs the application asks that itself.
    """
    refuse = Refusals(metrics).problem
    handlers = _Handlers(plane, metrics, desk, max_body, front.way if front else "none")
    model = "/v2/models/{model}"
    app = Starlette(
        routes=[
            Route("/openapi.json", handlers.openapi),
            # A name has no colon, so that another method on ":predict" is 405 and not a strange model.
            Route("/v1/models/{model:name}", handlers.model_v1),
            Route("/v1/models/{model:name}:predict", handlers.predict, methods=["POST"]),
            Route("/v2", handlers.server),
            Route("/v2/health/live", handlers.live),
            Route("/v2/health/ready", handlers.ready),
            *[
                Route(path + suffix, handler, methods=methods)
                for path in (model, model + "/versions/{version}")
                for suffix, handler, methods in (
                    ("", handlers.model, ["GET"]),
                    ("/ready", handlers.model_ready, ["GET"]),
                    ("/infer", handlers.infer, ["POST"]),
                )
            ],
            Route("/invocations", handlers.invocations, methods=["POST"]),
            Route("/labels", handlers.labels, methods=["POST"]),
            Route("/ping", handlers.ping),
            Route("/health", handlers.ping),
            Route("/version", handlers.mlflow_version),
            Route("/metrics", handlers.metrics),
        ],
        middleware=[Middleware(Door, rules=front.public, refuse=refuse)] if front else [],
        exception_handlers={
            Problem: refuse,
            HTTPException: handlers.http_error,
            Exception: handlers.broken,
        },
    )
    app.router.redirect_slashes = False
    return app


class _Handlers:
    """One method a route. They translate; the data plane decides."""

    def __init__(self, plane: DataPlane, metrics: Metrics, desk: LabelDesk, max_body: int, way: Way) -> None:
        self._plane = plane
        self._desk = desk
        self._metrics = metrics
        self._way = way
        self._max_body = max_body

    async def infer(self, request: Request) -> Response:
        """``POST /v2/models/{model}[/versions/{version}]/infer``."""
        body = await read_body(request, self._max_body)
        self._require_model(request)
        live, champion = self._plane.serving()
        number, schema = self._version(request, live)
        asked = oip.read(body, request.headers.get(oip.HEADER_LENGTH), schema)
        call = Call(
            request_id(request, asked.id),
            live,
            champion,
            asked.batch,
            scores=oip.SCORE in asked.binary,
            version=number,
        )
        reply = await self._plane.infer(call)
        content, headers = oip.write(asked, reply, self._plane.endpoint)
        return _answer(content, reply, headers)

    async def predict(self, request: Request) -> Response:
        """``POST /v1/models/{model}:predict``."""
        body = await read_body(request, self._max_body)
        self._require_model(request)
        live, champion = self._plane.serving()
        batch = v1.read(body, request.headers.get("content-type", ""), live.schema)
        reply = await self._plane.infer(Call(request_id(request), live, champion, batch))
        return _answer(v1.write(reply), reply, {"Content-Type": "application/json"})

    async def invocations(self, request: Request) -> Response:
        """``POST /invocations``."""
        body = await read_body(request, self._max_body)
        live, champion = self._plane.serving()
        batch = scoring.read(body, request.headers.get("content-type", ""), live.schema)
        reply = await self._plane.infer(Call(request_id(request), live, champion, batch))
        return _answer(scoring.write(reply), reply, {"Content-Type": "application/json"})

    async def labels(self, request: Request) -> Response:
        """``POST /labels``."""
        body = await read_body(request, self._max_body)
        caller = request.scope.get(CALLER)
        kind = request.headers.get("content-type", "")
        kept = await self._desk.take(body, kind, by=caller.name if caller else "")
        return as_json(kept.model_dump())

    async def server(self, request: Request) -> Response:  # noqa: ARG002 - Starlette's signature
        """``GET /v2``."""
        return as_json({"name": "model-workbench", "version": __version__, "extensions": oip.EXTENSIONS})

    async def live(self, request: Request) -> Response:  # noqa: ARG002 - Starlette's signature
        """``GET /v2/health/live``: the process answers."""
        return _health(ready=self._plane.ready, status=200)

    async def ready(self, request: Request) -> Response:  # noqa: ARG002 - Starlette's signature
        """``GET /v2/health/ready``: a champion is loaded."""
        return _health(ready=self._plane.ready, status=200 if self._plane.ready else 503)

    async def model(self, request: Request) -> Response:
        """``GET /v2/models/{model}[/versions/{version}]``."""
        self._require_model(request)
        live, champion = self._plane.serving()
        number, _ = self._version(request, live)
        chosen = champion if number is None else live.version(number)
        versions = sorted(live.named) if number is None else [number]
        return as_json(oip.metadata(self._plane.endpoint, chosen.model, versions))

    async def model_ready(self, request: Request) -> Response:
        """``GET /v2/models/{model}[/versions/{version}]/ready``: a model would answer."""
        self._require_model(request)
        if "version" in request.path_params:
            self._version(request, self._plane.serving()[0])
        ready = self._would_answer
        return as_json(
            {"name": self._plane.endpoint, "ready": ready, "live": True}, status=200 if ready else 503
        )

    async def model_v1(self, request: Request) -> Response:
        """``GET /v1/models/{model}``: a model would answer."""
        self._require_model(request)
        ready = self._would_answer
        return as_json({"name": self._plane.endpoint, "ready": ready}, status=200 if ready else 503)

    async def openapi(self, request: Request) -> Response:  # noqa: ARG002 - Starlette's signature
        """``GET /openapi.json``: this document's paths, with the columns of the champion in force."""
        return as_json(openapi.document(self._plane.endpoint, self._plane.live, self._max_body, self._way))

    async def ping(self, request: Request) -> Response:  # noqa: ARG002 - Starlette's signature
        """``GET /ping`` and ``/health``, as MLflow's scoring server answers them."""
        return Response("\n", status_code=200 if self._plane.ready else 503, media_type="text/plain")

    async def mlflow_version(self, request: Request) -> Response:  # noqa: ARG002 - Starlette's signature
        """``GET /version``: the MLflow version whose protocol ``/invocations`` speaks."""
        return Response(installed("mlflow"), media_type="text/plain")

    async def metrics(self, request: Request) -> Response:  # noqa: ARG002 - Starlette's signature
        """``GET /metrics``."""
        return Response(self._metrics.text(), media_type=self._metrics.content_type)

    async def http_error(self, request: Request, error: Exception) -> Response:  # noqa: ARG002
        """What Starlette refuses: no such path, no such method."""
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
        self._metrics.refused(error.status_code)
        return as_json({"error": error.detail}, status=error.status_code, headers=error.headers)

    async def broken(self, request: Request, error: Exception) -> Response:  # noqa: ARG002
        """A fault of the gateway itself: the trace goes to its log, never to the caller."""
        return as_json(
            {"error": "The gateway failed. Its log says why."},
            status=500,
            headers={REQUEST_ID: request_id(request)},
        )

    @property
    def _would_answer(self) -> bool:
        return self._plane.ready and not self._plane.killed

    def _require_model(self, request: Request) -> None:
        name = request.path_params["model"]
        if name != self._plane.endpoint:
            raise not_here(
                f"There is no model {shown(name)} here.", remedy=f"There is: {self._plane.endpoint!r}."
            )

    @staticmethod
    def _version(request: Request, live: Live) -> tuple[int | None, Schema]:
        """The version named in the path, if any, and what its request may carry."""
        named = request.path_params.get("version")
        if named is None:
            return None, live.schema
        if not _NUMBER.fullmatch(named):
            raise not_here(f"There is no version {shown(named)}.")
        return int(named), Schema(live.version(int(named)).model.columns, limits=live.limits)


def _answer(content: bytes, reply: Reply, headers: dict[str, str]) -> Response:
    served = "fallback" if reply.served_by is None else str(reply.served_by)
    return Response(
        content, headers={**headers, **reply.headers, VERSION: served, REQUEST_ID: reply.request_id}
    )


def _health(*, ready: bool, status: int) -> Response:
    """Both keys: the specification and KServe's client disagree on which one is read."""
    return as_json({"live": True, "ready": ready}, status=status)
