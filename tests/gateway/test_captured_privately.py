"""A gateway that must not keep a column keeps it nowhere, whoever answers, fails or listens."""

from __future__ import annotations

from workbench.gateway.coin import of_entity
from workbench.traffic import TrafficStore

SECRET = 77.1234567


def test_a_redacted_value_is_in_no_file_of_a_real_gateway(gateways, routes):
    gateway = gateways(
        champion=routes.champion,
        candidate=routes.failing,
        shadow=routes.too_long,
        share=0.5,
        settings={"capture_redact": '["x1"]'},
    )
    assert {gateway.ask(SECRET)[0] for _ in range(40)} == {200}
    read = gateway.captured(40)
    assert all(one.inputs == [{}] and one.redacted == ("x1",) for one in read)
    assert {one.arm for one in read} >= {"champion", "candidate"}
    assert all(":" not in one.error for one in read)
    assert any(one.error for one in read)
    assert gateway.stop() == 0
    for path in gateway.state.rglob("*"):
        assert not path.is_file() or str(SECRET).encode() not in path.read_bytes(), path
    everything = TrafficStore(gateway.state / "traffic").frame("tiny").to_dict()
    assert str(SECRET) not in str(everything)


def test_a_sampled_gateway_keeps_every_line_and_a_share_of_the_rows(gateways, routes):
    gateway = gateways(champion=routes.champion, settings={"capture_sample": 0.5})
    for n in range(60):
        assert gateway.ask(float(n))[0] == 200
    read = gateway.captured(60)
    assert all(one.served_by == 1 and one.status == 200 for one in read)
    assert 10 < sum(one.kept for one in read) < 50  # 30 within five standard errors
    assert all((one.inputs == [{}] and one.outputs is None) or one.kept for one in read)


def test_an_entity_that_must_not_be_kept_is_counted_once_and_cannot_be_guessed_from_the_release(
    gateways, routes
):
    gateway = gateways(
        champion=routes.champion,
        candidate=routes.always,
        share=0.5,
        sticky="x1",
        salt="tiny-1",
        settings={"capture_redact": '["x1"]'},
    )
    for n in range(20):
        assert gateway.ask(float(n % 4))[0] == 200
    read = gateway.captured(20)
    units = [one.unit for one in read]
    assert len(set(units)) == 4
    assert units == units[:4] * 5
    assert all(one.coin is None for one in read)
    guessed = {of_entity("tiny-1", float(n)) for n in range(4)}
    assert set(units).isdisjoint(coin.unit for coin in guessed)
    arms = {of_entity("tiny-1", float(n)).value < 0.5: read[n].arm for n in range(4)}
    assert arms.get(True, "candidate") == "candidate"
    assert arms.get(False, "champion") == "champion"
