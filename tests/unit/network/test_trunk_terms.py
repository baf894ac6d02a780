"""What each service of the trunk carries with it: times, room, tariff, cut-off, dwell, seasons; on the real seed of 253 places."""

from collections import Counter, defaultdict
from functools import cache

import pytest

from app.network.rules import load_defaults
from app.network.seed import named_line, read_hubs, read_links, services_from_links
from app.network.values import HubKind, Mode, ServiceStatus, Temperature

HUBS = {hub.code: hub for hub in read_hubs()}
DEFAULTS = load_defaults()
PRODUCTS = {product["code"]: product for product in DEFAULTS["product"]}


@cache
def lines():
    return services_from_links(read_links(), HUBS, DEFAULTS)


def of(product):
    return [line for line in lines() if line.id.startswith(f"{product}-")]


def test_every_place_and_every_link_of_the_data_is_there_and_runs_both_ways():
    assert len(HUBS) == 253
    links = read_links()
    assert len(links) >= 600
    ridden = defaultdict(set)
    for line in lines():
        for one, other in zip(line.stops, line.stops[1:], strict=False):
            ridden[line.mode].add((one.place, other.place))
    modes = {"road": Mode.ROAD, "rail": Mode.RAIL, "air": Mode.AIR, "sea": Mode.WATER, "river": Mode.WATER}
    for link in links:
        assert link.ends in ridden[modes[link.mode]], link
        assert link.ends[::-1] in ridden[modes[link.mode]], link


def test_every_service_has_a_name_in_both_languages_a_carrier_and_times_or_a_call():
    for line in lines():
        assert set(line.name) == {"en", "zh-Hans"}, line.id
        assert line.carrier
        if line.on_demand:
            assert (line.weekdays, line.departs_s) == ((), ()), line.id
        else:
            assert line.weekdays
            assert set(line.weekdays) <= set(range(7)), line.id
            assert line.departs_s
            assert all(0 <= second < 86_400 for second in line.departs_s), line.id
    weekly = {line.weekdays for line in lines() if not line.on_demand}
    # Daily, and by weekday: trains, barges, ships and plateau roads do not run each day.
    assert {(0, 1, 2, 3, 4, 5, 6), (0, 3), (1, 4), (0, 2, 4, 6), (1, 3, 5)} <= weekly
    assert len({line.departs_s for line in lines()}) > 20


def test_times_and_distances_go_on_from_stop_to_stop():
    for line in lines():
        assert (line.stops[0].arrive_offset_s, line.stops[0].distance_m) == (0, 0)
        for one, other in zip(line.stops, line.stops[1:], strict=False):
            assert one.arrive_offset_s <= one.depart_offset_s < other.arrive_offset_s, line.id
            assert one.distance_m < other.distance_m, line.id


@pytest.mark.parametrize(
    ("product", "weight_g", "volume_mm3", "chilled_slots", "live_places"),
    [
        ("TRUCK", 18_000_000, 60 * 10**9, None, 0),
        ("REEFER", 15_000_000, 52 * 10**9, None, 0),
        ("LIVE", 14_000_000, 60 * 10**9, None, 70),
        ("SHUTTLE", 8_000_000, 35 * 10**9, 150, 0),
        ("RAIL", 1_000_000_000, 2_400 * 10**9, 4_000, 0),
        ("AIR", 12_000_000, 60 * 10**9, 200, 0),
        ("SEA", 8_000_000_000, 16_000 * 10**9, 8_000, 0),
    ],
)
def test_room_is_kilograms_cubic_metres_cold_slots_and_places_for_animals(
    product, weight_g, volume_mm3, chilled_slots, live_places
):
    rooms = {line.capacity for line in of(product)}
    assert len(rooms) == 1
    room = rooms.pop()
    assert (room.weight_g, room.volume_mm3) == (weight_g, volume_mm3)
    assert (room.chilled_slots, room.live_places) == (chilled_slots, live_places)


def test_what_takes_warm_and_cold_goods_bounds_the_cold_unless_it_is_hired_whole():
    for line in lines():
        kinds = set(line.temperatures)
        if {Temperature.AMBIENT, Temperature.CHILLED} <= kinds and not line.on_demand:
            assert line.capacity.chilled_slots, line.id
        assert (Temperature.LIVE in kinds) == (line.capacity.live_places > 0), line.id
        assert line.capacity.weight_g > 0, line.id
        assert line.capacity.volume_mm3 > 0, line.id


