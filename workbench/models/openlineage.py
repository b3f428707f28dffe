"""Lineage as OpenLineage run events, for Marquez, DataHub and others that read them.

The training run of a version is a run that began and completed; its inputs are the training data and the
versions it was made from, its output is the model. Specification 2-0-2:
https://openlineage.io/spec/2-0-2/OpenLineage.json; of each facet the version that is named in it.
"""

from __future__ import annotations

import http.client
import json
import os
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from workbench.core.errors import Unavailable
from workbench.core.version import __version__
from workbench.models.records import Lineage, ModelVersion

#: Who says so, as the specification asks for it: an address of this product in this version.
PRODUCER = f"https://pypi.org/project/model-workbench/{__version__}"

_SPEC = "https://openlineage.io/spec"
_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs"

#: Facets of the specification that are used, in the version they are written in.
_FACETS = {
    "DataQualityMetricsInputDatasetFacet": "1-0-2",
    "DatasetVersionDatasetFacet": "1-0-1",
    "DocumentationDatasetFacet": "1-0-1",
    "JobTypeJobFacet": "2-0-3",
    "OwnershipJobFacet": "1-0-1",
    "ProcessingEngineRunFacet": "1-1-1",
    "SchemaDatasetFacet": "1-1-1",
    "SourceCodeLocationJobFacet": "1-0-1",
}

#: Seconds a server may take for one event.
_PATIENCE = 10.0

#: Where the field's clients look for the token of the server.
_TOKEN = "OPENLINEAGE_API_KEY"  # noqa: S105 - the name of a variable


def events(versions: Iterable[ModelVersion], *, namespace: str) -> list[dict[str, Any]]:
    """Return the events of the runs that made these versions, in their order, two for each.

    Args:
        versions: parents before children.
        namespace: of the jobs, the models, and data that came from no file.
    """
    return [event for version in versions for event in _run(version, namespace)]


def send(said: list[dict[str, Any]], to: str | Path) -> None:
    """Post events to an address, or write them to a file with one event in a line.

    A token for the server is read from ``OPENLINEAGE_API_KEY``.

    Raises:
        Unavailable: the server does not take one, or the file cannot be written.
    """
    if str(to).startswith(("http://", "https://")):
        for event in said:
            _post(event, str(to))
        return
    lines = [json.dumps(event, ensure_ascii=False, sort_keys=True) + "\n" for event in said]
    try:
        Path(to).expanduser().write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        raise Unavailable(
            f"The events cannot be written: {error.strerror or error}.",
            remedy="Give a file in a folder that is there.",
            field="to",
        ) from error


def _run(version: ModelVersion, namespace: str) -> list[dict[str, Any]]:
    identity = f"{namespace}/{version.uri}#{version.digest}@{version.created.isoformat()}"
    base = {
        # When training began is not known: both events bear the time of registration.
        "eventTime": version.created.isoformat(),
        "producer": PRODUCER,
        "schemaURL": f"{_EVENT}/RunEvent",
        "run": {"runId": str(uuid.uuid5(uuid.NAMESPACE_URL, identity)), "facets": _run_facets(version)},
        "job": {
            "namespace": namespace,
            "name": f"train.{version.name}",
            "facets": _job_facets(version),
        },
    }
    inputs, outputs = _inputs(version, namespace), [_model(version.ref, version.digest, namespace)]
    return [
        {**base, "eventType": "START", "inputs": inputs, "outputs": []},
        {**base, "eventType": "COMPLETE", "inputs": inputs, "outputs": outputs},
    ]


def _run_facets(version: ModelVersion) -> dict[str, Any]:
    lineage = version.lineage
    return {
        "processing_engine": _facet("ProcessingEngineRunFacet", name="Python", version=lineage.python),
        "workbench_code": _own(
            "RunFacet", commit=lineage.git_commit, dirty=lineage.git_dirty, diff=lineage.git_diff
        ),
        "workbench_environment": _own(
            "RunFacet",
            packages=lineage.packages,
            installed=lineage.environment,
            lockFile=lineage.lock_file,
            lock=lineage.lock_digest,
        ),
        "workbench_parameters": _own("RunFacet", parameters=lineage.parameters),
    }


