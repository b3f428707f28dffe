"""The whole loop on COMPAS, as a person walks it: four versions, the third trained on a wrongly scaled column.

Nothing here is a stand-in: MLflow on SQLite, a gateway in its own process, real HTTP, the journal on disk.
"""

from __future__ import annotations

import html
import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import workbench as wb
from workbench.core.errors import Refused
from workbench.journal import Checkpoint
from workbench.testing.gateway import running_gateway
from workbench.testing.traffic import send

NAME = "recidivism"
TARGET = "two_year_recid"
NUMBERS = ["age", "priors_count", "juv_fel_count", "juv_misd_count"]
FEATURES = [*NUMBERS, "c_charge_degree"]
SENSITIVE = ["race", "sex"]

POLICY = """\
name: recidivism
rules:
  - {audit: performance, metric: roc_auc_score, bound: lower, at_least: 0.6}
  - {audit: fairness, metric: demographic_parity_difference, slice: sex, bound: upper, at_most: 0.6}
required_audits: [performance, fairness]
approvals: {model-risk: 1}
"""

#: What a team in a hurry writes: hardly anything is too different from the champion.
LAX_PLAN = """\
name: lax
alpha: 0.05
metrics:
  errors: {margin: 2.0}
  disagreement: {at_most: 0.9}
stages:
  - {name: shadow, kind: shadow, min_requests: 60, deadline_minutes: 5}
  - {name: canary 20 %, kind: canary, weight: 0.2, min_requests: 20, deadline_minutes: 5}
  - {name: champion, kind: champion}
"""


def pipeline():
    columns = make_column_transformer(
        (StandardScaler(), NUMBERS), (OneHotEncoder(handle_unknown="ignore"), ["c_charge_degree"])
    )
    return make_pipeline(columns, LogisticRegression(max_iter=500))


def wrongly_scaled(frame):
    """The planted failure: a change upstream divides priors by a hundred, in training data and test data alike."""
    return frame.assign(priors_count=frame["priors_count"] / 100)


@pytest.fixture(scope="module")
def halves(compas):
    frame = compas[[*FEATURES, *SENSITIVE, TARGET]].sample(frac=1, random_state=0)
    return frame.iloc[:4000], frame.iloc[4000:]


@pytest.fixture(scope="module")
def story(halves, tmp_path_factory):
    """Everything up to the incident; the tests below each look at one part of it."""
    train, test = halves
    root = tmp_path_factory.mktemp("story")
    ada = wb.open(root, actor="ada")
    (root / "workbench.toml").write_text('[people]\ngrace = ["model-risk"]\n', "utf-8")
    (root / "policies" / "recidivism.yaml").write_text(POLICY, "utf-8")
    (root / "plans" / "lax.yaml").write_text(LAX_PLAN, "utf-8")
    ada, grace = wb.open(root, actor="ada"), wb.open(root, actor="grace")
    return Story(root, ada, grace, train, test)


