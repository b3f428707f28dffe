"""One decision through every door: the bench, the command line, a cell, a file."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import workbench as wb
from workbench.audits.base import Subject
from workbench.audits.explanation_records import Decision
from workbench.audits.parts.explainability.one_row import one_row
from workbench.core.errors import InvalidInput, NotFound
from workbench.datasets import Dataset
from workbench.interfaces.cli.main import main
from workbench.models.predictors import predictor_of
from workbench.testing import subjects
from workbench.views import bundle, plain

HOSTILE = "<script>alert(1)</script>\"'`${7*7}{{7*7}}\u202e"
ROW = {"age": 23, "income": 60_000.0, "late_payments": 5, "sex": "male", "region": "north", "owner": 0}


def dear(frame):
    """A function, without scores: whoever earns little is late."""
    return np.where(frame["income"].fillna(0) < 15_000, "yes", "no")


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    bench = wb.open(tmp_path_factory.mktemp("explain"), actor="grace")
    train = subjects.loans(400, seed=1)
    roles = {"train": train, "target": "defaulted", "sensitive": ["sex"], "positive": "yes"}
    bench.register(subjects.pipeline(train), name="loans", **roles)
    bench.register(dear, name="rule", **roles)
    rent = train[["age", "income"]].fillna(0.0).assign(rent=lambda f: 200 + 3 * f.age + f.income / 100)
    priced = LinearRegression().fit(rent[["age", "income"]], rent["rent"])
    bench.register(priced, name="rent", train=rent, target="rent", task="regression")
    return bench


@pytest.fixture
def run(bench, capsys):
    def _run(*arguments):
        code = main(["explain", *arguments, "-C", str(bench.settings.root), "--as", "grace"])
        return code, *capsys.readouterr()

    return _run


# The bench


def test_a_decision_says_why_and_what_would_change_it(bench):
    decision = bench.explain("loans", ROW, wanted="no")
    assert (decision.model, decision.model_digest) == ("loans/1", bench.model("loans").digest)
    assert (decision.answer, decision.target, decision.asked_by) == ("yes", "defaulted", "grace")
    assert decision.score == pytest.approx(0.985, abs=0.02)
    assert decision.reasons.reasons[0].text.startswith("late_payments is very high (5; typical 1)")
    assert decision.change.candidates[0].changes[0].column == "late_payments"
    assert decision.change.candidates[0].answer == "no"


def test_the_model_agrees_with_every_change_it_is_said_to_make(bench):
    decision = bench.explain("loans", ROW)
    model = bench.registry.load(bench.model("loans"))
    assert decision.change.found
    for candidate in decision.change.candidates:
        changed = {**ROW, **{c.column: c.after for c in candidate.changes}}
        assert model.predict(pd.DataFrame([changed]))[0] == candidate.answer == "no"
        assert all(ROW[c.column] == c.before for c in candidate.changes)


def test_the_same_row_in_any_form_has_the_same_decision_but_for_its_time(bench):
    told = bench.explain("loans", ROW).reasons
    kept = bench.registry.reference(bench.model("loans")).frame
    for form in (pd.Series(ROW), pd.DataFrame([ROW]), pd.DataFrame([ROW]).iloc[0]):
        assert bench.explain("loans", form).reasons == told
    place = bench.explain("loans", 7)
    assert bench.explain("loans", np.int64(7)).reasons == place.reasons
    assert bench.explain("loans", kept.iloc[7]).reasons == place.reasons


def test_a_place_counts_in_the_rows_given_though_some_have_no_truth(bench):
    rows = pd.DataFrame([{**ROW, "age": 30 + i} for i in range(4)])
    assert bench.explain("loans", 2, data=rows).reasons == bench.explain("loans", {**ROW, "age": 32}).reasons
    half = rows.assign(defaulted=[None, None, "yes", "no"])
    assert bench.explain("loans", 2, data=half).reasons == bench.explain("loans", 2, data=rows).reasons
    assert "2, data=data" in bench.explain("loans", 2, data=rows).code


def test_sensitive_columns_stay_unless_somebody_says_which(bench):
    assert set(bench.explain("loans", ROW).change.held) == {"sex", "owner"}
    assert {"age", "income"} <= set(bench.explain("loans", ROW, immutable=["age", "income"]).change.held)
    assert "age" in bench.explain("loans", ROW, immutable="age").change.held
    assert bench.explain("loans", ROW, immutable=()).code.count("immutable=[]") == 1
    risen = bench.explain("loans", ROW, rising=["late_payments"], falling="age").change
    for candidate in risen.candidates:
        after = {c.column: c.after for c in candidate.changes}
        assert after.get("late_payments", 5) >= 5
        assert after.get("age", 23) <= 23


def test_the_code_makes_it_again_and_has_no_value_of_the_row(bench):
    decision = bench.explain("loans", ROW, wanted="no", immutable=["age"], rising=["income"], seed=3)
    assert not {"60000", "north", "male"} & set(decision.code.split("'"))
    assert "60" not in decision.code
    call = decision.code.splitlines()[-1]
    again = eval(call, {"bench": bench, "row": ROW})  # our own code
    assert again.reasons == decision.reasons
    assert again.change == decision.change


def test_nothing_about_the_row_is_kept(bench):
    before = [(path, path.stat().st_mtime_ns) for path in sorted(bench.settings.root.rglob("*"))]
    entries = len(list(bench.journal.entries()))
    bench.explain("loans", ROW)
    assert len(list(bench.journal.entries())) == entries
    after = {path for path in bench.settings.root.rglob("*") if not path.name.startswith("journal.db")}
    assert after <= {path for path, _ in before}


def test_a_function_without_scores_is_explained_by_asking_it(bench):
    decision = bench.explain("rule", {**ROW, "income": 9_000.0, "somebody": "else"})
    assert (decision.answer, decision.score) == ("yes", None)
    assert decision.reasons.reasons[0].column == "income"
    assert {c.column for c in decision.change.candidates[0].changes} == {"income"}
    assert decision.change.candidates[0].score is None
    assert "probability" not in plain(decision)


def test_a_regression_is_explained_and_changed_into_a_range(bench):
    row = {"age": 40, "income": 20_000.0}
    decision = bench.explain("rent", row)
    assert decision.answer == pytest.approx(520)
    assert decision.change is None
    assert "wanted=(100, 120)" in decision.notes[0]
    wanted = bench.explain("rent", row, wanted=[400, 450.5])
    assert 400 <= wanted.change.candidates[0].answer <= 450.5
    assert "a prediction from 400 to 450.5" in plain(wanted)
    assert "wanted=[400.0, 450.5]" in wanted.code


def test_a_missing_value_is_told_as_such_and_left_alone(bench):
    decision = bench.explain("loans", {**ROW, "income": None})
    told = {r.column: r.text for r in (*decision.reasons.reasons, *decision.reasons.against)}
    assert "income" not in told or "missing" in told["income"]
    assert math.isnan(bench.explain("loans", ROW | {"income": math.nan}).reasons.output) is False


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("age", "forty"),
        ("age", 10**400),
        ("age", [1, 2]),
        ("age", {"years": 40}),
        ("income", "much"),
        ("income", 10**400),
        ("late_payments", "x" * 10_000),
    ],
)
def test_a_value_that_its_column_cannot_hold_is_refused(bench, column, value):
    with pytest.raises(InvalidInput, match=f"row: {column} cannot be") as refusal:
        bench.explain("loans", {**ROW, column: value})
    assert refusal.value.field == "row"
    assert len(str(refusal.value)) < 300


def test_a_switch_and_a_category_take_what_they_know_and_nothing_else():
    data = Dataset.of(
        pd.DataFrame(
            {
                "vip": [True, False] * 10,
                "city": pd.Categorical(["a", "b"] * 10),
                "y": ["n", "p"] * 10,
            }
        ),
        target="y",
    )
    subject = Subject(predictor_of(lambda f: np.where(f["vip"], "n", "p"), data=data), data)
    for vip in (True, 1, 0, np.bool_(True)):
        assert one_row(subject, {"vip": vip, "city": "a"})["vip"].iloc[0] == bool(vip)
    assert one_row(subject, {"vip": True, "city": None})["city"].isna().all()
    for row in ({"vip": "false", "city": "a"}, {"vip": 2, "city": "a"}, {"vip": True, "city": "nowhere"}):
        with pytest.raises(InvalidInput, match="cannot be"):
            one_row(subject, row)


def test_half_a_year_among_whole_numbers_stays_half_a_year(bench):
    whole, half = (bench.explain("loans", {**ROW, "age": age}).reasons.output for age in (40, 40.5))
    assert whole != half


@pytest.mark.parametrize(
    ("row", "options", "field", "says"),
    [
        ({k: v for k, v in ROW.items() if k != "income"}, {}, "row", "income"),
        ({"incme" if k == "income" else k: v for k, v in ROW.items()}, {}, "row", "Did you mean 'incme'"),
        ({}, {}, "row", "one row"),
        (10**6, {}, "row", "Rows are 0 to 399"),
        (-1, {}, "row", "no row -1"),
        (True, {}, "row", "one row"),
        (None, {}, "row", "one row"),
        (pd.DataFrame([ROW, ROW]), {}, "row", "one row"),
        (5, {"data": pd.DataFrame([ROW])}, "row", "no row 5"),
        (ROW, {"data": "nowhere.csv"}, "data", "nowhere.csv"),
        (ROW, {"wanted": "yes"}, "wanted", "gets 'yes' as it is"),
        (ROW, {"wanted": "maybe"}, "wanted", "'maybe'"),
        (ROW, {"wanted": ("no", "yes")}, "wanted", "unknown label"),
        (ROW, {"wanted": np.array([1, 2])}, "wanted", "unknown label"),
        (ROW, {"immutable": ["incom"]}, "immutable", "'income'"),
        (ROW, {"rising": ["incom"]}, "rising", "incom"),
        (ROW, {"rising": ["income"], "falling": ["income"]}, "", "income"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_by_name(bench, row, options, field, says):
    with pytest.raises(InvalidInput) as refusal:
        bench.explain("loans", row, **options)
    assert says in str(refusal.value)
    assert field in ("", refusal.value.field)


@pytest.mark.parametrize("wanted", [5, "much", (2, 1), (math.nan, 1), [1], (1, 2, 3)])
def test_of_a_regression_only_two_numbers_can_be_wanted(bench, wanted):
    with pytest.raises(InvalidInput, match="between which two numbers"):
        bench.explain("rent", {"age": 40, "income": 20_000.0}, wanted=wanted)


def test_a_model_that_is_not_there_is_not_found(bench):
    with pytest.raises(NotFound, match="Did you mean 'loans'"):
        bench.explain("laons", ROW)


def test_without_its_training_data_a_model_asks_for_rows(bench):
    train, kept = subjects.loans(200, seed=5), set(bench.settings.state.rglob("*.parquet"))
    bench.register(subjects.pipeline(train), name="gone", train=train, target="defaulted")
    [place] = set(bench.settings.state.rglob("*.parquet")) - kept
    place.unlink()
    with pytest.raises(InvalidInput, match="training data of gone/1 is gone") as refusal:
        bench.explain("gone", ROW)
    assert refusal.value.field == "data"
    others = subjects.loans(100, seed=3).drop(columns="defaulted")
    assert bench.explain("gone", ROW, data=others).answer == "yes"


# What it shows


def test_a_cell_gets_text_html_and_the_record(bench):
    decision = bench.explain("loans", ROW, wanted="no")
    shown = decision._repr_mimebundle_()
    assert set(shown) == {"text/plain", "text/html", "application/vnd.workbench.decision+json"}
    assert Decision.model_validate(shown["application/vnd.workbench.decision+json"]) == decision
    assert Decision.from_json(decision.to_json()) == decision
    assert "What gets the answer “no”" in shown["text/html"]
    assert "show it to whom the row may be shown" in shown["text/html"]


def test_hostile_columns_and_values_stay_text(bench, tmp_path):
    rng = np.random.default_rng(0)
    train = pd.DataFrame({HOSTILE: rng.normal(size=200), "city": rng.choice([HOSTILE, "b"], 200)})
    train["y"] = np.where(train[HOSTILE] > 0, HOSTILE, "b")
    bench.register(lambda f: np.where(f[HOSTILE] > 0, HOSTILE, "b"), name="odd", train=train, target="y")
    decision = bench.explain("odd", {HOSTILE: 1.0, "city": HOSTILE}, wanted="b", immutable=["city"])
    shown = bundle(decision)
    page = decision.to_html(tmp_path / "page.html").read_text("utf-8")
    for text in (shown["text/html"], page):
        assert "<script" not in text
        assert "&lt;script&gt;" in text
        assert "\u202e" not in text
        assert "{{7*7}}" in text
    assert "\u202e" not in shown["text/plain"]
    assert json.loads(json.dumps(shown)) == shown


# The command line


def test_the_command_gives_the_record_of_the_bench(bench, run):
    code, out, _ = run("loans/1", "--row", json.dumps(ROW), "--wanted", "no", "--immutable", "age", "--json")
    decision = Decision.from_json(out)
    assert code == 0
    same = bench.explain("loans/1", ROW, wanted="no", immutable=["age"])
    assert decision.model_copy(update={"time": same.time}) == same


def test_a_row_from_a_file_or_by_its_place_is_told_in_words_and_as_a_page(run, tmp_path):
    (tmp_path / "row.json").write_text("\ufeff" + json.dumps(ROW), encoding="utf-8")
    page = tmp_path / "decision.html"
    code, out, err = run("loans", "--row", str(tmp_path / "row.json"), "--html", str(page))
    assert code == 0
    assert out.startswith("loans/1 answers yes (defaulted, probability 9")
    assert "late_payments 5 → " in out
    assert f"page: {page}" in err
    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert run("loans", "--row", "7")[0] == 0


def test_of_a_regression_the_range_is_two_numbers(run):
    row = '{"age": 40, "income": 20000}'
    code, out, _ = run("rent", "--row", row, "--wanted", "400,450", "--json")
    assert code == 0
    assert json.loads(out)["change"]["wanted"] == [400.0, 450.0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["loans", "--row", "{"], "no JSON"),
        (["loans", "--row", "[" * 100_000], "no JSON"),
        (["loans", "--row", "[1]"], "no JSON object"),
        (["loans", "--row", "nowhere.json"], "nowhere.json"),
        (["loans", "--row", "."], "cannot be read"),
        (["loans", "--row", "x" * 10_000], "cannot be read"),
        (["loans", "--row", ""], "cannot be read"),
        (["loans", "--row", "-1"], "cannot be read"),
        (["loans", "--row", "99999999999999999999"], "no row"),
        (["loans", "--row", '{"age": 40}'], "is missing"),
        (["loans", "--row", json.dumps(ROW | {"age": "forty"})], "age cannot be 'forty'"),
        (["loans", "--row", json.dumps(ROW | {"income": math.inf})], "has no answer for it: ValueError"),
        (["loans", "--row", json.dumps(ROW), "--wanted", "yes"], "as it is"),
        (["loans", "--row", json.dumps(ROW), "--wanted", "nope"], "Did you mean 'no'|There is"),
        (["loans", "--row", json.dumps(ROW), "--immutable", "incom"], "income"),
        (["laons", "--row", json.dumps(ROW)], "loans"),
        (["rent", "--row", '{"age": 40, "income": 1}', "--wanted", "4"], "two numbers"),
        (["loans", "--row", "1", "--html", "no/such/folder/page.html"], "no folder"),
        (["loans"], "--row"),
    ],
)  # fmt: skip
def test_every_mistake_exits_three_and_says_what_to_do(run, arguments, says):
    import re

    code, _, err = run(*arguments)
    assert code == 3
    assert re.search(says, err), err
    assert "Traceback" not in err
    assert len(err) < 2000
