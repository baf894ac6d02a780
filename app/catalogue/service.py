"""Verbs on listings: create, change, move between states. Lots, stock and photos have files of their own."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ARRAY, Text, cast, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.catalogue.attributes import normal_attributes
from app.catalogue.errors import NO_LISTING, OWN_PRODUCER, ListingIncomplete
from app.catalogue.models import EarTag, Listing, Lot, Media
from app.catalogue.queries import find_listing
from app.catalogue.rendering import columns_of, document_of, facts_of, lot_facts_of, tokens_of
from app.catalogue.rules import (
    harvest_day,
    is_public,
    legal_day,
    missing_facts,
    missing_stock,
    next_status,
    spoils_at,
    wrong_facts,
)
from app.catalogue.schemas import ListingChange, NewListing
from app.catalogue.values import (
    CURRENCY,
    LISTINGS_PER_REFRESH_MAX,
    ListingEvent,
    ListingStatus,
    MediaState,
    Rendered,
    Wanted,
)
from app.core.database import Session
from app.core.errors import Changed, Forbidden, Gap, IdTaken, Invalid, NotFound, StateConflict
from app.core.ids import new_id
from app.core.limits import LOTS_PER_LISTING_MAX
from app.core.schema import fingerprint
from app.identity import service as identity
from app.identity.errors import NotSignedIn
from app.identity.rules import may_any, require_grant
from app.identity.schemas import ProducerShape, RoofShape
from app.identity.values import Caller, Grant, ProducerKind


async def create_listing(session: Session, caller: Caller, command: NewListing, now: datetime) -> Rendered:
    """A draft in a producer's name, by somebody who may list for it, and price if it names one. The same id and body again
    answer what it has become. Holds the producer as it is, so that its co-operative is told of.

    Raises `GrantMissing`, `Forbidden` for another's producer, `Invalid` for what is wrong, `IdTaken` for an id used otherwise.
    """
    for grant in _grants_for(command):
        require_grant(caller, command.producer, grant, Forbidden(needs=OWN_PRODUCER))
    producer = await identity.hold_producer(session, command.producer)
    listing = _new_listing(command, producer, now)
    _check(listing)
    inserted = await session.execute(
        insert(Listing)
        .values({**listing.model_dump(), "search": _search_of(listing)})
        .on_conflict_do_nothing()
        .returning(col(Listing.id))
    )
    if inserted.first() is None:
        await _require_same(session, listing)
    else:
        await _show_photos(session, caller, listing.id, listing.photos, ())
    return await get_listing(session, listing.id, now)


async def get_listing(session: Session, listing_id: str, now: datetime) -> Rendered:
    """A listing as it stands in this transaction, whoever asks. Raises `NotFound`."""
    await session.flush()
    rendered = await find_listing(session, listing_id, now)
    if rendered is None:
        raise NotFound(what=NO_LISTING)
    return rendered


async def lock_listing(
    session: Session, caller: Caller, listing_id: str, *grants: Grant, operator: bool = False
) -> Listing:
    """The listing, locked for a change by somebody with these grants, or by an operator where that is allowed.

    Raises `GrantMissing` for others who act for the seller, for anybody else `NotFound`, but `Forbidden` where they may see it.
    """
    assert grants
    listing = await session.get(Listing, listing_id, with_for_update=True, populate_existing=True)
    if listing is None:
        raise NotFound(what=NO_LISTING)
    if operator and caller.is_operator():
        return listing
    stranger = Forbidden(needs=OWN_PRODUCER) if is_public(listing.status) else NotFound(what=NO_LISTING)
    for grant in grants:
        require_grant(caller, listing.producer_id, grant, stranger)
    return listing


def _grants_for(command: NewListing | ListingChange) -> tuple[Grant, ...]:
    """What a command needs: what it says of prices one grant, anything else another; both for both."""
    said = command.model_dump(exclude_unset=True, exclude_none=True).keys()
    priced = said & {"price", "tiers"}
    others = said - priced or not priced
    return (*((Grant.LIST,) if others else ()), *((Grant.PRICE,) if priced else ()))


async def change_listing(
    session: Session,
    caller: Caller,
    listing_id: str,
    command: ListingChange,
    versions: Collection[int] | None,
    now: datetime,
) -> Rendered:
    """Write what was sent. `versions` are those that the caller may mean; None means whatever it is now.

    Locks the listing, then its lots, so that no order takes stock at the former price meanwhile. Raises `Changed` for
    another version, `Invalid` for what is wrong, `ListingIncomplete` when something on sale would lack a fact.
    """
    listing = await lock_listing(session, caller, listing_id, *_grants_for(command))
    if versions is not None and listing.version not in versions:
        raise Changed
    if listing.status is ListingStatus.ARCHIVED:
        raise StateConflict(state=listing.status.value, verb="change")
    former_photos, species = listing.photos, listing.attributes.get("species")
    for name, value in columns_of(command.model_dump()).items():
        setattr(listing, name, value)
    _check(listing)
    if is_public(listing.status):
        gaps = missing_facts(facts_of(listing))
        if listing.attributes.get("species") != species:
            gaps.append(_SPECIES_STAYS)
        if gaps:
            raise ListingIncomplete(gaps=gaps)
    lots = await lock_lots(session, listing_id)
    if command.handling is not None:
        for lot in lots:
            lot.expires_at = spoils_at(harvest_day(lot_facts_of(lot)), listing.shelf_life_h)
    if command.photos is not None:
        await _show_photos(session, caller, listing_id, listing.photos, former_photos)
    renew(listing, now)
    return await get_listing(session, listing_id, now)


async def end_sale(session: Session, caller: Caller, listing_id: str, event: ListingEvent, now: datetime) -> Rendered:
    """Pause or archive, by its seller or an operator. Locks the listing and its lots. Raises `StateConflict`."""
    listing = await lock_listing(session, caller, listing_id, Grant.LIST, operator=True)
    await move_listing(session, listing, event, now)
    return await get_listing(session, listing_id, now)


def require_seller(caller: Caller | None, listing: Rendered) -> None:
    """What is not public is there for its sellers and operators alone; for anybody else `NotFound`."""
    if caller is None or not (may_any(caller, listing.producer_id) or caller.is_operator()):
        raise NotFound(what=NO_LISTING)


def require_member(caller: Caller | None, wanted: Wanted) -> None:
    """What a producer has not published is listed for its members and operators alone.

    Raises `NotSignedIn`, or `NotFound` for others and when no producer is named.
    """
    if caller is None:
        raise NotSignedIn
    if not wanted.producer_id or not (may_any(caller, wanted.producer_id) or caller.is_operator()):
        raise NotFound(what={"en": "producer of yours", "zh-Hans": "属于您的生产者"})


async def lock_lots(session: Session, listing_id: str) -> Sequence[Lot]:
    """The lots of a listing in id order, the order in which orders lock them too. At most LOTS_PER_LISTING_MAX."""
    wanted = select(Lot).where(col(Lot.listing_id) == listing_id).order_by(col(Lot.id)).limit(LOTS_PER_LISTING_MAX)
    return (await session.scalars(wanted.with_for_update(), execution_options={"populate_existing": True})).all()


async def find_gaps(session: Session, listing: Listing, now: datetime) -> list[Gap]:
    """Everything that a locked listing lacks to be published."""
    lots = await lock_lots(session, listing.id)
    facts = facts_of(listing)
    return missing_facts(facts) + missing_stock(facts, [lot_facts_of(lot) for lot in lots], legal_day(now))


async def move_listing(session: Session, listing: Listing, event: ListingEvent, now: datetime) -> bool:
    """Follow an event; False when it had happened before. Lock the listing, and see to its gaps, first.

    Locks the lots. An archived listing lets go of the ear tags of animals that nobody bought.
    Raises `StateConflict`.
    """
    status = next_status(listing.status, event)
    if status is listing.status:
        return False
    await lock_lots(session, listing.id)
    listing.status = status
    if status is ListingStatus.PUBLISHED and listing.published_at is None:
        listing.published_at = listing.listed_at = now
    if status is ListingStatus.ARCHIVED:
        unsold = select(col(Lot.id)).where(
            col(Lot.listing_id) == listing.id, col(Lot.reserved) == 0, col(Lot.consumed) == 0
        )
        await session.execute(
            delete(EarTag).where(col(EarTag.listing_id) == listing.id, col(EarTag.lot_id).in_(unsold))
        )
    renew(listing, now)
    return True


async def refresh_listings(session: Session, producer_id: str, now: datetime, after: str = "") -> str | None:
    """Copy a producer's present name, place, hub and co-operative into its listings, LISTINGS_PER_REFRESH_MAX at a time.

    Answers the id to go on after, or None at the end. Holds the producer as it is, then locks them in id order.
    """
    producer = await identity.hold_producer(session, producer_id)
    wanted = select(Listing).where(col(Listing.producer_id) == producer_id, col(Listing.id) > after)
    page = wanted.order_by(col(Listing.id)).limit(LISTINGS_PER_REFRESH_MAX).with_for_update()
    listings = (await session.scalars(page, execution_options={"populate_existing": True})).all()
    for listing in listings:
        for name, value in _origin(producer).items():
            setattr(listing, name, value)
        if session.is_modified(listing):
            renew(listing, now)
    await session.flush()
    return listings[-1].id if len(listings) == LISTINGS_PER_REFRESH_MAX else None


_SPECIES_STAYS: Final = Gap(
    "/attributes/species",
    {"en": "The species stays as it was published: make a new listing", "zh-Hans": "发布后不可更改畜种，请新建商品"},
)


def _new_listing(command: NewListing, producer: ProducerShape, now: datetime) -> Listing:
    return Listing(
        id=command.id or new_id("lst"),
        producer_id=command.producer,
        category=command.category,
        status=ListingStatus.DRAFT,
        unit=command.unit,
        **{"currency": CURRENCY, **columns_of(command.model_dump()), **_origin(producer)},
        version=1,
        created_from=fingerprint(command),
        created_at=now,
        updated_at=now,
        listed_at=now,
    )


def _origin(producer: ProducerShape) -> dict[str, Any]:
    county = producer.county
    # A co-operative's own goods stand under its own roof.
    own = RoofShape(id=producer.id, name=producer.name) if producer.kind is ProducerKind.COOPERATIVE else None
    roof = producer.cooperative or own
    return {
        "cooperative_id": roof and roof.id,
        "cooperative_name": roof and roof.name,
        "producer_name": producer.name,
        "village": producer.village,
        "hub": producer.hub,
        "province": county[:2],
        "prefecture": county[:4],
        "county": county,
    }


def _check(listing: Listing) -> None:
    gaps = wrong_facts(facts_of(listing))
    if len(set(listing.photos)) != len(listing.photos):
        gaps.append(Gap("/photos", {"en": "The same photo stands there twice", "zh-Hans": "照片重复"}))
    if gaps:
        raise Invalid(gaps=gaps)
    listing.attributes = normal_attributes(listing.category, listing.attributes)
    listing.document = document_of(listing)


def renew(listing: Listing, now: datetime) -> None:
    """Write anew what follows from a locked listing that was changed; its version rises."""
    listing.version += 1
    listing.updated_at = now
    listing.document = document_of(listing)
    listing.search = _search_of(listing)


def _search_of(listing: Listing) -> Any:
    return func.array_to_tsvector(cast(tokens_of(listing), ARRAY(Text)))


async def _require_same(session: Session, wanted: Listing) -> None:
    present = select(col(Listing.producer_id), col(Listing.created_from)).where(col(Listing.id) == wanted.id)
    if (await session.execute(present)).one() != (wanted.producer_id, wanted.created_from):
        raise IdTaken(id=wanted.id)


async def _show_photos(
    session: Session, caller: Caller, listing_id: str, photos: Sequence[str], former: Sequence[str]
) -> None:
    """Let the listing show these photos; those that are new must be the caller's, uploaded, and shown nowhere else."""
    fresh = [photo for photo in photos if photo not in former]
    if fresh:
        free = (
            update(Media)
            .where(
                col(Media.id).in_(fresh),
                col(Media.person_id) == caller.person_id,
                col(Media.state) == MediaState.READY,
                col(Media.listing_id).is_(None),
            )
            .values(listing_id=listing_id)
            .returning(col(Media.id))
        )
        shown = set((await session.scalars(free)).all())
        words = {"en": "Not a photo of yours that is ready and free", "zh-Hans": "不是您已上传且未被使用的照片"}
        gaps = [Gap(f"/photos/{i}", words) for i, photo in enumerate(photos) if photo in fresh and photo not in shown]
        if gaps:
            raise Invalid(gaps=gaps)
    gone = [photo for photo in former if photo not in photos]
    if gone:
        await session.execute(update(Media).where(col(Media.id).in_(gone)).values(listing_id=None))
