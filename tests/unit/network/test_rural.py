"""The rural layer: real counties once each and within reach, generated places marked as such and where they should be."""

import csv
import math
from functools import cache
from itertools import pairwise

import pytest

from app.network.national import demo_network, national_network, network_size
from app.network.rules import SEED, hub_for_county, last_mile, line_faults, load_defaults
from app.network.rural import great_circle_km, rural_layer
from app.network.seed import read_counties, read_hubs, read_structure
from app.network.timetable import planned_place, planned_service
from app.network.values import HubKind, Mode, ServiceStatus, Temperature
from app.routing import Timetable

HUBS = read_hubs()
TRUNK = {hub.code: hub for hub in HUBS}
COUNTIES = read_counties()
STRUCTURE = read_structure()
WEST = {"15", "45", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65"}
RURAL = {HubKind.TOWNSHIP, HubKind.VILLAGE_POINT}


@cache
def demo():
    return demo_network()


@cache
def timetable():
    hubs, lines = demo()
    services = [planned_service(line, (), [2026]) for line in lines if line.status is ServiceStatus.ACTIVE]
    return Timetable([planned_place(hub) for hub in hubs], services, version="1")


@cache
def deep():
    """A dry, a wet, a high and a linked county with townships and villages."""
    chosen = [county for county in COUNTIES if county.adcode in {"653221", "510184", "540629", "653201"}]
    return rural_layer(chosen, STRUCTURE, HUBS, townships_per_county=4, villages_per_township=3)


def neighbours(lines, temperature):
    ways = {}
    for line in lines:
        if line.status is ServiceStatus.ACTIVE and temperature in line.temperatures:
            for number, stop in enumerate(line.stops):
                ways.setdefault(stop.place, set()).update(later.place for later in line.stops[number + 1 :])
    return ways


def reached(ways, start):
    seen, left = {start}, [start]
    while left:
        new = ways.get(left.pop(), set()) - seen
        seen |= new
        left.extend(new)
    return seen


def backwards(ways):
    turned = {}
    for start, ends in ways.items():
        for end in ends:
            turned.setdefault(end, set()).add(start)
    return turned


def test_there_is_one_row_for_each_county_of_the_twelve_provinces_with_its_sources():
    codes = [county.adcode for county in COUNTIES]
    assert codes == sorted(set(codes))
    assert {code[:2] for code in codes} == WEST == set(STRUCTURE)
    assert 1_080 < len(codes) < 1_110
    assert all("china-division 2.7.0" in county.source and "position: " in county.source for county in COUNTIES)
    assert all(20 < county.lat < 54 and 73 < county.lon < 127 for county in COUNTIES)
    assert all(county.name["en"].replace("'", "").isascii() for county in COUNTIES)


def test_rows_on_which_the_sources_disagree_are_marked():
    with (SEED / "counties.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["check"] for row in rows} == {"ok", "unchecked", "disagrees", "approximate"}
    assert all((row["check"] == "disagrees") == (float(row["geonames_km"] or 0) > 50) for row in rows)
    assert sum(row["check"] == "ok" for row in rows) > 500
    assert sum(row["check"] in {"disagrees", "approximate"} for row in rows) < 20


def test_no_place_of_the_trunk_is_repeated_and_each_is_the_centre_of_one_county_at_most():
    linked = [county.hub for county in COUNTIES if county.hub]
    assert len(linked) == len(set(linked)) > 40
    hubs, _ = demo()
    assert len({hub.code for hub in hubs}) == len(hubs) == len(HUBS) + len(COUNTIES) - len(linked)
    new = {hub.adcode: hub for hub in hubs if hub.code not in TRUNK}
    for hub in HUBS:
        if hub.kind in {HubKind.HUB, HubKind.CITY, HubKind.COUNTY}:
            assert hub.adcode not in new
            assert not [
                same.code
                for same in new.values()
                if same.name["zh-Hans"] == f"{hub.name['zh-Hans']}市" and great_circle_km(hub, same) < 5
            ]


def test_every_county_is_served_by_its_own_centre_within_the_shortest_courier_way():
    hubs, _ = demo()
    by_code = {hub.code: hub for hub in hubs}
    for county in COUNTIES:
        chosen = hub_for_county(hubs, county.adcode)
        assert chosen == (county.hub or f"C-{county.adcode}")
        leg = last_mile(by_code[chosen], county.adcode, 5_000, Temperature.AMBIENT)
        assert leg is not None
        assert leg.distance_m <= 30_000


@pytest.mark.parametrize("county", ["310115", "110101", "440605", "330206", "150172", "460105"])
def test_counties_outside_the_west_and_zones_without_a_seat_are_served_as_before(county):
    hubs, _ = demo()
    assert hub_for_county(hubs, county) == hub_for_county(HUBS, county)


@pytest.mark.parametrize("temperature", Temperature)
def test_every_county_can_be_reached_from_the_trunk_and_back(temperature):
    hubs, lines = demo()
    ways = neighbours(lines, temperature)
    centres = {hub.code for hub in hubs if hub.kind is HubKind.COUNTY}
    assert centres <= reached(ways, "XIAN")
    assert centres <= reached(backwards(ways), "XIAN")


def test_county_centres_are_tied_to_the_nearest_place_of_their_province():
    hubs, lines = demo()
    by_code = {hub.code: hub for hub in hubs}
    vans = [line for line in lines if line.id.startswith("VAN-C-")]
    assert len(vans) == len(hubs) - len(HUBS)
    for van in vans:
        county, anchor = (by_code[stop.place] for stop in van.stops)
        others = [
            hub
            for hub in HUBS
            if (hub.adcode or "")[:2] == county.adcode[:2] and hub.kind in {HubKind.HUB, HubKind.CITY, HubKind.COUNTY}
        ]
        assert great_circle_km(county, anchor) == min(great_circle_km(county, hub) for hub in others)
        assert van.stops[-1].distance_m >= great_circle_km(county, anchor) * 1_000


def test_feeder_trucks_call_at_three_counties_at_most_and_most_run_daily():
    _, lines = demo()
    feeders = [line for line in lines if line.id.startswith("FEEDER-")]
    assert all(3 <= len(line.stops) <= 5 and line.stops[0].place == line.stops[-1].place for line in feeders)
    called = [stop.place for line in feeders for stop in line.stops[1:-1]]
    assert len(called) == len(set(called)) == len(demo()[0]) - len(HUBS)
    assert sum(len(line.weekdays) == 7 for line in feeders) > 0.8 * len(feeders)


def test_every_service_of_the_layer_is_one_that_a_carrier_could_enter():
    hubs, lines = demo()
    more_hubs, more_lines = deep()
    known = {hub.code for hub in (*hubs, *more_hubs)}
    every = {line.id: line for line in (*lines, *more_lines)}
    assert len(every) == len({*(line.id for line in lines), *(line.id for line in more_lines)})
    assert len({line.id for line in lines}) == len(lines)
    for line in every.values():
        assert line_faults(line, known) == [], line.id
        assert len(line.id) <= 40
        assert all(len(name) <= 200 for name in line.name.values())


def test_generator_is_deterministic_and_does_not_hang_on_what_else_is_generated():
    assert national_network(400) == national_network(400)
    alone = rural_layer(
        [county for county in COUNTIES if county.adcode == "653221"],
        STRUCTURE,
        HUBS,
        townships_per_county=4,
        villages_per_township=3,
    )
    assert {hub.code for hub in alone[0]} < {hub.code for hub in deep()[0]}
    assert all(hub in deep()[0] for hub in alone[0])
    assert all(line in deep()[1] for line in alone[1] if line.mode is Mode.BUS)


def test_generated_places_say_so_and_county_centres_do_not():
    hubs, _ = deep()
    for hub in hubs:
        generated = hub.kind in RURAL
        assert ("generated" in hub.source) == ("(generated)" in hub.name["en"]) == generated
        assert ("（生成）" in hub.name["zh-Hans"]) == generated


def test_demo_has_no_generated_place():
    assert not [hub.code for hub in demo()[0] if hub.kind in RURAL]


def test_townships_lie_within_the_county_and_villages_within_the_township():
    hubs, _ = deep()
    by_code = TRUNK | {hub.code: hub for hub in hubs}
    centres = {
        county.adcode: by_code[county.hub or f"C-{county.adcode}"]
        for county in COUNTIES
        if county.adcode in {hub.adcode for hub in hubs}
    }
    for hub in hubs:
        structure = STRUCTURE[hub.adcode[:2]]
        if hub.kind is HubKind.TOWNSHIP:
            assert 0.2 < great_circle_km(centres[hub.adcode], hub) <= structure.county_radius_km
        elif hub.kind is HubKind.VILLAGE_POINT:
            station = by_code[f"T-{hub.code[2:11]}"]
            assert 0.2 < great_circle_km(station, hub) <= structure.township_radius_km
    xinjiang = STRUCTURE["65"]
    assert xinjiang.county_radius_km == pytest.approx(19 * math.sqrt(1405 / 108))


def test_rural_buses_carry_small_pieces_in_loops_while_the_villages_are_open():
    _, lines = deep()
    buses = [line for line in lines if line.mode is Mode.BUS]
    product = load_defaults()["rural"]["bus"]
    for bus in buses:
        assert (bus.piece_weight_g_max, bus.piece_length_mm_max) == (30_000, 1_000)
        assert bus.temperatures == (Temperature.AMBIENT,)
        assert bus.stops[0].place == bus.stops[-1].place
        assert 3 <= len(bus.stops) <= 5
        calls = [start + stop.arrive_offset_s for start in bus.departs_s for stop in bus.stops[1:-1]]
        # Local time is UTC+8: 09:00 to 18:00.
        assert min(calls) >= product["first_h"] * 3_600
        if len(bus.weekdays) == 7:
            assert max(calls) <= product["last_call_h"] * 3_600
    assert all(line.piece_weight_g_max is None for line in lines if line.mode is not Mode.BUS)


def test_every_village_has_a_bus_both_ways_round():
    hubs, lines = deep()
    villages = {hub.code for hub in hubs if hub.kind is HubKind.VILLAGE_POINT}
    for way in ("BUS-", "BUSR-"):
        called = [stop.place for line in lines if line.id.startswith(way) for stop in line.stops[1:-1]]
        assert len(called) == len(set(called))
        if way == "BUS-":
            assert villages <= set(called)


def test_buses_run_oftener_in_the_basin_than_on_the_plateau():
    _, lines = deep()

    def weekly(adcode):
        return [
            len(line.weekdays) * len(line.departs_s)
            for line in lines
            if line.mode is Mode.BUS and adcode in line.stops[1].place
        ]

    assert min(weekly("510184")) >= 28 > 14 >= max(weekly("540629"))


def test_townships_without_villages_share_buses():
    chosen = [county for county in COUNTIES if county.adcode == "653221"]
    hubs, lines = rural_layer(chosen, STRUCTURE, HUBS, townships_per_county=5)
    assert len(hubs) == 6
    buses = [line for line in lines if line.id.startswith("BUS-")]
    assert sorted(len(line.stops) for line in buses) == [4, 5]


def test_national_network_has_the_size_that_the_benchmark_asks_for():
    size = network_size(*national_network())
    assert 3_000 <= size.places < 3_010
    assert size.departures_a_day >= 50_000


@pytest.mark.parametrize("places", [500, 1_000])
def test_national_network_comes_in_the_size_that_is_wanted_and_the_smaller_is_part_of_the_larger(places):
    hubs, lines = national_network(places)
    assert places <= len(hubs) < places + 10
    larger = {hub.code: hub for hub in national_network(places + 200)[0]}
    assert all(larger[hub.code] == hub for hub in hubs)
    ways = neighbours(lines, Temperature.AMBIENT)
    codes = {hub.code for hub in hubs}
    assert reached(ways, "XIAN") == codes == reached(backwards(ways), "XIAN")


def test_demo_network_can_be_planned_with():
    assert len(timetable().services) == network_size(*demo()).services
    assert all(later.distance_m > before.distance_m for line in demo()[1] for before, later in pairwise(line.stops))
