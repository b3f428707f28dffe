"""Files beside the artifact for readers without this product: what is in it, and how it came to be.

The bill of materials is CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json/), the statement is in-toto
Statement v1 (https://in-toto.io/Statement/v1) with the predicate SLSA Provenance v1
(https://slsa.dev/spec/v1.0/provenance). Both hold facts of the version record and nothing else; their digests
stand in it, so that the journal covers them.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from workbench.core.digests import of_bytes, of_file
from workbench.core.errors import NotFound, Refused, Tampered
from workbench.core.settings import Settings
from workbench.models import model_keys, signing
from workbench.models.records import Attestation, ModelVersion

#: What the run was, for readers of the statement: its parameters are those written there.
BUILD_TYPE = "urn:model-workbench:training-run:v1"

_NAMES = {"ml-bom": "bom.cdx.json", "in-toto": "statement.intoto.json", "signature": "model.sig"}


def attest(version: ModelVersion, folder: Path, settings: Settings, undo: ExitStack) -> ModelVersion:
    """Write bill of materials, statement and signature of a version, and return it with their digests.

    Args:
        version: the record, with its scan.
        folder: a private copy of the artifact.
        settings: where the project and its key are, and who acts.
        undo: receives what takes the files away again.

    Raises:
        InvalidInput: the key cannot sign.
        MissingDependency: the project names a key, and model-signing is not installed.
    """
    place = settings.state / "attestations" / version.name / str(version.version)
    shutil.rmtree(place, ignore_errors=True)  # of a registration that was broken off
    place.mkdir(parents=True)
    undo.callback(shutil.rmtree, place, ignore_errors=True)
    _write(place / _NAMES["ml-bom"], bill_of_materials(version))
    _write(place / _NAMES["in-toto"], statement(version))
    key, unsigned = model_keys.signing_key(settings)
    signed_with = "" if key is None else model_keys.publish(key, settings)
    if key is not None:
        signing.sign(folder, place / _NAMES["signature"], key=key)
    written = tuple(
        Attestation(
            kind=kind,
            path=(place / name).relative_to(settings.root).as_posix(),
            digest=of_file(place / name),
            key=signed_with if kind == "signature" else "",
        )
        for kind, name in _NAMES.items()
        if (place / name).is_file()
    )
    return version.model_copy(update={"attestations": written, "unsigned": unsigned})


def read(version: ModelVersion, kind: str, root: Path) -> bytes:
    """Return one of these files as it was written.

    Raises:
        NotFound: the version has none, or the file is gone.
        Tampered: it is not the one that was written.
    """
    found = next((one for one in version.attestations if one.kind == kind), None)
    if found is None or not (root / found.path).is_file():
        raise NotFound(
            f"{version.ref} has no {kind} here.",
            remedy="Restore .workbench/attestations from a backup, or register the model again.",
            field="model",
        )
    content = (root / found.path).read_bytes()
    if of_bytes(content) != found.digest:
        raise Tampered(
            f"{Path(found.path).name} of {version.ref} is not the file that was written.",
            remedy="Do not use it. Restore .workbench/attestations from a backup.",
            field="model",
        )
    return content


def verify_signature(
    version: ModelVersion, digests: Mapping[str, str], settings: Settings, *, serving: bool = False
) -> None:
    """Check the signature of a version that has one; one without is held by its digest alone.

    Args:
        version: the record.
        digests: of the files of a private copy, by path.
        settings: name the key, or where the public halves lie.
        serving: the version is to answer requests. Where the project names ``verify_key`` it must then be
            signed: what steers a gateway is a file, and whoever can write that could leave a signature out.

    Raises:
        Refused: there is no key to check with, or no signature where there must be one.
        NotFound: the signature is gone.
        Tampered: it does not hold.
    """
    found = next((one for one in version.attestations if one.kind == "signature"), None)
    if found is not None:
        signature = read(version, "signature", settings.root)
        key = model_keys.checking_key(found.key, settings, what=version.ref)
        signing.verify(digests, signature, key=key, what=version.ref)
    elif serving and settings.verify_key:
        raise Refused(
            f"{version.ref} is not signed, and this project serves only what {settings.verify_key} signed.",
            remedy="Let who holds that key register it again, or take verify_key out of workbench.toml.",
            field="verify_key",
        )


def bill_of_materials(version: ModelVersion) -> dict[str, Any]:
    """Return the CycloneDX 1.6 bill of a version: the model, its files, its packages, its training data."""
    model = f"model:{version.ref}"
    data = f"data:{version.lineage.data_digest}"
    packages = [_package(name, number) for name, number in version.lineage.packages.items()]
    files = [_file(one.path, one.digest) for one in (version.scan.files if version.scan else ())]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{version.uri}#{version.digest}')}",
        "version": 1,
        "metadata": {
            "timestamp": _time(version.created),
            "authors": [{"name": version.author}],
            "component": {
                "type": "machine-learning-model",
                "bom-ref": model,
                "name": version.name,
                "version": str(version.version),
                "properties": [
                    {"name": "workbench:digest", "value": version.digest},
                    {"name": "workbench:format", "value": version.format},
                ],
                "modelCard": _card(version, data),
                "components": files,
            },
        },
        "components": [*packages, _training_data(version, data)],
        "dependencies": [
            {"ref": model, "dependsOn": sorted([data, *(one["bom-ref"] for one in packages)])},
        ],
    }


def statement(version: ModelVersion) -> dict[str, Any]:
    """Return the in-toto statement of the run that made a version; its subjects are the artifact's files."""
    files = version.scan.files if version.scan else ()
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": one.path, "digest": _sha256(one.digest)} for one in files],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "model": version.ref,
                    "task": version.task,
                    "target": version.target,
                    "sensitive": list(version.sensitive),
                    "columns": [column.name for column in version.columns],
                },
                "internalParameters": {
                    "python": version.lineage.python,
                    "artifact": version.digest,
                    "uncommitted_changes": version.lineage.git_dirty,
                },
                "resolvedDependencies": _dependencies(version),
            },
            "runDetails": {
                "builder": {"id": f"{BUILD_TYPE}#register"},
                "metadata": {"invocationId": version.run_id, "finishedOn": _time(version.created)},
            },
        },
    }


