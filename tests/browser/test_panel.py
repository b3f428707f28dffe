"""The panel on a seeded project."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from workbench.core.clock import SystemClock
from workbench.journal import Event, Journal
from workbench.testing.jupyterlab import TOKEN


def shown(page):
    """Open the panel and wait for the project in it."""
    tab = page.get_by_role("tab", name="Model Workbench")
    if tab.get_attribute("aria-selected") != "true":
        tab.click()
    panel = page.locator("#workbench-panel")
    expect(panel.locator("[data-version='recidivism/3']")).to_be_visible()
    return panel


@pytest.fixture
def panel(page):
    return shown(page)


def move_alias(project, alias: str) -> None:
    """What another process writes into the journal while the panel is open."""
    with Journal.open(project / ".workbench" / "journal.db", actor="ada", clock=SystemClock()) as journal:
        journal.append("model/recidivism", Event(kind="model.alias", payload={"alias": alias, "version": 2}))


def test_the_panel_lists_a_model_with_its_verdict(panel):
    newest = panel.locator("[data-version='recidivism/3']")
    expect(newest.locator(".wb-Item-line")).to_contain_text("candidate")
    expect(newest.locator(".wb-Item-line .wb-Chip")).to_have_text("✕ fail")
    expect(newest).to_contain_text("Equalized odds differ by up to 25 pp")
    expect(panel.locator("[data-version='recidivism/2'] .wb-Item-line .wb-Chip")).to_have_text("✓ pass")
    expect(panel.locator("[data-version='recidivism/1']")).to_contain_text("champion")


def test_the_panel_is_live(panel, project):
    expect(panel.locator(".wb-Alias", has_text="moved")).to_have_count(0)
    move_alias(project, "moved")
    # Far sooner than the poll of 15 s: the event bus said it.
    expect(panel.locator(".wb-Alias", has_text="moved")).to_be_visible(timeout=5_000)


@pytest.fixture
def polling_every_second(browser, lab):
    """The person's own setting; the default of 15 s would be a long story."""

    def save(raw: str) -> None:
        url = f"{lab}/lab/api/settings/model-workbench:plugin"
        answer = context.request.put(url, data={"raw": raw}, headers={"Authorization": f"token {TOKEN}"})
        assert answer.ok, answer.text()

    context = browser.new_context()
    save('{"refreshSeconds": 1}')
    yield
    save("{}")
    context.close()


def test_the_panel_follows_without_the_event_socket(fresh_page, project, polling_every_second):
    refused = []

    def refuse(socket):
        refused.append(socket.url)
        socket.close()

    with fresh_page(lambda page: page.route_web_socket("**/api/events/subscribe*", refuse)) as page:
        panel = shown(page)
        expect(panel.locator(".wb-Alias", has_text="polled")).to_have_count(0)
        move_alias(project, "polled")
        expect(panel.locator(".wb-Alias", has_text="polled")).to_be_visible(timeout=10_000)
    assert refused


def test_a_click_on_a_step_inserts_its_code_below_the_active_cell(page, panel, run_command, active_cell_has):
    run_command("notebook:create-new", cwd="risk", kernelName="python3")
    panel.locator("[data-version='recidivism/3']").get_by_role("button", name="Audit", exact=True).click()
    active_cell_has('bench.audit("recidivism/3", on=test)')


def test_without_a_notebook_a_click_opens_one_beside_the_project_and_its_code_runs(
    page, panel, run_command, active_cell_has
):
    run_command("workbench:new-notebook")
    page.locator(".jp-Notebook").wait_for()
    active_cell_has("bench = wb.open()")
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.ready")
    run_command("notebook:run-cell")
    output = page.locator(".jp-OutputArea-output")
    expect(output).to_contain_text("recidivism", timeout=60_000)
    expect(output).not_to_contain_text("Traceback")


def test_a_record_opens_beside_the_notebook(page, panel):
    panel.locator("[data-version='recidivism/3']").get_by_role("button", name="Report").click()
    record = page.locator(".wb-Main .wb-Record")
    expect(record.get_by_role("heading", name="recidivism/3")).to_be_visible()
    record.get_by_role("tab", name="Figures").click()
    expect(record.locator(".wb-Figure :is(canvas, svg)").first).to_be_visible(timeout=20_000)


def test_a_folder_that_is_no_project_is_invited_to_be_one(page, panel, run_command, active_cell_has):
    run_command("filebrowser:go-to-path", path="/")
    page.get_by_role("tab", name="Model Workbench").click()
    expect(panel).to_contain_text("is not a project yet")
    panel.get_by_role("button", name="open a project here").click()
    page.locator(".jp-Notebook").wait_for()
    active_cell_has("bench = wb.open()")


def test_a_server_that_does_not_answer_is_said_and_can_be_asked_again(page, panel):
    page.route("**/workbench/api/overview**", lambda route: route.abort())
    panel.get_by_role("button", name="Refresh").click()
    alert = panel.get_by_role("alert")
    expect(alert).to_contain_text("could not be read")
    page.unroute("**/workbench/api/overview**")
    alert.get_by_role("button", name="Try again").click()
    expect(panel.locator("[data-version='recidivism/3']")).to_be_visible()


def test_the_launcher_shows_the_panel(page):
    page.locator(".jp-LauncherCard", has_text="Model Workbench").first.click()
    expect(page.locator("#workbench-panel")).to_be_visible()


def test_the_notebook_toolbar_offers_every_step(page, run_command, active_cell_has):
    run_command("notebook:create-new", cwd="risk", kernelName="python3")
    page.locator("[data-jp-item-name=workbench-insert]").click()
    items = page.locator(".lm-Menu-itemLabel")
    expect(items.first).to_have_text("Insert Code: Register")
    items.filter(has_text="Release").click()
    active_cell_has("release")


def test_the_panel_works_by_keyboard_alone(page, panel):
    toggle = panel.locator("[data-version='recidivism/2'] .wb-Disclosure")
    expect(toggle).to_have_attribute("aria-expanded", "false")
    toggle.focus()
    page.keyboard.press("Enter")
    expect(toggle).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.textContent") == "Report"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_panel_is_accessible(panel, accessible, darken, theme):
    if theme == "dark":
        darken()
    accessible(panel)


@pytest.fixture
def choosing(page, panel):
    """The form of audits of recidivism/3, with the options of drift unfolded."""
    panel.locator("[data-version='recidivism/3']").get_by_role("button", name="Choose audits…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("region", name="drift").locator("summary").click()
    return dialog


def test_audits_are_chosen_in_a_form_and_become_python(page, choosing, active_cell_has):
    drift = choosing.get_by_role("region", name="drift")
    expect(drift.get_by_role("checkbox")).to_be_checked()
    drift.get_by_label("bins", exact=True).fill("20")
    choosing.get_by_role("region", name="robustness").get_by_role("checkbox").uncheck()
    choosing.get_by_role("button", name="Insert Code").click()
    page.locator(".jp-Notebook").wait_for()
    active_cell_has('{"drift": {"bins": 20}}')


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_form_says_what_is_wrong_and_is_accessible(choosing, accessible, darken, theme):
    if theme == "dark":
        darken()
    choosing.get_by_role("region", name="drift").get_by_label("bins", exact=True).fill("2.5")
    expect(choosing.get_by_role("alert")).to_contain_text("A whole number")
    expect(choosing.get_by_role("button", name="Insert Code")).to_be_disabled()
    accessible(choosing.locator(".wb-AuditForm"))
