"""The coin that gives a request to an arm: a number from 0 to 1, kept with the exchange.

For a request alone it is drawn afresh. For an entity (a customer, a machine) it is a keyed hash of its name,
so that all its requests go to one arm, in every process, with nothing to remember. Below the table's share is
the candidate: a share that grows only adds entities, and none goes back and forth. Another salt is another
coin: who was the candidate's in one release says nothing of the next.
"""

from __future__ import annotations

import random
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from workbench.gateway.batch import Batch
from workbench.gateway.problems import wrong_column

#: Seeded by the operating system: who may see their own answers cannot foresee the next arm.
_draw = random.SystemRandom().random


class Coin(NamedTuple):
    """What was thrown."""

    value: float
    """0 ≤ value < 1."""
    unit: str = ""
    """The entity it was thrown for, as a digest under the salt; empty: for this request alone."""


def toss() -> Coin:
    """A coin for one request."""
    return Coin(_draw())


def of_entity(salt: str, entity: Any) -> Coin:
    """The coin of an entity: always the same under one salt.

    Args:
        salt: of the release. Who knows it can find out whose digest a guessed name has, and nobody else can:
            where a column must not be kept, ``CapturePolicy`` lets neither coin nor unit reach the disk.
        entity: text, a number or a truth value.
    """
    body = blake2b(orjson.dumps(entity), key=_key(salt), digest_size=24).digest()
    # 53 bits are what a double holds: every value is as likely as any other, and 1.0 is none of them.
    return Coin((int.from_bytes(body[:8]) >> 11) / 2**53, body[8:].hex())


def of_batch(batch: Batch, column: str, salt: str) -> Coin:
    """The coin of the entity that a request is about, or of the request where it names none.

    Args:
        batch: the rows.
        column: names the entity.
        salt: of the release.

    Raises:
        Problem: 422, the rows are about several.
    """
    cells = batch.values.get(column) or [None]
    entity = cells[0]
    if cells.count(entity) != len(cells):
        raise wrong_column(
            column,
            "its rows are about several, and one request goes to one version.",
            remedy="Send a request for each.",
        )
    return toss() if entity is None else of_entity(salt, entity)


@lru_cache(maxsize=16)
def _key(salt: str) -> bytes:
    """A salt of any length as a key of the hash."""
    return blake2b(salt.encode(), digest_size=32).digest()
