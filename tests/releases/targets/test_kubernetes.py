from __future__ import annotations

import pytest
import yaml

from workbench.core.errors import Refused, Tampered, Unavailable
from workbench.releases.targets.base import Routing
from workbench.releases.targets.kubernetes import Kubernetes


@pytest.fixture
def target(settings):
    return Kubernetes(settings)


@pytest.fixture
def deployed(target, registry):
    versions = sorted(registry.versions("tiny"), key=lambda version: version.version)[:2]
    return [target.deploy(version, registry.artifact_path(version)) for version in versions]


def test_a_champion_alone_gets_all_of_the_traffic(target, deployed):
    manifest = yaml.safe_load(target.render(Routing(endpoint="tiny", champion=deployed[0])))
    assert (manifest["apiVersion"], manifest["kind"]) == ("serving.kserve.io/v1beta1", "InferenceService")
    assert manifest["metadata"]["name"] == "tiny"
    predictor = manifest["spec"]["predictor"]
    assert "canaryTrafficPercent" not in predictor
    assert predictor["model"]["storageUri"].endswith(deployed[0].place)
    assert deployed[0].model.digest in manifest["metadata"]["annotations"]["model-workbench/champion"]


def test_a_candidate_is_the_newest_revision_with_its_share_in_percent(target, deployed):
    champion, candidate = deployed
    routing = Routing(endpoint="tiny", champion=champion, candidate=candidate, share=0.29)
    predictor = yaml.safe_load(target.render(routing))["spec"]["predictor"]
    assert predictor["canaryTrafficPercent"] == 29
    assert predictor["model"]["storageUri"].endswith(candidate.place)


@pytest.mark.parametrize(
    "changes", [{"share": 0.005}, {"sticky": "customer", "salt": "s", "share": 0.1}, {"shadow": True}]
)
def test_what_kserve_does_not_do_is_refused_in_words(target, deployed, changes):
    champion, candidate = deployed
    if changes.pop("shadow", False):
        routing = Routing(endpoint="tiny", champion=champion, shadow=candidate)
    else:
        routing = Routing(endpoint="tiny", champion=champion, candidate=candidate, **changes)
    with pytest.raises(Refused, match="KServe does not do"):
        target.render(routing)


def test_a_name_that_kubernetes_does_not_take_is_refused(target, deployed):
    with pytest.raises(Refused, match="Kubernetes takes no object"):
        target.render(Routing(endpoint="Tiny_1", champion=deployed[0]))


def test_it_moves_no_traffic_and_says_what_to_do_instead(target, deployed):
    for act in (
        lambda: target.route(Routing(endpoint="tiny", champion=deployed[0]), expected=0),
        lambda: target.status("tiny"),
        lambda: target.kill("tiny", "x"),
        lambda: target.revive("tiny"),
        lambda: target.remove("tiny"),
    ):
        with pytest.raises(Unavailable, match="kubectl"):
            act()


def test_changed_bytes_are_not_rendered(target, registry):
    version = registry.versions("tiny")[0]
    (registry.artifact_path(version) / "added").write_text("not registered", "utf-8")
    with pytest.raises(Tampered):
        target.deploy(version, registry.artifact_path(version))
