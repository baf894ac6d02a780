"""Verbs on lots: stock that comes in, is corrected, is looked at by its seller."""

from datetime import datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.catalogue.errors import NO_LISTING, NO_LOT, StockTaken
from app.catalogue.models import EarTag, Listing, Lot
from app.catalogue.rendering import facts_of, lot_facts_of, lot_shape_of
from app.catalogue.rules import is_public, legal_day, missing_in_lot, spoils_at, wrong_lot
from app.catalogue.schemas import LotChange, LotShape, NewLot
from app.catalogue.service import lock_listing
from app.catalogue.values import ListingStatus
from app.core.database import Reader, Session
from app.core.errors import Gap, IdTaken, Invalid, NotFound, StateConflict
from app.core.ids import new_id
from app.core.limits import LOTS_PER_LISTING_MAX
from app.core.paging import Page, decode_cursor, encode_cursor
from app.core.quantity import as_text
from app.core.schema import fingerprint
from app.identity.values import Caller

_COLUMNS: Final = [col(getattr(Lot, name)) for name in Lot.model_fields]
_TAG_TAKEN: Final = {"en": "This ear tag stands in another lot", "zh-Hans": "该耳标已登记在其他批次"}


async def add_lot(session: Session, caller: Caller, listing_id: str, command: NewLot, now: datetime) -> LotShape:
    """Stock for a listing. The same id and body again answer what the lot has become.

    Locks the listing. Raises `Invalid` for what is wrong and, once the goods are published, for what is missing.
    """
    listing = await lock_listing(session, caller, listing_id)
    lot = Lot(
        **command.model_dump(mode="python", exclude={"id", "certificates"}),
        certificates=_plain(command),
        id=command.id or new_id("lot"),
        listing_id=listing_id,
        reserved=Decimal(0),
        consumed=Decimal(0),
        expires_at=spoils_at(command.harvested_on, listing.shelf_life_h),
        created_from=fingerprint(command),
        created_at=now,
    )
    earlier = await session.get(Lot, (listing_id, lot.id))
    if earlier is not None:
        if earlier.created_from != lot.created_from:
            raise IdTaken(id=lot.id)
        return lot_shape_of(earlier)
    if listing.status is ListingStatus.ARCHIVED:
        raise StateConflict(state=listing.status.value, verb="restock")
    _check(listing, lot, now)
    counted = select(func.count()).where(col(Lot.listing_id) == listing_id)
    if (await session.execute(counted)).scalar_one() >= LOTS_PER_LISTING_MAX:
        words = {
            "en": f"A listing has {LOTS_PER_LISTING_MAX} lots at the most: make a new listing",
            "zh-Hans": f"每个商品最多 {LOTS_PER_LISTING_MAX} 个批次，请新建商品",
        }
        raise Invalid(gaps=[Gap("", words)])
    session.add(lot)
    await session.flush()
    await _register_tags(session, lot)
    return lot_shape_of(lot)


async def lock_lot(session: Session, caller: Caller, listing_id: str, lot_id: str) -> LotShape:
    """The lot as it stands, for its seller, with its listing and itself locked until the transaction ends."""
    await lock_listing(session, caller, listing_id)
    return lot_shape_of(await _lock(session, listing_id, lot_id))


async def change_lot(
    session: Session, caller: Caller, listing_id: str, lot_id: str, command: LotChange, now: datetime
) -> LotShape:
    """Correct a lot: a count after a loss, tags, a renewed certificate. Locks the listing, then the lot.

    Raises `StockTaken` when less would be left than is reserved or handed over.
    """
    listing = await lock_listing(session, caller, listing_id)
    lot = await _lock(session, listing_id, lot_id)
    sent = command.model_dump(mode="python", exclude_none=True, exclude={"certificates"})
    for name, value in sent.items():
        setattr(lot, name, value)
    if command.certificates is not None:
        lot.certificates = _plain(command)
    taken = lot.reserved + lot.consumed
    if lot.quantity < taken:
        raise StockTaken(taken=as_text(taken))
    lot.expires_at = spoils_at(lot.harvested_on, listing.shelf_life_h)
    _check(listing, lot, now)
    if command.ear_tags is not None:
        await session.execute(delete(EarTag).where(col(EarTag.listing_id) == listing_id, col(EarTag.lot_id) == lot_id))
        await _register_tags(session, lot)
    await session.flush()
    return lot_shape_of(lot)


async def list_lots(
    connection: Reader, caller: Caller, listing_id: str, *, cursor: str | None, limit: int
) -> Page[LotShape]:
    """The lots of a listing for those who sell it, and for operators, the newest first."""
    await _require_seller(connection, caller, listing_id)
    after = decode_cursor(cursor, str)
    wanted = select(*_COLUMNS).where(col(Lot.listing_id) == listing_id)
    if after is not None:
        wanted = wanted.where(col(Lot.id) < after[0])
    rows = (await connection.execute(wanted.order_by(col(Lot.id).desc()).limit(limit + 1))).mappings().all()
    lots = [lot_shape_of(Lot(**row)) for row in rows[:limit]]
    return Page(items=lots, next_cursor=encode_cursor([lots[-1].id]) if len(rows) > limit else None)


async def get_lot(connection: Reader, caller: Caller, listing_id: str, lot_id: str) -> LotShape:
    """One lot for those who sell it, and for operators."""
    await _require_seller(connection, caller, listing_id)
    wanted = select(*_COLUMNS).where(col(Lot.listing_id) == listing_id, col(Lot.id) == lot_id)
    row = (await connection.execute(wanted)).mappings().one_or_none()
    if row is None:
        raise NotFound(what=NO_LOT)
    return lot_shape_of(Lot(**row))


async def _require_seller(connection: Reader, caller: Caller, listing_id: str) -> None:
    seller = select(col(Listing.producer_id)).where(col(Listing.id) == listing_id)
    producer_id = (await connection.execute(seller)).scalar_one_or_none()
    if producer_id is None or not (caller.speaks_for(producer_id) or caller.is_operator()):
        raise NotFound(what=NO_LISTING)


async def _lock(session: Session, listing_id: str, lot_id: str) -> Lot:
    lot = await session.get(Lot, (listing_id, lot_id), with_for_update=True, populate_existing=True)
    if lot is None:
        raise NotFound(what=NO_LOT)
    return lot


def _plain(command: NewLot | LotChange) -> list[dict[str, str]]:
    return [certificate.model_dump(mode="json", exclude_none=True) for certificate in command.certificates or ()]


def _check(listing: Listing, lot: Lot, now: datetime) -> None:
    facts, told, on = facts_of(listing), lot_facts_of(lot), legal_day(now)
    gaps = wrong_lot(facts, told, on)
    if is_public(listing.status) and told.free > 0:
        gaps += missing_in_lot(facts, told, on)
    if gaps:
        raise Invalid(gaps=gaps)


async def _register_tags(session: Session, lot: Lot) -> None:
    """Claim the ear tags for this lot; raises `Invalid` for those that stand in another one. One statement."""
    if not lot.ear_tags:
        return
    # In one order, so that two lots that want the same animals never wait for each other.
    rows = [{"tag": tag, "listing_id": lot.listing_id, "lot_id": lot.id} for tag in sorted(lot.ear_tags)]
    claimed = await session.scalars(insert(EarTag).values(rows).on_conflict_do_nothing().returning(col(EarTag.tag)))
    free = set(claimed.all())
    gaps = [Gap(f"/ear_tags/{i}", _TAG_TAKEN) for i, tag in enumerate(lot.ear_tags) if tag not in free]
    if gaps:
        raise Invalid(gaps=gaps[:50])
