from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import stat
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from workbench.core.clock import SystemClock
from workbench.core.digests import of_file
from workbench.core.errors import Conflict, InvalidInput, NotFound, Refused, Tampered
from workbench.journal.keys import key_folder
from workbench.models import attestations, model_keys, signing
from workbench.models.copying import copy_tree
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


def test_all_are_held_by_the_record_in_the_journal(registry, frame, settings, journal):
    version = register(registry, frame)
    assert [one.kind for one in version.attestations] == ["ml-bom", "in-toto", "signature"]
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


def test_a_signed_version_is_loaded_when_its_signature_holds(opened, keys, frame, settings):
    pair = keys("model")
    version = register(opened(**pair), frame)
    assert opened(**pair).load(version).predict(frame).shape == (200,)
    assert opened().load(version).predict(frame).shape == (200,)  # the public half is kept with the project
    shutil.rmtree(settings.state / "keys")
    with pytest.raises(Refused, match="is signed, and there is no key here"):
        opened().load(version)
    with pytest.raises(Refused, match=r"no file 'nowhere\.pub' to check signatures with"):
        opened(verify_key="nowhere.pub").load(version)
    with pytest.raises(Tampered, match="signature of credit/1 does not hold: it was made by another key"):
        opened(verify_key=keys("other")["verify_key"]).load(version)
    (settings.root / version.attestations[2].path).write_text("{}")
    with pytest.raises(Tampered, match=r"model\.sig of credit/1 is not the file"):
        opened(**pair).load(version)


def test_a_signature_holds_the_bytes_even_where_the_record_does_not(opened, keys, frame, settings):
    """Somebody who could write the journal and the artifact still lacks the key."""
    from workbench.models.copying import tree_digest

    pair = keys("model")
    signed = opened(**pair)
    version = register(signed, frame)
    folder = signed.artifact_path(version)
    (folder / "requirements.txt").write_text("other\n")
    forged = version.model_copy(update={"digest": tree_digest(copy_tree(folder, settings.root / "copy"))})
    with pytest.raises(Tampered, match="signature of credit/1 does not hold"):
        opened(**pair).load(forged)


def test_with_no_key_named_the_acting_person_signs_with_one_made_on_first_use(opened, frame, settings):
    own = key_folder(settings)
    first = register(opened(key_folder=str(settings.root / "mine")), frame)
    [private] = (settings.root / "mine").iterdir()
    assert (private.name, stat.S_IMODE(private.stat().st_mode)) == ("ada.private.pem", 0o600)
    public = settings.state / "keys" / "ada.public.pem"
    assert "PRIVATE" not in public.read_text()
    assert first.attestations[2].key == of_file(public)
    assert first.unsigned == ""
    assert not (own / "bob.private.pem").exists()

    other = register(
        opened(key_folder=str(settings.root / "new machine")), frame
    )  # ada's first key is elsewhere
    another = register(opened(actor="bob the builder"), frame)
    assert len({one.attestations[2].key for one in (first, other, another)}) == 3
    assert (own / "bob%20the%20builder.private.pem").is_file()
    anybody = opened(actor="grace")
    assert all(anybody.load(one).predict(frame).shape == (200,) for one in (first, other, another))


def test_where_nothing_can_sign_the_version_says_why_and_is_held_by_its_digest(
    opened, keys, frame, settings, monkeypatch
):
    pair = keys("model")
    others = register(opened(verify_key=pair["verify_key"]), frame)
    assert others.unsigned == "the project checks with model.pub, which is not ada's key"
    (settings.root / "file").write_text("no folder")
    nowhere = register(opened(key_folder="file/keys"), frame)
    assert nowhere.unsigned == "no key can be kept in the key folder: Not a directory"
    monkeypatch.setattr(model_keys, "installed", lambda: False)
    bare = register(opened(), frame)
    assert bare.unsigned.startswith("model-signing is not installed")
    assert [one.kind for one in bare.attestations] == ["ml-bom", "in-toto"]
    for version in (others, nowhere, bare):
        assert opened(**pair).load(version).predict(frame).shape == (200,)


def test_what_is_served_must_be_signed_where_the_project_names_the_key(opened, keys, frame, settings):
    pair = keys("model")
    signed, unsigned = (register(opened(**one), frame) for one in (pair, {"verify_key": pair["verify_key"]}))
    named = settings.model_copy(update=pair)
    for version in (signed, unsigned.model_copy(update={"attestations": ()}), unsigned):
        digests = copy_tree(settings.root / version.artifact, settings.root / f"copy-{id(version)}")
        if version is signed:
            attestations.verify_signature(version, digests, named, serving=True)
            continue
        attestations.verify_signature(version, digests, named)
        attestations.verify_signature(version, digests, settings, serving=True)
        with pytest.raises(
            Refused, match=r"is not signed, and this project serves only what model\.pub signed"
        ):
            attestations.verify_signature(version, digests, named, serving=True)


