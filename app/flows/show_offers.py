"""Offers and the terms that they go by, as people see them."""

from app.core.database import Session
from app.core.money import Money
from app.core.paging import Page, encode_cursor
from app.core.text import pick
from app.flows.ports import Ports
from app.identity.values import Caller
from app.offers.models import BulkOffer
from app.offers.rules import goods_minor
from app.offers.schemas import (
    AgreedTermsShape,
    DepositShape,
    OfferShape,
    OfferTermsShape,
    RoundShape,
    TermsRowShape,
)
from app.offers.service import get_offer, list_offers
from app.offers.terms import OfferTerms
from app.offers.values import DEPOSIT_DISPLAY, DISPLAY, DepositStatus, OfferStatus, Side
from app.payments.models import Payment
from app.payments.service import find_payment_of
from app.payments.values import PaymentMethod

_TURN = {OfferStatus.OPEN: Side.PRODUCER, OfferStatus.COUNTERED: Side.BUYER, OfferStatus.ACCEPTED: Side.BUYER}


async def show_offer(ports: Ports, caller: Caller, offer_id: str, language: str) -> OfferShape:
    """One offer, for its buyer, its producer's members and operators; `NotFound` for anybody else."""
    async with ports.begin() as session:
        return await shown(session, await get_offer(session, caller, offer_id), caller, language)


async def shown(
    session: Session, offer: BulkOffer, caller: Caller, language: str, client_secret: str | None = None
) -> OfferShape:
    """The shape of an offer that has been read, for one who may see it. One statement when there is a deposit."""
    payment = None if offer.deposit_status is DepositStatus.NONE else await find_payment_of(session, offer.id)
    return offer_shape(offer, payment, caller, language, client_secret)


async def show_offers(
    ports: Ports,
    caller: Caller,
    status: OfferStatus | None,
    listing: str | None,
    cursor: str | None,
    limit: int,
    language: str,
) -> Page[OfferShape]:
    """The offers that the caller made or has to answer (operators: all), the newest first. How a deposit is paid is told one by one."""
    async with ports.database.read() as connection:
        offers = await list_offers(connection, caller, status, listing, cursor, limit)
    items = [offer_shape(offer, None, caller, language) for offer in offers[:limit]]
    return Page(items=items, next_cursor=encode_cursor([items[-1].id]) if len(offers) > limit else None)


def offer_shape(
    offer: BulkOffer, payment: Payment | None, caller: Caller, language: str, client_secret: str | None = None
) -> OfferShape:
    """Everything about one offer. Pure. The order, and how a deposit is paid, are for its buyer and operators."""
    insider = caller.id == offer.buyer_id or caller.is_operator()
    price = Money(offer.price_minor, offer.currency)
    return OfferShape(
        id=offer.id,
        number=offer.number,
        listing=offer.listing_id,
        producer=offer.producer_id,
        title=offer.title,
        unit=offer.unit,
        status=offer.status,
        status_text=pick(DISPLAY[offer.status], language),
        turn=_TURN.get(offer.status),
        quantity=offer.quantity,
        price=price,
        goods=Money(goods_minor(offer.quantity, price), offer.currency),
        rounds=[RoundShape.model_validate(each) for each in offer.rounds],
        due_at=offer.due_at,
        deposit=_deposit(offer, payment if insider else None, language, client_secret),
        order=offer.order_id if insider else None,
        terms=AgreedTermsShape.model_validate({name: offer.terms[name] for name in AgreedTermsShape.model_fields}),
        created_at=offer.created_at,
        updated_at=offer.updated_at,
    )


def _deposit(offer: BulkOffer, payment: Payment | None, language: str, client_secret: str | None) -> DepositShape:
    by_bank = payment is not None and payment.method is PaymentMethod.BANK_TRANSFER
    return DepositShape(
        amount=Money(offer.deposit_minor, offer.currency),
        status=offer.deposit_status,
        status_text=pick(DEPOSIT_DISPLAY[offer.deposit_status], language),
        method=payment.method if payment else None,
        reference=offer.number if by_bank else None,
        client_secret=client_secret,
        sent_back_at=offer.sent_back_at,
    )


def terms_shape(terms: OfferTerms) -> OfferTermsShape:
    """The table as it is read, in both languages. Pure."""
    return OfferTermsShape(
        version=terms.version, items=[TermsRowShape.model_validate(row.model_dump()) for row in terms.terms]
    )
