"""Which lots give: there when they are handed in, still good when they arrive, and first ordered is first served."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalogue.errors import OfferChanged, OutOfStock
from app.catalogue.presale import Presale, load_presale
from app.catalogue.stock import choose_lots, good_until, served_first, supply
from app.catalogue.values import Category, Held, LotStock, StockWant

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


def day(number):
    return None if number is None else NOON + timedelta(days=number)


def lot(name, free, spoils=None, there=None):
    return LotStock(name, "a", Decimal(free), day(spoils), day(there))


def want(quantity, ready=None, arrives=None):
    return StockWant("x", "a", Decimal(quantity), 1, day(ready), day(arrives))


def taken(wants, lots):
    return [(part.lot_id, int(part.quantity)) for part in choose_lots(wants, lots)]


def test_what_would_spoil_before_it_arrives_is_left_for_somebody_nearer():
    lots = [lot("old", 5, spoils=2), lot("fresh", 5, spoils=9)]
    assert taken([want(4, arrives=5)], lots) == [("fresh", 4)]
    assert taken([want(4, arrives=2)], lots) == [("old", 4)]


def test_what_is_not_there_when_the_rest_is_handed_in_is_not_taken():
    lots = [lot("stored", 5, spoils=9), lot("coming", 5, spoils=8, there=3)]
    assert taken([want(4, ready=1)], lots) == [("stored", 4)]
    assert taken([want(7, ready=3)], lots) == [("coming", 5), ("stored", 2)]


def test_enough_but_not_in_time_asks_for_a_new_quote_and_too_little_says_how_much():
    lots = [lot("stored", 5), lot("coming", 5, there=3)]
    with pytest.raises(OfferChanged):
        choose_lots([want(7, ready=1)], lots)
    with pytest.raises(OutOfStock) as refused:
        choose_lots([want(11, ready=1)], lots)
    assert refused.value.fields["available"] == "5"


def test_lots_of_two_listings_that_are_called_alike_are_two():
    both = [LotStock("same", "a", Decimal(2), None), LotStock("same", "b", Decimal(3), None)]
    with pytest.raises(OutOfStock):
        choose_lots([want(3)], both)


@pytest.mark.parametrize(("quantity", "ready", "since"), [("5", 0, None), ("6", 4, 4), ("11", 7, 7)])
def test_goods_are_ready_when_the_last_of_their_lots_is_there(quantity, ready, since):
    lots = [lot("next", 5, there=7), lot("stored", 5), lot("soon", 5, there=4)]
    found = supply(lots, Decimal(quantity), NOON)
    assert (found.ready_at, found.since) == (day(ready), day(since))


def test_a_lot_that_misses_the_departure_of_its_cycle_is_not_counted():
    with pytest.raises(OutOfStock) as refused:
        supply([lot("stored", 5), lot("soon", 5, there=4)], Decimal(6), NOON, until=day(3))
    assert refused.value.fields["available"] == "5"


def test_what_spoils_before_it_is_handed_in_or_was_passed_over_is_not_counted():
    lots = [lot("old", 5, spoils=1), lot("fresh", 5, spoils=9, there=2)]
    assert supply(lots, Decimal(5), day(0)).ready_at == day(0)
    assert supply(lots, Decimal(5), day(1)).ready_at == day(2)
    assert supply(lots, Decimal(5), day(0), spoilt_by=day(1)).ready_at == day(2)
    with pytest.raises(OutOfStock):
        supply(lots, Decimal(6), day(1))


def test_so_long_is_enough_of_it_good():
    lots = [lot("old", 5, spoils=1), lot("fresh", 5, spoils=9), lot("kept", 5), lot("later", 50, spoils=99, there=8)]
    ends = [good_until(lots, Decimal(quantity), NOON) for quantity in (5, 6, 11)]
    assert ends == [None, day(9), day(1)]


def held(order, quantity, at):
    return Held(order, Decimal(quantity), day(at))


def test_first_ordered_is_first_served_and_what_still_fits_too():
    three = [held("c", 2, 3), held("a", 4, 1), held("b", 5, 2)]
    assert served_first(three, Decimal(6), {"a", "b", "c"}) == ["b"]
    assert served_first(three, Decimal(11), {"a", "b", "c"}) == []
    assert served_first(three, Decimal(0), {"a", "b", "c"}) == ["a", "b", "c"]


def test_what_has_left_is_served_before_all():
    assert served_first([held("a", 4, 1), held("b", 5, 2)], Decimal(6), {"a"}) == ["a"]
    assert served_first([held("a", 4, 1), held("b", 5, 2)], Decimal(1), set()) == []


_held = st.lists(
    st.builds(held, st.uuids().map(str), st.integers(1, 20), st.integers(0, 5)), unique_by=lambda one: one.order_id
)


@given(every=_held, harvest=st.integers(0, 60), data=st.data())
def test_who_is_served_never_gets_more_than_came_and_nobody_waits_for_a_later_one(every, harvest, data):
    may_end = {one.order_id for one in every if data.draw(st.booleans())}
    unserved = served_first(every, Decimal(harvest), may_end)
    assert set(unserved) <= may_end
    fixed = sum(one.quantity for one in every if one.order_id not in may_end)
    kept = sum(one.quantity for one in every if one.order_id not in unserved)
    assert kept <= max(fixed, harvest)
    ordered = sorted(every, key=lambda one: (one.created_at, one.order_id))
    for one in ordered:
        if one.order_id in unserved:
            earlier = [e for e in ordered[: ordered.index(one)] if e.order_id in may_end - set(unserved)]
            assert fixed + sum(e.quantity for e in earlier) + one.quantity > harvest


def test_of_a_forecast_a_share_in_whole_units_is_sold_ahead():
    assert Presale("1", 7_000).most_of(Decimal("101.5")) == 71
    shares = load_presale()
    assert Category.LIVESTOCK not in shares
    assert len({share.version for share in shares.values()}) == 1
    assert all(0 < share.share_bps <= 10_000 for share in shares.values())
