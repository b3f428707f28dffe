"""A release that is under way behind a real gateway, as the panel and its own page show it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from workbench.testing.releasing import running_release

PICTURES = Path(__file__).parents[2] / "test-results"
THEMES = pytest.mark.parametrize("theme", ["light", "dark"])


@pytest.fixture(scope="module")
def releasing(project):
    """A project ``releasing/`` beside the other one, its third version in a canary stage under traffic."""
    root = project.parent / "releasing"
    root.mkdir()
    with running_release(root) as release:
        yield release


@pytest.fixture
def panel(page, run_command, releasing):
    run_command("filebrowser:go-to-path", path="/releasing")
    page.get_by_role("tab", name="Model Workbench").click()
    panel = page.locator("#workbench-panel")
    expect(panel.locator("[data-version='lending/3']")).to_be_visible(timeout=20_000)
    return panel


@THEMES
def test_a_running_canary_is_seen_with_its_endpoint_and_opens_with_every_verdict(
    page, panel, releasing, accessible, darken, theme
):
    if theme == "dark":
        darken()
    release, endpoint = panel.locator("[data-release]"), panel.locator("[data-endpoint='lending']")
    expect(release).to_contain_text("lending/3 · canary 10 % (2 of 4)")
    expect(release).to_contain_text("The candidate failed 0 of")
    expect(endpoint.locator(".wb-Item-line .wb-Chip")).to_have_text("✓ gateway ready")
    expect(endpoint).to_contain_text("lending/1 ✓ loaded")
    expect(endpoint).to_contain_text("the standby answered after")
    expect(endpoint).to_contain_text("ada, process")
    accessible(panel)

    release.get_by_role("button", name=releasing.id).click()
    record = page.locator(".wb-Main .wb-Record")
    expect(record.locator(".wb-Stages [aria-current=step]")).to_contain_text("canary 10 %")
    expect(record.locator(".wb-Stages li").last).to_contain_text(
        "after the yes of 1 by model-risk, 0 said so far"
    )
    expect(record.get_by_role("heading", name="canary 10 %: guardrail business")).to_be_visible()
    expect(
        record.get_by_role("img", name="Evidence over requests for disagreement in shadow")
    ).to_be_visible()
    accessible(record)
    page.screenshot(path=PICTURES / f"releasing-{theme}.png")
