"""What weights cost: tolerances to the gram, conditioned weight, and carriage that follows the tariff it was booked at."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.quantity import GRAMS, Unit
from app.orders.policies import Lapse, Policies, load_policies, read_policies
from app.orders.weighing import (
    RATE_SCALE,
    Booked,
    BookedLeg,
    LegTariff,
    Terms,
    allowed,
    booked_of,
    carriage_minor,
    conditioned_g,
    estimated_g,
    kept_booking,
    kept_terms,
    leg_co2e_g,
    leg_price_minor,
    line_terms,
    read_terms,
    spread_weight,
    weighed_total,
)

GRAM = st.integers(1, 10**9)
COTTON = Terms("1", 500, timedelta(hours=1), Lapse.OPERATOR, Decimal("2.5"), Decimal("8.5"))
PERCENT = st.decimals(0, 50, places=2)
TARIFFS = st.builds(
    LegTariff,
    base_scaled=st.integers(0, 10**6).map(lambda minor: minor * RATE_SCALE),
    minimum_minor=st.integers(0, 10**5),
    step_g=st.sampled_from([1, 1_000]),
    bands=st.tuples(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(1, 10**6)).map(
        lambda told: ((0, told[0]), (told[2], told[1]))
    ),
    handling_minor=st.integers(0, 10**4),
    handling_rate=st.integers(0, 10**10),
)


def a_leg(tariff, price_minor=None, weight_g=0, co2e_g=100, leg_id="leg_1"):
    return BookedLeg(leg_id, tariff.price_minor(weight_g) if price_minor is None else price_minor, co2e_g, tariff)


@pytest.mark.parametrize(
    ("quantity", "unit", "net_g", "grams"),
    [
        ("100", Unit.KG, None, 100_000),
        ("0.001", Unit.JIN, None, 1),
        ("12.5", Unit.TONNE, None, 12_500_000),
        ("3", Unit.HEAD, 42_000, 126_000),
        ("2", Unit.BALE, 227_000, 454_000),
    ],
)
def test_estimate_is_what_so_many_sales_units_weigh(quantity, unit, net_g, grams):
    assert estimated_g(Decimal(quantity), unit, net_g) == grams


def test_a_price_is_for_its_weight_and_rounded_once():
    assert weighed_total(97_300, 600, Unit.KG) == 58_380
    assert weighed_total(84_350, 3_600, Unit.KG) == 303_660
    assert weighed_total(1, 500, Unit.KG) == 1
    assert weighed_total(1, 499, Unit.KG) == 0
    assert weighed_total(45_612_345, 1_650_000, Unit.TONNE) == 75_260_369


@given(GRAM, st.integers(1, 10**9), st.sampled_from(sorted(GRAMS)))
def test_a_total_is_within_half_a_fen_and_more_never_costs_less(grams, price, per):
    total = weighed_total(grams, price, per)
    assert abs(total - Fraction(grams * price, GRAMS[per])) <= Fraction(1, 2)
    assert 0 <= total <= weighed_total(grams + 1, price, per)


@given(GRAM, st.integers(0, 5_000))
def test_the_range_ends_at_the_last_gram_within_the_tolerance(estimate, bps):
    span = allowed(estimate, bps)
    assert span.holds(estimate)
    share = Fraction(bps, 10_000)
    for grams in (span.least_g, span.most_g):
        assert abs(Fraction(grams - estimate, estimate)) <= share
    for grams in (span.least_g - 1, span.most_g + 1):
        assert not span.holds(grams)
        assert abs(Fraction(grams - estimate, estimate)) > share


def test_conditioned_weight_follows_the_published_formula():
    # At the standard it is what the scale showed; drier and cleaner cotton is more of it, wetter and dirtier less.
    assert conditioned_g(227_000, Decimal("2.5"), Decimal("8.5"), COTTON) == 227_000
    assert conditioned_g(227_000, Decimal("2.1"), Decimal("7.9"), COTTON) == 229_199
    assert conditioned_g(227_000, Decimal("3.4"), Decimal("9.6"), COTTON) == 222_647


@given(GRAM, PERCENT, PERCENT)
def test_conditioned_weight_is_exact_but_for_half_a_gram(net, trash, regain):
    exact = Fraction(net) * Fraction(100 - trash) / Fraction(975, 10) * Fraction(1085, 10) / Fraction(100 + regain)
    found = conditioned_g(net, trash, regain, COTTON)
    assert isinstance(found, int)
    assert -Fraction(1, 2) < exact - found <= Fraction(1, 2)
    assert conditioned_g(net, trash + 1, regain, COTTON) <= found
    assert conditioned_g(net, trash, regain + 1, COTTON) <= found


@given(TARIFFS, st.integers(0, 10**6), GRAM, GRAM)
def test_carriage_is_what_was_booked_and_the_difference_of_the_tariff(tariff, rebate, planned, real):
    price = max(0, tariff.price_minor(planned) - rebate)
    leg = a_leg(tariff, price)
    assert leg_price_minor(leg, planned, planned) == price
    found = leg_price_minor(leg, planned, real)
    assert found == max(0, price + tariff.price_minor(real) - tariff.price_minor(planned))
    assert found >= 0
    if real >= planned:
        assert found >= price


@given(TARIFFS, GRAM)
def test_a_tariff_never_costs_less_for_more(tariff, grams):
    assert tariff.price_minor(grams) <= tariff.price_minor(grams + 1)
    assert tariff.price_minor(grams) >= tariff.minimum_minor


@given(st.lists(TARIFFS, min_size=1, max_size=4), GRAM, st.lists(GRAM, min_size=1, max_size=5))
def test_however_often_it_is_weighed_only_the_last_weight_counts(tariffs, planned, weights):
    booked = Booked(planned, tuple(a_leg(each, weight_g=planned, leg_id=f"leg_{i}") for i, each in enumerate(tariffs)))
    terms = {"weighing": {"carriage": {"con_1": kept_booking(booked)}}}
    assert booked_of(terms, "con_1") == booked
    assert booked_of(terms, "con_2") is None
    # Nothing of the former weights is kept in the terms, so that the last one alone decides.
    assert [carriage_minor(booked, each) for each in weights][-1] == carriage_minor(booked, weights[-1])
    assert carriage_minor(booked, planned) == sum(leg.price_minor for leg in booked.legs)


@given(st.integers(0, 10**7), GRAM, GRAM)
def test_emissions_go_with_the_mass(co2e, planned, real):
    assert leg_co2e_g(co2e, planned, planned) == co2e
    found = leg_co2e_g(co2e, planned, real)
    assert abs(found - Fraction(co2e * real, planned)) <= Fraction(1, 2)
    assert leg_co2e_g(None, planned, real) is None


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=30), st.integers(0, 10**8))
def test_packages_share_the_whole_weight_and_none_weighs_nothing(weights, more):
    whole = len(weights) + more
    shared = spread_weight(weights, whole)
    assert sum(shared) == whole
    assert min(shared) >= 1


def test_terms_are_kept_as_they_were_and_read_again():
    policies = load_policies(None)
    terms = read_terms(kept_terms(policies, "cotton"))
    assert terms == Terms(policies.version, 500, timedelta(hours=48), Lapse.OPERATOR, Decimal("2.5"), Decimal("8.5"))
    assert terms.is_conditioned
    produce = read_terms(kept_terms(policies, "produce"))
    assert (produce.tolerance_bps, produce.lapse, produce.is_conditioned) == (500, Lapse.DECLINE, False)
    kept = {"weighing": {"lines": {"lin_1": kept_terms(policies, "produce")}}}
    assert line_terms(kept, "lin_1") == produce
    assert line_terms(kept, "lin_2") is None
    assert line_terms({}, "lin_1") is None


def test_what_has_no_row_tolerates_nothing():
    terms = read_terms(kept_terms(Policies(version="x"), "produce"))
    assert (terms.policy, terms.tolerance_bps, terms.lapse) == ("x", 0, Lapse.OPERATOR)


@pytest.mark.parametrize(
    ("former", "wrong", "fault"),
    [
        ("tolerance_bps = 800", "tolerance_bps = 5001", "weighing LIVESTOCK-WEIGHT tolerance_bps"),
        ('lapse = "decline"', 'lapse = "shrug"', "weighing PRODUCE-WEIGHT lapse"),
        ('trash_pct = "2.5"\n', "", "`trash_pct` and `regain_pct` come together"),
        ('category = "cotton"\nwhat = { en = "Lint', 'category = "produce"\nwhat = { en = "Lint', "stand twice"),
    ],
)
def test_a_fault_in_the_table_is_named(former, wrong, fault):
    from_file = (load_policies.__globals__["TABLE"]).read_text(encoding="utf-8")
    assert former in from_file
    with pytest.raises(ValueError, match=fault):
        read_policies(from_file.replace(former, wrong))
