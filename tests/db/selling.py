"""What the tests of the catalogue do all the time: through the verbs, one transaction each."""

import pytest

from app.catalogue import lots, queries, service
from app.catalogue.schemas import ListingCard, ListingChange, ListingShape, LotChange, NewListing
from app.catalogue.values import Wanted
from app.core.paging import Page
from app.flows.publish_listing import publish_listing


async def shown(ports, listing_id):
    async with ports.database.read() as connection:
        rendered = await queries.find_listing(connection, listing_id, ports.clock.now())
    return ListingShape.model_validate_json(rendered.body)


async def page(ports, *, cursor=None, limit=24, **wanted):
    async with ports.database.read() as connection:
        body = await queries.list_listings(
            connection, Wanted(**wanted), cursor=cursor, limit=limit, now=ports.clock.now()
        )
    return Page[ListingCard].model_validate_json(body)


async def listed(ports, **wanted):
    return [item.id for item in (await page(ports, **wanted)).items]


async def changed(ports, seller, listing_id, versions=None, **change):
    async with ports.begin() as session:
        command = ListingChange.model_validate(change)
        await service.change_listing(session, seller.caller, listing_id, command, versions, ports.clock.now())
    return await shown(ports, listing_id)


async def created(ports, seller, **asked):
    async with ports.begin() as session:
        command = NewListing.model_validate({"producer": seller.producer.id} | asked)
        rendered = await service.create_listing(session, seller.caller, command, ports.clock.now())
    return ListingShape.model_validate_json(rendered.body)


async def moved(ports, who, listing_id, event):
    async with ports.begin() as session:
        await service.end_sale(session, who.caller, listing_id, event, ports.clock.now())


async def published(ports, who, listing_id):
    async with ports.begin() as session:
        await publish_listing(session, who.caller, listing_id, ports.clock.now())


async def gaps_of(refused, awaited):
    with pytest.raises(refused) as caught:
        await awaited
    return [gap.pointer for gap in caught.value.gaps]


async def corrected(ports, seller, listing_id, lot_id, **change):
    async with ports.begin() as session:
        command = LotChange.model_validate(change)
        return await lots.change_lot(session, seller.caller, listing_id, lot_id, command, ports.clock.now())
