"""The generated network: joined lines, honest seasons, everything within reach."""

from collections import Counter
from functools import cache
from itertools import pairwise

import pytest

from app.network.rules import load_defaults
from app.network.seed import Link, join_lines, named_line, read_hubs, read_links, services_from_links
from app.network.timetable import planned_place, planned_service
from app.network.values import HubKind, ServiceStatus, Temperature
from app.routing import STOPS_MAX, Timetable

HUBS = {hub.code: hub for hub in read_hubs()}
DEFAULTS = load_defaults()


@cache
def lines():
    return {line.id: line for line in services_from_links(read_links(), HUBS, DEFAULTS)}


@cache
def active_timetable():
    services = [
        planned_service(line, (), range(2026, 2028)) for line in lines().values() if line.status is ServiceStatus.ACTIVE
    ]
    return Timetable([planned_place(hub) for hub in HUBS.values()], services, version="1")


def link(start, end, note, mode="road", km=100.0, hours=2.0):
    return Link((start, end), mode, km, hours, note)


def reached(origin, temperature):
    onward = {}
    for service in active_timetable().services:
        if temperature in service.temperatures:
            for tail, head in pairwise(stop.place for stop in service.stops):
                onward.setdefault(tail, set()).add(head)
    seen, todo = {origin}, [origin]
    while todo:
        fresh = onward.get(todo.pop(), set()) - seen
        seen |= fresh
        todo += fresh
    return seen


@pytest.mark.parametrize(
    ("note", "mode", "name"),
    [
        ("Longhai railway (Wei gorge section)", "rail", "Longhai railway"),
        ("Lanxin railway + Hexibao-Jinchang branch", "rail", "Lanxin railway"),
        ("Kunming-Yuxi-Mohan (China-Laos railway)", "rail", "China-Laos railway"),
        ("New Land-Sea Corridor via Guizhou-Guangxi railway", "rail", "New Land-Sea Corridor"),
        ("Jing-Yi-Huo railway via Jinghe", "rail", "Jing-Yi-Huo railway"),
        ("G314/G3012 Turpan-Hotan Expressway", "road", "G314"),
        ("S14/G42", "road", "G42"),
        ("S66", "road", "S66"),
        ("via Andijan", "road", None),
        ("coastal trade", "sea", None),
    ],
)
def test_line_is_named_by_its_railway_or_road_number(note, mode, name):
    assert named_line(link("XIAN", "BAOJI", note, mode)) == name


def test_links_of_one_line_are_joined_in_whatever_order_they_come():
    links = [link("DINGXI", "LANZHOU", "G30"), link("XIAN", "BAOJI", "G30"), link("TIANSHUI", "BAOJI", "G30")]
    chains = join_lines([*links, link("DINGXI", "TIANSHUI", "G30")], HUBS, DEFAULTS)
    assert [chain.hubs for chain in chains] == [("LANZHOU", "DINGXI", "TIANSHUI", "BAOJI", "XIAN")]
    assert sum(chains[0].km) == 400


def test_branch_becomes_a_line_of_its_own_and_each_link_is_used_once():
    links = [link("KORLA", "KUQA", "G314"), link("KUQA", "AKSU", "G314"), link("KUQA", "HOTAN", "G314")]
    chains = join_lines(links, HUBS, DEFAULTS)
    assert sorted(len(chain.hubs) for chain in chains) == [2, 3]
    assert sum(len(chain.km) for chain in chains) == 3


def test_links_abroad_and_seasonal_ones_stay_alone():
    links = [
        link("B-MOHAN", "JINGHONG", "G8511"),
        link("B-MOHAN", "F-VIENTIANE", "G8511"),
        link("KARAMAY", "KUYTUN", "G217"),
        link("KUYTUN", "KUQA", "G217 Duku Highway - seasonal"),
    ]
    assert [chain.hubs for chain in join_lines(links, HUBS, DEFAULTS)] == [
        ("B-MOHAN", "JINGHONG"),
        ("KARAMAY", "KUYTUN"),
        ("B-MOHAN", "F-VIENTIANE"),
        ("KUYTUN", "KUQA"),
    ]


def test_staying_aboard_costs_a_short_stop_and_both_directions_run():
    there = lines()["RAIL-LANZHOU-URUMQI"]
    back = lines()["RAIL-URUMQI-LANZHOU"]
    assert [stop.place for stop in there.stops] == [stop.place for stop in reversed(back.stops)]
    assert there.stops[1].depart_offset_s - there.stops[1].arrive_offset_s == 1_800
    assert there.stops[-1].distance_m == back.stops[-1].distance_m == 1_975_000


def test_every_service_can_be_planned_with_and_there_are_not_too_many():
    assert len(active_timetable().services) < 2_500
    assert all(2 <= len(line.stops) <= STOPS_MAX and len(line.id) <= 40 for line in lines().values())
    assert len(lines()) == len(services_from_links(read_links(), HUBS, DEFAULTS))


def test_generator_is_deterministic():
    assert services_from_links(read_links(), HUBS, DEFAULTS) == list(lines().values())


def test_canal_that_is_only_planned_is_not_routable():
    (there, back) = [line for line in lines().values() if {"P-GUIGANG", "P-QINZHOU"} == {s.place for s in line.stops}]
    assert there.status is back.status is ServiceStatus.PLANNED
    assert there.id not in {service.id for service in active_timetable().services}


def test_duku_road_rests_from_november_to_may():
    duku = [line for line in lines().values() if [stop.place for stop in line.stops] == ["KUYTUN", "KUQA"]]
    assert duku
    assert {line.closed_months for line in duku} == {(11, 12, 1, 2, 3, 4, 5)}
    resting = Counter(bool(line.closed_months) for line in lines().values())
    assert resting[True] == 2 * len(duku)


def test_ambient_goods_reach_every_place_from_every_place():
    assert reached("HOTAN", "ambient") == set(HUBS)
    assert all("HOTAN" in reached(code, "ambient") for code in HUBS)


@pytest.mark.parametrize("temperature", ["chilled", "frozen", "live"])
def test_every_place_with_people_is_within_reach_of_cold_and_live_goods(temperature):
    towns = {
        code
        for code, hub in HUBS.items()
        if hub.kind in {HubKind.HUB, HubKind.CITY, HubKind.COUNTY, HubKind.BUYER_CITY}
    }
    assert towns <= reached("KASHGAR", temperature)


def test_live_animals_travel_by_road_and_on_call_only():
    live = [line for line in lines().values() if Temperature.LIVE in line.temperatures]
    assert {(line.mode.value, line.on_demand) for line in live} == {("road", True)}
    assert all(line.capacity.live_places > 0 for line in live)


def test_flights_to_the_far_west_cost_more_by_weight():
    assert lines()["AIR-A-URC-A-KHG"].tariff.milliminor_per_kg == 800_000
    assert lines()["AIR-A-CKG-A-KMG"].tariff.milliminor_per_kg == 450_000
