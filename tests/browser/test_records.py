"""Records in a notebook that somebody left: no kernel, no trust."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from workbench.testing import showcase

PICTURES = Path(__file__).parents[2] / "test-results"


@pytest.fixture
def notebook(open_notebook):
    return open_notebook("risk/records.ipynb", kernel=False)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_record_is_drawn_without_a_kernel(page, notebook, accessible, darken, theme):
    if theme == "dark":
        darken()
    for index, view in enumerate(showcase.records()):
        page.evaluate(
            "i => window.jupyterapp.shell.currentWidget.content.scrollToItem(i, 'start').catch(() => null)",
            index,
        )
        record = notebook.locator(f".jp-Cell[data-windowed-list-index='{index}'] .wb-Record")
        expect(record.get_by_role("heading").first, view).to_be_visible()
        record.screenshot(path=PICTURES / f"record-{view}-{theme}.png")
        accessible(record)
    assert page.evaluate("() => window.wbHacked") is None


def test_the_threshold_moves_without_a_kernel(page, notebook):
    record = notebook.locator(".wb-Record").first
    record.get_by_role("tab", name="Move the threshold").click()
    rate = record.locator("tbody tr").first.locator("td").first
    before = rate.inner_text()
    slider = record.get_by_label("Decision threshold")
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(record.locator("output")).to_have_text("0.600")
    assert rate.inner_text() != before
    record.get_by_role("button", name="Back to").click()
    expect(rate).to_have_text(before)


def test_measurements_are_filtered_and_sorted(notebook):
    record = notebook.locator(".wb-Record").first
    record.get_by_role("tab", name="Every number").click()
    rows = record.locator(".wb-Table tbody tr")
    record.get_by_label("Slices").select_option("race")
    expect(rows).to_have_count(6)
    record.get_by_role("button", name="value").click()
    expect(rows.first).to_contain_text("Hispanic")
