"""``bench.compile``: in a process of its own, with a time limit, kept in the journal, from the command line."""

from __future__ import annotations

import json
import shutil

import pytest

import workbench as wb
from workbench.core.errors import Tampered
from workbench.interfaces.cli.main import main
from workbench.models.compiled import compiling, look
from workbench.testing.models import rule, tiny_classifier, tiny_frame


@pytest.fixture
def opened(tmp_path, empty_mlflow):
    bench = wb.open(tmp_path, actor="ada")
    bench.settings.state.mkdir(parents=True, exist_ok=True)
    shutil.copy(empty_mlflow, bench.settings.state / "mlflow.db")
    return bench


def register(bench, model):
    return bench.register(model, name="tiny", train=tiny_frame().drop(columns="group"), target="y")


def test_compiling_is_kept_and_used_and_written_into_the_journal(opened, capsys):
    version = register(opened, tiny_classifier())
    assert main(["compile", "tiny", "-C", str(opened.settings.root), "--as", "ada", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["kind"], record["by"], record["digest"]) == ("onnx", "ada", version.digest)
    assert record["compared"] == {"example": 1, "training": 200, "drawn": 3000}
    entry = opened.journal.read("model/tiny")[-1]
    assert (entry.kind, entry.payload) == ("model.compiled", {**record, "version": 1})
    found = look(version, opened.registry.load(version), state=opened.settings.state)
    assert found.fast is not None
    assert "compiled (onnx" in found.sentence
    assert "compiled it (onnx), compared on 3,201 rows" in opened.card("tiny").to_json()


def test_a_function_is_said_to_have_no_copy_and_nothing_fails(opened):
    record = opened.compile(register(opened, rule))
    assert "no compiled form" in str(record)
    assert opened.journal.read("model/tiny")[-1].payload["kind"] == ""


def test_a_compiler_that_does_not_come_back_is_stopped(opened, monkeypatch):
    version = register(opened, tiny_classifier())
    monkeypatch.setattr(compiling, "SECONDS", 0.2)
    assert "longer than 0.2 seconds" in opened.compile(version).reason


def test_a_version_whose_files_were_changed_is_not_compiled(opened):
    version = register(opened, tiny_classifier())
    next(opened.registry.artifact_path(version).glob("model.*")).write_bytes(b"other")
    with pytest.raises(Tampered, match="not those that were registered"):
        wb.open(opened.settings.root, actor="ada").compile(version)
