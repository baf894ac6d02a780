"""Lots on a real database: stock that comes in, is corrected, and is seen by its sellers."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from app.catalogue import lots
from app.catalogue.errors import ListingIncomplete, StockTaken
from app.catalogue.reserve import StockWant, reserve
from app.catalogue.values import ListingEvent
from app.core.errors import IdTaken, Invalid, NotFound
from app.core.ids import new_id
from tests.db.selling import corrected, gaps_of, moved, page, published, shown
from tests.factories.catalogue import HARVEST, SHEEP, a_draft, a_listing, a_lot, flock
from tests.factories.identity import a_person, a_producer, an_operator
from tests.factories.network import networked

template = networked


async def test_stock_counts_from_the_day_it_is_there(ports, seller):
    listing_id = await a_listing(ports, seller)
    soon = (ports.clock.now() + timedelta(days=2)).isoformat()
    await a_lot(ports, seller, listing_id, "25", available_from=soon, **HARVEST)
    assert (await shown(ports, listing_id)).available == 500
    ports.clock.advance(timedelta(days=2))
    assert (await shown(ports, listing_id)).available == 525
    assert [item.available for item in (await page(ports)).items] == [Decimal(525)]


async def test_a_lot_is_added_once_for_its_id(ports, seller):
    listing_id, lot_id = await a_draft(ports, seller), new_id("lot")
    for _ in range(2):
        assert await a_lot(ports, seller, listing_id, "5", id=lot_id, **HARVEST) == lot_id
    with pytest.raises(IdTaken):
        await a_lot(ports, seller, listing_id, "6", id=lot_id, **HARVEST)
    assert (await shown(ports, listing_id)).available == 5


async def test_lots_of_goods_on_sale_are_complete(ports, seller):
    listing_id = await a_listing(ports, seller)
    assert await gaps_of(Invalid, a_lot(ports, seller, listing_id, "5")) == ["/harvested_on"]
    assert await gaps_of(Invalid, a_lot(ports, seller, listing_id, "5.5", **HARVEST)) == ["/quantity"]


async def test_an_ear_tag_stands_in_one_lot_until_its_listing_is_archived_unsold(ports, seller):
    animals = flock()
    first = await a_draft(ports, seller, SHEEP)
    await a_lot(ports, seller, first, "2", **animals)
    other = await a_draft(ports, await_other := await a_producer(ports), SHEEP)
    again = a_lot(
        ports, await_other, other, "2", **animals | {"ear_tags": [*flock(1)["ear_tags"], animals["ear_tags"][1]]}
    )
    assert await gaps_of(Invalid, again) == ["/ear_tags/1"]
    await moved(ports, seller, first, ListingEvent.ARCHIVE)
    await a_lot(ports, await_other, other, "2", **animals)


async def test_a_lot_is_corrected_but_not_below_what_is_sold(ports, seller):
    listing_id = await a_draft(ports, seller)
    lot_id = await a_lot(ports, seller, listing_id, "10", **HARVEST)
    await published(ports, seller, listing_id)
    async with ports.begin() as session:
        await reserve(session, new_id("ord"), [StockWant("lin", listing_id, Decimal(4), 2)], ports.clock.now())
    lot = await corrected(ports, seller, listing_id, lot_id, quantity="6", harvested_on="2026-01-21")
    assert (lot.quantity, lot.available, lot.reserved, lot.harvested_on) == (6, 2, 4, date(2026, 1, 21))
    with pytest.raises(StockTaken):
        await corrected(ports, seller, listing_id, lot_id, quantity="3")
    assert await gaps_of(Invalid, corrected(ports, seller, listing_id, lot_id, harvested_on="2026-03-03")) == [
        "/harvested_on"
    ]
    with pytest.raises(NotFound):
        await corrected(ports, seller, listing_id, new_id("lot"), quantity="3")


async def test_a_renewed_certificate_lets_animals_be_published(ports, seller):
    listing_id = await a_draft(ports, seller, SHEEP)
    animals = flock()
    lot_id = await a_lot(ports, seller, listing_id, "2", **animals)
    ports.clock.advance(timedelta(days=7))
    assert await gaps_of(ListingIncomplete, published(ports, seller, listing_id)) == ["/lots/0/certificates"]
    fresh = animals["certificates"][0] | {"issued_on": "2026-03-09", "expires_on": "2026-03-14"}
    await corrected(ports, seller, listing_id, lot_id, certificates=[fresh])
    await published(ports, seller, listing_id)


async def test_lots_are_for_their_sellers_eyes(ports, seller):
    listing_id = await a_listing(ports, seller)
    await a_lot(ports, seller, listing_id, "7", **HARVEST)
    operator, stranger = await an_operator(ports), await a_person(ports)
    async with ports.database.read() as connection:
        for who in (seller, operator):
            first = await lots.list_lots(connection, who.caller, listing_id, cursor=None, limit=1)
            rest = await lots.list_lots(connection, who.caller, listing_id, cursor=first.next_cursor, limit=1)
            assert [lot.quantity for lot in (*first.items, *rest.items)] == [7, 500]
            assert rest.next_cursor is None
        with pytest.raises(NotFound):
            await lots.list_lots(connection, stranger.caller, listing_id, cursor=None, limit=1)
