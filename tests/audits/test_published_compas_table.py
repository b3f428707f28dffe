"""ProPublica's table of 2016, the numbers everybody knows, out of an audit of a column of scores.

Larson, Mattu, Kirchner and Angwin, "How We Analyzed the COMPAS Recidivism Algorithm": all 7,214 defendants of the
two-year file, "high risk" is a decile score of 5 or more.
"""

import pytest

import workbench as wb
from workbench.core.values import Outcome

PUBLISHED = {
    ("false_positive_rate", "race=African-American"): 44.85,
    ("false_positive_rate", "race=Caucasian"): 23.45,
    ("false_negative_rate", "race=African-American"): 27.99,
    ("false_negative_rate", "race=Caucasian"): 47.72,
}


@pytest.fixture(scope="module")
def scored(compas):
    return compas.assign(score_high=(compas.decile_score >= 5).astype(int), score=compas.decile_score / 10)


@pytest.fixture(scope="module")
def report(scored):
    return wb.audit(
        None,
        scored,
        target="two_year_recid",
        sensitive=["race", "sex"],
        prediction="score_high",
        score="score",
        audits=["performance", "fairness"],
    )


@pytest.mark.parametrize(("which", "percent"), PUBLISHED.items())
def test_the_published_rates_come_out_each_with_its_interval(report, which, percent):
    m = report.measurement(*which)
    assert round(100 * m.value, 2) == percent
    assert m.low < m.value < m.high < m.low + 0.07
    assert m.outcome is Outcome.MEASURED


def test_the_gap_of_the_two_groups_is_beyond_chance(report):
    african_american, caucasian = (
        report.measurement("false_positive_rate", f"race={race}")
        for race in ("African-American", "Caucasian")
    )
    assert african_american.low > caucasian.high


@pytest.mark.parametrize("columns", [["race"], ["sex"], ["race", "sex"]])
def test_every_point_estimate_equals_fairlearns(report, scored, columns, assert_equals_fairlearn):
    found = {(m.metric, m.slice): m for e in report.evidence if e.audit == "fairness" for m in e.measurements}
    frame = scored.rename(columns={"two_year_recid": "y", "score_high": "p"})
    assert_equals_fairlearn(found, frame, columns)


def test_eleven_people_do_not_settle_a_rate(report):
    m = report.measurement("false_positive_rate", "race=Native American")
    assert m.outcome is Outcome.INCONCLUSIVE
    assert "too few rows" in m.note


def test_the_decile_score_ranks_and_its_counts_move_the_threshold(report):
    assert report.measurement("roc_auc_score").value == pytest.approx(0.702, abs=5e-4)
    assert report.scores.threshold == 0.5
    negatives, positives = report.scores.counts[report.scores.slices.index("race=African-American")]
    assert sum(negatives[50:]) / sum(negatives) == report.measurement(*next(iter(PUBLISHED))).value
    assert sum(positives) == 1901
