"""Laws that hold for every network, whatever it is."""

import random
from dataclasses import replace

import pytest

from app.routing import NO_LOAD, Front, Load, Place, Query, Service, Stop, Timetable, plan
from tests.unit.routing import chance

WEEK_S = 7 * 86_400
BATCHES = range(0, 80, 20)
Point = tuple[int, int, int]


def points(places: list[Place], services: list[Service], query: Query, load: Load = NO_LOAD) -> list[Point]:
    answer = plan(Timetable(places, services, "1"), query, load)
    if isinstance(answer, Front):
        return [(each.arrives_at, each.price_minor, each.co2e_mg) for each in answer.plans]
    return []


def dominates(one: Point, other: Point) -> bool:
    return all(mine <= theirs for mine, theirs in zip(one, other, strict=True))


def covers(front: list[Point], others: list[Point]) -> bool:
    return all(any(dominates(one, other) for one in front) for other in others)


def drawn(seed: int) -> tuple[random.Random, list[Place], list[Service], Query]:
    dice = random.Random(seed)
    places, services = chance.network(dice)
    query = chance.question(dice, places, is_live=seed % 2 == 1)
    # Whole days have to stay whole when a network is shifted, so no pattern is bound to dates here.
    services = [
        replace(
            service,
            departures=tuple(replace(each, valid_from=None, valid_until=None) for each in service.departures),
        )
        for service in services
    ]
    return dice, places, services, query


def each_of(first: int):
    return (drawn(seed) for seed in range(first, first + 20))


@pytest.mark.parametrize("first", BATCHES)
def test_no_plan_beats_another(first):
    for _, places, services, query in each_of(first):
        front = points(places, services, query)
        assert not any(dominates(one, other) for one in front for other in front if one is not other)
        assert front == sorted(front)


@pytest.mark.parametrize("first", BATCHES)
def test_taking_a_service_away_never_helps(first):
    for dice, places, services, query in each_of(first):
        gone = dice.choice(services)
        fewer = points(places, [service for service in services if service is not gone], query)
        assert covers(points(places, services, query), fewer)


@pytest.mark.parametrize("first", BATCHES)
def test_a_worse_copy_of_a_service_changes_nothing(first):
    for dice, places, services, query in each_of(first):
        model = dice.choice(services)
        tariff = replace(
            model.tariff, base_minor=model.tariff.base_minor + 1, minimum_minor=model.tariff.minimum_minor + 1
        )
        worse = replace(model, id="Z", tariff=tariff, cutoff_s=model.cutoff_s + 1)
        asked = replace(query, excluded_departures=frozenset(), excluded_services=frozenset())
        assert points(places, [*services, worse], asked) == points(places, services, asked)


@pytest.mark.parametrize("first", BATCHES)
def test_a_week_later_everything_is_a_week_later(first):
    for dice, places, services, query in each_of(first):
        load = chance.load(dice, services)
        later_services = [
            replace(service, closures=tuple((since + WEEK_S, until + WEEK_S) for since, until in service.closures))
            for service in services
        ]
        later_query = replace(
            query,
            depart_after=query.depart_after + WEEK_S,
            arrive_by=None if query.arrive_by is None else query.arrive_by + WEEK_S,
            excluded_departures=frozenset((service, start + WEEK_S) for service, start in query.excluded_departures),
        )
        later_load = {(service, start + WEEK_S, segment): used for (service, start, segment), used in load.items()}
        now = points(places, services, query, load)
        later = points(places, later_services, later_query, later_load)
        assert later == [(arrives_at + WEEK_S, price, co2e) for arrives_at, price, co2e in now]


