"""Fresh goods that fill a vehicle of their own travel without toll."""

from dataclasses import replace

import pytest

from app.routing import Capacity, Place, Query, Service, Stop, Tariff, Timetable, Weekly, plan

STOPS = (Stop("FARM", 0, 0, 0), Stop("CITY", 36_000, 36_000, 1_000_000))
# Ten tonnes and forty cubic metres; 1,000 fen, and 90 fen a tonne-kilometre of which 10 are toll.
TRUCK = Service(
    "T", "road", "co", STOPS, Tariff(1_000, 0, 90_000, 0, 10_000), Capacity(10_000_000, 40 * 10**9), on_demand=True
)
DAILY = replace(TRUCK, on_demand=False, departures=(Weekly(tuple(range(7)), (0,)),))


def price(service, weight_g, volume_mm3=10**9, **more):
    timetable = Timetable([Place("FARM"), Place("CITY")], [service], "1")
    answer = plan(timetable, Query("FARM", "CITY", 0, weight_g, volume_mm3, **more), {})
    (best,) = answer.plans
    assert best.price_minor == sum(leg.price_minor for leg in best.legs)
    return best.price_minor


@pytest.mark.parametrize(
    ("weight_g", "volume_mm3", "fen_per_tkm"),
    [
        (8_000_000, 10**9, 80),
        (7_999_999, 10**9, 90),
        (1_000_000, 32 * 10**9, 80),
        (1_000_000, 32 * 10**9 - 1, 90),
    ],
)
def test_four_fifths_by_mass_or_by_volume_are_a_whole_vehicle(weight_g, volume_mm3, fen_per_tkm):
    expected = 1_000 - (-weight_g * fen_per_tkm * 1_000 // 1_000_000)
    assert price(TRUCK, weight_g, volume_mm3, toll_free=True) == expected


def test_goods_that_are_not_of_the_green_channel_pay_the_toll():
    assert price(TRUCK, 9_000_000) == 1_000 + 9 * 1_000 * 90


def test_on_a_shared_truck_everybody_pays_the_toll():
    assert price(DAILY, 9_000_000, toll_free=True) == 1_000 + 9 * 1_000 * 90


def test_minimum_holds_without_toll_too():
    dear = replace(TRUCK, tariff=replace(TRUCK.tariff, minimum_minor=800_000))
    assert price(dear, 9_000_000, toll_free=True) == 800_000


def test_cheapest_way_may_be_another_for_fresh_goods():
    train = replace(TRUCK, id="R", mode="rail", tariff=Tariff(1_000, 0, 85_000))
    timetable = Timetable([Place("FARM"), Place("CITY")], [TRUCK, train], "1")
    asked = Query("FARM", "CITY", 0, 9_000_000, 10**9)
    assert [each.legs[0].service for each in plan(timetable, asked, {}).plans] == ["R"]
    assert [each.legs[0].service for each in plan(timetable, replace(asked, toll_free=True), {}).plans] == ["T"]


def test_toll_is_a_part_of_the_tariff():
    with pytest.raises(ValueError, match="more toll than tariff"):
        replace(TRUCK, tariff=Tariff(0, 0, 5, 0, 6))
