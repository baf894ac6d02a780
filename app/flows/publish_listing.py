"""The story of going on sale: everything that is missing is named at once, then the listing is public and its sellers hear of it."""

from datetime import datetime

from app.catalogue.errors import ListingIncomplete
from app.catalogue.queries import offers
from app.catalogue.rules import next_status
from app.catalogue.service import find_gaps, get_listing, lock_listing, move_listing
from app.catalogue.values import ListingEvent, Rendered
from app.core.database import Session
from app.core.jobs import Job, enqueue
from app.core.text import pick
from app.flows.ports import Ports
from app.identity.service import contacts_of_producers
from app.identity.values import Caller, Grant
from app.notify.service import queue_messages
from app.notify.values import Notice, Template


async def publish_listing(session: Session, caller: Caller, listing_id: str, now: datetime) -> Rendered:
    """Put a draft or a paused listing on sale; one that is on sale already stays so.

    Locks the listing and its lots. Raises `ListingIncomplete` with every gap, or `StateConflict` for an archived one.
    """
    listing = await lock_listing(session, caller, listing_id, Grant.LIST)
    next_status(listing.status, ListingEvent.PUBLISH)
    gaps = await find_gaps(session, listing, now)
    if gaps:
        raise ListingIncomplete(gaps=gaps)
    if await move_listing(session, listing, ListingEvent.PUBLISH, now):
        await enqueue(session, [Job("listing.published", {"listing": listing_id})])
    return await get_listing(session, listing_id, now)


async def tell_sellers(ports: Ports, listing: str) -> None:
    """Job: tell every member of the producer that the listing is on sale."""
    now = ports.clock.now()
    async with ports.begin() as session:
        offer = (await offers(session, [listing], now)).get(listing)
        if offer is None:
            return
        people = (await contacts_of_producers(session, [offer.producer_id])).get(offer.producer_id, [])
        notices = [
            Notice(
                person.phone, Template.LISTING_PUBLISHED, person.language, {"title": pick(offer.title, person.language)}
            )
            for person in people
        ]
        await queue_messages(session, notices, now)
