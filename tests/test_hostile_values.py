"""Names, groups, titles and notes that are markup, formulas, paths, or simply too long, all the way through."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import workbench as wb
from workbench.core.errors import WorkbenchError
from workbench.views import plain
from workbench.views.figures import svg

SCRIPT = "<script>window.hacked=1</script><img src=x onerror=hacked=1>"
FORMULA = "=cmd|' /C calc'!A0"
QUOTES = "\"'`${alert(1)}{{7*7}}"
LINES = "one\ntwo\r\nthree\tfour\x00\x1b[2J"
PATH = "../../../etc/passwd"
LONG = "x" * 10_000
TURNED = "👩‍💻 \u202eletsbo"
HOSTILE = [SCRIPT, FORMULA, QUOTES, LINES, PATH, LONG, TURNED]
IDS = ["markup", "formula", "quotes", "lines", "path", "long", "turned"]

FEATURES = [SCRIPT, FORMULA, QUOTES, LINES, TURNED, LONG]
SENSITIVE = (PATH, LINES)
CONTROLS = {*map(chr, range(32)), "\u202e"} - {"\n", "\t", "\r"}


class Page(HTMLParser):
    """What a browser would make of a page: its tags, its handlers, its links."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.handlers, self.links = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.links += [value for name, value in attrs if name in ("href", "src", "xlink:href")]


def harmless(text):
    page = Page(text)
    assert not page.tags & {"script", "img", "iframe", "object", "embed", "link", "base", "form"}
    assert page.handlers == []
    assert [link for link in page.links if not link.startswith("#")] == []
    assert not CONTROLS & set(text)


def rows(n, seed):
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=n)
    return pd.DataFrame(
        {
            SCRIPT: signal,
            FORMULA: rng.choice(HOSTILE, n),
            QUOTES: rng.normal(size=n),
            LINES: rng.choice(HOSTILE[:3], n),
            PATH: rng.choice(
                [name for name in HOSTILE if name != LONG], n
            ),  # a group this long takes a while
            TURNED: rng.integers(0, 9, n),
            LONG: rng.normal(size=n),
            "y": (signal + rng.normal(scale=0.5, size=n) > 0).astype(int),
        }
    )


def fitted(frame, *, upside_down=False):
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), [FORMULA, LINES]), remainder="passthrough"
    )
    return make_pipeline(encode, LogisticRegression()).fit(frame[FEATURES], frame["y"] ^ upside_down)


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """The bench, its folder's parent, and every record there is of a model with such names."""
    root = tmp_path_factory.mktemp("hostile") / "project"
    bench, train, test = wb.open(root, actor=SCRIPT), rows(400, 1), rows(300, 2)
    (root / "policies" / "strict.yaml").write_text(
        "name: strict\nrules:\n"
        f"  - {{audit: performance, metric: accuracy_score, at_least: 0.1, because: {json.dumps(SCRIPT)}}}\n"
        f"approvals: {{{json.dumps(SCRIPT)}: 1}}\n"
    )
    (root / "workbench.toml").write_text(f"[people]\ngrace = [{json.dumps(SCRIPT)}]\n")
    (root / "quick.yaml").write_text("audits: {performance: {}, fairness: {}, drift: {}}\n")
    test.to_parquet(root / "test.parquet")
    seen = {}
    for upside_down in (False, True):
        model = fitted(train, upside_down=upside_down)
        seen["model"] = bench.register(model, name="odd", train=train, target="y", sensitive=SENSITIVE)
    seen["report"] = bench.audit("odd/1", on=test, audits="quick.yaml")
    seen["verdict"] = bench.gate("odd/1", policy="strict")
    wb.open(root, actor="grace").approve("odd/1", note="\n".join(HOSTILE), policy="strict")
    for title in HOSTILE:
        seen["incident"] = bench.open_incident(title, rows=test, model="odd")
    seen["replay"] = bench.replay("INC-1")
    seen["bisect"] = bench.bisect("INC-1")
    seen["decision"] = bench.explain("odd/1", {**test.iloc[0].to_dict(), FORMULA: LONG})
    seen["card"] = bench.card("odd/1")
    seen["overview"] = bench.overview()
    return bench, root.parent, seen


VIEWS = ["model", "report", "verdict", "incident", "replay", "bisect", "decision", "card", "overview"]


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_executes_and_no_control_character_is_left_in_a_page_or_a_terminal(walked, tmp_path, view):
    record = walked[2][view]
    harmless(record._repr_mimebundle_()["text/html"])
    harmless(record.to_html(tmp_path / "page.html").read_text("utf-8"))
    assert not CONTROLS & set(plain(record))
    assert type(record).from_json(record.to_json()) == record


def test_what_was_found_out_stands_in_the_page_as_it_was_written(walked):
    page = walked[2]["report"]._repr_mimebundle_()["text/html"]
    assert "&lt;script&gt;window.hacked" in page
    assert "{{7*7}}" in page  # no template engine looked at it twice
    assert FORMULA in walked[2]["report"].frame()["slice"].str.cat()


def test_a_figure_is_drawn_whatever_its_groups_are_called(walked):
    drawn = [svg(figure) for evidence in walked[2]["report"].evidence for figure in evidence.figures]
    assert len(drawn) >= 3
    for text in drawn:
        harmless(text)


def test_nothing_was_written_outside_the_project_and_the_journal_holds(walked):
    bench, parent, _ = walked
    assert [path.name for path in parent.iterdir()] == ["project"]
    assert bench.verify().ok


@pytest.mark.parametrize(
    "name", [*HOSTILE, "", ".", "..", "a/b", "-rf", "CON "], ids=lambda name: repr(name[:20])
)
def test_a_name_that_would_become_a_path_is_refused(walked, name):
    bench = walked[0]
    for refused in (
        lambda: bench.register(fitted(rows(50, 3)), name=name, train=rows(50, 3), target="y"),
        lambda: bench.kill(name, reason="x"),
        lambda: bench.rollback(name, reason="x"),
        lambda: bench.model(f"{name}/1"),
    ):
        with pytest.raises(WorkbenchError) as caught:
            refused()
        assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("name", HOSTILE, ids=IDS)
def test_a_case_is_saved_under_a_harmless_file_name(walked, name):
    bench, parent, _ = walked
    path = bench.save_case("INC-1", name=name, expected_from=1)
    assert path.resolve().parent == (parent / "project" / "cases").resolve()
    assert len(path.name) < 100


def test_a_playbook_reports_on_it_too(walked):
    bench = walked[0]
    ran = bench.playbook(
        "release_gate", model="odd/1", data="test.parquet", policy="strict", suite="quick.yaml"
    )
    assert ran.outcome == "pass", ran.reason
    harmless(Path(ran.report).read_text("utf-8"))
