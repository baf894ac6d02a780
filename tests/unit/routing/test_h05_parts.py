"""Networks that hang together by single places: what is left out of a search there never matters."""

import random
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest

from app.network.national import national_network
from app.network.timetable import planned_place, planned_service
from app.network.values import HubKind, ServiceStatus
from app.routing import NO_LOAD, Place, Query, Service, Stop, Timetable, plan, planner
from app.routing.calendar import PARTLESS
from app.routing.parts import parts_of
from tests.unit.routing import chance
from tests.unit.routing.test_h01_against_the_oracle import check

BATCH = 25
MONDAY = 1_767_571_200


def chained(dice: random.Random) -> tuple[list[Place], list[Service], Query]:
    """Small networks in a row, each of which shares one place with the one before."""
    places, services = chance.network(dice)
    asked = chance.question(dice, places)
    for number in range(dice.randint(1, 2)):
        more, lines = chance.network(dice)
        joint = dice.choice(places).code
        names = {place.code: f"{place.code}{number}" for place in more} | {more[0].code: joint}
        places = [*places, *(replace(place, code=names[place.code]) for place in more[1:])]
        lines = [
            replace(
                line,
                id=f"{line.id}-{number}",
                stops=tuple(
                    Stop(names[s.place], s.arrive_offset_s, s.depart_offset_s, s.distance_m) for s in line.stops
                ),
            )
            for line in lines[:7]
        ]
        services = [*services[:9], *lines]
    origin, destination = dice.sample([place.code for place in places], 2)
    return places, services, replace(asked, origin=origin, destination=destination)


@pytest.mark.parametrize("first", range(50_000, 50_200, BATCH))
def test_networks_in_a_row_have_exact_fronts(first):
    found = 0
    for seed in range(first, first + BATCH):
        dice = random.Random(seed)
        places, services, query = chained(dice)
        places, services, query = chance.constrained(dice, places, services, query)
        load = chance.load(dice, services) if dice.random() < 0.5 else NO_LOAD
        found += check(places, services, query, load) > 0
    assert found >= BATCH // 10


def test_parts_are_the_biconnected_components_of_the_calls():
    for seed in range(300):
        dice = random.Random(seed)
        places, services, _ = chained(dice)
        numbers = {place.code: number for number, place in enumerate(places)}
        calls = [[numbers[stop.place] for stop in service.stops] for service in services]
        graph = nx.Graph()
        for calling in calls:
            graph.add_edges_from((one, other) for one in calling for other in calling if one != other)
        part, gate, depth, part_of = parts_of(len(places), calls)
        ours = {}
        for place, of in enumerate(part):
            if of != PARTLESS:
                ours.setdefault(of, {gate[place]}).add(place)
                assert depth[place] == depth[gate[place]] + 1
        assert {frozenset(each) for each in ours.values()} == {
            frozenset(each) for each in nx.biconnected_components(graph)
        }
        for calling, of in zip(calls, part_of, strict=True):
            assert set(calling) <= ours[of]


def test_a_national_network_searched_whole_gives_the_same_fronts(monkeypatch):
    hubs, lines = national_network(600)
    timetable = Timetable(
        [planned_place(hub) for hub in hubs],
        [planned_service(line, (), range(2025, 2028)) for line in lines if line.status is ServiceStatus.ACTIVE],
        "national",
    )
    villages = [hub.code for hub in hubs if hub.kind is HubKind.VILLAGE_POINT]
    dice = random.Random(3)
    asked = [
        Query(*dice.sample(villages, 2), MONDAY + dice.randrange(7 * 86_400), 12_000, window_s=86_400)
        for _ in range(25)
    ]
    parted = [plan(timetable, query) for query in asked]
    monkeypatch.setattr(planner, "_between", lambda timetable, _: np.ones(len(timetable.places), np.bool_))
    assert [plan(timetable, query) for query in asked] == parted
    assert sum(len(front.plans) for front in parted) > 50
