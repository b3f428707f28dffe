"""A pack, read by somebody who has nothing but the file, a public key and bare Python."""

from __future__ import annotations

import ast
import json
import os
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

from workbench.core.digests import of_bytes
from workbench.governance.pack import verifier


def test_an_auditor_with_the_pack_and_one_key_verifies_every_claim(champion, audit_room):
    done = audit_room(champion.raw, champion.files["verify.py"], "--key", champion.record.key)
    assert done.stderr == ""
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "files",
        "checkpoint",
        "entries",
        "earlier",
        "streams",
        "packed",
        "model",
        "evidence",
        "policies",
        "verdicts",
        "words",
        "stages",
        "releases",
        "index",
        "holds:",
    ]
    assert f"holds: {champion.record.claims} claims about recidivism/1" in done.stdout


def test_the_script_prints_json_with_all_claims(rejected, audit_room):
    done = audit_room(
        rejected.raw, rejected.files["verify.py"], "pack.zip", "--json", "--key", rejected.record.key
    )
    said = json.loads(done.stdout)
    assert (done.returncode, said["holds"], said["model"]) == (0, True, "recidivism/2")
    assert len(said["claims"]) == rejected.record.claims
    assert any("lin rejected" in claim["sentence"] for claim in said["claims"])


def test_without_a_key_it_says_loudly_that_nobody_is_behind_it(champion, audit_room):
    done = audit_room(champion.raw, champion.files["verify.py"])
    assert done.returncode == 2
    assert "NOT CHECKED: no key was given" in done.stdout
    assert "NOT VERIFIED" in done.stdout.splitlines()[-1]


def test_the_key_of_somebody_else_does_not_do(champion, rejected, audit_room):
    done = audit_room(champion.raw, champion.files["verify.py"], "--key", rejected.record.key)
    assert done.returncode == 1
    assert "that is not the key that was given" in done.stdout
    done = audit_room(
        champion.raw, champion.files["verify.py"], "--key", rejected.record.key, "--key", champion.record.key
    )
    assert done.returncode == 0


def test_what_cannot_be_looked_at_ends_in_three_and_never_reads_as_a_verdict(champion, audit_room):
    script = champion.files["verify.py"]
    for arguments in (("--key", "ada+00000000+AAAA"), ("missing.zip",), ("--wrong",)):
        done = audit_room(champion.raw, script, *arguments)
        assert done.returncode == 3, arguments
        assert done.stdout == ""
        assert "error: " in done.stderr
        assert "Traceback" not in done.stderr


