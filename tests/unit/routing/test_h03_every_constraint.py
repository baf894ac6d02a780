"""Random networks with opening hours, pieces, forbidden places, rests, the cold chain and goods under way: still the exact front."""

import random
from dataclasses import replace

import pytest

from app.routing import NO_LOAD
from tests.unit.routing import chance
from tests.unit.routing.test_h01_against_the_oracle import check

BATCH = 50
PLAIN, LIMITED = range(20_000, 20_600, BATCH), range(30_000, 30_900, BATCH)


def drawn(seed: int, *, is_live: bool):
    dice = random.Random(seed)
    places, services = chance.network(dice)
    load = chance.load(dice, services) if dice.random() < 0.6 else NO_LOAD
    query = chance.question(dice, places, is_live=is_live)
    return dice, *chance.constrained(dice, places, services, query), load


@pytest.mark.parametrize("first", PLAIN)
def test_every_constraint_at_once_keeps_the_front_exact(first):
    sizes = []
    for seed in range(first, first + BATCH):
        _, places, services, query, load = drawn(seed, is_live=False)
        sizes.append(check(places, services, replace(query, max_exposure_s=None), load))
    assert sum(size > 0 for size in sizes) >= BATCH // 5, "too few networks have a way at all"


@pytest.mark.parametrize("first", LIMITED)
def test_limits_with_rests_and_the_cold_keep_the_front_exact(first):
    sizes = []
    for seed in range(first, first + BATCH):
        _, places, services, query, load = drawn(seed, is_live=seed % 2 == 1)
        sizes.append(check(places, services, query, load))
    assert sum(size > 0 for size in sizes) >= BATCH // 6, "too few networks have a way at all"
