"""A byte changed after approval: refused at release, at load and at restart; the champion stays, and it shows."""

from __future__ import annotations

import shutil

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from workbench.core.clock import SystemClock
from workbench.core.errors import Refused, Tampered
from workbench.core.settings import Settings
from workbench.gates.streams import Look
from workbench.gateway.routing import Route, RoutingTable, read_table, write_table
from workbench.gateway.status import running
from workbench.governance.card import assemble_card
from workbench.interfaces.cli.main import main
from workbench.journal import Journal
from workbench.models.copying import copy_tree, tree_digest
from workbench.models.registry import Registry
from workbench.releases import Releases, Status, refusals
from workbench.releases.targets.local import Local
from workbench.testing.gateway import GatewayProcess
from workbench.testing.models import TARGET, Threshold, tiny_frame
from workbench.testing.releases import PLAN, plan, verdict_on
from workbench.testing.traffic import send
from workbench.traffic import TrafficStore
from workbench.views import overview as overviews
from workbench.views.endpoints import Beside

NAME = "tiny"
SHADOW = plan(stages=[PLAN["stages"][0] | {"min_requests": 60, "deadline_minutes": 2}, PLAN["stages"][3]])
ROWS = [{"x1": x1} for x1 in (-2.0, -1.0, 1.0, 2.0)]


@pytest.fixture
def settings(root):
    (root / "workbench.toml").write_text('actor = "ada"\n')
    return Settings(root=root, actor="ada", gateway_deadline_seconds=0.5)


@pytest.fixture
def opened(settings):
    """The project as a fresh process would open it: ``opened(verify_key=…)``."""
    journals = []

    def open_(**changes):
        changed, clock = settings.model_copy(update=changes), SystemClock()
        journals.append(Journal.open(settings.state / "journal.db", actor="ada", clock=clock))
        registry, traffic = Registry(changed, journals[-1], clock), TrafficStore(settings.state / "traffic")
        parts = (changed, journals[-1], registry, traffic, clock)
        return registry, Releases(*parts, permission=lambda state: state.allowed)

    yield open_
    for journal in journals:
        journal.close()


@pytest.fixture
def gateway(settings):
    """Starts gateways of the project; they end with the test."""
    started = []

    def start(**changes):
        started.append(
            GatewayProcess(settings.root, NAME, settings={"gateway_deadline_seconds": 0.5, **changes})
        )
        started[-1].wait()
        return started[-1]

    yield start
    for process in started:
        process.end()


def flip(registry, number):
    """Change one bit of a version's own file."""
    file = registry.artifact_path(registry.version(f"{NAME}/{number}")) / "model.pkl"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    return file


def release(registry, releases, number, plan=SHADOW):
    version = registry.version(f"{NAME}/{number}")
    return releases.open(version, plan, endpoint=NAME, verdict=verdict_on(version))


def answering(gateway):
    sent = send(gateway.status.url, NAME, ROWS)
    return sent.statuses, set(sent.versions)


def status_of(root, capsys):
    capsys.readouterr()
    assert main(["status", "-C", str(root)]) == 0
    return capsys.readouterr().out


def test_a_byte_changed_before_the_release_moves_nothing_and_is_told(opened, gateway, settings, capsys):
    registry, releases = opened()
    release(registry, releases, 1)
    serving = gateway()
    table = read_table(settings.state, NAME)
    file = flip(registry, 2)
    for _ in range(2):  # told once, however often it is tried
        with pytest.raises(Tampered, match="tiny/2 was registered as"):
            release(registry, releases, 2)
    assert read_table(settings.state, NAME) == table
    assert answering(serving) == ({200: 4}, {1})
    assert registry.version("tiny@champion").version == 1
    assert releases.active(NAME) is None
    entries = registry._journal.read("artifact/tiny")
    assert [(entry.kind, entry.subjects) for entry in entries] == [
        (refusals.REFUSED, (registry.version("tiny/2").digest,))
    ]
    told = status_of(settings.root, capsys)
    assert "tiny/2 was refused, and nothing moved: tiny/2 was registered as" in told

    look = Look.of(settings, SystemClock().now())
    card = assemble_card(registry.version("tiny/2"), registry._journal.entries(), reports=(), look=look)
    assert card.history[-1].what.startswith("was to release it, and its bytes were refused: tiny/2 was reg")

    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1  # somebody restores it
    file.write_bytes(content)
    release(registry, releases, 2)
    assert [entry.kind for entry in registry._journal.read("artifact/tiny")][-1] == refusals.ACCEPTED
    assert "was refused" not in status_of(settings.root, capsys)