class Story:
    """The people, the project and what has happened so far."""

    def __init__(self, root: Path, ada, grace, train, test) -> None:
        self.root, self.ada, self.grace, self.train, self.test = root, ada, grace, train, test
        self.requests = test[FEATURES].to_dict("records")
        self.releases: dict[int, object] = {}
        self.happened = False

    def register_audit_gate_approve(self, version: int) -> None:
        change = wrongly_scaled if version >= 3 else (lambda frame: frame)
        train, test = change(self.train.iloc[: 2500 + 500 * (version - 1)]), change(self.test)
        model = self.ada.register(
            pipeline().fit(train[FEATURES], train[TARGET]),
            name=NAME,
            train=train,
            target=TARGET,
            sensitive=SENSITIVE,
        )
        assert model.version == version
        self.ada.audit(model, on=test, audits=["performance", "fairness"])
        assert self.ada.gate(model, "recidivism").outcome == "pass"
        with pytest.raises(Refused):
            self.ada.approve(model, note="mine", policy="recidivism")
        self.grace.approve(model, note="harm reviewed", policy="recidivism")

    def release(self, version: int, url: str) -> None:
        release = self.ada.release(f"{NAME}/{version}", plan="lax", policy="recidivism")
        stop = threading.Event()
        sender = threading.Thread(target=self._send_until, args=(url, stop), daemon=True)
        sender.start()
        for state in self.ada.watch(release, every=0.2, timeout=120):
            self.releases[version] = state
        stop.set()
        sender.join()

    def _send_until(self, url: str, stop: threading.Event) -> None:
        while not stop.is_set():
            sent = send(url, NAME, self.requests[:100], rate=200)
            assert sent.failed == 0, sent

    def happen(self) -> None:
        if self.happened:
            return
        self.happened = True
        self.register_audit_gate_approve(1)
        self.ada.release(f"{NAME}/1", plan="lax", policy="recidivism")
        with running_gateway(self.root, NAME) as url:
            self.url = url
            self.register_audit_gate_approve(2)
            self.release(2, url)
            self.register_audit_gate_approve(3)
            self.release(3, url)
            self.register_audit_gate_approve(4)
            since = datetime.now(UTC)
            self.release(4, url)
            send(url, NAME, self.requests[:300], rate=300)
            self.incident = self.ada.open_incident(
                "nearly everybody scores high", window=(since, datetime.now(UTC)), endpoint=NAME
            )
            self.replay = self.ada.replay(self.incident)
            self.bisection = self.ada.bisect(self.incident)
            self.under_rollback = self._roll_back_twice_under_load(url)

    def _roll_back_twice_under_load(self, url: str):
        results = []
        sender = threading.Thread(
            target=lambda: results.append(send(url, NAME, self.requests[:600], rate=200))
        )
        sender.start()
        threading.Event().wait(0.8)
        self.ada.rollback(NAME, reason=self.incident.id)
        threading.Event().wait(0.5)
        self.ada.rollback(NAME, reason=self.incident.id)
        sender.join()
        return results[0]


@pytest.fixture(scope="module")
def told(story):
    story.happen()
    return story


def test_every_version_went_from_candidate_to_champion_through_shadow_and_canary(told):
    for version in (2, 3, 4):
        release = told.releases[version]
        assert release.status == "promoted", release.reason
        assert {v.stage for v in release.verdicts} >= {"shadow", "canary 20 %"}


def test_the_incident_is_bisected_to_version_three_and_names_the_column(told):
    assert told.incident.versions == (3, 4)
    assert told.bisection.first_bad == 3
    assert told.bisection.last_good == 2
    assert told.bisection.monotone
    assert any("priors_count" in change for change in told.bisection.changes)


def test_the_replay_shows_which_versions_answer_differently(told):
    unlike_first = {c.version: c.disagrees_with_first for c in told.replay.columns}
    assert unlike_first[2] < 0.1 < min(unlike_first[3], unlike_first[4])


def test_rollback_loses_no_request_and_brings_back_the_version_before(told):
    sent = told.under_rollback
    assert sent.failed == 0
    assert sent.statuses == {200: 600}
    assert sent.versions[-1] == 2
    assert told.ada.registry.aliases(NAME)["champion"] == 2


def test_the_saved_case_fails_the_bad_version_and_passes_the_good_one(told):
    told.ada.save_case(told.incident, name="priors in hundreds", expected_from=2)
    for version, outcome in ((4, "fail"), (2, "pass")):
        report = told.ada.audit(f"{NAME}/{version}", on=told.test, audits=["performance"])
        assert {e.audit: e.outcome for e in report.evidence}["behaviour"] == outcome


def test_the_card_tells_the_story_to_somebody_who_was_not_there(told, tmp_path):
    page = told.ada.card(f"{NAME}/3").to_html(tmp_path / "card.html").read_text("utf-8")
    signed = html.unescape(page.partition("<pre>")[2].partition("</pre>")[0])
    assert Checkpoint.parse(signed).signers in (("ada",), ("grace",))
    for word in ("grace", "INC-1", "harm reviewed", NAME):
        assert word in page


def test_the_gateway_tells_the_same_as_the_journal(told):
    found = told.ada.reconcile()
    assert (found.ok, found.endpoints) == (True, (NAME,)), found


def test_the_journal_holds_until_one_byte_is_changed(told, tmp_path):
    assert told.ada.verify().ok
    told.ada.journal.close()
    path = told.root / ".workbench" / "journal.db"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    body = bytearray(path.read_bytes())
    place = body.rfind(b"harm reviewed")
    body[place] ^= 1
    path.write_bytes(body)
    found = wb.open(told.root).verify()
    assert not found.ok
    assert found.problems
