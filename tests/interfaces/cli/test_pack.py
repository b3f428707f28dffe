"""``workbench pack`` and ``workbench verify --pack``, as a person or CI calls them."""

from __future__ import annotations

import json

import pytest

import workbench as wb
from workbench.testing.models import tiny_classifier, tiny_frame


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("packing")
    bench = wb.open(root, actor="ada")
    bench.register(tiny_classifier(), name="tiny", train=tiny_frame(), target="y")
    return root


def test_a_pack_is_written_and_what_its_reader_needs_is_printed(project, run_in, tmp_path):
    file = tmp_path / "pack.zip"
    code, out, _ = run_in(project, "pack", "tiny/1", "-o", str(file), "--json")
    record = json.loads(out)
    assert (code, record["model"], record["path"]) == (0, "tiny/1", str(file))
    code, out, _ = run_in(project, "pack", "tiny", "-o", str(tmp_path / "again.zip"))
    assert code == 0
    assert f"claims about tiny/1, {record['files'] + 1} files" in out
    assert record["key"] in out


def test_a_pack_that_is_there_is_not_replaced(project, run_in, tmp_path):
    """Somebody may have its digest already."""
    file = tmp_path / "pack.zip"
    file.write_bytes(b"published")
    code, out, err = run_in(project, "pack", "tiny", "-o", str(file), "--json")
    assert (code, json.loads(out)["type"]) == (3, "Conflict")
    assert "pack.zip is there already.\n  → Give another name." in err
    assert file.read_bytes() == b"published"


def test_a_pack_is_verified_without_a_project(project, run_in, tmp_path, monkeypatch):
    file = tmp_path / "pack.zip"
    record = json.loads(run_in(project, "pack", "tiny/1", "-o", str(file), "--json")[1])
    monkeypatch.chdir(tmp_path)
    nowhere = tmp_path / "nowhere"
    code, out, _ = run_in(nowhere, "verify", "--pack", str(file), "--key", record["key"])
    assert code == 0
    assert out.splitlines()[-1].startswith(f"holds: {record['claims']} claims about tiny/1")
    assert not nowhere.exists()
    code, out, _ = run_in(nowhere, "verify", "--pack", str(file))
    assert code == 2
    assert "NOT VERIFIED" in out
    file.write_bytes(file.read_bytes().replace(b"Evidence for tiny/1", b"Evidence for tiny/9"))
    code, out, _ = run_in(nowhere, "verify", "--pack", str(file), "--key", record["key"], "--json")
    assert (code, json.loads(out)["holds"]) == (1, False)


def test_what_cannot_be_looked_at_is_an_error_and_no_verdict(project, run_in, tmp_path):
    code, _, err = run_in(project, "verify", "--pack", str(tmp_path / "none.zip"))
    assert code == 3
    assert "none.zip" in err
    code, _, err = run_in(project, "verify", "--pack", str(tmp_path / "none.zip"), "--key", "ada")
    assert code == 3
    assert "no Ed25519 key" in err
    code, _, err = run_in(project, "pack", "tiny/1", "-o", str(tmp_path / "none" / "pack.zip"))
    assert code == 3
    assert "there is no folder" in err