def test_a_byte_changed_once_the_release_is_open_is_refused_by_the_gateway_and_ends_it(
    opened, gateway, settings, capsys, monkeypatch
):
    registry, releases = opened()
    release(registry, releases, 1)
    serving = gateway()
    deploy = Local.deploy

    def deployed_and_then_changed(self, version, folder):
        made = deploy(self, version, folder)
        flip(registry, 2)
        return made

    monkeypatch.setattr(Local, "deploy", deployed_and_then_changed)
    opened_release = release(registry, releases, 2)
    monkeypatch.undo()
    refused = serving.status
    assert refused.table_version == 1
    assert refused.refused.startswith("The files of tiny/2 are not those that were registered")
    assert answering(serving) == ({200: 4}, {1})
    told = status_of(settings.root, capsys)
    assert "the gateway of tiny refused a table, and tiny/1 goes on answering: The files of tiny/2" in told
    ended = releases.tick(opened_release.id)
    assert ended.status is Status.ABORTED
    assert "The gateway could not take the candidate: The files of tiny/2 are not those" in ended.reason
    assert registry.version("tiny@champion").version == 1
    assert answering(serving) == ({200: 4}, {1})


def test_a_champion_changed_on_disk_goes_on_answering_and_is_refused_at_the_next_start(
    opened, gateway, settings, capsys
):
    registry, releases = opened()
    release(registry, releases, 1)
    first = gateway()
    flip(registry, 1)
    assert answering(first) == ({200: 4}, {1})  # what is in memory was checked
    assert first.stop() == 0
    again = gateway()
    assert not again.status.ready
    assert again.status.refused.startswith("The files of tiny/1 are not those that were registered")
    assert answering(again)[0] == {503: 4}
    told = status_of(settings.root, capsys)
    assert "the gateway of tiny refused a table, and no model answers: The files of tiny/1" in told


@pytest.fixture
def pair(settings):
    """A pair of keys in the project, and the settings that name them."""
    key = ec.generate_private_key(ec.SECP256R1())
    private, public = settings.root / "team.key", settings.root / "team.pub"
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    private.chmod(0o600)
    public.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return {"signing_key": "team.key", "verify_key": "team.pub"}


def test_where_a_key_is_named_the_gateway_serves_what_it_signed_and_nothing_else(
    opened, gateway, settings, pair, capsys
):
    registry, releases = opened(**pair)
    signed = registry.register(Threshold(0.0), name=NAME, train=tiny_frame(), target=TARGET)
    release(registry, releases, signed.version)
    serving = gateway(verify_key="team.pub")
    assert answering(serving) == ({200: 4}, {signed.version})

    with pytest.raises(Tampered, match="The signature of tiny/2 does not hold: it was made by another key"):
        release(registry, releases, 2)  # signed by ada, before there was a team key
    assert "tiny/2 was refused, and nothing moved: The signature of tiny/2" in status_of(
        settings.root, capsys
    )

    # Somebody who writes the routing table by hand gets around the release, and not around the gateway.
    table = read_table(settings.state, NAME)
    forged = registry.version("tiny/3").model_copy(update={"attestations": ()})
    route = Route(model=forged, path=str(registry.artifact_path(forged)))
    write_table(settings.state, RoutingTable(endpoint=NAME, version=table.version + 1, champion=route))
    serving.wait()
    [status] = running(settings.state)
    assert status.refused.startswith(
        "tiny/3 is not signed, and this project serves only what team.pub signed"
    )
    assert answering(serving) == ({200: 4}, {signed.version})

    # The bytes, their digest and the record can all be changed together; the signature cannot.
    flip(registry, signed.version)
    folder = registry.artifact_path(signed)
    changed = signed.model_copy(update={"digest": tree_digest(copy_tree(folder, settings.root / "copy"))})
    route = Route(model=changed, path=str(folder))
    write_table(settings.state, RoutingTable(endpoint=NAME, version=table.version + 2, champion=route))
    serving.wait()
    assert "does not hold: 'model.pkl' is not what was signed" in running(settings.state)[0].refused
    assert answering(serving) == ({200: 4}, {signed.version})
    shutil.rmtree(settings.state / "attestations")
    serving.stop()
    bare = gateway(verify_key="team.pub")
    assert not bare.status.ready
    with pytest.raises(Refused, match="is not signed"):
        Local(settings.model_copy(update=pair)).deploy(forged, registry.artifact_path(forged))


def test_refusals_stand_in_the_overview_by_who_looked(opened, gateway):
    registry, releases = opened()
    release(registry, releases, 1)
    flip(registry, 1), flip(registry, 2)
    with pytest.raises(Tampered):
        release(registry, releases, 2)
    gateway()
    made = overviews.overview(registry._journal.entries(), beside=Beside(running(registry._settings.state)))
    assert [(one.by, one.name, one.answering) for one in made.refusals] == [
        ("release", "tiny/2", ""),
        ("gateway", "tiny", ""),
    ]