def _dependencies(version: ModelVersion) -> list[dict[str, Any]]:
    lineage = version.lineage
    found: list[dict[str, Any]] = [{"name": "training data", "digest": _sha256(lineage.data_digest)}]
    if lineage.git_commit:
        found.append({"name": "code", "digest": {"gitCommit": lineage.git_commit}})
    if version.source:
        found.append({"name": "model as it came", "digest": _sha256(version.source)})
    return found + [{"uri": _purl(name, number)} for name, number in lineage.packages.items()]


def _card(version: ModelVersion, data: str) -> dict[str, Any]:
    return {
        "modelParameters": {
            "approach": {"type": "supervised"},
            "task": version.task,
            "architectureFamily": version.flavor,
            "datasets": [{"ref": data}],
            "inputs": [{"format": f"{column.name}: {column.type}"} for column in version.columns],
            "outputs": [{"format": f"{version.target}: {', '.join(map(str, version.classes)) or 'double'}"}],
        }
    }


def _training_data(version: ModelVersion, ref: str) -> dict[str, Any]:
    return {
        "type": "data",
        "bom-ref": ref,
        "name": "training data",
        "properties": [{"name": "workbench:rows", "value": str(version.lineage.data_rows)}],
        "hashes": [{"alg": "SHA-256", "content": _sha256(version.lineage.data_digest)["sha256"]}],
    }


def _package(name: str, number: str) -> dict[str, Any]:
    purl = _purl(name, number)
    return {"type": "library", "bom-ref": purl, "name": name, "version": number, "purl": purl}


def _file(path: str, digest: str) -> dict[str, Any]:
    hashes = [{"alg": "SHA-256", "content": _sha256(digest)["sha256"]}]
    return {"type": "file", "bom-ref": f"file:{path}", "name": path, "hashes": hashes}


def _purl(name: str, number: str) -> str:
    return f"pkg:pypi/{quote(name.lower().replace('_', '-'))}@{quote(number)}"


def _sha256(digest: str) -> dict[str, str]:
    return {"sha256": digest.removeprefix("sha256:")}


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _write(file: Path, value: dict[str, Any]) -> None:
    file.write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False), encoding="utf-8")
