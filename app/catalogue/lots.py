"""Verbs on lots: stock that comes in, is corrected, is looked at by its seller."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.catalogue.errors import NO_LISTING, NO_LOT, AnimalSold, StockTaken
from app.catalogue.models import EarTag, Listing, Lot
from app.catalogue.presale import load_presale
from app.catalogue.rendering import facts_of, lot_facts_of, lot_shape_of
from app.catalogue.rules import harvest_day, is_public, legal_day, missing_in_lot, spoils_at, wrong_lot
from app.catalogue.schemas import Harvest, LotChange, LotShape, NewLot
from app.catalogue.service import lock_listing
from app.catalogue.values import ListingStatus
from app.core.database import Reader, Session
from app.core.errors import Gap, IdTaken, Invalid, NotFound, StateConflict
from app.core.ids import new_id
from app.core.limits import LOTS_PER_LISTING_MAX
from app.core.paging import Page, decode_cursor, encode_cursor
from app.core.quantity import as_text
from app.core.schema import fingerprint
from app.identity.rules import may_any
from app.identity.values import Caller, Grant

_COLUMNS: Final = [col(getattr(Lot, name)) for name in Lot.model_fields]
_TAG_TAKEN: Final = {"en": "This ear tag stands in another lot", "zh-Hans": "该耳标已登记在其他批次"}


async def add_lot(session: Session, caller: Caller, listing_id: str, command: NewLot, now: datetime) -> LotShape:
    """Stock for a listing. The same id and body again answer what the lot has become.

    Locks the listing. Raises `Invalid` for what is wrong and, once the goods are published, for what is missing.
    """
    listing = await lock_listing(session, caller, listing_id, Grant.SHIP)
    lot = Lot(
        **command.model_dump(mode="python", exclude={"id", "certificates", "forecast"}),
        certificates=_plain(command),
        id=command.id or new_id("lot"),
        listing_id=listing_id,
        reserved=Decimal(0),
        consumed=Decimal(0),
        created_from=fingerprint(command),
        created_at=now,
    )
    if command.forecast:
        _limit(listing, lot)
    lot.expires_at = _spoils_at(listing, lot)
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
    await lock_listing(session, caller, listing_id, Grant.SHIP)
    return lot_shape_of(await _lock(session, listing_id, lot_id))


async def change_lot(
    session: Session, caller: Caller, listing_id: str, lot_id: str, command: LotChange, now: datetime
) -> LotShape:
    """Correct a lot: a count after a loss, tags, a renewed certificate. Locks the listing, then the lot.

    Raises `StockTaken` when less would be left than is reserved or handed over, `AnimalSold` for the tag of a sold animal
    that is left out.
    """
    listing = await lock_listing(session, caller, listing_id, Grant.SHIP)
    lot = await _lock(session, listing_id, lot_id)
    sent = command.model_dump(mode="python", exclude_none=True, exclude={"certificates"})
    for name, value in sent.items():
        setattr(lot, name, value)
    if command.certificates is not None:
        lot.certificates = _plain(command)
    if lot.harvested is not None:
        raise StateConflict(state="harvested", verb="changed")
    if lot.presold_max is not None:
        _limit(listing, lot)
    taken = lot.reserved + lot.consumed
    if (lot.quantity if lot.presold_max is None else lot.presold_max) < taken:
        raise StockTaken(taken=as_text(taken))
    lot.expires_at = _spoils_at(listing, lot)
    _check(listing, lot, now)
    if command.ear_tags is not None:
        await _drop_tags(session, lot)
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


async def confirm_lot(session: Session, listing: Listing, lot_id: str, command: Harvest, now: datetime) -> Lot:
    """What really came of a forecast, of a listing that is locked. Locks the lot; from then on nobody reserves of it ahead.

    When it is enough for all that is reserved, it is a lot like any other. Else `harvested` keeps it, until `settle_lot` is told
    that it was shared out. A repetition changes nothing; other words after that raise `StateConflict`.
    """
    lot = await _lock(session, listing.id, lot_id)
    if lot.presold_max is None or lot.harvested is not None:
        came = lot.quantity if lot.harvested is None else lot.harvested
        if lot.harvested_on is None or (came, lot.harvested_on) != (command.quantity, command.harvested_on):
            raise StateConflict(state="harvested" if lot.harvested_on else "in stock", verb="confirmed")
        return lot
    lot.harvested_on, lot.harvested = command.harvested_on, command.quantity
    if command.certificates:
        lot.certificates = _plain(command)
    lot.available_from = min(now, lot.available_from or now)
    facts = replace(lot_facts_of(lot), quantity=command.quantity, forecast=False)
    gaps = wrong_lot(facts_of(listing), facts, legal_day(now))
    if gaps:
        raise Invalid(gaps=gaps)
    lot.expires_at = _spoils_at(listing, lot)
    if command.quantity >= lot.reserved + lot.consumed and command.quantity > 0:
        _settle(lot)
    await session.flush()
    return lot


async def settle_lot(session: Session, listing_id: str, lot_id: str) -> None:
    """A harvest that was too small is shared out: it is a lot like any other, of what came. Locks it; a repetition does nothing."""
    lot = await _lock(session, listing_id, lot_id)
    if lot.harvested is not None:
        _settle(lot)
        await session.flush()


def _settle(lot: Lot) -> None:
    """What is handed over shows that it came, whatever was confirmed; a lot of nothing keeps its forecast, and sells none of it."""
    came = max(lot.harvested or Decimal(0), lot.reserved + lot.consumed)
    if came > 0:
        lot.quantity, lot.presold_max, lot.presale_policy, lot.harvested = came, None, None, None


def _limit(listing: Listing, lot: Lot) -> None:
    """How much of a forecast may be sold ahead, by the present policy; what may not be sold ahead is found by `_check`."""
    share = load_presale().get(listing.category)
    lot.presold_max = share.most_of(lot.quantity) if share else Decimal(0)
    lot.presale_policy = share.version if share else ""


def _spoils_at(listing: Listing, lot: Lot) -> datetime | None:
    return spoils_at(harvest_day(lot_facts_of(lot)), listing.shelf_life_h)


async def _require_seller(connection: Reader, caller: Caller, listing_id: str) -> None:
    seller = select(col(Listing.producer_id)).where(col(Listing.id) == listing_id)
    producer_id = (await connection.execute(seller)).scalar_one_or_none()
    if producer_id is None or not (may_any(caller, producer_id) or caller.is_operator()):
        raise NotFound(what=NO_LISTING)


async def _lock(session: Session, listing_id: str, lot_id: str) -> Lot:
    lot = await session.get(Lot, (listing_id, lot_id), with_for_update=True, populate_existing=True)
    if lot is None:
        raise NotFound(what=NO_LOT)
    return lot


def _plain(command: NewLot | LotChange | Harvest) -> list[dict[str, str]]:
    return [certificate.model_dump(mode="json", exclude_none=True) for certificate in command.certificates or ()]


def _check(listing: Listing, lot: Lot, now: datetime) -> None:
    facts, told, on = facts_of(listing), lot_facts_of(lot), legal_day(now)
    gaps = wrong_lot(facts, told, on)
    if is_public(listing.status) and told.free > 0:
        gaps += missing_in_lot(facts, told, on)
    if gaps:
        raise Invalid(gaps=gaps)


async def _drop_tags(session: Session, lot: Lot) -> None:
    """Let go of the tags that are no longer the lot's; raises `AnimalSold` for one whose animal is. The lot is locked."""
    gone = (
        delete(EarTag)
        .where(col(EarTag.listing_id) == lot.listing_id, col(EarTag.lot_id) == lot.id)
        .where(col(EarTag.tag).not_in(lot.ear_tags))
        .returning(col(EarTag.tag), col(EarTag.order_id))
    )
    sold = sorted(tag for tag, order in await session.execute(gone) if order is not None)
    if sold:
        raise AnimalSold(tag=sold[0])


async def _register_tags(session: Session, lot: Lot) -> None:
    """Claim the ear tags for this lot; raises `Invalid` for those that stand in another one. One statement."""
    if not lot.ear_tags:
        return
    # In one order, so that two lots that want the same animals never wait for each other.
    rows = [{"tag": tag, "listing_id": lot.listing_id, "lot_id": lot.id} for tag in sorted(lot.ear_tags)]
    wanted = insert(EarTag).values(rows)
    # One that is the lot's already stays as it is, with the order that holds its animal.
    claim = wanted.on_conflict_do_update(
        index_elements=[col(EarTag.tag)],
        set_={"lot_id": wanted.excluded.lot_id},
        where=(col(EarTag.listing_id) == lot.listing_id) & (col(EarTag.lot_id) == lot.id),
    )
    free = set((await session.scalars(claim.returning(col(EarTag.tag)))).all())
    gaps = [Gap(f"/ear_tags/{i}", _TAG_TAKEN) for i, tag in enumerate(lot.ear_tags) if tag not in free]
    if gaps:
        raise Invalid(gaps=gaps[:50])
