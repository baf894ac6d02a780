"""What goods bear on the way decides which ways are offered."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.flows.plan_ways import Around, Cargo, find_ways, ways_to_offer
from app.network.errors import RouteUnavailable
from app.network.origin_rules import OriginRules
from app.network.plan import FrontCache
from app.network.values import HubKind, HubPoint, Temperature
from app.routing import NO_LOAD, Capacity, Place, Reason, Service, Stop, Tariff, Timetable, Weekly

HOUR_S = 3_600
READY = datetime(2026, 3, 2, 2, tzinfo=UTC)


def around(*hours, waits_h=0, is_cooled=True):
    """A chain of vans A > B > …, each ride so long, with so long a dwell at the places between."""
    codes = "ABCDE"[: len(hours) + 1]
    places = [Place(code, dwell_s=waits_h * HOUR_S, is_cooled=is_cooled) for code in codes]
    services = [
        Service(
            id=f"V{number}",
            mode="road",
            carrier="c",
            stops=(Stop(codes[number], 0, 0, 0), Stop(codes[number + 1], ride_h * HOUR_S, ride_h * HOUR_S, 100_000)),
            tariff=Tariff(base_minor=100),
            capacity=Capacity(10**7, 10**12, 100),
            on_demand=True,
            temperatures=frozenset({"live", "chilled", "frozen", "ambient"}),
        )
        for number, ride_h in enumerate(hours)
    ]
    end = HubPoint(codes[-1], {"en": "End"}, HubKind.CITY, 30.0, 100.0, "510100", 0, 0, 0, "test")
    return Around(FrontCache(), Timetable(places, services, "1"), NO_LOAD, frozenset(), {}, end, None)


def cargo(temperature, *species):
    heads = 3 if temperature is Temperature.LIVE else 0
    return Cargo("A", temperature, READY, 90_000, 10**9, heads, species=frozenset(species))


@pytest.mark.parametrize(
    ("hours", "carried", "refused"),
    [(8, "camel", None), (11, "poultry", "camel"), (24, "pig", "poultry"), (29, "sheep", "pig"), (30, None, "sheep")],
)
def test_each_species_travels_as_long_as_it_may(hours, carried, refused):
    if carried:
        assert find_ways(around(hours), cargo(Temperature.LIVE, carried))
    if refused:
        with pytest.raises(RouteUnavailable) as caught:
            find_ways(around(hours), cargo(Temperature.LIVE, refused))
        assert caught.value.fields["reason"] == Reason.JOURNEY_LIMIT


@pytest.mark.parametrize(
    ("temperature", "waits_h"), [(Temperature.CHILLED, 3), (Temperature.FROZEN, 1), (Temperature.AMBIENT, 9)]
)
def test_cold_goods_wait_out_of_the_cold_only_so_long(temperature, waits_h):
    assert find_ways(around(1, 1, waits_h=waits_h, is_cooled=False), cargo(temperature))
    assert find_ways(around(1, 1, waits_h=waits_h + 1, is_cooled=True), cargo(temperature))
    if temperature is not Temperature.AMBIENT:
        with pytest.raises(RouteUnavailable) as caught:
            find_ways(around(1, 1, waits_h=waits_h + 1, is_cooled=False), cargo(temperature))
        assert caught.value.fields["reason"] == Reason.EXPOSURE_LIMIT


CITY = {"A": "650102", "B": "620102", "C": "610102", "D": "630102", "E": "640102"}
WORDS = {"en": "said", "zh-Hans": "说明"}
FRUIT = {"origin": "653221", "categories": frozenset({"produce"})}


def guarded(*rules, services=(), **changes):
    """A chain A > B > C of two hours each, and what else runs, under rules: their areas by hub."""
    chain = around(2, 2, **changes)
    table = [
        {"number": number, "what": WORDS, "source": WORDS, "origin": ["65"], "to": sorted(CITY[hub] for hub in hubs)}
        | {"transit": transit}
        for number, hubs, transit in rules
    ]
    hubs = {code: replace(chain.destination, code=code, adcode=CITY[code]) for code in "ABC"}
    timetable = Timetable(chain.timetable.places, [*chain.timetable.services, *services], "2")
    return replace(
        chain,
        timetable=timetable,
        destination=hubs["C"],
        hubs=hubs,
        rules=OriginRules.model_validate({"version": "1", "rule": table}),
    )


def a_line(name, *stops, hours=3, price=900):
    calls = tuple(Stop(stop, n * hours * HOUR_S, n * hours * HOUR_S, n * 100_000) for n, stop in enumerate(stops))
    return Service(
        name, "road", "c", calls, Tariff(base_minor=price), Capacity(10**7, 10**12, 100), on_demand=True,
        temperatures=frozenset({"live", "chilled", "ambient"}),
    )  # fmt: skip


def refusal(asked, goods):
    with pytest.raises(RouteUnavailable) as caught:
        find_ways(asked, goods)
    return caught.value


def rides(ways):
    return {tuple(leg.service for leg in way.journey.legs) for way in ways}


def test_rule_on_the_destination_is_named_with_its_source_in_both_languages():
    problem = refusal(guarded(("N-1", "C", False)), replace(cargo(Temperature.AMBIENT), **FRUIT))
    assert problem.fields["reason"] == Reason.FORBIDDEN
    assert problem.fields["rule"] == {"number": "N-1", "what": WORDS, "source": WORDS}
    assert problem.detail_in("en").startswith("From A to C: By rule N-1 these goods may not go that way: said (said).")
    assert "按规则 N-1" in problem.detail_in("zh-Hans")
    assert "说明" in problem.detail_in("zh-Hans")


def test_goods_of_elsewhere_go_where_those_of_the_area_may_not():
    there = guarded(("N-1", "C", False))
    assert find_ways(there, replace(cargo(Temperature.AMBIENT), origin="620102"))
    assert find_ways(there, cargo(Temperature.AMBIENT))


def test_county_of_the_door_counts_and_not_that_of_its_hub():
    to_door = replace(guarded(("N-1", "C", False)), county="630102")
    assert find_ways(to_door, replace(cargo(Temperature.AMBIENT), **FRUIT))
    to_door = replace(guarded(("N-1", "D", False)), county=CITY["D"])
    assert refusal(to_door, replace(cargo(Temperature.AMBIENT), **FRUIT)).fields["rule"]["number"] == "N-1"


def test_transit_is_gone_round_by_what_does_not_call_there():
    goods = replace(cargo(Temperature.AMBIENT), **FRUIT)
    lines = [a_line("THROUGH", "A", "B", "C"), a_line("PAST", "A", "C", price=5_000)]
    assert rides(find_ways(guarded(services=lines), goods)) >= {("V0", "V1"), ("PAST",)}
    assert rides(find_ways(guarded(("N-1", "B", True), services=lines), goods)) == {("PAST",)}
    # A rule on the destination alone leaves the way through.
    assert rides(find_ways(guarded(("N-1", "B", False), services=lines), goods)) >= {("V0", "V1")}


def test_without_a_way_round_the_rule_is_why():
    goods = replace(cargo(Temperature.AMBIENT), **FRUIT)
    problem = refusal(guarded(("N-1", "B", True), services=[a_line("THROUGH", "A", "B", "C")]), goods)
    assert (problem.fields["reason"], problem.fields["rule"]["number"]) == (Reason.FORBIDDEN, "N-1")
    # Of several, the one by which alone there is no way.
    problem = refusal(guarded(("N-0", "D", True), ("N-1", "B", True)), goods)
    assert problem.fields["rule"]["number"] == "N-1"


def test_rule_that_leaves_only_too_long_a_way_is_why():
    animals = replace(cargo(Temperature.LIVE, "camel"), origin="653221")
    long = a_line("PAST", "A", "C", hours=9)
    assert rides(find_ways(guarded(services=[long]), animals)) == {("V0", "V1")}
    assert refusal(guarded(("N-1", "B", True), services=[long]), animals).fields["rule"]["number"] == "N-1"


def test_where_there_is_no_way_without_the_rules_either_they_are_not_blamed():
    animals = replace(cargo(Temperature.LIVE, "camel"), origin="653221")
    problem = refusal(replace(guarded(("N-1", "B", True)), timetable=around(9, 9).timetable), animals)
    assert problem.fields["reason"] == Reason.JOURNEY_LIMIT
    assert "rule" not in problem.fields


def test_ways_come_in_time_to_the_door_or_not_at_all():
    there = around(2, 2)
    goods = cargo(Temperature.AMBIENT)
    (way,) = find_ways(there, goods)
    assert find_ways(there, replace(goods, arrive_by=way.arrives_at)) == [way]
    late = refusal(there, replace(goods, arrive_by=way.arrives_at - timedelta(seconds=1)))
    assert late.fields["reason"] == Reason.CUT_OFF
    to_door = replace(there, county="510107")
    (way,) = find_ways(to_door, goods)
    assert way.courier
    assert find_ways(to_door, replace(goods, arrive_by=way.arrives_at)) == [way]
    refusal(to_door, replace(goods, arrive_by=way.arrives_at - timedelta(seconds=1)))


def test_a_slow_weekly_ship_is_offered_however_long_it_takes():
    """What is cheapest and greenest is often what arrives last."""
    truck = a_line("TRUCK", "A", "B", hours=24, price=9_000)
    ship = replace(a_line("SHIP", "A", "B", hours=9 * 24, price=100), on_demand=False, departures=(Weekly((6,), (0,)),))
    end = HubPoint("B", {"en": "End"}, HubKind.CITY, 30.0, 100.0, "510100", 0, 0, 0, "test")
    lines = Timetable([Place("A"), Place("B")], [truck, ship], "1")
    there = Around(FrontCache(), lines, NO_LOAD, frozenset(), {}, end, None)
    (ways,) = ways_to_offer(there, [cargo(Temperature.AMBIENT)])
    assert [way.price_minor for way in ways] == [9_000, 100]
    assert ways[1].arrives_at - ways[0].arrives_at > timedelta(days=12)