def _job_facets(version: ModelVersion) -> dict[str, Any]:
    lineage = version.lineage
    found = {
        "jobType": _facet(
            "JobTypeJobFacet", processingType="BATCH", integration="MODEL_WORKBENCH", jobType="TRAINING"
        ),
        "ownership": _facet("OwnershipJobFacet", owners=[{"name": version.author, "type": "AUTHOR"}]),
    }
    if "://" in lineage.git_remote:  # the specification asks for an address: a path is none
        found["sourceCodeLocation"] = _facet(
            "SourceCodeLocationJobFacet",
            type="git",
            url=lineage.git_remote,
            repoUrl=lineage.git_remote,
            version=lineage.git_commit,
        )
    return found


def _inputs(version: ModelVersion, namespace: str) -> list[dict[str, Any]]:
    parents = [_model(parent.ref, parent.digest, namespace) for parent in version.lineage.parents]
    return [_training_data(version, namespace), *parents]


def _training_data(version: ModelVersion, namespace: str) -> dict[str, Any]:
    lineage, columns = version.lineage, version.lineage.data_columns
    metrics = {column.name: {"nullCount": column.missing} for column in columns}
    return {
        "namespace": "file" if Path(lineage.data_file).is_absolute() else namespace,
        "name": lineage.data_file or f"data/{lineage.data_digest.removeprefix('sha256:')[:16]}",
        "facets": {
            "schema": _facet(
                "SchemaDatasetFacet", fields=[{"name": c.name, "type": c.type} for c in columns]
            ),
            "version": _facet("DatasetVersionDatasetFacet", datasetVersion=lineage.data_digest),
            "documentation": _facet("DocumentationDatasetFacet", description=_told(lineage)),
            "workbench_fingerprints": _own(
                "DatasetFacet", file=lineage.data_file_digest, columns={c.name: c.digest for c in columns}
            ),
        },
        "inputFacets": {
            "dataQualityMetrics": _facet(
                "DataQualityMetricsInputDatasetFacet", rowCount=lineage.data_rows, columnMetrics=metrics
            )
        },
    }


def _told(lineage: Lineage) -> str:
    return "; ".join([lineage.data_source or "training data", *lineage.data_notes])


def _model(ref: str, digest: str, namespace: str) -> dict[str, Any]:
    name, _, number = ref.rpartition("/")
    return {
        "namespace": namespace,
        "name": f"models/{name}",
        "facets": {
            "version": _facet("DatasetVersionDatasetFacet", datasetVersion=digest),
            "documentation": _facet(
                "DocumentationDatasetFacet", description=f"Version {number} of the model {name}"
            ),
        },
    }


def _facet(facet: str, /, **content: Any) -> dict[str, Any]:
    schema = f"{_SPEC}/facets/{_FACETS[facet]}/{facet}.json#/$defs/{facet}"
    return {"_producer": PRODUCER, "_schemaURL": schema, **content}


def _own(base: str, /, **content: Any) -> dict[str, Any]:
    """A facet that the specification does not have: it promises what every facet of its kind does."""
    return {"_producer": PRODUCER, "_schemaURL": f"{_EVENT}/{base}", **content}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected POST would arrive as a GET, and with the token at somebody else's."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _post(event: dict[str, Any], to: str) -> None:
    headers = {"Content-Type": "application/json"}
    if token := os.environ.get(_TOKEN):
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(to, json.dumps(event).encode(), headers, method="POST")  # noqa: S310 - http(s)
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=_PATIENCE):
            pass
    except (OSError, ValueError, http.client.HTTPException) as error:  # refused, too slow, 4xx, no address
        reason = f"HTTP {error.code}" if isinstance(error, urllib.error.HTTPError) else str(error)
        raise Unavailable(
            f"{urlsplit(to).hostname or 'The server'} does not take the events: {reason}.",
            remedy="Give the whole address, such as http://localhost:5000/api/v1/lineage.",
            field="to",
        ) from error
