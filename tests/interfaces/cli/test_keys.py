"""``workbench gateway-key``: a secret that is shown once, a list without it, and what cannot be made."""

from __future__ import annotations

import json
import re

import pytest

import workbench as wb
from workbench.gateway.door import secret
from workbench.gateway.door.keys import file_of, read_keys
from workbench.journal import Event


@pytest.fixture
def run(run_in, tmp_path):
    wb.open(tmp_path).journal.append("model/credit", Event(kind="model.registered"))
    return lambda *arguments: run_in(tmp_path, "gateway-key", *arguments, actor=None)


def test_the_secret_alone_is_on_standard_output_and_never_again(run, tmp_path):
    code, out, err = run("add", "credit", "--name", "intake", "--scope", "infer", "--scope", "label")
    assert code == 0
    assert re.fullmatch(r"wbk_[0-9a-f]{12}_[A-Za-z0-9_-]{43}\n", out)
    assert "intake" in err
    assert out.strip() not in err
    code, out, _ = run("list")
    assert re.fullmatch(
        r"intake \([0-9a-f]{12}\): infer, label at credit, until \d{4}-\d\d-\d\d \d\d:\d\d UTC, made by \w+\n",
        out,
    )
    [kept] = read_keys(tmp_path / ".workbench").keys
    assert not {kept.salt, kept.digest} & set(run("list", "--json")[1].split('"'))


def test_as_json_the_secret_comes_with_its_key(run, tmp_path):
    _, out, _ = run(
        "add", "*", "--name", "ops", "--scope", "admin", "--days", "7", "--per-minute", "60", "--json"
    )
    made = json.loads(out)
    assert (made["key"]["endpoint"], made["key"]["scopes"], made["key"]["per_minute"]) == ("*", ["admin"], 60)
    [kept] = read_keys(tmp_path / ".workbench").keys
    given = secret.parse(made["secret"])
    assert secret.holds(given, bytes.fromhex(kept.salt), bytes.fromhex(kept.digest))
    assert not secret.holds(given, bytes(16), bytes.fromhex(kept.digest))
    assert (kept.key.expires - kept.key.created).days == 7


def test_a_key_is_taken_back_by_name_or_id_and_its_name_is_free_again(run):
    run("add", "credit", "--name", "intake")
    code, out, _ = run("revoke", "intake", "--reason", "left")
    assert (code, "opens nothing any more" in out) == (0, True)
    made = json.loads(run("add", "credit", "--name", "intake", "--json")[1])
    assert json.loads(run("revoke", made["key"]["id"], "--json")[1])["name"] == "intake"
    assert json.loads(run("list", "--json")[1]) == []
    assert "there is none" in run("list")[2]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["credit", "--name", "a b"], "name: 'a b' cannot be used"),
        (["credti", "--name", "a"], "There is no model 'credti'.\n  → Did you mean 'credit'?"),
        (["../x", "--name", "a"], "endpoint: '../x' cannot be used"),
        (["credit", "--name", "a", "--scope", "infre"], "Did you mean 'infer'"),
        (["credit", "--name", "a", "--days", "0"], "days: 0 cannot be used"),
        (["credit", "--name", "a", "--per-minute", "0"], "per_minute: 0 cannot be used"),
        (["credit", "--name", "taken"], "There is a key called taken"),
    ],
)
def test_what_cannot_be_made_is_said(run, arguments, says):
    run("add", "credit", "--name", "taken")
    code, out, err = run("add", *arguments)
    assert (code, out) == (3, "")
    assert says in err
    assert len(json.loads(run("list", "--json")[1])) == 1


def test_a_key_that_is_not_there_cannot_be_taken_back(run):
    run("add", "credit", "--name", "intake")
    code, _, err = run("revoke", "intak")
    assert code == 3
    assert "'intake'" in err


def no_journal(root):
    """Put something where the journal is that is none."""
    for file in (root / ".workbench").glob("journal.db*"):
        file.unlink()
    (root / ".workbench" / "journal.db").mkdir()


def test_a_key_is_taken_back_even_when_the_journal_does_not_open(run, tmp_path):
    run("add", "credit", "--name", "intake")
    no_journal(tmp_path)
    code, _, err = run("revoke", "intake")
    assert code == 3
    assert "is taken back; the journal has no record" in err
    assert read_keys(tmp_path / ".workbench").keys == ()


def test_without_the_journal_no_key_is_made(run, tmp_path):
    run("add", "credit", "--name", "intake")
    no_journal(tmp_path)
    assert run("add", "credit", "--name", "other")[0] == 3
    assert [kept.key.name for kept in read_keys(tmp_path / ".workbench").keys] == ["intake"]


def test_a_damaged_file_is_said_and_left_as_it_is(run, tmp_path):
    run("add", "credit", "--name", "intake")
    file = file_of(tmp_path / ".workbench")
    file.write_bytes(b'{"keys": [')
    for arguments in (["list"], ["revoke", "intake"], ["add", "credit", "--name", "b"]):
        code, _, err = run(*arguments)
        assert (code, "keys cannot be read: it is damaged" in err) == (3, True)
    assert file.read_bytes() == b'{"keys": ['