def test_the_script_in_the_pack_is_the_file_of_the_package_and_imports_nothing_else(champion):
    source = champion.files["verify.py"]
    assert source == Path(verifier.__file__).read_bytes()
    assert champion.record.script == of_bytes(source)
    imported = {
        name.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    assert {name.partition(".")[0] for name in imported} <= set(sys.stdlib_module_names) | {"__future__"}


def test_it_is_verified_in_well_under_five_seconds(champion):
    began = time.perf_counter()
    assert champion.verify().holds
    assert time.perf_counter() - began < 2


def test_the_same_verdict_comes_out_in_process(champion, rejected):
    for packed in (champion, rejected):
        found = packed.verify()
        assert (found.holds, found.exit_code, found.problem) == (True, 0, "")
        assert len(found.claims) == packed.record.claims


def test_the_record_names_file_key_and_script(champion, project):
    record = champion.record
    assert record.digest == of_bytes(champion.raw)
    assert (record.size, record.files) == (len(champion.raw), len(champion.files))
    assert record.key == (project.root / ".workbench" / "keys" / "ada.pub").read_text().strip()
    assert record.key in str(record)


# What it says


def sentences(packed) -> str:
    return "\n".join(claim.sentence for claim in packed.verify().claims)


def test_the_claims_tell_the_whole_story_of_a_champion(champion):
    told = sentences(champion)
    for part in (
        "ada registered it on ",
        "It was trained on 3,000 rows with the fingerprint sha256:",
        "ada audited it on 1,500 rows",
        "performance, on the data ",
        "Policy recidivism (sha256:",
        "judged it when recidivism-1 was opened. All that policy recidivism asks holds",
        "roc_auc_score: lower bound 0.",
        "Asked because: Below this we would be guessing.",
        "any of 2. ",
        "ada asked for approval on ",
        "lin took approval/recidivism/1#2 back on ",
        "“I had not read it”. Signed with lin+",
        "these approvals counted: grace as model-risk, lin as data-protection.",
        "ada found in recidivism/1 on ",
        "grace accepted it until 2999-01-01: “They are four rows”",
        "Incident INC-1 of ",
        "recidivism-1 was promoted on ",
        "The champion of recidivism was recidivism/1 when this pack was made",
        "The journal only grew since ",
    ):
        assert part in told, part


def test_a_rejection_is_told_like_an_approval(rejected):
    told = sentences(rejected)
    assert "lin rejected on " in told
    assert "these approvals counted: grace as model-risk. It stood rejected by lin." in told
    assert "It was never released." in told
    assert "The champion of recidivism was recidivism/1" in told


def test_a_difference_that_needs_the_champions_evidence_is_said_to_be_as_recorded(rejected):
    told = sentences(rejected)
    assert (
        "Taken from the verdict: 1 difference from the champion, whose evidence is not in this pack." in told
    )
    assert "; 1 difference from a champion as recorded" in dict(rejected.verify().checked)["verdicts"]


class Page(HTMLParser):
    """What a browser would fetch, run or link to."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(page.decode())

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append(tag)
        self.ids |= {given["id"]} if "id" in given else set()
        self.links += [given[key] for key in ("href", "src") if key in given]


def test_the_index_page_opens_offline_runs_nothing_and_links_only_into_the_pack(champion):
    page = Page(champion.files["index.html"])
    assert not {"script", "img", "link", "iframe", "object", "form", "b"} & set(page.tags)
    assert "default-src 'none'" in champion.files["index.html"].decode().replace("&#x27;", "'")
    for link in page.links:
        assert link in champion.files or link.removeprefix("#") in page.ids, link


def test_what_a_person_wrote_is_escaped_on_the_page(champion):
    page = champion.files["index.html"].decode()
    assert "Everybody &lt;b&gt;refused&lt;/b&gt;" in page


def test_every_claim_stands_on_the_page_and_every_entry_it_names_is_there(champion):
    import html

    page = html.unescape(champion.files["index.html"].decode()).replace("<code>", "").replace("</code>", "")
    there = {entry.seq for entry in verifier.Pack(champion.files).entries}
    for claim in champion.verify().claims:
        assert verifier.visible(claim.sentence) in page
        assert set(claim.entries) <= there
        assert set(claim.files) <= set(champion.files)
        assert claim.entries or claim.files


def test_it_says_evidence_and_what_it_cannot_show_and_never_compliant(champion):
    page = champion.files["index.html"].decode()
    assert "Evidence for recidivism/1" in page
    assert "What this pack cannot show" in page
    assert "the word of whoever made the pack" in page
    assert "complian" not in page.lower()


def test_no_row_of_data_is_in_a_pack(champion, project):
    assert not any(name.endswith((".parquet", ".csv", ".arrow", ".key")) for name in champion.files)
    private = [line for key in private_keys() for line in key.read_bytes().split() if len(line) > 40]
    assert private
    assert [line for line in private if line in champion.raw] == []


def private_keys() -> list[Path]:
    return list(Path(os.environ["WORKBENCH_KEY_FOLDER"]).glob("*.key"))


def test_what_was_packed_is_an_entry_of_the_journal(champion, project):
    made = [e for e in project.bench().journal.read("pack/recidivism/1") if e.kind == "pack.made"]
    assert made[0].payload["files"]["verify.py"] == champion.record.script
    assert project.bench().verify().ok
    assert [model.name for model in project.bench().overview().models] == ["recidivism"]
