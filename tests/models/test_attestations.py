from __future__ import annotations

import hashlib
import json
import re

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from workbench.core.clock import SystemClock
from workbench.core.digests import of_file
from workbench.core.errors import InvalidInput, NotFound, Refused, Tampered
from workbench.models import attestations
from workbench.models.registry import Registry
from workbench.testing.models import tiny_classifier


@pytest.fixture
def keys(settings):
    """Writes a pair of keys into the project."""

    def make(name):
        key = ec.generate_private_key(ec.SECP256R1())
        private = settings.root / f"{name}.key"
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        private.chmod(0o600)
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        (settings.root / f"{name}.pub").write_bytes(public)
        return {"signing_key": f"{name}.key", "verify_key": f"{name}.pub"}

    return make


@pytest.fixture
def opened(settings, journal, registry):
    """Opens the project again with other settings."""
    return lambda **changes: Registry(settings.model_copy(update=changes), journal, SystemClock())


def register(registry, frame):
    return registry.register(
        tiny_classifier(frame), name="credit", train=frame, target="y", sensitive=["group"]
    )


def test_the_bill_of_materials_names_the_model_its_files_its_packages_and_its_data(registry, frame, settings):
    version = register(registry, frame)
    bill = json.loads(attestations.read(version, "ml-bom", settings.root))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", bill["serialNumber"])
    model = bill["metadata"]["component"]
    assert (model["type"], model["name"], model["version"]) == ("machine-learning-model", "credit", "1")
    folder = registry.artifact_path(version)
    for file in model["components"]:
        assert (
            file["hashes"][0]["content"] == hashlib.sha256((folder / file["name"]).read_bytes()).hexdigest()
        )
    assert {file["name"] for file in model["components"]} == {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    }
    purls = {one["purl"] for one in bill["components"] if one["type"] == "library"}
    assert purls == {f"pkg:pypi/{name}@{number}" for name, number in version.lineage.packages.items()}
    known = {model["bom-ref"], *(one["bom-ref"] for one in bill["components"])}
    assert {ref for one in bill["dependencies"] for ref in [one["ref"], *one["dependsOn"]]} <= known


def test_the_statement_binds_the_files_to_the_run_the_data_and_the_code(registry, frame, settings):
    version = register(registry, frame)
    said = json.loads(attestations.read(version, "in-toto", settings.root))
    assert said["_type"] == "https://in-toto.io/Statement/v1"
    assert said["predicateType"] == "https://slsa.dev/provenance/v1"
    folder = registry.artifact_path(version)
    assert {one["name"]: f"sha256:{one['digest']['sha256']}" for one in said["subject"]} == {
        path.relative_to(folder).as_posix(): of_file(path) for path in folder.rglob("*") if path.is_file()
    }
    run = said["predicate"]
    assert run["runDetails"]["metadata"]["invocationId"] == version.run_id
    data = run["buildDefinition"]["resolvedDependencies"][0]
    assert data == {
        "name": "training data",
        "digest": {"sha256": version.lineage.data_digest.partition(":")[2]},
    }


def test_both_are_held_by_the_record_in_the_journal(registry, frame, settings, journal):
    version = register(registry, frame)
    assert [one.kind for one in version.attestations] == ["ml-bom", "in-toto"]
    assert (
        journal.read("model/credit")[0].payload["attestations"][0]["digest"] == version.attestations[0].digest
    )
    file = settings.root / version.attestations[0].path
    file.write_text(file.read_text().replace("credit", "debit"))
    with pytest.raises(Tampered, match="is not the file that was written"):
        attestations.read(version, "ml-bom", settings.root)
    file.unlink()
    with pytest.raises(NotFound, match="has no ml-bom here"):
        attestations.read(version, "ml-bom", settings.root)


def test_a_signed_version_is_loaded_when_its_signature_holds(opened, keys, frame, settings, registry):
    pair = keys("model")
    version = register(opened(**pair), frame)
    assert [one.kind for one in version.attestations] == ["ml-bom", "in-toto", "signature"]
    assert opened(**pair).load(version).predict(frame).shape == (200,)
    with pytest.raises(Refused, match="is signed, and there is no key here"):
        opened().load(version)
    with pytest.raises(Tampered, match="signature of credit/1 does not hold"):
        opened(verify_key=keys("other")["verify_key"]).load(version)
    (settings.root / version.attestations[2].path).write_text("{}")
    with pytest.raises(Tampered, match=r"model\.sig of credit/1 is not the file"):
        opened(**pair).load(version)


def test_a_signature_holds_the_bytes_even_where_the_record_does_not(opened, keys, frame, settings):
    """Somebody who could write the journal and the artifact still lacks the key."""
    from workbench.models.copying import copy_tree, tree_digest

    pair = keys("model")
    signed = opened(**pair)
    version = register(signed, frame)
    folder = signed.artifact_path(version)
    (folder / "requirements.txt").write_text("other\n")
    forged = version.model_copy(update={"digest": tree_digest(copy_tree(folder, settings.root / "copy"))})
    with pytest.raises(Tampered, match="signature of credit/1 does not hold"):
        opened(**pair).load(forged)


def test_a_version_from_before_there_was_a_key_is_held_by_its_digest(opened, keys, frame):
    version = register(opened(), frame)
    assert opened(**keys("model")).load(version).predict(frame).shape == (200,)


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda key: key.unlink(), "there is no file 'model.key'"),
        (lambda key: key.chmod(0o644), "others may read"),
        (lambda key: key.write_text("no key"), "is no elliptic-curve key"),
    ],
)
def test_a_key_that_cannot_sign_registers_nothing(break_it, message, opened, keys, frame, settings, journal):
    pair = keys("model")
    break_it(settings.root / "model.key")
    strict = opened(**pair)
    with pytest.raises(InvalidInput, match=message) as caught:
        register(strict, frame)
    assert caught.value.field == "signing_key"
    assert journal.streams() == []
    assert strict._store.client.search_registered_models() == []
    assert not list((settings.state / "attestations").rglob("*.json"))
