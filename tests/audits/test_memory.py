"""Same model, data and options cost nothing; one changed column re-runs only what read it."""

import pytest

import workbench as wb
from workbench.audits import Step
from workbench.testing import subjects

AUDITS = ["performance", "fairness", "robustness"]


@pytest.fixture
def bench(tmp_path):
    bench = wb.open(tmp_path, actor="ada")
    train = subjects.loans(200, seed=1)
    model = subjects.pipeline(
        train[["age", "income", "late_payments", "owner", "sex", "region", "defaulted"]]
    )
    bench.register(model, name="loans", train=train, target="defaulted", sensitive=["sex"], positive="yes")
    return bench


def audited(bench, frame, **options):
    told: list[Step] = []
    spec = ["performance", "fairness", {"robustness": {"rows": 10, "queries": 50}}]
    report = bench.audit("loans/1", on=frame, audits=spec, progress=told.append, **options)
    return report, [step.audit for step in told if step.state == "started"]


def test_what_was_measured_on_the_same_things_is_recalled(bench):
    frame = subjects.loans(200, seed=2)
    first, measured = audited(bench, frame)
    assert measured == AUDITS
    second, measured = audited(bench, frame)
    assert measured == []
    assert [e.measurements for e in second.evidence] == [e.measurements for e in first.evidence]
    assert all(e.recalled for e in second.evidence)
    assert [e.started for e in second.evidence] == [e.started for e in first.evidence]


def test_a_changed_column_runs_again_only_what_read_it(bench):
    frame = subjects.loans(200, seed=2).assign(postcode=range(200))
    audited(bench, frame)
    other = frame.assign(postcode=7)
    report, measured = audited(bench, other)
    assert measured == []  # nobody reads it
    assert {e.data_digest for e in report.evidence} == {report.data_digest}
    assert audited(bench, frame.assign(income=frame["income"] * 2))[1] == AUDITS


def test_other_options_another_seed_and_fresh_are_measured(bench):
    frame = subjects.loans(200, seed=2)
    audited(bench, frame)
    assert audited(bench, frame, seed=1)[1] == AUDITS
    assert audited(bench, frame, fresh=True)[1] == AUDITS
    report = bench.audit("loans/1", on=frame, audits=[{"fairness": {"n_boot": 200}}])
    assert report.evidence[0].recalled is None


def test_a_kept_report_that_was_changed_is_no_evidence(bench):
    frame = subjects.loans(200, seed=2)
    audited(bench, frame)
    [file] = (bench.settings.state / "reports").glob("*.json")
    file.write_text(file.read_text().replace("0.", "1.", 1))
    assert audited(bench, frame)[1] == AUDITS


def test_an_error_is_never_recalled(bench):
    frame = subjects.loans(200, seed=2)
    broken = frame.drop(columns="age")
    for _ in range(2):
        report = bench.audit("loans/1", on=broken, audits=["performance"])
        assert report.evidence[0].recalled is None
        assert report.evidence[0].error


def test_a_case_file_that_was_edited_is_tried_again(bench):
    frame = subjects.loans(200, seed=2)
    place = bench.settings.root / "mine"
    place.mkdir()
    case = "name: {name}\nkind: invariance\nreplace: {{sex: [female, male]}}\n"
    (place / "a.yaml").write_text(case.format(name="first"))
    spec = {"behaviour": {"cases": str(place)}}
    for name in ("first", "second"):
        (place / "a.yaml").write_text(case.format(name=name))
        report = bench.audit("loans/1", on=frame, audits=spec)
        assert report.evidence[0].measurements[1].slice == name
