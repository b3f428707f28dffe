"""Somebody decides: reads a request, approves or rejects it, and sees what is stale. Each story has a project."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from workbench.core.settings import load
from workbench.testing import deciding
from workbench.testing.showcase_base import HOSTILE

PICTURES = Path(__file__).parents[2] / "test-results"
NOTE = "The errors of the self-employed were read one by one."


@pytest.fixture
def loans(project, request, page, run_command):
    """A project of its own beside the others, with the panel open on it. ``loans(actor)`` opens it."""

    def opening(actor: str) -> Path:
        root = project.parent / request.node.name.replace("[", "-").rstrip("]")
        deciding.seed(root, actor=actor)
        with deciding.opened(root, "ada" if actor != "ada" else "joan") as bench:
            bench.request_approval("loans/2", note="Ranks better, and errs more alike across groups.")
        run_command("filebrowser:go-to-path", path=f"/{root.name}")
        tab = page.get_by_role("tab", name="Model Workbench")
        if tab.get_attribute("aria-selected") != "true":
            tab.click()
        expect(page.locator("#workbench-panel .wb-Panel-project")).to_have_text(root.name)
        return root

    return opening


@pytest.fixture
def version(page):
    """``loans/2`` in the panel."""
    return page.locator("#workbench-panel [data-version='loans/2']")


@pytest.fixture
def decide(page, version):
    """Opens the document in which ``loans/2`` is decided."""

    def opening():
        version.get_by_role("button", name="Decide…").click()
        document = page.locator(".wb-Decide:visible")
        expect(document.get_by_role("heading", name="Approve loans/2 under policy default?")).to_be_visible()
        return document

    return opening


@pytest.fixture
def never_idle(page):
    """A browser with too much to do: some of JupyterLab waits for a moment in which it has nothing to do."""
    page.evaluate("() => { window.idly = window.requestIdleCallback; window.requestIdleCallback = () => 0; }")
    yield
    page.evaluate("() => { window.requestIdleCallback = window.idly; }")


def standing(root: Path):
    """What people have said that counts, every signature checked."""
    with deciding.opened(root, "ada") as bench:
        version, policy = bench.model("loans/2"), bench.decisions.policy("default")
        data = bench.decisions.judge(version, policy).data
        return bench.decisions.approvals.standing(version, policy, data)


def test_grace_reads_a_request_and_approves_it_by_keyboard(page, loans, version, accessible, run_command):
    root = loans("grace")
    expect(version).to_contain_text("Needs 1 approval by model-risk")
    version.get_by_role("button", name="Decide…").focus()
    page.keyboard.press("Enter")
    document = page.locator(".wb-Decide:visible")
    expect(document).to_contain_text("ada asks: “Ranks better, and errs more alike across groups.”")
    expect(document).to_contain_text("loans/2 beside the champion loans/1")
    expect(document.get_by_role("row", name="roc auc score")).to_contain_text("+0.033")
    expect(document.get_by_role("row", name="roc auc score")).to_contain_text("intervals apart")
    note = document.get_by_role("textbox", name="Your note, grace, as model-risk")
    for _ in range(60):  # from the tab of the document to the note, by nothing but Tab
        if note.evaluate("node => node === document.activeElement"):
            break
        page.keyboard.press("Tab")
    page.keyboard.type(NOTE)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("grace approves loans/2 as model-risk")
    expect(dialog).to_contain_text(f'bench.approve("loans/2", role="model-risk", note="{NOTE}")')
    accessible(dialog)
    expect(dialog.get_by_role("button", name="Approve")).to_be_focused()
    page.keyboard.press("Enter")
    # The document, the panel beside it and the notifications say it, and the journal has it.
    expect(document).to_contain_text("grace approved loans/2 as model-risk already")
    expect(version).to_contain_text("✓ approved by grace")
    expect(version).not_to_contain_text("Needs 1 approval by model-risk")
    run_command("apputils:display-notifications")
    expect(page.get_by_text("grace approved loans/2 as model-risk, until").last).to_be_visible()
    page.keyboard.press("Escape")
    [given] = standing(root).given
    assert (given.by, given.note, given.request) == ("grace", NOTE, "approval/loans/2#0")


def test_a_rejection_is_no_slip_away_and_can_be_taken_back(page, loans, version, decide, never_idle):
    root = loans("grace")
    document = decide()
    note = document.get_by_role("textbox", name="Your note")
    document.get_by_role("button", name="Reject…").click()
    expect(document.get_by_role("alert")).to_contain_text("Say why in a sentence.")
    note.fill("Education fell by eleven points.")
    document.get_by_role("button", name="Reject…").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("nothing is released over it")
    expect(page.get_by_role("dialog").get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Enter")  # once too often
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(note).to_have_value("Education fell by eleven points.")
    expect(document.get_by_role("button", name="Reject…")).to_be_focused()
    assert standing(root).rejected == ()
    document.get_by_role("button", name="Reject…").click()
    page.get_by_role("dialog").get_by_role("button", name="Reject").click()
    expect(version).to_contain_text("✕ rejected by grace: nothing is released until that is taken back.")
    assert [said.by for said in standing(root).rejected] == ["grace"]
    document.get_by_role("button", name="Take approval/loans/2#1 back").click()
    page.get_by_role("dialog").get_by_label("Why?").fill("Measured again on more rows.")
    page.get_by_role("dialog").get_by_role("button", name="Take Back").click()
    expect(document).to_contain_text("It was taken back by grace: Measured again on more rows.")
    expect(version).not_to_contain_text("rejected")


def test_the_author_sees_that_another_must_decide_and_asks(page, loans, version, decide):
    root = loans("ada")
    document = decide()
    expect(document).to_contain_text(
        "ada registered loans/2 and cannot approve it. As model-risk may: grace, joan."
    )
    expect(document.get_by_role("textbox")).to_have_count(0)
    expect(document.get_by_role("button", name="Approve…")).to_have_count(0)
    version.get_by_role("button", name="Request approval").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Why should it be released?")).to_be_focused()
    page.keyboard.type("   ")
    dialog.get_by_role("button", name="Request", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("Say in a sentence why it should be released.")
    dialog.get_by_label("Why should it be released?").fill(f"Please. {HOSTILE}")
    dialog.get_by_role("button", name="Request", exact=True).click()
    expect(document).to_contain_text(f"ada asks: “Please. {HOSTILE}”")
    assert page.evaluate("() => window.wbHacked") is None
    with deciding.opened(root, "grace") as bench:
        assert [asked.by for asked in bench.requests("loans/2")] == ["joan", "ada"]


def test_a_refusal_is_shown_with_its_remedy_and_the_note_is_not_lost(page, loans, decide):
    root = loans("grace")
    document = decide()
    document.get_by_role("textbox", name="Your note").fill(NOTE)
    document.get_by_role("button", name="Approve…").click()
    deciding.audit_again(root)  # while grace reads what she is about to sign
    page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    expect(document.get_by_role("alert")).to_contain_text("has changed since you looked.")
    expect(document.get_by_role("alert")).to_contain_text("Look again, then decide.")
    expect(document.get_by_role("textbox", name="Your note")).to_have_value(NOTE)
    document.get_by_role("button", name="Show it as it is now").click()
    expect(document).to_contain_text("Since then: loans/2 was audited again.")
    document.get_by_role("button", name="Approve…").click()
    page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    expect(document).to_contain_text("grace approved loans/2 as model-risk already")


def test_stale_evidence_shows_the_one_command_that_renews_it(page, loans, version):
    root = loans("grace")
    expect(version).not_to_contain_text("stale")
    deciding.audit_again(root)
    expect(version).to_contain_text("loans/2 was audited again after it was judged.", timeout=8_000)
    command = "workbench gate loans/2 --policy default"
    page.evaluate("""() => document.addEventListener(
        'copy', event => { window.wbCopied = event.clipboardData.getData('text/plain') }, { once: true })""")
    version.get_by_role("button", name=f"Copy: {command}").click()
    expect(version.get_by_text("copied")).to_be_visible()
    assert page.evaluate("() => window.wbCopied") == command
    version.get_by_role("button", name="Verdict").click()
    expect(page.locator(".wb-Main:visible .wb-Record")).to_contain_text(command)
    with deciding.opened(root, load(root).actor) as bench:
        bench.gate("loans/2")
    expect(page.locator(".wb-Main:visible .wb-Record")).not_to_contain_text(command)
    expect(version).not_to_contain_text("stale")


def test_a_finding_is_written_down_where_one_reads(page, loans, version, decide, accessible):
    loans("grace")
    document = decide()
    document.get_by_role("button", name="Write down a finding…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("What was found?").fill("Accuracy on loans for education fell by eleven points.")
    dialog.get_by_label("How bad is it?").select_option("critical")
    accessible(dialog)
    dialog.get_by_role("button", name="Write Down").click()
    expect(version).to_contain_text("✕ 1 open finding 1 critical")
    # It stood otherwise from the moment it was written, by the reader's own hand: it is shown at once.
    expect(document).to_contain_text("1 open of severity critical")
    document.get_by_role("button", name="Accept finding/loans#0 until a day").click()
    dialog.get_by_label("Why may it stay?").fill("Education is closed to new loans.")
    dialog.get_by_role("button", name="Accept", exact=True).click()
    expect(document).to_contain_text("critical, accepted")


def test_the_code_of_a_decision_can_be_inserted_instead(page, loans, decide, active_cell_has):
    root = loans("grace")
    document = decide()
    document.get_by_role("textbox", name="Your note").fill('Say "why"')
    document.get_by_role("button", name="Approve…").click()
    page.get_by_role("dialog").get_by_role("button", name="Insert Code Instead").click()
    active_cell_has("""bench.approve("loans/2", role="model-risk", note='Say "why"')""")
    assert standing(root).given == ()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_deciding_is_accessible(page, loans, version, decide, accessible, darken, theme):
    root = loans("joan")
    with deciding.opened(root, "grace") as bench:
        bench.reject("loans/2", note="Education fell by eleven points.")
        bench.open_finding("loans/2", "Ages above 90 are years of birth.", severity="high")
    deciding.audit_again(root)
    expect(version).to_contain_text("rejected by grace", timeout=8_000)
    expect(version).to_contain_text("stale")
    document = decide()
    if theme == "dark":
        darken()
    expect(document.get_by_label("Role")).to_be_visible()
    accessible(document)
    accessible(page.locator("#workbench-panel"))
    page.screenshot(path=PICTURES / f"deciding-{theme}.png")
    document.locator(".wb-Record").first.evaluate("node => { node.scrollTop = node.scrollHeight }")
    page.screenshot(path=PICTURES / f"deciding-{theme}-below.png")
