"""Verbs on price lists: what a co-operative sells at other prices to its members, or to buyers that it names.

Whoever buys by a list sees it in the quote alone; a listing's public page says the same to everybody.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from app.catalogue.errors import OWN_PRODUCER
from app.catalogue.models import Listing, Lot, PriceList, PriceListBuyer, PriceListPrice
from app.catalogue.price_list_schemas import ListedPrice, NewPriceList, PriceListChange, PriceListShape
from app.catalogue.price_schemas import TierShape
from app.catalogue.pricing import list_price_gaps
from app.catalogue.rendering import facts_of, kept_tiers, tiers_of
from app.catalogue.service import renew
from app.catalogue.values import CURRENCY, LISTINGS_PER_PRICE_LIST_MAX, ListingStatus
from app.core.database import Session
from app.core.errors import Forbidden, Gap, IdTaken, Invalid, NotFound
from app.core.ids import new_id
from app.core.limits import LOTS_PER_LISTING_MAX
from app.core.money import Money
from app.core.paging import Page, decode_cursor, encode_cursor
from app.core.schema import fingerprint
from app.identity import service as identity
from app.identity.rules import require_grant
from app.identity.values import Caller, Grant, ProducerKind

NO_LIST = {"en": "price list", "zh-Hans": "价目表"}
_ONLY_COOPERATIVES = {"en": "Only a co-operative keeps price lists", "zh-Hans": "只有合作社可以设置价目表"}
_NO_LISTING = {"en": "Not a listing of this co-operative that is kept", "zh-Hans": "不是该合作社的有效商品"}
_TWICE = {"en": "Stands there twice", "zh-Hans": "重复"}
_NOBODY = {"en": "Nobody is known by this id", "zh-Hans": "没有使用此编号的用户"}


async def create_list(session: Session, caller: Caller, command: NewPriceList, now: datetime) -> PriceListShape:
    """A price list of the caller's co-operative. The same id and body again answer what it has become.

    Locks its listings and their lots. Raises `Forbidden`, `Invalid` with every gap, or `IdTaken`.
    """
    require_grant(caller, command.producer, Grant.PRICE, Forbidden(needs=OWN_PRODUCER))
    if (await identity.get_producer(session, command.producer)).kind is not ProducerKind.COOPERATIVE:
        raise Invalid(gaps=[Gap("/producer", _ONLY_COOPERATIVES)])
    row = PriceList(
        id=command.id or new_id("prl"),
        producer_id=command.producer,
        name=command.name,
        for_members=command.for_members,
        created_from=fingerprint(command),
        created_at=now,
    )
    added = insert(PriceList).values(row.model_dump()).on_conflict_do_nothing().returning(col(PriceList.id))
    if (await session.execute(added)).first() is None:
        return await _first(session, caller, row)
    await _write(session, row, command.buyers, command.prices, now)
    return await _shape(session, row)


async def get_list(session: Session, caller: Caller, list_id: str) -> PriceListShape:
    """For those who may price for its co-operative; `NotFound` for strangers, its buyers too."""
    return await _shape(session, _own(caller, await session.get(PriceList, list_id)))


async def lock_list(session: Session, caller: Caller, list_id: str) -> PriceList:
    """Like `get_list`, with the row locked for a change."""
    return _own(caller, await session.get(PriceList, list_id, with_for_update=True, populate_existing=True))


async def list_lists(session: Session, caller: Caller, cursor: str | None, limit: int) -> Page[PriceListShape]:
    """Those of the caller's co-operatives, newest first. Three statements."""
    query = select(PriceList).where(col(PriceList.producer_id).in_(caller.granted(Grant.PRICE)))
    if after := decode_cursor(cursor, str):
        query = query.where(col(PriceList.id) < after[0])
    rows = (await session.scalars(query.order_by(col(PriceList.id).desc()).limit(limit + 1))).all()
    shown = await _shapes(session, rows[:limit])
    return Page(items=shown, next_cursor=encode_cursor([shown[-1].id]) if len(rows) > limit else None)


async def change_list(session: Session, row: PriceList, command: PriceListChange, now: datetime) -> PriceListShape:
    """Write what was sent to a locked list. The versions of its listings rise: quotes made before are refused.

    Locks those that stay, come and go, and their lots. Raises `Invalid` with every gap.
    """
    present = await _shape(session, row)
    row.name = present.name if command.name is None else command.name
    row.for_members = present.for_members if command.for_members is None else command.for_members
    session.add(row)
    buyers = present.buyers if command.buyers is None else command.buyers
    prices = present.prices if command.prices is None else command.prices
    await _write(session, row, buyers, prices, now)
    return await _shape(session, row)


async def end_list(session: Session, row: PriceList, now: datetime) -> None:
    """Delete a locked list; quotes made by it are refused, orders that were placed stay."""
    await _write(session, row, (), (), now)
    await session.delete(row)
    await session.flush()


async def shape_of(session: Session, row: PriceList) -> PriceListShape:
    return await _shape(session, row)


def _own(caller: Caller, row: PriceList | None) -> PriceList:
    if row is None:
        raise NotFound(what=NO_LIST)
    require_grant(caller, row.producer_id, Grant.PRICE, NotFound(what=NO_LIST))
    return row


