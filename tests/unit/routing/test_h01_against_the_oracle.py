"""Random networks with every constraint on: the front equals that of a planner which tries everything."""

import random
from dataclasses import replace

import pytest

from app.routing import NO_LOAD, Front, Load, NoPlan, Place, Query, Reason, Service, Timetable, plan
from tests.unit.routing import chance, oracle

NETWORKS = 320
BATCH = 20


def check(places: list[Place], services: list[Service], query: Query, load: Load) -> int:
    """Compare one answer with the oracle's and replay every plan; the number of plans."""
    expected = oracle.front(places, services, query, load)
    match plan(Timetable(places, services, "1"), query, load):
        case Front(plans=plans):
            assert [(each.arrives_at, each.price_minor, each.co2e_mg) for each in plans] == list(expected)
            for each in plans:
                oracle.replay(places, services, query, load, each)
                legs, path = expected[each.arrives_at, each.price_minor, each.co2e_mg]
                # A rest is a step, too.
                assert len(each.legs) == legs or (query.rest_s and len(each.legs) < legs)
                if query.max_journey_s is None and query.max_exposure_s is None:
                    told = [(leg.service, leg.board_stop, leg.alight_stop, leg.departure_at) for leg in each.legs]
                    assert told == list(path)
            return len(plans)
        case NoPlan(reason=reason):
            assert not expected
            check_reason(places, services, query, reason)
            return 0


def check_reason(places: list[Place], services: list[Service], query: Query, reason: Reason) -> None:
    """Each constraint in time is the first in order without which something would still arrive."""
    unlimited = replace(query, max_journey_s=None, max_exposure_s=None)
    unhindered = replace(unlimited, excluded_departures=frozenset())

    def has_plan(asked: Query) -> bool:
        return bool(oracle.front(places, services, asked, NO_LOAD))

    if reason in {Reason.JOURNEY_LIMIT, Reason.EXPOSURE_LIMIT, Reason.FULL}:
        assert has_plan(unlimited)
        assert has_plan(query) == (reason is Reason.FULL)
    else:
        assert reason is Reason.EXCLUDED or not has_plan(unhindered)
        assert not has_plan(unlimited)


@pytest.mark.parametrize("first", range(0, NETWORKS, BATCH))
def test_the_front_is_exact(first):
    sizes = []
    for seed in range(first, first + BATCH):
        dice = random.Random(seed)
        places, services = chance.network(dice)
        load = chance.load(dice, services) if dice.random() < 0.6 else NO_LOAD
        sizes.append(check(places, services, chance.question(dice, places), load))
        sizes.append(check(places, services, chance.question(dice, places, is_live=True), load))
    assert sum(size > 0 for size in sizes) >= BATCH // 2, "too few networks have a way at all"
    assert max(sizes) > 1


@pytest.mark.parametrize("first", range(5_000, 5_000 + 120, BATCH))
def test_animals_on_demand_past_closed_roads_are_exact(first):
    for seed in range(first, first + BATCH):
        dice = random.Random(seed)
        places, services = chance.network(dice)
        # Mostly on demand and often closed: here the chains slide, and are kept from it.
        services = [
            replace(service, departures=(), on_demand=True, closures=tuple(chance.closures(dice, 0.6)))
            if dice.random() < 0.7
            else service
            for service in services[:7]
        ]
        check(places, services, chance.question(dice, places, is_live=True), NO_LOAD)
