"""A key says who told labels, and whatever it is for: a gateway keeps them with its own endpoint."""

from __future__ import annotations

from workbench.gateway.door.keys import ANY
from workbench.traffic.labels import Labels


def test_a_label_is_kept_with_the_endpoint_and_the_name_of_the_key(gateways, routes, new_key):
    gateway = gateways(champion=routes.champion, settings={"gateway_auth": "keys"})
    key = new_key(gateway, "label", name="billing", endpoint=ANY)
    status, _, answer = gateway.post({"r1": 1}, "/labels", Authorization=f"Bearer {key}")
    assert (status, answer) == (200, {"labels": 1, "waiting": 1})
    told = [(label.endpoint, label.by) for label in Labels(gateway.state / "traffic").history()]
    assert told == [("tiny", "billing")]
