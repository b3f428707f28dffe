"""JupyterLab on a seeded project, driven by a real Chromium. Pictures go to ``test-results/``.

There is one server and one page for all stories; each finds the page as if it were new, without the seconds
that a new one takes. A story that needs a page of its own asks for ``fresh_page``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest

from workbench.testing import jupyterlab, showcase
from workbench.views import bundle

REPOSITORY = Path(__file__).parents[2]
PICTURES = REPOSITORY / "test-results"
AXE = REPOSITORY / "extensions" / "node_modules" / "axe-core" / "axe.min.js"

# What a page is before a story: no document, no dialog, the project's folder, no text in a filter, light.
RESET = """\
async () => {
  const { commands, serviceManager, shell } = window.jupyterapp;
  document.querySelectorAll('.jp-Dialog .jp-mod-reject').forEach(button => button.click());
  for (const widget of [...shell.widgets('main')]) widget.dispose();
  if (document.body.dataset.jpThemeLight !== 'true')
    await commands.execute('apputils:change-theme', { theme: 'JupyterLab Light' });
  await commands.execute('filebrowser:go-to-path', { path: '/risk' });
  await commands.execute('filebrowser:activate');
  await serviceManager.sessions.refreshRunning();
  await serviceManager.sessions.shutdownAll();
}"""


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
    # Playwright's event loop runs as long as the browser does, and no other test could run one meanwhile.
    items.sort(key=lambda item: here in item.path.parents)


def need(found: object, what: str) -> None:
    """A missing tool skips a test on somebody's laptop, and fails it where CI relies on it."""
    if found:
        return
    if os.environ.get("CI"):
        pytest.fail(f"CI must have {what}")
    pytest.skip(f"no {what}")


def write_records(path: Path) -> None:
    """A notebook as somebody else left it: outputs, a kernel this machine does not have, no trust."""
    cells = []
    for record in showcase.records().values():
        output = nbformat.v4.new_output("execute_result", data=bundle(record), execution_count=1)
        cells.append(nbformat.v4.new_code_cell(record.view, outputs=[output], execution_count=1))
    spec = {"name": "gone", "display_name": "Gone", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec}), path)


@pytest.fixture(scope="session")
def project(tmp_path_factory) -> Path:
    """A folder ``risk/`` with a project, under the server's root."""
    folder = tmp_path_factory.mktemp("root") / "risk"
    folder.mkdir()
    showcase.seed(folder).close()
    write_records(folder / "records.ipynb")
    return folder


@pytest.fixture(scope="session")
def lab(project):
    """The address of a JupyterLab that has the extension as it was last built."""
    need((jupyterlab.BUILT / "package.json").is_file(), "built labextension (jlpm build in extensions/)")
    with jupyterlab.running_lab(project.parent) as url:
        yield url


@pytest.fixture(scope="session")
def browser():
    need(jupyterlab.chromium(), "Chromium")
    PICTURES.mkdir(exist_ok=True)
    with jupyterlab.running_browser() as browser:
        yield browser


@contextmanager
def new_page(browser, lab, workspace: str, before=lambda page: None) -> Iterator:
    context = browser.new_context(viewport={"width": 1400, "height": 950}, reduced_motion="reduce")
    try:
        page = context.new_page()
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        before(page)
        jupyterlab.open_page(page, lab, workspace=workspace, folder="risk")
        yield page
    finally:
        context.close()


@contextmanager
def story(page, request) -> Iterator:
    """Take a picture at the end. What the page itself reported as an error fails the story."""
    page.errors.clear()
    yield page
    name = request.node.name.replace("[", "-").rstrip("]")
    page.screenshot(path=PICTURES / f"{name}.png")
    assert page.errors == []


@pytest.fixture(scope="session")
def shared_page(lab, browser):
    with new_page(browser, lab, "shared") as page:
        yield page


@pytest.fixture
def page(shared_page, request):
    """A JupyterLab page as if it were new."""
    shared_page.unroute_all()
    shared_page.evaluate(RESET)
    shared_page.wait_for_function("() => document.body.dataset.jpThemeLight === 'true'")
    shared_page.locator(".jp-LauncherCard:visible").first.wait_for()  # JupyterLab opens one by itself
    with story(shared_page, request):
        yield shared_page


@pytest.fixture
def fresh_page(lab, browser, request):
    """Opens a page of the story's own; ``before(page)`` runs before it loads."""

    @contextmanager
    def opening(before):
        with new_page(browser, lab, request.node.name, before) as page, story(page, request):
            yield page

    return opening


@pytest.fixture(scope="session")
def accessible():
    """Fails when axe-core finds something serious in what a locator finds."""
    rules = AXE.read_text(encoding="utf-8")

    def check(locator) -> None:
        if not locator.page.evaluate("() => 'axe' in window"):
            locator.page.evaluate(rules)
        found = locator.evaluate("node => window.axe.run(node).then(r => r.violations)")
        serious = [v for v in found if v["impact"] in ("serious", "critical")]
        assert not serious, json.dumps(
            {v["id"]: [node["html"][:160] for node in v["nodes"]][:3] for v in serious}, indent=1
        )

    return check


@pytest.fixture
def darken(page):
    """Switches the page to JupyterLab's dark theme; the next story finds it light again."""

    def switch() -> None:
        command(page, "apputils:change-theme", theme="JupyterLab Dark")
        page.wait_for_function("() => document.body.dataset.jpThemeLight === 'false'")

    return switch


@pytest.fixture
def open_notebook(page):
    """Opens a notebook, with its kernel or with none."""

    def opening(path: str, *, kernel: bool = True):
        opened = command if kernel else begin
        opened(page, "docmanager:open", path=path, factory="Notebook")
        if kernel:
            page.evaluate(
                "async () => { const panel = window.jupyterapp.shell.currentWidget;"
                " await panel.context.ready; await panel.sessionContext.ready; }"
            )
        else:
            page.locator(".jp-Dialog").get_by_role("button", name="No Kernel").click()
        notebook = page.locator(".jp-Notebook")
        notebook.wait_for()
        return notebook

    return opening


def begin(page, name: str, **arguments) -> None:
    """Begin a command that waits for the person."""
    page.evaluate("([name, args]) => { window.jupyterapp.commands.execute(name, args) }", [name, arguments])


def command(page, name: str, **arguments) -> None:
    """Run a command of JupyterLab and wait for it."""
    page.evaluate(
        "([name, args]) => window.jupyterapp.commands.execute(name, args).then(() => null)", [name, arguments]
    )


@pytest.fixture
def run_command(page):
    """``command`` on the story's page."""
    return lambda name, **arguments: command(page, name, **arguments)


@pytest.fixture
def active_cell_has(page):
    """Waits until the notebook's active cell has this code."""
    return lambda code: page.wait_for_function(
        "code => window.jupyterapp.shell.currentWidget?.content?.activeCell"
        "?.model.sharedModel.getSource().includes(code)",
        arg=code,
    )
