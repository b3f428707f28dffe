"""The story on real data: four versions of a recidivism model, the third trained on priors in hundreds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from workbench.core.values import Outcome
from workbench.incidents import Failure

NUMBERS = ["age", "priors_count", "juv_fel_count", "juv_misd_count"]
FEATURES = [*NUMBERS, "c_charge_degree"]
TARGET = "two_year_recid"


@pytest.fixture
def story(here, compas):
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame = compas[[*FEATURES, "race", "sex", TARGET]].sample(frac=1, random_state=0)
    for version in (1, 2, 3, 4):
        train = frame.iloc[: 2000 + 500 * version]
        if version >= 3:
            train = train.assign(priors_count=train["priors_count"] / 100)
        columns = make_column_transformer(
            (StandardScaler(), NUMBERS), (OneHotEncoder(handle_unknown="ignore"), ["c_charge_degree"])
        )
        model = make_pipeline(columns, LogisticRegression(max_iter=500)).fit(train[FEATURES], train[TARGET])
        here.registry.register(
            model, name="recidivism", train=train, target=TARGET, sensitive=["race", "sex"]
        )
    return here, frame.iloc[4000:]


def test_the_incident_is_bisected_to_version_three_and_the_column_named(story, exchange):
    here, test = story
    version = here.registry.load(here.registry.version("recidivism/4"))
    answers = version.predict(test[FEATURES]).tolist()
    here.capture(
        exchange(n, 0, endpoint="recidivism", served_by=3 + n % 2, inputs=[row], outputs=[answer])
        for n, (row, answer) in enumerate(zip(test[FEATURES].to_dict("records"), answers, strict=True))
    )
    noon = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    incident = here.incidents.open("everybody scores high", window=(noon, noon + timedelta(hours=1)))
    assert (incident.versions, incident.rows) == ((3, 4), len(test))

    replay = here.incidents.replay(incident)
    unlike_first = [c.disagrees_with_first for c in replay.columns]
    assert unlike_first[0] == 0.0
    assert unlike_first[1] < 0.1 < 0.3 < min(unlike_first[2:])
    assert replay.columns[3].disagrees_with_recorded == 0.0
    assert set(replay.examples[0]) == {*FEATURES, "production", *(f"recidivism/{n}" for n in (1, 2, 3, 4))}

    report = here.incidents.bisect(incident)
    assert (report.first_bad, report.last_good, report.monotone) == (3, 2, True)
    assert report.outcome == Outcome.PASS
    assert report.changes[0] == "priors_count: training range 0 to 38 became 0 to 0.38 (×0.01: another unit?)"


def test_on_labelled_rows_the_metric_that_broke_finds_it_too(story):
    here, test = story
    incident = here.incidents.open("many wrongly called high risk", rows=test, model="recidivism")
    failure = Failure(kind="metric", metric="false_positive_rate", above=0.4)
    report = here.incidents.bisect(incident, failure)
    assert (report.first_bad, report.outcome) == (3, Outcome.PASS)
    examples = here.incidents.replay(incident, against=[2, 3]).examples
    assert not {"race", "sex", TARGET} & set(examples[0])
