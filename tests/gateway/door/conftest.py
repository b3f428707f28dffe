"""Gateways that ask who calls, and keys to show them."""

from __future__ import annotations

import itertools

import pytest

import workbench as wb

NUMBERS = itertools.count()
ROW = {"dataframe_records": [{"x1": 1.0}]}


@pytest.fixture
def new_key():
    """``new_key(gateway, "infer")`` makes a key with the bench, and returns its secret."""

    def make(gateway, *scopes, **options):
        bench = wb.open(gateway.root, actor="ada")
        options = {"name": f"caller-{next(NUMBERS)}", "endpoint": "tiny", **options}
        made = bench.gateway_keys.add(options.pop("endpoint"), scopes=scopes, **options)[1]
        bench.journal.close()
        return made

    return make


@pytest.fixture
def ask():
    """``ask(gateway, key)`` asks for one row, and returns status, headers and body."""

    def post(gateway, key="", **headers):
        shown = {"Authorization": f"Bearer {key}"} if key else {}
        return gateway.post(ROW, "/invocations", Content_Type="application/json", **shown, **headers)

    return post
