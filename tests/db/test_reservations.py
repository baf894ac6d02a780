"""Stock under contention: real transactions that commit, and never more sold than there is."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from app.catalogue.errors import OfferChanged, OutOfStock
from app.catalogue.queries import offers
from app.catalogue.reserve import StockWant, consume, release, reserve
from app.catalogue.schemas import ListingChange
from app.catalogue.service import change_listing, end_sale
from app.catalogue.values import ListingEvent
from app.core.ids import new_id
from tests.factories.catalogue import HARVEST, JUJUBE, a_listing, a_lot
from tests.factories.identity import a_producer
from tests.factories.network import networked
from tests.factories.tables import nothing_happens, rows, statements_of, value

template = networked
VERSION = 2


@pytest.fixture
async def seller(ports):
    return await a_producer(ports)


async def ordered(ports, *wants, order_id=None, wait_s=0.0):
    """One order as a transaction of its own; answers its id."""
    order_id = order_id or new_id("ord")
    async with ports.begin() as session:
        stock = [StockWant(f"lin_{i}", *want) for i, want in enumerate(wants)]
        await reserve(session, order_id, stock, ports.clock.now())
        await asyncio.sleep(wait_s)
    return order_id


async def all_of(*orders):
    """Run them at the same time; answers the ids that were placed and the refusals."""
    ended = await asyncio.gather(*orders, return_exceptions=True)
    placed = [one for one in ended if isinstance(one, str)]
    refused = [one for one in ended if not isinstance(one, str)]
    return placed, refused


async def ended(ports, verb, *order_ids):
    async with ports.begin() as session:
        await verb(session, order_ids)


async def counters(ports, listing_id):
    query = "SELECT sum(quantity), sum(reserved), sum(consumed) FROM lot WHERE listing_id = :id"
    return tuple((await rows(ports, query, id=listing_id))[0])


async def balanced(ports):
    """The counters of every lot are the sums of its reservations."""
    query = (
        "SELECT count(*) FROM lot LEFT JOIN LATERAL (SELECT "
        "coalesce(sum(quantity) FILTER (WHERE state = 'held'), 0) AS held, "
        "coalesce(sum(quantity) FILTER (WHERE state = 'consumed'), 0) AS gone "
        "FROM reservation r WHERE r.listing_id = lot.listing_id AND r.lot_id = lot.id) sums ON true "
        "WHERE (reserved, consumed) IS DISTINCT FROM (held, gone)"
    )
    return await value(ports, query) == 0


async def test_of_two_buyers_one_gets_the_last_unit(ports, seller):
    listing_id = await a_listing(ports, seller, quantity="1")
    one = Decimal(1)
    placed, refused = await all_of(*(ordered(ports, (listing_id, one, VERSION), wait_s=0.05) for _ in range(2)))
    assert len(placed) == 1
    assert [type(error) for error in refused] == [OutOfStock]
    assert refused[0].fields == {"listing": listing_id, "available": "0"}
    assert await balanced(ports)


async def test_of_sixty_at_once_exactly_twenty_get_one(ports, seller):
    listing_id = await a_listing(ports, seller, quantity="12")
    await a_lot(ports, seller, listing_id, "8", **HARVEST)
    placed, refused = await all_of(*(ordered(ports, (listing_id, Decimal(1), VERSION)) for _ in range(60)))
    assert len(placed) == 20
    assert {type(error) for error in refused} == {OutOfStock}
    assert await counters(ports, listing_id) == (20, 20, 0)
    assert await balanced(ports)


async def test_baskets_in_opposite_order_never_wait_for_each_other(ports, seller):
    made = [await a_listing(ports, seller, quantity="30") for _ in range(3)]
    orders = []
    for i in range(24):
        basket = [(listing_id, Decimal(1), VERSION) for listing_id in (made if i % 2 else made[::-1])]
        orders.append(ordered(ports, *basket))
    placed, refused = await all_of(*orders)
    assert (len(placed), refused) == (24, [])
    again = [ended(ports, release, one) for one in placed[:12]]
    fresh = [ordered(ports, *((listing_id, Decimal(2), VERSION) for listing_id in made[::-1])) for _ in range(3)]
    await asyncio.gather(*again, *fresh)
    for listing_id in made:
        assert await counters(ports, listing_id) == (30, 18, 0)
    assert await balanced(ports)


async def test_lots_that_spoil_first_are_taken_first_whichever_came_first(ports, seller):
    listing_id = await a_listing(ports, seller, quantity="5")
    older = await a_lot(ports, seller, listing_id, "2", **HARVEST | {"harvested_on": "2026-01-10"})
    order_id = await ordered(ports, (listing_id, Decimal(3), VERSION))
    held = await rows(
        ports, "SELECT lot_id, quantity FROM reservation WHERE order_id = :id ORDER BY quantity", id=order_id
    )
    assert [quantity for _, quantity in held] == [1, 2]
    assert held[1][0] == older


async def test_lots_that_have_spoilt_or_not_come_yet_give_nothing(ports, seller):
    listing_id = await a_listing(ports, seller, quantity="5")
    soon = (ports.clock.now() + timedelta(days=1)).isoformat()
    await a_lot(ports, seller, listing_id, "50", available_from=soon, **HARVEST)
    with pytest.raises(OutOfStock):
        await ordered(ports, (listing_id, Decimal(6), VERSION))
    ports.clock.advance(timedelta(days=1))
    await ordered(ports, (listing_id, Decimal(6), VERSION))
    ports.clock.advance(timedelta(hours=JUJUBE["handling"]["shelf_life_h"]))
    with pytest.raises(OutOfStock) as refused:
        await ordered(ports, (listing_id, Decimal(1), VERSION))
    assert refused.value.fields["available"] == "0"


async def test_an_order_is_held_whole_or_not_at_all(ports, seller):
    plenty, few = await a_listing(ports, seller), await a_listing(ports, seller, quantity="1")
    async with nothing_happens(ports):
        with pytest.raises(OutOfStock):
            await ordered(ports, (plenty, Decimal(3), VERSION), (few, Decimal(2), VERSION))
        with pytest.raises(OutOfStock):
            await ordered(ports, (plenty, Decimal(1), VERSION), (new_id("lst"), Decimal(1), VERSION))


async def test_an_offer_that_changed_is_not_sold_at_its_former_price(ports, seller):
    listing_id = await a_listing(ports, seller)
    dearer = ListingChange.model_validate({"price": {"amount": 9_900, "currency": "CNY"}})
    async with ports.begin() as session:
        await change_listing(session, seller.caller, listing_id, dearer, None, ports.clock.now())
    with pytest.raises(OfferChanged):
        await ordered(ports, (listing_id, Decimal(1), VERSION))
    await ordered(ports, (listing_id, Decimal(1), VERSION + 1))
    async with ports.begin() as session:
        await end_sale(session, seller.caller, listing_id, ListingEvent.PAUSE, ports.clock.now())
    for version in (VERSION + 1, VERSION + 2):
        with pytest.raises(OfferChanged):
            await ordered(ports, (listing_id, Decimal(1), version))


async def test_a_price_that_moves_while_orders_wait_for_the_lot_holds_for_all_or_for_none_after_it(ports, seller):
    """The change locks the lots: an order is either before it, at the old version, or refused."""
    listing_id = await a_listing(ports, seller, quantity="40")
    dearer = ListingChange.model_validate({"price": {"amount": 9_900, "currency": "CNY"}})

    async def change():
        async with ports.begin() as session:
            await change_listing(session, seller.caller, listing_id, dearer, None, ports.clock.now())
            await asyncio.sleep(0.05)
        return "changed"

    orders = [ordered(ports, (listing_id, Decimal(1), VERSION), wait_s=0.01) for _ in range(14)]
    placed, refused = await all_of(*orders[:7], change(), *orders[7:])
    assert {type(error) for error in refused} <= {OfferChanged}
    assert len(placed) + len(refused) == 15
    assert await counters(ports, listing_id) == (40, len(placed) - 1, 0)


async def test_what_is_released_can_be_sold_again_and_twice_is_once(ports, seller):
    listing_id = await a_listing(ports, seller, quantity="4")
    order_id = await ordered(ports, (listing_id, Decimal(4), VERSION))
    await asyncio.gather(*(ended(ports, release, order_id) for _ in range(3)))
    assert await counters(ports, listing_id) == (4, 0, 0)
    await ended(ports, consume, order_id)
    assert await counters(ports, listing_id) == (4, 0, 0)
    await ordered(ports, (listing_id, Decimal(4), VERSION))


async def test_what_is_consumed_never_comes_back(ports, seller):
    listing_id = await a_listing(ports, seller, quantity="4")
    order_id = await ordered(ports, (listing_id, Decimal(3), VERSION))
    await ended(ports, consume, order_id)
    await ended(ports, release, order_id)
    await ended(ports, consume, order_id, new_id("ord"))
    assert await counters(ports, listing_id) == (4, 0, 3)
    async with ports.database.read() as connection:
        assert (await offers(connection, [listing_id], ports.clock.now()))[listing_id].available == 1
    assert await balanced(ports)


async def test_selling_and_giving_back_at_once_keeps_the_books(ports, seller):
    made = [await a_listing(ports, seller, quantity="10") for _ in range(2)]

    async def come_and_go(i):
        basket = [(listing_id, Decimal(1 + i % 3), VERSION) for listing_id in made]
        try:
            order_id = await ordered(ports, *basket)
        except OutOfStock:
            return
        await ended(ports, (release, consume, release)[i % 3], order_id)

    await asyncio.gather(*(come_and_go(i) for i in range(30)))
    assert await balanced(ports)
    for listing_id in made:
        quantity, reserved, consumed = await counters(ports, listing_id)
        assert (quantity, reserved) == (10, 0)
        assert consumed <= 10


@pytest.mark.parametrize("lines", [1, 6])
async def test_statements_do_not_grow_with_the_lines(ports, seller, lines):
    wants = [(await a_listing(ports, seller), Decimal(2), VERSION) for _ in range(lines)]
    with statements_of(ports.database) as sent:
        order_id = await ordered(ports, *wants)
        assert len(sent) == 2
        await ended(ports, consume, order_id)
        assert len(sent) == 4


async def test_the_same_order_cannot_hold_its_lines_twice(ports, seller):
    listing_id = await a_listing(ports, seller, quantity="9")
    order_id = await ordered(ports, (listing_id, Decimal(1), VERSION))
    _, refused = await all_of(ordered(ports, (listing_id, Decimal(1), VERSION), order_id=order_id))
    assert len(refused) == 1
    assert await counters(ports, listing_id) == (9, 1, 0)
    assert await value(ports, "SELECT count(*) FROM reservation") == 1