@pytest.mark.parametrize(
    ("product", "base", "per_kg", "per_tkm", "minimum", "toll"),
    [
        ("TRUCK", 200, 0, 42_000, 0, 0),
        ("CALL", 15_000, 0, 110_000, 30_000, 8_000),
        ("LIVE", 12_000, 0, 160_000, 26_000, 10_000),
        ("SHUTTLE", 200, 5_000, 80_000, 0, 0),
        ("RAIL", 300, 0, 16_000, 0, 0),
        ("RIVER", 1_000, 0, 5_000, 0, 0),
        ("AIR", 500, 450_000, 0, 1_200, 0),
    ],
)
def test_tariff_has_a_base_a_price_by_weight_and_by_tonne_kilometre_and_a_least(
    product, base, per_kg, per_tkm, minimum, toll
):
    tariff = next(
        line.tariff
        for line in of(product)
        if not any((HUBS[stop.place].adcode or "")[:2] in {"54", "65"} for stop in line.stops)
    )
    assert (tariff.base_minor, tariff.milliminor_per_kg, tariff.milliminor_per_tkm) == (base, per_kg, per_tkm)
    assert (tariff.minimum_minor, tariff.toll_milliminor_per_tkm) == (minimum, toll)


def test_only_trucks_hired_whole_pay_toll_by_themselves_and_less_than_their_price():
    """What the green channel frees from: elsewhere the toll is the carrier's, in its tariff."""
    with_toll = [line for line in lines() if line.tariff.toll_milliminor_per_tkm]
    assert {(line.mode, line.on_demand) for line in with_toll} == {(Mode.ROAD, True)}
    assert all(line.tariff.toll_milliminor_per_tkm < line.tariff.milliminor_per_tkm for line in with_toll)
    assert {line.id for line in with_toll} == {line.id for line in lines() if line.on_demand}


@pytest.mark.parametrize(
    ("product", "hours"),
    [("TRUCK", 1), ("SHUTTLE", 0.5), ("RAIL", 8), ("RAILB", 8), ("AIR", 3), ("RIVER", 12), ("SEA", 24)],
)
def test_goods_are_handed_in_before_the_cut_off_of_their_kind_of_service(product, hours):
    assert {line.cutoff_s for line in of(product)} == {hours * 3_600}


def test_every_kind_of_place_has_its_dwell_and_stays_aboard_its_short_stop():
    dwell = {kind: {hub.dwell_s for hub in HUBS.values() if hub.kind is kind} for kind in HubKind}
    for kind, seconds in dwell.items():
        if seconds:
            assert seconds == {DEFAULTS["hub_kind"][kind]["dwell_h"] * 3_600}, kind
    by_size = [max(dwell[kind]) for kind in (HubKind.CITY, HubKind.RAIL_TERMINAL, HubKind.RIVER_PORT, HubKind.SEA_PORT)]
    assert by_size == sorted(set(by_size))
    for line in lines():
        for stop in line.stops[1:-1]:
            aboard = DEFAULTS["hub_kind"][HUBS[stop.place].kind]["aboard_h"] * 3_600
            assert stop.depart_offset_s - stop.arrive_offset_s == aboard, (line.id, stop.place)


def test_border_posts_have_hours_unless_they_work_round_the_clock():
    posts = {code: hub.opening for code, hub in HUBS.items() if hub.kind is HubKind.LAND_PORT}
    assert {code for code, opening in posts.items() if not opening} == {"B-KHORGOS", "B-ALASHANKOU"}
    weekly = Counter(sum(until - since for since, until in opening) // 3_600 for opening in posts.values() if opening)
    # Ten hours on seven days, and on five at the two posts that rest at weekends.
    assert set(weekly) == {70, 50}
    assert weekly[50] == 2


def test_seasons_and_plans_are_those_of_the_data_and_nothing_else():
    noted = {link.ends for link in read_links() if "Duku" in link.note}
    planned = {link.ends for link in read_links() if "status=planned" in link.note}
    assert {(line.stops[0].place, line.stops[-1].place) for line in lines() if line.closed_months} == {
        way for ends in noted for way in (ends, ends[::-1])
    }
    assert {
        (line.stops[0].place, line.stops[-1].place) for line in lines() if line.status is ServiceStatus.PLANNED
    } == {way for ends in planned for way in (ends, ends[::-1])}


def test_no_air_fare_is_lowered_by_a_subsidy():
    """Subsidies of routes are a programme's; here the far west is only dearer."""
    assert {line.tariff.milliminor_per_kg for line in of("AIR")} == {450_000, 800_000}
    assert "subsidy" not in {word for product in PRODUCTS.values() for word in product}


def test_railways_are_named_services_not_single_links():
    longhai = [link for link in read_links() if named_line(link) == "Longhai railway"]
    runs = [line for line in of("RAIL") if len(line.stops) > 5]
    assert len(longhai) > 5
    assert any({end for link in longhai for end in link.ends} & {stop.place for stop in line.stops} for line in runs)