async def _first(session: Session, caller: Caller, wanted: PriceList) -> PriceListShape:
    first = await session.get(PriceList, wanted.id)
    if first is None or (first.producer_id, first.created_from) != (wanted.producer_id, wanted.created_from):
        raise IdTaken(id=wanted.id)
    return await _shape(session, _own(caller, first))


async def _write(
    session: Session, row: PriceList, buyers: Sequence[str], prices: Sequence[ListedPrice], now: datetime
) -> None:
    """Exactly these buyers and prices. Locks the listings by id, then their lots, as orders do."""
    former = select(col(PriceListPrice.listing_id)).where(col(PriceListPrice.price_list_id) == row.id)
    ids = {*(await session.scalars(former)), *(each.listing for each in prices)}
    listings = await _lock_listings(session, row.producer_id, ids)
    gaps = [*await _buyer_gaps(session, buyers), *_price_gaps(listings, prices)]
    if gaps:
        raise Invalid(gaps=gaps)
    for table in (PriceListBuyer, PriceListPrice):
        await session.execute(delete(table).where(col(table.price_list_id) == row.id))
    session.add_all([PriceListBuyer(price_list_id=row.id, person_id=buyer) for buyer in buyers])
    session.add_all([_price_row(row, each) for each in prices])
    for listing in listings.values():
        renew(listing, now)
    await session.flush()


async def _lock_listings(session: Session, producer_id: str, ids: Collection[str]) -> dict[str, Listing]:
    wanted = select(Listing).where(col(Listing.id).in_(ids), col(Listing.producer_id) == producer_id)
    page = wanted.order_by(col(Listing.id)).limit(2 * LISTINGS_PER_PRICE_LIST_MAX).with_for_update()
    listings = (await session.scalars(page, execution_options={"populate_existing": True})).all()
    lots = select(col(Lot.id)).where(col(Lot.listing_id).in_([row.id for row in listings]))
    most = max(1, len(listings)) * LOTS_PER_LISTING_MAX
    await session.execute(lots.order_by(col(Lot.listing_id), col(Lot.id)).limit(most).with_for_update())
    return {row.id: row for row in listings}


async def _buyer_gaps(session: Session, buyers: Sequence[str]) -> list[Gap]:
    known = await identity.contacts_of_persons(session, buyers) if buyers else {}
    return [
        Gap(f"/buyers/{i}", _TWICE if buyer in buyers[:i] else _NOBODY)
        for i, buyer in enumerate(buyers)
        if buyer not in known or buyer in buyers[:i]
    ]


def _price_gaps(listings: dict[str, Listing], prices: Sequence[ListedPrice]) -> list[Gap]:
    gaps, seen = [], set()
    for i, each in enumerate(prices):
        listing = listings.get(each.listing)
        if listing is None or listing.status is ListingStatus.ARCHIVED:
            gaps.append(Gap(f"/prices/{i}/listing", _NO_LISTING))
            continue
        if each.listing in seen:
            gaps.append(Gap(f"/prices/{i}/listing", _TWICE))
        seen.add(each.listing)
        facts = replace(facts_of(listing), price=each.price, tiers=tiers_of(kept_tiers(_dumped(each.tiers))))
        gaps += [Gap(f"/prices/{i}{gap.pointer}", gap.detail) for gap in list_price_gaps(facts)]
    return gaps


def _dumped(tiers: Sequence[TierShape]) -> list[dict[str, Any]]:
    return [tier.model_dump() for tier in tiers]


def _price_row(row: PriceList, each: ListedPrice) -> PriceListPrice:
    return PriceListPrice(
        price_list_id=row.id,
        listing_id=each.listing,
        price_minor=each.price.amount,
        tiers=kept_tiers(_dumped(each.tiers)),
    )


async def _shape(session: Session, row: PriceList) -> PriceListShape:
    (shape,) = await _shapes(session, [row])
    return shape


async def _shapes(session: Session, rows: Sequence[PriceList]) -> list[PriceListShape]:
    """Two statements for any number of lists."""
    ids = [row.id for row in rows]
    named = select(col(PriceListBuyer.price_list_id), col(PriceListBuyer.person_id))
    buyers = (await session.execute(named.where(col(PriceListBuyer.price_list_id).in_(ids)))).all()
    priced = select(PriceListPrice).where(col(PriceListPrice.price_list_id).in_(ids))
    prices = (await session.scalars(priced, execution_options={"populate_existing": True})).all()
    return [
        PriceListShape(
            id=row.id,
            producer=row.producer_id,
            name=row.name,
            for_members=row.for_members,
            buyers=sorted(person for price_list, person in buyers if price_list == row.id),
            prices=sorted(
                (_listed_price(each) for each in prices if each.price_list_id == row.id), key=attrgetter("listing")
            ),
            created_at=row.created_at,
        )
        for row in rows
    ]


def _listed_price(each: PriceListPrice) -> ListedPrice:
    tiers = [TierShape.model_validate({"from": tier.start, "price": tier.price}) for tier in tiers_of(each.tiers)]
    return ListedPrice(listing=each.listing_id, price=Money(each.price_minor, CURRENCY), tiers=tiers)
