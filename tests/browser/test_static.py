"""The static HTML of every record, where the renderer is not: a file, JupyterLab without it, nbconvert."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect

from workbench.testing import showcase
from workbench.views import fragment, html_page

PICTURES = Path(__file__).parents[2] / "test-results"
THEMES = pytest.mark.parametrize("theme", ["light", "dark"])


@pytest.fixture(scope="session")
def static_notebook(project) -> Path:
    """Outputs that have the static HTML alone."""
    path = project / "static.ipynb"
    cells = [
        nbformat.v4.new_code_cell(
            view,
            outputs=[nbformat.v4.new_output("display_data", data={"text/html": fragment(record)})],
        )
        for view, record in showcase.records().items()
    ]
    spec = {"name": "gone", "display_name": "Gone", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec}), path)
    return path


@pytest.fixture
def reader(browser):
    """The page of somebody who was sent a file: their colours, no network."""

    @contextmanager
    def reading(*, prefers: str):
        # The page's own policy allows no script, and so not axe-core either.
        context = browser.new_context(color_scheme=prefers, bypass_csp=True)
        page = context.new_page()
        page.route("http*://**", lambda route: route.abort())
        yield page
        context.close()

    return reading


@THEMES
def test_a_file_follows_the_colours_of_its_reader(reader, accessible, tmp_path, theme):
    with reader(prefers=theme) as page:
        for view, record in showcase.records().items():
            path = tmp_path / f"{view}.html"
            path.write_text(html_page(record), encoding="utf-8")
            page.goto(path.as_uri())
            page.screenshot(path=PICTURES / f"file-{view}-{theme}.png", full_page=True)
            accessible(page.locator("main"))


@THEMES
def test_nbconvert_keeps_the_colours_of_its_theme_whatever_the_reader_prefers(
    reader, accessible, static_notebook, tmp_path, theme
):
    from nbconvert import HTMLExporter

    body, _ = HTMLExporter(theme=theme).from_filename(str(static_notebook))
    path = tmp_path / "static.html"
    path.write_text(body, encoding="utf-8")
    with reader(prefers="dark" if theme == "light" else "light") as page:
        page.goto(path.as_uri())
        page.screenshot(path=PICTURES / f"nbconvert-{theme}.png", full_page=True)
        for record in page.locator("section.wb").all():
            accessible(record)


@THEMES
def test_jupyterlab_without_the_renderer_shows_it_in_its_theme(
    page, open_notebook, accessible, darken, static_notebook, theme
):
    if theme == "dark":
        darken()
    notebook = open_notebook(f"risk/{static_notebook.name}", kernel=False)
    page.evaluate(  # styles are only kept in what its owner ran or trusts
        "() => { for (const cell of window.jupyterapp.shell.currentWidget.model.cells) cell.trusted = true; }"
    )
    for index, view in enumerate(showcase.records()):
        page.evaluate(
            "i => window.jupyterapp.shell.currentWidget.content.scrollToItem(i, 'start').catch(() => null)",
            index,
        )
        record = notebook.locator(f".jp-Cell[data-windowed-list-index='{index}'] section.wb")
        expect(record, view).to_be_visible()
        record.screenshot(path=PICTURES / f"static-{view}-{theme}.png")
        accessible(record)
