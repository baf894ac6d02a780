"""The tier that a quantity reaches, the price by weight beside that of a sales unit, and what may not be offered."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.catalogue.pricing import MEASURES, ladder, list_price_gaps, pricing_gaps, tier_ahead, tier_reached, unit_prices
from app.catalogue.values import Category, Facts, Parcel, Tier
from app.core.money import Money
from app.core.quantity import GRAMS, Unit
from app.orders.rules import line_total

BOXES = Facts(
    category=Category.PRODUCE,
    unit=Unit.BOX,
    title={},
    attributes={},
    price=Money(8_800, "CNY"),
    package=Parcel(5_300, 400, 300, 200),
    temperature=None,
    min_quantity=Decimal(2),
    step=Decimal(2),
)
MILLI = Decimal("0.001")
quantities = st.integers(1, 10**9).map(lambda thousandths: thousandths * MILLI)


def yuan(fen):
    return Money(fen, "CNY")


def tiers(*steps):
    return tuple(Tier(Decimal(start), yuan(fen)) for start, fen in steps)


def shown(category, unit, net, fen):
    return {each.per.value: each.price.amount for each in unit_prices(category, unit, net, yuan(fen))}


@st.composite
def offers(draw):
    """A price with tiers as they may be published: quantities rise, prices fall."""
    starts = sorted(draw(st.sets(quantities, max_size=10)))
    prices = sorted(draw(st.sets(st.integers(1, 10**8), min_size=len(starts) + 1, max_size=len(starts) + 1)))
    price, *lower = reversed(prices)
    return yuan(price), tuple(Tier(start, yuan(fen)) for start, fen in zip(starts, lower, strict=True))


@pytest.mark.parametrize(
    ("goods", "expected"),
    [
        ((Category.PRODUCE, Unit.BOX, 5_000, 8_800), {"kg": 1_760, "jin": 880}),
        ((Category.PRODUCE, Unit.JIN, None, 450), {"kg": 900, "jin": 450}),
        ((Category.PRODUCE, Unit.BOX, 3_000, 1_000), {"kg": 333, "jin": 167}),
        ((Category.COTTON, Unit.TONNE, None, 1_450_000), {"tonne": 1_450_000, "kg": 1_450}),
        ((Category.COTTON, Unit.BALE, 227_000, 330_000), {"tonne": 1_453_744, "kg": 1_454}),
        # A half is rounded up.
        ((Category.PRODUCE, Unit.KG, None, 5), {"kg": 5, "jin": 3}),
        # A jin for less than half a fen has no honest price.
        ((Category.PRODUCE, Unit.BOX, 2_000, 1), {"kg": 1}),
        # Larger than any amount.
        ((Category.COTTON, Unit.PIECE, 1, 10**9), {"kg": 10**12}),
    ],
)
def test_price_by_weight_is_exact_and_rounded_once(goods, expected):
    assert shown(*goods) == expected


def test_without_a_net_weight_and_for_live_animals_nothing_is_said():
    assert shown(Category.PRODUCE, Unit.BOX, None, 8_800) == {}
    assert shown(Category.LIVESTOCK, Unit.HEAD, None, 150_000) == {}


@given(st.sampled_from([*Category]), st.sampled_from([*Unit]), st.integers(1, 2_000_000), st.integers(1, 10**10))
def test_price_by_weight_is_never_further_from_the_truth_than_half_a_fen(category, unit, net, fen):
    for measure, amount in shown(category, unit, net, fen).items():
        exact = Fraction(fen * GRAMS[Unit(measure)], GRAMS.get(unit, net))
        assert Fraction(-1, 2) <= exact - amount <= Fraction(1, 2)
        assert Unit(measure) in MEASURES[category]


def test_line_is_priced_by_the_tier_that_its_quantity_reaches():
    steps = ladder(yuan(1_000), tiers(("10", 900), ("50", 800)))
    reached = {q: tier_reached(steps, Decimal(q)) for q in ("9.999", "10", "49", "50", "5000")}
    assert {q: (str(tier.start), tier.price.amount) for q, tier in reached.items()} == {
        "9.999": ("0", 1_000),
        "10": ("10", 900),
        "49": ("10", 900),
        "50": ("50", 800),
        "5000": ("50", 800),
    }
    assert [tier_ahead(steps, Decimal(q)) for q in ("9", "10", "50")] == [steps[1], steps[2], None]


@given(offers(), quantities, quantities)
def test_larger_quantity_never_costs_more_a_unit_nor_less_than_nothing(offer, one, other):
    price, steps = offer
    less, more = sorted((one, other))
    steps = ladder(price, steps)
    cheaper, dearer = tier_reached(steps, more), tier_reached(steps, less)
    assert 0 < cheaper.price.amount <= dearer.price.amount <= price.amount
    assert line_total(more, cheaper.price).amount >= 0
    assert line_total(more, cheaper.price).amount <= line_total(more, price).amount
    if cheaper == dearer:
        assert line_total(less, dearer.price).amount <= line_total(more, cheaper.price).amount


@given(offers(), quantities)
def test_whoever_could_have_more_for_less_is_told_of_a_tier_ahead(offer, quantity):
    """Ten may cost less than nine: then there is a tier ahead, and the buyer is shown what it costs."""
    steps = ladder(*offer)
    now = line_total(quantity, tier_reached(steps, quantity).price).amount
    cheaper = [tier for tier in steps if tier.start > quantity and line_total(tier.start, tier.price).amount < now]
    assume(cheaper)
    ahead = tier_ahead(steps, quantity)
    assert ahead is not None
    assert ahead.start <= cheaper[0].start


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"tiers": tiers(("10", 8_000), ("20", 7_000))}, []),
        ({"tiers": tiers(("10", 8_000), ("10", 7_000))}, ["/tiers/1/from"]),
        ({"tiers": tiers(("2", 8_000))}, ["/tiers/0/from"]),
        ({"tiers": tiers(("11", 8_000))}, ["/tiers/0/from"]),
        ({"tiers": tiers(("10.5", 8_000))}, ["/tiers/0/from"]),
        ({"tiers": tiers(("10", 8_800))}, ["/tiers/0/price/amount"]),
        ({"tiers": tiers(("10", 0))}, ["/tiers/0/price/amount"]),
        ({"tiers": (Tier(Decimal(10), Money(5, "EUR")),)}, ["/tiers/0/price/currency"]),
        ({"tiers": tiers(("20", 9_000), ("11", 9_500))},
         ["/tiers/0/price/amount", "/tiers/1/from", "/tiers/1/from", "/tiers/1/price/amount"]),
        ({"price": None, "tiers": tiers(("10", 8_000), ("20", 8_000))}, ["/tiers/1/price/amount"]),
        ({"net_weight_g": 5_000}, []),
        ({"net_weight_g": 5_300}, []),
        ({"net_weight_g": 5_301}, ["/net_weight_g"]),
        ({"net_weight_g": 5_301, "package": None}, []),
        ({"net_weight_g": 900, "unit": Unit.KG}, ["/net_weight_g"]),
        ({"net_weight_g": 900, "unit": Unit.HEAD}, ["/net_weight_g"]),
    ],
)  # fmt: skip
def test_everything_that_is_wrong_with_prices_is_named_at_once(changes, pointers):
    assert [gap.pointer for gap in pricing_gaps(replace(BOXES, **changes))] == pointers


@given(offers(), st.lists(offers(), max_size=3), quantities)
def test_buyer_on_lists_pays_the_least_of_everything_and_never_more_than_the_public(public, lists, quantity):
    listed = [
        replace(tier, price_list=f"prl_{i}")
        for i, (price, steps) in enumerate(lists)
        for tier in (Tier(Decimal(0), price), *steps)
    ]
    mine = ladder(*public, listed)
    paid = tier_reached(mine, quantity)
    each = [tier_reached(ladder(*offer), quantity).price.amount for offer in (public, *lists)]
    assert paid.price.amount == min(each) <= each[0]
    assert paid.price_list is None or each[0] > min(each) or paid.start < tier_reached(ladder(*public), quantity).start
    assert [tier.start for tier in mine] == sorted({tier.start for tier in mine})
    assert [-tier.price.amount for tier in mine] == sorted({-tier.price.amount for tier in mine})


def test_everything_that_is_wrong_with_the_price_of_a_list_is_named_at_once():
    wrong = replace(BOXES, price=Money(0, "EUR"), tiers=tiers(("3", 5)))
    assert [gap.pointer for gap in list_price_gaps(wrong)] == [
        "/price/currency",
        "/price/amount",
        "/tiers/0/from",
        "/tiers/0/price/amount",
    ]
    # Dearer than the public price is no fault: the buyer pays the lower.
    assert list_price_gaps(replace(BOXES, price=yuan(9_000), tiers=tiers(("10", 8_900)))) == []
