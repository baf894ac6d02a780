"""Which lots give: there when they are handed in, still good when they arrive, and first ordered is first served."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalogue.errors import OfferChanged, OutOfStock
from app.catalogue.presale import Presale, load_presale
from app.catalogue.stock import choose_lots, good_until, share_out, supply
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


def held(order, quantity, at, *, other=0, least=1, step=1):
    return Held(order, Decimal(quantity), day(at), Decimal(other), Decimal(least), Decimal(step))


def test_first_ordered_is_first_served_and_the_next_gets_what_is_left():
    three = [held("c", 2, 3), held("a", 4, 1), held("b", 5, 2)]
    assert share_out(three, Decimal(6), {"a", "b", "c"}) == {"b": 2, "c": 0}
    assert share_out(three, Decimal(11), {"a", "b", "c"}) == {}
    assert share_out(three, Decimal(0), {"a", "b", "c"}) == {"a": 0, "b": 0, "c": 0}


def test_a_line_is_cut_in_whole_steps_and_never_below_the_least_that_is_sold():
    assert share_out([held("a", 10, 1, least=4, step=2)], Decimal(7), {"a"}) == {"a": 6}
    assert share_out([held("a", 10, 1, least=8, step=2)], Decimal(7), {"a"}) == {"a": 0}
    assert share_out([held("a", 10, 1, least=8, step=2), held("b", 7, 2)], Decimal(7), {"a", "b"}) == {"a": 0}


def test_what_a_line_holds_of_other_lots_stays_where_its_steps_allow():
    assert share_out([held("a", 6, 1, other=4)], Decimal(3), {"a"}) == {"a": 7}
    assert share_out([held("a", 5, 1, other=3, step=4, least=4)], Decimal(0), {"a"}) == {"a": 0}
    assert share_out([held("a", 5, 1, other=7, step=4, least=4)], Decimal(0), {"a"}) == {"a": 4}


def test_what_has_left_is_served_before_all():
    assert share_out([held("a", 4, 1), held("b", 5, 2)], Decimal(6), {"a"}) == {"a": 1}
    assert share_out([held("a", 4, 1), held("b", 5, 2)], Decimal(1), set()) == {}


_held = st.lists(
    st.builds(
        held,
        st.uuids().map(str),
        st.integers(1, 20),
        st.integers(0, 5),
        other=st.integers(0, 5),
        least=st.integers(1, 6),
        step=st.integers(1, 4),
    ),
    unique_by=lambda one: one.order_id,
)


@given(every=_held, harvest=st.integers(0, 60), data=st.data())
def test_nobody_gets_more_than_came_or_was_ordered_and_a_second_look_finds_nothing_to_do(every, harvest, data):
    may_change = {one.order_id for one in every if data.draw(st.booleans())}
    cut = share_out(every, Decimal(harvest), may_change)
    assert cut.keys() <= may_change
    left = []
    for one in every:
        total = cut.get(one.order_id, one.quantity + one.other)
        assert total <= one.quantity + one.other
        if one.order_id in cut:
            assert total == 0 or (total >= one.least and total % one.step == 0)
        left.append(replace(one, quantity=max(total - one.other, Decimal(0)), other=min(one.other, total)))
    fixed = sum(one.quantity for one in every if one.order_id not in may_change)
    assert sum(one.quantity for one in left) <= max(fixed, harvest)
    assert share_out([one for one in left if one.quantity], Decimal(harvest), may_change) == {}


@given(
    every=st.lists(st.builds(held, st.uuids().map(str), st.integers(1, 20), st.integers(0, 5)), min_size=1),
    harvest=st.integers(0, 60),
)
def test_of_goods_sold_one_by_one_nothing_is_left_over_while_somebody_lacks(every, harvest):
    cut = share_out(every, Decimal(harvest), {one.order_id for one in every})
    kept = sum(cut.get(one.order_id, one.quantity) for one in every)
    assert kept == (harvest if cut else sum(one.quantity for one in every))


def test_of_a_forecast_a_share_in_whole_units_is_sold_ahead():
    assert Presale("1", 7_000).most_of(Decimal("101.5")) == 71
    shares = load_presale()
    assert Category.LIVESTOCK not in shares
    assert len({share.version for share in shares.values()}) == 1
    assert all(0 < share.share_bps <= 10_000 for share in shares.values())
