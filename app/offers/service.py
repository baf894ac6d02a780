"""Verbs of bargaining: write an offer, take it a step further, find and list offers."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, cast, func, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from app.core.clock import rfc3339
from app.core.database import Reader, Session
from app.core.errors import IdTaken, NotFound
from app.core.money import Money
from app.core.paging import decode_cursor
from app.identity.values import Caller, Grant
from app.offers.errors import OfferExpired, OfferNotOrderable, OfferOpenAlready
from app.offers.models import BulkOffer
from app.offers.rules import NOTHING_TO_PAY
from app.offers.values import DEPOSIT_DISPLAY, DISPLAY, WAITING, Bargain, OfferStatus

OFFER: Final = {"en": "offer", "zh-Hans": "议价"}
_COLUMNS: Final = [col(getattr(BulkOffer, name)) for name in BulkOffer.model_fields]


async def find_offer(session: Session, offer_id: str) -> BulkOffer | None:
    return await session.get(BulkOffer, offer_id, populate_existing=True)


async def add_offer(session: Session, offer: BulkOffer) -> None:
    """Write a new offer. Raises `OfferOpenAlready` while its buyer has another on the listing, `IdTaken` when the id means another.

    Of two at once the second waits for the first: the unique index decides.
    """
    written = await session.execute(
        insert(BulkOffer).values(offer.model_dump()).on_conflict_do_nothing().returning(col(BulkOffer.id))
    )
    if written.first() is not None:
        return
    waiting = select(col(BulkOffer.id)).where(
        col(BulkOffer.listing_id) == offer.listing_id,
        col(BulkOffer.buyer_id) == offer.buyer_id,
        col(BulkOffer.status).in_(WAITING),
    )
    present = (await session.execute(waiting)).scalar_one_or_none()
    if present is None or present == offer.id:
        raise IdTaken(id=offer.id)
    raise OfferOpenAlready(offer=present)


async def get_offer(reader: Reader, caller: Caller, offer_id: str) -> BulkOffer:
    """An offer for its buyer, its producer's members and operators; `NotFound` for anybody else."""
    wanted = select(*_COLUMNS).where(col(BulkOffer.id) == offer_id, _seen_by(caller))
    row = (await reader.execute(wanted)).mappings().one_or_none()
    if row is None:
        raise NotFound(what=OFFER)
    return BulkOffer(**row)


async def lock_offer(session: Session, offer_id: str) -> BulkOffer:
    """An offer as it stands, locked until the transaction ends; the lock of an order comes before, payment and stock after."""
    offer = await session.get(BulkOffer, offer_id, with_for_update=True, populate_existing=True)
    if offer is None:
        raise NotFound(what=OFFER)
    return offer


async def change_offer(session: Session, offer: BulkOffer, now: datetime, **changed: Any) -> None:
    """Write what changed on a locked offer."""
    await session.execute(update(BulkOffer).where(col(BulkOffer.id) == offer.id).values(updated_at=now, **changed))
    await session.refresh(offer)


async def find_bargains(reader: Reader, buyer_id: str, offer_ids: Collection[str], now: datetime) -> dict[str, Bargain]:
    """These agreed offers of a buyer, to be ordered at `now`. One statement.

    Raises `NotFound`, `OfferExpired` or `OfferNotOrderable` for the first that is not.
    """
    wanted = select(*_COLUMNS).where(col(BulkOffer.id).in_(set(offer_ids)), col(BulkOffer.buyer_id) == buyer_id)
    found = {row["id"]: BulkOffer(**row) for row in (await reader.execute(wanted)).mappings()}
    if set(offer_ids) - found.keys():
        raise NotFound(what=OFFER)
    return {offer_id: bargain_of(found[offer_id], now) for offer_id in offer_ids}


def bargain_of(offer: BulkOffer, now: datetime) -> Bargain:
    """What was agreed, of an offer that can be ordered at `now`; raises `OfferExpired` or `OfferNotOrderable`."""
    if offer.status is not OfferStatus.ACCEPTED or offer.deposit_status not in NOTHING_TO_PAY:
        state, deposit = DISPLAY[offer.status], DEPOSIT_DISPLAY[offer.deposit_status]
        raise OfferNotOrderable(offer=offer.id, order=offer.order_id, state=state, deposit=deposit)
    assert offer.due_at is not None
    if offer.due_at <= now:
        raise OfferExpired(offer=offer.id, until=rfc3339(offer.due_at))
    return Bargain(
        offer_id=offer.id,
        listing_id=offer.listing_id,
        quantity=offer.quantity,
        price=Money(offer.price_minor, offer.currency),
        deposit_minor=offer.deposit_minor,
        terms_version=offer.terms["version"],
        order_by=offer.due_at,
    )


async def list_offers(
    reader: Reader, caller: Caller, status: OfferStatus | None, listing: str | None, cursor: str | None, limit: int
) -> Sequence[BulkOffer]:
    """Those that the caller may see, the newest first; one more than `limit`."""
    wanted = select(*_COLUMNS).where(_seen_by(caller)).order_by(col(BulkOffer.id).desc()).limit(limit + 1)
    if status is not None:
        wanted = wanted.where(col(BulkOffer.status) == status)
    if listing is not None:
        wanted = wanted.where(col(BulkOffer.listing_id) == listing)
    if after := decode_cursor(cursor, str):
        wanted = wanted.where(col(BulkOffer.id) < after[0])
    return [BulkOffer(**row) for row in (await reader.execute(wanted)).mappings()]


async def deposits_sent_otherwise(reader: Reader) -> dict[str, int]:
    """What left the bank account for buyers whose deposits had come by card, below zero, by currency."""
    sent = func.sum(cast(col(BulkOffer.bank_notes).op("->>")("returned_minor"), BigInteger))
    wanted = select(col(BulkOffer.currency), sent).where(col(BulkOffer.bank_notes).op("?")("returned_minor"))
    return {
        currency: -int(amount) for currency, amount in await reader.execute(wanted.group_by(col(BulkOffer.currency)))
    }


def _seen_by(caller: Caller) -> Any:
    if caller.is_operator():
        return True
    return or_(col(BulkOffer.buyer_id) == caller.id, col(BulkOffer.producer_id).in_(caller.granted(Grant.SEE)))
