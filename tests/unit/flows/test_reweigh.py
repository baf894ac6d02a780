"""An order at other weights: shares add up, nobody is owed less than nothing, and the last weight alone counts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from app.core.quantity import Unit
from app.flows.reweigh import Standing, at_weight, co2e_after, estimate_of, least_minor, mass_g, most_minor
from app.ledger.rules import imbalances, sale_entries, weighing_entries
from app.ledger.values import AccountKind
from app.orders.models import Order, OrderLine
from app.orders.values import OrderStatus
from app.orders.weighing import RATE_SCALE, Booked, BookedLeg, LegTariff, allowed, kept_booking, weighed_total
from app.shipments.values import ConsignmentStatus, Journey, JourneyLeg, JourneyPackage

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
CO2E = {"transport": 10_000, "hubs": None, "packaging": 500, "total": 10_500, "covers": [], "missing": []}
TERMS = ["1", 500, 12, "decline", None, None]
PER_KG = st.integers(0, 500)
GRAMS = st.integers(1, 300_000)


def a_tariff(base, per_kg):
    return LegTariff(base * RATE_SCALE, 0, 1_000, ((0, per_kg * RATE_SCALE // 1_000),), handling_minor=20)


def a_journey(legs, weight_g):
    packages = tuple(
        JourneyPackage(f"pkg_{i}", "carton", {}, 1, share, 400, 300, 200, 300, 150, 100, reusable=False)
        for i, share in enumerate((weight_g // 2, weight_g - weight_g // 2))
    )
    return Journey(
        id="con_1", order_id="ord_1", producer_id="prd_1", buyer_id="per_1", tracking_number="CM", currency="CNY",
        temperature="ambient", hand_in_by=NOW, promised_from=NOW, promised_by=NOW, created_at=NOW, cancelled_at=None,
        status=ConsignmentStatus.BOOKED, hub=None, damaged=False, estimated_at=None, last_event_at=None, ended_at=None,
        packages=packages, legs=legs,
    )  # fmt: skip


def a_leg(leg_id, price, carrier="XILU", co2e_g=4_000):
    return JourneyLeg(
        "A", "B", "road", "S", NOW, 0, 1, carrier, NOW, NOW + timedelta(hours=1), 10_000, price, co2e_g, id=leg_id
    )


@st.composite
def orders(draw):
    """A line by weight and one that is not, two legs of two carriers; at times one of them goes another way by now."""
    estimated, price, fee = draw(GRAMS), draw(st.integers(1, 10_000)), draw(st.integers(0, 10_000))
    boxes = draw(st.integers(0, 50_000))
    planned_g = estimated + 2_000
    booked = Booked(
        planned_g,
        tuple(
            BookedLeg(
                f"leg_{i}", tariff.price_minor(planned_g) - min(rebate, tariff.price_minor(planned_g)), 4_000, tariff
            )
            for i, (tariff, rebate) in enumerate(
                (a_tariff(draw(st.integers(0, 3_000)), draw(PER_KG)), draw(st.integers(0, 500))) for _ in range(2)
            )
        ),
    )
    legs = [
        a_leg(leg.id, leg.price_minor, carrier) for leg, carrier in zip(booked.legs, ("XILU", "XITIE"), strict=True)
    ]
    extra = 0
    if draw(st.booleans()):
        legs[1] = a_leg("leg_new", draw(st.integers(0, 90_000)), "XIHE", 9_000)
        extra = legs[1].price_minor - booked.legs[1].price_minor
    journey = replace(a_journey(tuple(legs), planned_g), extra_carriage_minor=extra)
    goods = weighed_total(estimated, price, Unit.KG)
    order = Order(
        id="ord_1", number="1", buyer_id="per_1", quote_id="quo", option_id="opt", status=OrderStatus.PLACED,
        currency="CNY", goods_minor=goods + boxes, carriage_minor=journey.carriage_minor, packaging_minor=300,
        subsidy_minor=0, duties_minor=0, total_minor=0, co2e=CO2E, deliver_to={},
        terms={"fee_bps": fee, "weighing": {"lines": {"lin_1": TERMS}, "carriage": {"con_1": kept_booking(booked)}}},
        promised_from=NOW, promised_by=NOW, created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    line = OrderLine(
        order_id="ord_1", id="lin_1", listing_id="lst_1", producer_id="prd_1", consignment_id="con_1", title={}, unit="kg",
        quantity=Decimal(1), price_minor=price, total_minor=goods, price_per=Unit.KG, estimated_g=estimated, ordered_minor=goods,
    )  # fmt: skip
    other = OrderLine(
        order_id="ord_1", id="lin_2", listing_id="lst_2", producer_id="prd_1", consignment_id="con_1", title={}, unit="box",
        quantity=Decimal(1), price_minor=boxes, total_minor=boxes,
    )  # fmt: skip
    return Standing(order, [line, other], [journey])


def weighed(standing, net_g):
    """The order once its line weighs this."""
    (line, other), (journey,) = standing.lines, standing.journeys
    total = weighed_total(net_g, line.price_minor, Unit.KG)
    settled = OrderLine.model_validate(line.model_dump() | {"settled_g": net_g, "net_g": net_g, "total_minor": total})
    changed = at_weight(standing.order, journey, journey.weight_g + net_g - mass_g(line))
    return Standing(standing.order, [settled, other], [changed])


def amounts(entries):
    sums = {}
    for entry in entries:
        sums[entry.account] = sums.get(entry.account, 0) + entry.amount_minor
    return sums


def entries_between(before, after):
    return weighing_entries(
        "per_1", before.split, after.split, extra_before_minor=before.extra_minor, extra_after_minor=after.extra_minor
    )


@given(orders(), GRAMS)
def test_what_a_weight_moves_sums_to_zero_and_leaves_everybody_what_the_new_price_says(standing, net_g):
    after = weighed(standing, net_g)
    entries = entries_between(standing, after)
    assert not imbalances(entries)
    moved = amounts(entries)
    difference = after.price.total.amount - standing.price.total.amount
    assert sum(amount for account, amount in moved.items() if account.kind is AccountKind.BUYER) == -difference
    fresh, former = amounts(sale_entries("per_1", after.split)), amounts(sale_entries("per_1", standing.split))
    for account in {*fresh, *former} - {a for a in fresh if a.kind is AccountKind.BUYER}:
        assert former.get(account, 0) + moved.get(account, 0) == fresh.get(account, 0)
        assert fresh.get(account, 0) >= 0
    assert after.price.total.amount >= 0
    assert all(leg.price_minor >= 0 for journey in after.journeys for leg in journey.legs)
    assert after.journeys[0].carriage_minor >= 0


@given(orders(), st.lists(GRAMS, min_size=1, max_size=4))
def test_however_it_was_weighed_before_the_last_weight_alone_counts(standing, weights):
    by_steps = standing
    for each in weights:
        by_steps = weighed(by_steps, each)
    at_once = weighed(standing, weights[-1])
    assert by_steps.price == at_once.price
    assert by_steps.split == at_once.split
    assert by_steps.extra_minor == at_once.extra_minor
    assert by_steps.journeys[0].weight_g == at_once.journeys[0].weight_g
    assert by_steps.journeys[0].planned_weight_g == standing.journeys[0].weight_g


@given(orders())
def test_at_the_weight_that_was_ordered_everything_is_as_it_was_ordered(standing):
    (line, _), (journey,) = standing.lines, standing.journeys
    after = weighed(standing, line.estimated_g)
    assert (after.price, after.split, after.extra_minor) == (standing.price, standing.split, standing.extra_minor)
    assert entries_between(standing, after) == ()
    assert [leg.co2e_g for leg in after.journeys[0].legs] == [leg.co2e_g for leg in journey.legs]
    assert co2e_after(CO2E, standing.journeys, after.journeys) == CO2E


@given(orders(), st.integers(0, 1_000))
def test_every_weight_within_the_range_costs_between_its_ends(standing, share):
    (line, _) = standing.lines
    span = allowed(line.estimated_g, 500)
    least, most = least_minor(standing), most_minor(standing)
    grams = span.least_g + (span.most_g - span.least_g) * share // 1_000
    assert estimate_of(standing.order, line).allowed.holds(grams) or span.least_g > span.most_g
    assert least <= weighed(standing, max(1, grams)).price.total.amount <= most or grams < 1
    settled = weighed(standing, max(1, grams))
    assert most_minor(settled) == least_minor(settled) == settled.price.total.amount
