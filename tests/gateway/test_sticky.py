"""Sticky routing: an entity keeps its arm, shares hold, a growing share only adds, two salts know nothing of each other."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.gateway import coin
from workbench.gateway.batch import Schema
from workbench.gateway.problems import Problem
from workbench.models.records import Column

PEOPLE = [f"customer {n}" for n in range(20_000)]


def values(salt, people=PEOPLE):
    return [coin.of_entity(salt, one).value for one in people]


def far(count, n, share):
    """Standard deviations between a count and what a fair coin of this share gives."""
    return abs(count - n * share) / math.sqrt(n * share * (1 - share))


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_shares_hold(share):
    assert far(sum(value < share for value in values("release 7")), len(PEOPLE), share) < 4


def test_the_coins_of_entities_are_uniform():
    buckets = [0] * 100
    for value in values("release 7"):
        buckets[int(value * 100)] += 1
    chi2 = sum((n - 200) ** 2 / 200 for n in buckets)
    assert chi2 < 99 + 4 * math.sqrt(2 * 99)


def test_two_salts_split_independently():
    one, other = values("release 7"), values("release 8")
    both = sum(a < 0.5 and b < 0.5 for a, b in zip(one, other, strict=True))
    assert far(both, len(PEOPLE), 0.25) < 4
    rare = sum(a < 0.1 and b < 0.1 for a, b in zip(one, other, strict=True))
    assert far(rare, len(PEOPLE), 0.01) < 4


@given(
    st.text(),
    st.text() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.booleans(),
    st.data(),
)
def test_a_share_that_grows_only_adds_entities(salt, entity, data):
    thrown = coin.of_entity(salt, entity)
    assert 0 <= thrown.value < 1
    assert thrown == coin.of_entity(salt, entity)
    small = data.draw(st.floats(0, 1))
    great = data.draw(st.floats(small, 1))
    assert (thrown.value < small) <= (thrown.value < great)
    assert thrown.value < 1.0  # a share of one is everybody


def test_the_unit_is_a_digest_under_the_salt():
    thrown = coin.of_entity("release 7", "Ada Lovelace")
    assert len(thrown.unit) == 32
    assert "Ada" not in thrown.unit
    assert thrown.unit != coin.of_entity("release 8", "Ada Lovelace").unit
    assert thrown.unit != coin.of_entity("release 7", "Ada Lovelac").unit


def batch(*rows):
    columns = (Column(name="customer", type="string", required=False), Column(name="x1", type="double"))
    return Schema(columns).batch_of_records([{"customer": one, "x1": 1.0} for one in rows])


def test_rows_about_several_entities_are_refused_by_the_name_of_the_column():
    for rows in (("ada", "bob"), ("ada", None), (None, "ada")):
        with pytest.raises(Problem, match="column 'customer': its rows are about several") as refused:
            coin.of_batch(batch(*rows), "customer", "s")
        assert refused.value.status == 422
    assert coin.of_batch(batch("ada", "ada"), "customer", "s") == coin.of_entity("s", "ada")


def test_where_no_entity_is_named_the_coin_is_for_the_request():
    thrown = [coin.of_batch(batch(None, None), "customer", "s") for _ in range(20)]
    assert {one.unit for one in thrown} == {""}
    assert len({one.value for one in thrown}) == 20
    assert coin.of_batch(batch("ada"), "nobody reads it", "s").unit == ""


@pytest.fixture(scope="module")
def gateway(gateways, routes):
    return gateways(champion=routes.champion)


SPLIT = {"sticky": "x1", "salt": "release 7"}
ENTITIES = [n / 100 for n in range(-60, 0)]


def versions(gateway):
    return [gateway.ask(x1)[1] for x1 in ENTITIES]


def test_an_entity_keeps_its_arm_while_the_share_grows(gateway, routes):
    served = []
    for share in (0.2, 0.2, 0.6):
        table = gateway.take(champion=routes.champion, candidate=routes.always, share=share, **SPLIT)
        served.append(versions(gateway))
    few, again, more = served
    assert few == again
    assert {"1", "2"} == set(few) == set(more)
    assert all(late == "2" for early, late in zip(few, more, strict=True) if early == "2")
    for exchange in gateway.captured(len(ENTITIES), table):
        expected = coin.of_entity("release 7", exchange.inputs[0]["x1"])
        assert (exchange.coin, exchange.unit) == expected
        assert exchange.arm == ("candidate" if exchange.coin < 0.6 else "champion")


def test_another_salt_is_another_split(gateway, routes):
    gateway.take(champion=routes.champion, candidate=routes.always, share=0.5, **SPLIT)
    one = versions(gateway)
    gateway.take(champion=routes.champion, candidate=routes.always, share=0.5, sticky="x1", salt="other")
    assert versions(gateway) != one


def test_one_request_about_two_entities_is_422(gateway, routes):
    gateway.take(champion=routes.champion, candidate=routes.always, share=0.5, **SPLIT)
    status, _, error = gateway.ask(-1.0, 1.0)
    assert status == 422
    assert "column 'x1'" in error
    assert gateway.ask(-1.0, -1.0)[0] == 200


def test_without_stickiness_the_coin_is_kept_too(gateway, routes):
    table = gateway.take(champion=routes.champion, candidate=routes.always, share=0.5)
    for _ in range(20):
        gateway.ask(-1.0)
    for exchange in gateway.captured(20, table):
        assert exchange.unit == ""
        assert exchange.arm == ("candidate" if exchange.coin < 0.5 else "champion")
    table = gateway.take(champion=routes.champion)
    gateway.ask(-1.0)
    assert gateway.captured(1, table)[0].coin is None  # nobody to throw it for


def test_a_table_that_splits_by_what_nobody_reads_is_refused(gateway, routes, wait_until):
    gateway.take(champion=routes.champion)
    version = gateway.route(
        champion=routes.champion, candidate=routes.always, share=0.5, sticky="customer", salt="s"
    )
    wait_until(lambda: gateway.status.refused_version == version)
    assert "split by the column 'customer'" in gateway.status.refused
    assert gateway.ask(1.0)[0] == 200