def tree(folder):
    for name, content in {"MLmodel": "a", "data/weights.bin": "b", ".gitignore": "c", "ä b.txt": "b"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


CHANGES = {
    "nothing": lambda folder: None,
    "a byte": lambda folder: (folder / "MLmodel").write_text("A"),
    "one file more": lambda folder: (folder / "more").write_text(""),
    "one file less": lambda folder: (folder / "data/weights.bin").unlink(),
    "another name": lambda folder: (folder / "MLmodel").rename(folder / "mlmodel"),
    "two contents swapped": lambda folder: [
        (folder / "MLmodel").write_text("b"),
        (folder / "ä b.txt").write_text("a"),
    ],
    "a file that git would ignore": lambda folder: (folder / ".gitignore").write_text("other"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_our_check_says_what_the_one_of_openssf_says(change, keys, settings, tmp_path):
    from model_signing import hashing, verifying

    pair = keys("model")
    folder, signature = tree(tmp_path / "tree"), tmp_path / "model.sig"
    signing.sign(folder, signature, key=settings.root / pair["signing_key"])
    CHANGES[change](folder)
    public = settings.root / pair["verify_key"]

    def theirs():
        every_file = hashing.Config().set_ignored_paths(paths=[], ignore_git_paths=False)
        checked = verifying.Config().set_hashing_config(every_file)
        checked.use_elliptic_key_verifier(public_key=public).verify(folder, signature)

    def ours():
        digests = copy_tree(folder, tmp_path / "copy")
        signing.verify(digests, signature.read_bytes(), key=public, what="credit/1")

    if change == "nothing":
        theirs(), ours()
        return
    with pytest.raises(ValueError):
        theirs()
    with pytest.raises(Tampered, match=r"signature of credit/1 does not hold: .* is not what was signed"):
        ours()


def test_the_command_of_openssf_checks_a_registered_version_without_this_product(registry, frame, settings):
    version = register(registry, frame)
    command = [sys.executable, "-m", "model_signing", "verify", "key"]
    command += ["--signature", str(settings.root / version.attestations[2].path)]
    command += ["--public_key", str(settings.state / "keys" / "ada.public.pem")]
    folder = registry.artifact_path(version)
    assert subprocess.run([*command, str(folder)], capture_output=True, check=False).returncode == 0
    (folder / "MLmodel").write_text("other")
    assert subprocess.run([*command, str(folder)], capture_output=True, check=False).returncode != 0


def resigned(bundle, private, change):
    """The bundle with a changed statement, properly signed by the same key: only the meaning is wrong."""
    envelope = bundle["dsseEnvelope"]
    statement = json.loads(base64.b64decode(envelope["payload"]))
    change(statement)
    payload = json.dumps(statement).encode()
    signed = f"DSSEv1 28 application/vnd.in-toto+json {len(payload)} ".encode() + payload
    key = serialization.load_pem_private_key(private.read_bytes(), None)
    envelope["payload"] = base64.b64encode(payload).decode()
    envelope["signatures"] = [{"sig": base64.b64encode(key.sign(signed, ec.ECDSA(hashes.SHA256()))).decode()}]


CRAFTED = {
    "no JSON": lambda bundle, key: None,
    "another payload": lambda bundle, key: bundle["dsseEnvelope"].update(
        payload=base64.b64encode(b"{}").decode()
    ),
    "another kind": lambda bundle, key: bundle["dsseEnvelope"].update(payloadType="text/plain"),
    "no signature": lambda bundle, key: bundle["dsseEnvelope"].update(signatures=[]),
    "two signatures": lambda bundle, key: bundle["dsseEnvelope"]["signatures"].append({"sig": "AAAA"}),
    "junk in base64": lambda bundle, key: bundle["dsseEnvelope"]["signatures"][0].update(sig="A A\nA="),
    "a shape of another kind": lambda bundle, key: bundle.update(dsseEnvelope=[1, 2]),
    "a predicate of another kind": lambda bundle, key: resigned(
        bundle, key, lambda s: s.update(predicateType="https://slsa.dev/provenance/v1")
    ),
    "another hash": lambda bundle, key: resigned(
        bundle, key, lambda s: s["predicate"]["resources"][0].update(algorithm="blake2b")
    ),
    "a file named twice": lambda bundle, key: resigned(
        bundle, key, lambda s: s["predicate"]["resources"].append(s["predicate"]["resources"][0])
    ),
    "files that are not those of the subject": lambda bundle, key: resigned(
        bundle, key, lambda s: s["subject"][0]["digest"].update(sha256="0" * 64)
    ),
    "shards": lambda bundle, key: resigned(
        bundle, key, lambda s: s["predicate"]["serialization"].update(method="shards")
    ),
}


@pytest.mark.parametrize("craft", CRAFTED)
def test_a_crafted_signature_holds_over_nothing(craft, keys, settings, tmp_path):
    pair = keys("model")
    folder, signature = tree(tmp_path / "tree"), tmp_path / "model.sig"
    private, public = (settings.root / pair[name] for name in ("signing_key", "verify_key"))
    signing.sign(folder, signature, key=private)
    digests = copy_tree(folder, tmp_path / "copy")
    signing.verify(digests, signature.read_bytes(), key=public, what="credit/1")
    bundle = json.loads(signature.read_text())
    CRAFTED[craft](bundle, private)
    content = b"{" if craft == "no JSON" else json.dumps(bundle).encode()
    with pytest.raises(Tampered, match="signature of credit/1 does not hold"):
        signing.verify(digests, content, key=public, what="credit/1")


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


def test_a_registration_refused_for_its_number_leaves_the_files_of_the_earlier_version(
    registry, frame, settings, opened
):
    version = register(registry, frame)
    replaced = opened(tracking_uri=f"sqlite:///{settings.state / 'new.db'}")
    with pytest.raises(Conflict, match="MLflow gave that number again"):
        register(replaced, frame)
    assert {one.kind for one in version.attestations} == {"ml-bom", "in-toto", "signature"}
    for attestation in version.attestations:
        assert attestations.read(version, attestation.kind, settings.root)
    assert opened().load(version).label == "credit/1"