@pytest.mark.parametrize("first", BATCHES)
def test_names_and_order_decide_nothing(first):
    for dice, places, services, query in each_of(first):
        codes = [place.code for place in places]
        names = dict(zip(codes, dice.sample("VWXYZQ", len(codes)), strict=True))
        ids = dict(zip([service.id for service in services], dice.sample(range(100), len(services)), strict=True))
        other_places = [replace(place, code=names[place.code]) for place in dice.sample(places, len(places))]
        other_services = [
            replace(
                service,
                id=f"N{ids[service.id]}",
                stops=tuple(replace(stop, place=names[stop.place]) for stop in service.stops),
            )
            for service in dice.sample(services, len(services))
        ]
        other_query = replace(
            query,
            origin=names[query.origin],
            destination=names[query.destination],
            excluded_services=frozenset(f"N{ids[code]}" for code in query.excluded_services if code in ids),
            excluded_departures=frozenset(
                (f"N{ids[code]}", start) for code, start in query.excluded_departures if code in ids
            ),
        )
        assert points(other_places, other_services, other_query) == points(places, services, query)


@pytest.mark.parametrize("first", BATCHES)
def test_a_fuller_network_never_helps(first):
    for dice, places, services, query in each_of(first):
        assert covers(points(places, services, query), points(places, services, query, chance.load(dice, services)))


@pytest.mark.parametrize("first", BATCHES)
def test_a_tighter_limit_never_helps(first):
    for _, places, services, query in each_of(first):
        front = points(places, services, replace(query, max_journey_s=None))
        for limit_s in (5, 9, 14):
            tighter = points(places, services, replace(query, max_journey_s=limit_s))
            assert covers(front, tighter)


@pytest.mark.parametrize("first", BATCHES)
def test_a_limit_out_of_reach_decides_nothing(first):
    for dice, places, services, query in each_of(first):
        load = chance.load(dice, services)
        front = points(places, services, replace(query, max_journey_s=None), load)
        assert points(places, services, replace(query, max_journey_s=10_000), load) == front


@pytest.mark.parametrize("first", BATCHES)
def test_splitting_a_stay_into_a_stop_at_a_siding_decides_nothing(first):
    for _, places, services, query in each_of(first):
        siding = Place("siding", dwell_s=10**6)
        longer = [
            replace(
                service,
                stops=(
                    service.stops[0],
                    *service.stops[1:],
                    Stop("siding", service.stops[-1].depart_offset_s + 1, service.stops[-1].depart_offset_s + 1, 10**6),
                ),
            )
            for service in services
        ]
        assert points([*places, siding], longer, query) == points(places, services, query)


@pytest.mark.parametrize("first", BATCHES)
def test_the_same_question_has_the_same_answer(first):
    for _, places, services, query in each_of(first):
        assert plan(Timetable(places, services, "1"), query) == plan(Timetable(places, services, "1"), query)


def asked_alike(dice: random.Random, services: list[Service], query: Query) -> tuple[Query, Load]:
    """A question that differs from another in one or two of the things by which answers are remembered."""
    codes = [service.id for service in services]
    other = {
        "weight_g": query.weight_g * dice.randint(1, 3),
        "excluded_services": frozenset(dice.sample(codes, dice.randint(0, 2))),
        "excluded_departures": frozenset({(dice.choice(codes), query.depart_after + 3_600)}),
        "window_s": dice.choice([None, 3_600, 12 * 3_600]),
        "arrive_by": dice.choice([None, query.depart_after + dice.randint(3_600, WEEK_S)]),
    }
    terms = {name: other[name] for name in dice.sample(sorted(other), dice.randint(0, 2))}
    return replace(query, **terms), chance.load(dice, services) if dice.random() < 0.5 else NO_LOAD


@pytest.mark.parametrize("first", BATCHES)
def test_what_was_asked_before_changes_no_answer(first):
    for dice, places, services, query in each_of(first):
        timetable = Timetable(places, services, "1")
        for _ in range(12):
            question, load = asked_alike(dice, services, query)
            fresh = plan(Timetable(places, services, "1"), question, load)
            assert plan(timetable, question, load) == fresh
