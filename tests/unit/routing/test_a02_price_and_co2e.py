"""What a ride and a transfer cost and emit: integers, rounded once for each leg."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.routing import Capacity, Place, Query, Service, Stop, Tariff, Timetable, plan
from tests.unit.routing.drawn import ask, draw, routes


def only_plan(timetable: Timetable, query: Query):
    (chosen,) = plan(timetable, query).plans
    return chosen


def one_ride(tariff: Tariff, distance_m: int, mg_per_tkm: int | None = None) -> Timetable:
    stops = (Stop("H", 0, 0, 0), Stop("U", 3600, 3600, distance_m))
    co2e = {} if mg_per_tkm is None else {"ambient": mg_per_tkm}
    service = Service("T", "road", "c", stops, tariff, Capacity(10**9, 10**12), on_demand=True, co2e_mg_per_tkm=co2e)
    return Timetable([Place("H"), Place("U")], [service], "1")


def test_price_is_base_and_kilograms_and_tonne_kilometres():
    timetable = draw("T1 road: H > U +6h 400km; 500fen 2fen/kg 45fen/tkm")
    assert routes(timetable, ask("H > U", kg=250)) == ["H Mon 00:00 T1 Mon 06:00 U | 5500 fen | 0 mg"]


def test_price_is_never_under_the_minimum():
    timetable = draw("T1 road: H > U +6h 400km; 2fen/kg min=700fen")
    assert routes(timetable, ask("H > U", kg=250)) == ["H Mon 00:00 T1 Mon 06:00 U | 700 fen | 0 mg"]
    assert routes(timetable, ask("H > U", kg=351)) == ["H Mon 00:00 T1 Mon 06:00 U | 702 fen | 0 mg"]


@pytest.mark.parametrize(("weight_g", "price"), [(1, 1), (1_000, 1), (1_001, 2), (2_000, 2)])
def test_price_is_rounded_up(weight_g, price):
    timetable = one_ride(Tariff(milliminor_per_kg=1_000), 1_000)
    assert only_plan(timetable, Query("H", "U", 0, weight_g=weight_g)).price_minor == price


def test_both_parts_are_rounded_up_together():
    timetable = one_ride(Tariff(milliminor_per_kg=500, milliminor_per_tkm=500_000), 1_000)
    assert only_plan(timetable, Query("H", "U", 0, weight_g=1_000)).price_minor == 1


@pytest.mark.parametrize(("mg_per_tkm", "co2e_mg"), [(499, 0), (500, 1), (1_499, 1), (1_500, 2)])
def test_co2e_is_rounded_half_up(mg_per_tkm, co2e_mg):
    timetable = one_ride(Tariff(), 1_000, mg_per_tkm)
    assert only_plan(timetable, Query("H", "U", 0, weight_g=1_000)).co2e_mg == co2e_mg


def test_worked_value_of_the_ileap_specification():
    # 87 kg over 423 km are 36.801 tkm; at 0.1 kg each that is 3.6801 kg.
    timetable = one_ride(Tariff(), 423_000, 100_000)
    assert only_plan(timetable, Query("H", "U", 0, weight_g=87_000)).co2e_mg == 3_680_100


def test_co2e_without_a_figure_counts_as_nothing_and_says_so():
    chosen = only_plan(one_ride(Tariff(), 1_000), Query("H", "U", 0, weight_g=1_000))
    assert chosen.co2e_mg == 0
    assert chosen.legs[0].co2e_mg is None


def test_a_transfer_is_charged_between_rides_and_not_at_the_ends():
    timetable = draw("""
        place H handling=900fen co2e=900mg/kg
        place U handling=200fen+1fen/kg co2e=30mg/kg
        place M handling=900fen co2e=900mg/kg
        T1 road: H > U +1h; 10fen 100g/tkm
        T2 road: U > M +1h; 10fen 100g/tkm
    """)
    chosen = only_plan(timetable, ask("H > M", kg=100))
    assert (chosen.price_minor, chosen.co2e_mg) == (10 + 300 + 10, 1_000_000 + 3_000 + 1_000_000)
    assert [leg.handling_price_minor for leg in chosen.legs] == [0, 300]
    assert [leg.handling_co2e_mg for leg in chosen.legs] == [0, 3_000]


def test_handling_without_a_figure_says_so():
    timetable = draw("""
        T1 road: H > U +1h; 10fen
        T2 road: U > M +1h; 10fen
    """)
    assert [leg.handling_co2e_mg for leg in only_plan(timetable, ask("H > M")).legs] == [0, None]


@given(
    st.builds(Tariff, *[st.integers(0, 10**6)] * 4),
    st.integers(1, 10**8),
    st.integers(1, 10**7),
    st.integers(1, 10**7),
)
def test_two_tickets_never_cost_less_than_the_whole_way(tariff, weight_g, first_m, second_m):
    def price(distance_m):
        return only_plan(one_ride(tariff, distance_m), Query("H", "U", 0, weight_g=weight_g)).price_minor

    assert price(first_m) + price(second_m) >= price(first_m + second_m)
