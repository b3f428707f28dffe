"""The pictures of the README, of a real run: ``make demo``, then ``python tests/browser/pictures.py demo``.

They are written to ``test-results/``; look at them, then copy them to ``docs/images/``.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from workbench.audits.records import Report
from workbench.releases.records import Release
from workbench.testing import deciding, jupyterlab
from workbench.testing.releasing import running_release

REPOSITORY = Path(__file__).parents[2]
PICTURES = REPOSITORY / "test-results"
SIZE = {"width": 1400, "height": 940}
REPORT = "application/vnd.workbench.report+json"
NOTEBOOK = "the_loop.ipynb"
PANEL_WIDTH = 390

# The bisection at the end of the picture: its cell, and the replay of the same rows above it.
SCROLL = """\
async () => {
  const { content } = window.jupyterapp.shell.currentWidget;
  const cells = [...content.model.cells];
  const first = cells.findIndex(cell => cell.sharedModel.getSource().includes('.replay('));
  content.activeCellIndex = cells.findIndex(cell => cell.sharedModel.getSource().includes('.bisect('));
  await content.scrollToItem(first - 1, 'start', 0);
}"""


def lab(browser, url: str) -> None:
    """The panel beside the executed notebook, as it was left: nothing is run."""
    page = browser.new_page(viewport=SIZE, reduced_motion="reduce")
    jupyterlab.open_page(page, url, workspace="pictures", folder="lending")
    run = "([name, args]) => window.jupyterapp.commands.execute(name, args).then(() => null)"
    page.evaluate(run, ["docmanager:open", {"path": f"lending/{NOTEBOOK}", "factory": "Notebook"}])
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.ready")
    page.evaluate(run, ["workbench:show-panel", {}])
    page.locator("#workbench-panel [data-version='lending/1']").wait_for()
    handle = page.locator(
        "#jp-left-stack + .lm-SplitPanel-handle, #jp-main-split-panel > .lm-SplitPanel-handle"
    )
    box = handle.first.bounding_box()
    page.mouse.move(box["x"] + 1, 400)
    page.mouse.down()
    page.mouse.move(PANEL_WIDTH + 40, 400, steps=4)
    page.mouse.up()
    page.evaluate(SCROLL)
    page.get_by_role("heading", name="Bisection of").wait_for()
    page.evaluate(SCROLL)  # again, now that the outputs above have their height
    page.evaluate(run, ["docmanager:save", {}])
    page.get_by_text("Saving completed").wait_for()
    page.get_by_text("Saving completed").wait_for(state="hidden")
    page.screenshot(path=PICTURES / "lab.png")


def decide(browser, url: str) -> None:
    """What grace reads before she approves a version, with her note."""
    page = browser.new_page(viewport={**SIZE, "height": 1180}, reduced_motion="reduce")
    jupyterlab.open_page(page, url, workspace="deciding", folder="loans")
    run = "([name, args]) => window.jupyterapp.commands.execute(name, args).then(() => null)"
    page.evaluate(run, ["workbench:show-panel", {}])
    page.locator("#workbench-panel [data-version='loans/2']").get_by_role("button", name="Decide…").click()
    note = "Education fell, and is closed to new loans until the next version. The rest is better or alike."
    page.get_by_role("textbox", name="Your note").fill(note)
    page.mouse.move(0, 0)
    page.screenshot(path=PICTURES / "decide.png")


def release(browser, url: str, running: Release) -> None:
    """A canary under traffic: the panel, and the release with what each metric says."""
    page = browser.new_page(viewport=SIZE, reduced_motion="reduce")
    jupyterlab.open_page(page, url, workspace="releasing", folder="releasing")
    run = "([name, args]) => window.jupyterapp.commands.execute(name, args).then(() => null)"
    page.evaluate(run, ["workbench:show-panel", {}])
    page.locator("#workbench-panel").get_by_role("button", name=running.id).click()
    page.get_by_role("heading", name=f"Release {running.id}").wait_for()
    page.mouse.move(0, 0)
    page.screenshot(path=PICTURES / "release.png")


def report(browser, notebook: Path) -> None:
    """The first report of the run as the file that ``report.to_html(path)`` writes."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    bundles = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    first = next(data[REPORT] for data in bundles if REPORT in data)
    path = notebook.with_name("report.html")
    Report.model_validate(first).to_html(path)
    page = browser.new_page(viewport={**SIZE, "width": 1140})
    page.goto(path.as_uri())
    page.screenshot(path=PICTURES / "report.png")


def main(demo: Path) -> None:
    PICTURES.mkdir(exist_ok=True)
    with TemporaryDirectory() as root, jupyterlab.running_browser() as browser:
        shutil.copytree(demo, Path(root) / "lending")
        os.environ["WORKBENCH_KEY_FOLDER"] = f"{root}/.keys"
        deciding.seed(Path(root) / "loans", actor="grace")
        with deciding.opened(Path(root) / "loans", "ada") as bench:
            bench.request_approval("loans/2", note="Ranks better, and errs more alike across groups.")
        report(browser, Path(root) / "lending" / NOTEBOOK)
        with jupyterlab.running_lab(Path(root)) as url:
            lab(browser, url)
            decide(browser, url)
            folder = Path(root) / "releasing"
            folder.mkdir()
            with running_release(folder) as running:
                release(browser, url, running)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
