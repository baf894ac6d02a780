"""Grams of CO2e: worked values of the standards, sources of every factor, and what a footprint admits not to know."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.emissions import factor_for, footprint, intensities, leg_co2e_g, load_factors


def test_worked_value_of_ileap_87_kg_over_423_km_at_100_g() -> None:
    assert leg_co2e_g(100_000, 87_000, 423_000) == 3_680  # 36.801 tkm x 0.1 kg = 3.6801 kg


def test_worked_value_of_ileap_230_kg_over_700_km() -> None:
    assert leg_co2e_g(1_000_000, 230_000, 700_000) == 161_000  # 161 tkm at 1 kg


def test_every_factor_has_a_source_and_adds_up() -> None:
    for factor in load_factors():
        assert factor.source
        assert factor.year == 2025
        assert factor.wtw_mg == factor.ttw_mg + factor.wtt_mg


def test_a_cold_truck_emits_more_than_a_dry_one() -> None:
    assert intensities("truck", 500_000)["chilled"] > intensities("truck", 500_000)["ambient"]


def test_a_short_flight_emits_more_for_a_tonne_kilometre_than_a_long_one() -> None:
    assert intensities("aircraft", 800_000)["ambient"] == 960_540
    assert intensities("aircraft", 1_500_000)["ambient"] == 666_460


@pytest.mark.parametrize(("vehicle", "temperature"), [("bus", "ambient"), ("aircraft", "live"), ("train", "live")])
def test_what_no_source_gives_is_absent(vehicle: str, temperature: str) -> None:
    assert factor_for(vehicle, temperature, 10_000) is None


def test_a_footprint_names_what_it_does_not_cover() -> None:
    whole = footprint([100, 200], [None], [7])
    assert (whole.transport_g, whole.hubs_g, whole.packaging_g, whole.total_g) == (300, None, 7, 307)
    assert whole.covers == ("transport", "packaging")
    assert whole.missing == ("hubs",)


def test_an_unsourced_package_still_counts_what_is_known_of_the_others() -> None:
    part = footprint([1], [], [5, None])
    assert part.packaging_g is None
    assert part.total_g == 6


@given(
    st.lists(st.tuples(st.integers(1, 2_000_000), st.integers(1, 50_000_000), st.integers(1, 10_000_000)), max_size=8)
)
def test_rounding_never_moves_a_leg_by_more_than_half_a_gram(rides: list[tuple[int, int, int]]) -> None:
    for intensity, weight_g, distance_m in rides:
        assert (
            abs(leg_co2e_g(intensity, weight_g, distance_m) - intensity * weight_g * distance_m / 10**12)
            <= 0.5 + 1e-6 * weight_g
        )
