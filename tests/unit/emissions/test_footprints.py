"""From mass and distance to grams, and what a sum covers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.emissions import (
    Factor,
    FactorTable,
    Footprint,
    LegFootprint,
    great_circle_m,
    intensity_mg_per_tkm,
    leg_co2e,
    shipment_footprint,
    total_footprint,
)

TABLE = FactorTable.load()


@pytest.mark.parametrize(
    ("mode", "temperature", "distance_m", "co2e_g", "vehicle", "missing"),
    [
        ("road", "ambient", 1_000_000, 95_020, "road/artic_over_33t/ambient", ()),
        ("road", "live", 1_000_000, 95_020, "road/artic_over_33t/ambient", ()),
        ("road", "chilled", 1_000_000, 109_940, "road/artic_over_33t/refrigerated", ()),
        ("road", "frozen", 1_000_000, 109_940, "road/artic_over_33t/refrigerated", ()),
        ("rail", "ambient", 1_000_000, 34_700, "rail/freight_train/ambient", ()),
        ("rail", "frozen", 1_000_000, 34_700, "rail/freight_train/ambient", ("refrigeration",)),
        ("water", "ambient", 1_000_000, 19_770, "water/container_ship_average/ambient", ()),
        ("courier", "ambient", 1_000_000, 782_250, "courier/van_average_diesel/ambient", ()),
        ("air", "ambient", 1_500_000, 999_690, "air/long_haul_without_rf/ambient", ("radiative_forcing",)),
        ("air", "ambient", 1_499_999, 1_440_809, "air/short_haul_without_rf/ambient", ("radiative_forcing",)),
        (
            "air",
            "chilled",
            2_000_000,
            1_332_920,
            "air/long_haul_without_rf/ambient",
            ("radiative_forcing", "refrigeration"),
        ),
    ],
)
def test_a_tonne_on_the_usual_vehicle(mode, temperature, distance_m, co2e_g, vehicle, missing):
    leg = leg_co2e(TABLE, mode, temperature, 1_000_000, distance_m)
    assert leg == LegFootprint(co2e_g, f"desnz-2025/{vehicle}", missing)


def test_a_bus_has_no_factor_and_says_so():
    assert leg_co2e(TABLE, "bus", "ambient", 5_000, 40_000) == LegFootprint(None, None, ("transport/bus",))
    assert intensity_mg_per_tkm(TABLE, "bus", "ambient", 40_000) is None


def test_an_inland_vessel_borrows_the_smallest_sea_ship_and_says_so():
    leg = leg_co2e(TABLE, "water", "ambient", 1_000_000, 1_000_000, "inland_vessel")
    assert leg == LegFootprint(
        45_080, "desnz-2025/water/container_ship_under_1000_teu/ambient", ("inland_vessel_factor",)
    )


def test_a_service_may_name_its_vehicle():
    electric = leg_co2e(TABLE, "courier", "ambient", 10_000, 10_000, "van_average_battery_electric")
    assert electric.co2e_g == 28
    assert leg_co2e(TABLE, "road", "ambient", 10_000, 10_000, "hovercraft").co2e_g is None
    assert leg_co2e(TABLE, "road", "ambient", 1_000_000, 1_000, "rigid_over_17t").co2e_g == 209
    assert leg_co2e(TABLE, "road", "chilled", 1_000_000, 1_000, "rigid_over_17t").co2e_g == 287
    small = leg_co2e(TABLE, "road", "chilled", 1_000_000, 1_000, "rigid_7500kg_to_17t")
    assert (small.co2e_g, small.missing) == (456, ("refrigeration",))


@pytest.mark.parametrize(("weight_g", "co2e_g"), [(1, 0), (14_409, 0), (14_410, 1), (43_227, 1), (43_228, 2)])
def test_grams_are_rounded_half_up_for_each_leg(weight_g, co2e_g):
    # One kilometre by rail: half a gram is reached between 14,409 g and 14,410 g, one and a half just after 43,227 g.
    assert leg_co2e(TABLE, "rail", "ambient", weight_g, 1_000).co2e_g == co2e_g


def test_half_a_gram_is_a_gram():
    # 1 t over 5 km by rail is 173.5 g.
    assert leg_co2e(TABLE, "rail", "ambient", 1_000_000, 5_000).co2e_g == 174


@pytest.mark.parametrize(
    ("weight_g", "distance_m", "g_per_tkm", "co2e_g"),
    [(87_000, 423_000, 100, 3_680), (230_000, 700_000, 1_000, 161_000)],
)
def test_worked_values_of_the_ileap_specification(weight_g, distance_m, g_per_tkm, co2e_g):
    # 87 kg over 423 km are 36.801 tkm, 230 kg over 700 km are 161 tkm.
    factor = Factor("v", "rail", "freight_train", "ambient", 0, g_per_tkm * 1_000, g_per_tkm * 1_000, "iLEAP", 2024)
    assert leg_co2e(FactorTable([factor]), "rail", "ambient", weight_g, distance_m).co2e_g == co2e_g


@given(st.sampled_from(["road", "rail", "air", "water", "courier"]), st.integers(1, 10**8), st.integers(1, 2 * 10**7))
def test_a_leg_is_within_half_a_gram_of_the_exact_product(mode, weight_g, distance_m):
    intensity = intensity_mg_per_tkm(TABLE, mode, "ambient", distance_m)
    exact_picograms = weight_g * distance_m * intensity
    rounded = leg_co2e(TABLE, mode, "ambient", weight_g, distance_m).co2e_g
    assert -(5 * 10**11) < exact_picograms - rounded * 10**12 < 5 * 10**11 or exact_picograms % 10**12 == 5 * 10**11


def test_a_shipment_without_hub_factors_says_that_hubs_are_missing():
    legs = [leg_co2e(TABLE, "road", "ambient", 20_000, 300_000), leg_co2e(TABLE, "rail", "ambient", 20_000, 3_000_000)]
    footprint = shipment_footprint(legs, packaging_g=660)
    assert footprint == Footprint(570 + 2_082, None, 660, ("transport", "packaging"), ("hubs",))
    assert footprint.total_g == 3_312


def test_a_shipment_with_an_uncovered_leg_does_not_cover_transport():
    legs = [leg_co2e(TABLE, "road", "ambient", 20_000, 300_000), leg_co2e(TABLE, "bus", "ambient", 20_000, 30_000)]
    footprint = shipment_footprint(legs, hubs_g=0, packaging_g=0)
    assert footprint.transport_g == 570
    assert footprint.covers == ("hubs", "packaging")
    assert footprint.missing == ("transport/bus",)


def test_a_hub_that_emits_nothing_is_known():
    assert shipment_footprint([], hubs_g=0).covers == ("transport", "hubs")
    assert shipment_footprint([]).missing == ("hubs", "packaging")


def test_two_shipments_together_miss_what_either_misses():
    one = shipment_footprint([leg_co2e(TABLE, "air", "ambient", 1_000, 2_000_000)], packaging_g=100)
    other = shipment_footprint([leg_co2e(TABLE, "rail", "chilled", 1_000, 2_000_000)], hubs_g=7, packaging_g=50)
    both = total_footprint([one, other])
    assert both == Footprint(
        1_333 + 69, 7, 150, ("transport", "packaging"), ("hubs", "radiative_forcing", "refrigeration")
    )
    assert both.total_g == one.total_g + other.total_g


@pytest.mark.parametrize(
    ("origin", "end", "distance_m"),
    [
        ((0.0, 0.0), (0.0, 0.0), 0),
        ((0.0, 0.0), (0.0, 180.0), 20_015_114),
        ((90.0, 0.0), (-90.0, 0.0), 20_015_114),
        ((0.0, 0.0), (0.0, 1.0), 111_195),
    ],
)
def test_great_circle(origin, end, distance_m):
    assert great_circle_m(origin, end) == distance_m
    assert great_circle_m(end, origin) == distance_m


def test_urumqi_to_chengdu_is_about_two_thousand_kilometres():
    assert great_circle_m((43.80096, 87.60046), (30.66667, 104.06667)) == pytest.approx(2_063_000, rel=0.01)
