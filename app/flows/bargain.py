"""The story of a price that is talked about: an offer, counter-offers, and an agreement that keeps the goods, or none."""

from collections.abc import Callable, Collection
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.catalogue.errors import OutOfStock
from app.catalogue.queries import offers
from app.catalogue.reserve import StockWant, reserve
from app.catalogue.values import CURRENCY, ListingStatus
from app.catalogue.values import Offer as OnSale
from app.core.clock import rfc3339
from app.core.database import Session
from app.core.errors import Forbidden, Gap, IdTaken, Invalid, NotFound
from app.core.ids import new_id, new_number
from app.core.money import Money
from app.core.quantity import as_text
from app.core.schema import fingerprint
from app.flows.offer_steps import end_offer, start_clock, tell_both
from app.flows.pack_lines import LISTING
from app.flows.ports import Ports
from app.flows.show_offers import shown
from app.identity.rules import is_related
from app.identity.rules import may as may_act
from app.identity.values import Caller, Grant
from app.notify.values import Template
from app.offers.errors import NotBargained, OfferExpired, OfferRoundsOver
from app.offers.models import BulkOffer
from app.offers.rules import (
    advance,
    deposit_minor,
    due_after,
    goods_minor,
    may,
    proposal_gaps,
    side_for,
    until_gaps,
)
from app.offers.schemas import CounterOffer, NewOffer, OfferShape
from app.offers.service import add_offer, change_offer, find_offer, get_offer, lock_offer
from app.offers.terms import AgreedTerms, frozen, terms_of
from app.offers.values import DepositStatus, OfferEvent, OfferStatus, Side
from app.orders.errors import NotForSale
from app.payments.service import find_payment_of
from app.payments.values import PaymentStatus

Guard = Callable[[OfferShape], None]


async def make_offer(
    ports: Ports, session: Session, caller: Caller, listing_id: str, command: NewOffer, language: str
) -> OfferShape:
    """A buyer names a quantity and a price for goods on sale, by the terms of today, which the offer keeps.

    Raises `NotFound`, `Forbidden` for who sells it, `NotForSale`, `NotBargained`, `OutOfStock`, `OfferOpenAlready`, or `Invalid` with every
    gap. The same id and body again answer the offer as it stands.
    """
    now = ports.clock.now()
    known = await find_offer(session, command.id) if command.id else None
    if known is not None:
        if (known.buyer_id, known.listing_id, known.created_from) != (caller.id, listing_id, fingerprint(command)):
            raise IdTaken(id=known.id)
        return await shown(session, known, caller, language)
    sold = await _on_sale(session, listing_id, now)
    if is_related(caller, sold.producer_id):
        raise Forbidden(needs={"en": "somebody else than who sells it", "zh-Hans": "卖家以外的买家身份"})
    terms = ports.offer_terms.find(sold.category, sold.unit)
    if terms is None:
        raise NotBargained(category=sold.category.value, unit=sold.unit.value)
    gaps = _proposal_gaps(sold, terms, command.quantity, command.price) + until_gaps(command.valid_until, terms, now)
    if gaps:
        raise Invalid(gaps=gaps)
    _require_stock(sold, command.quantity)
    offer = _new_offer(caller, sold, terms, command, now)
    await add_offer(session, offer)
    await start_clock(session, offer)
    await tell_both(session, offer, [Template.OFFER_MADE], now)
    return await shown(session, offer, caller, language)


def _new_offer(caller: Caller, sold: OnSale, terms: AgreedTerms, command: NewOffer, now: datetime) -> BulkOffer:
    due_at = command.valid_until or due_after(OfferStatus.OPEN, DepositStatus.NONE, terms, now)
    return BulkOffer(
        id=command.id or new_id("off"),
        number=new_number(now),
        listing_id=sold.listing_id,
        producer_id=sold.producer_id,
        buyer_id=caller.id,
        category=sold.category,
        title=dict(sold.title),
        unit=sold.unit,
        status=OfferStatus.OPEN,
        currency=CURRENCY,
        quantity=command.quantity,
        price_minor=command.price.amount,
        rounds=[_round(Side.BUYER, command.quantity, command.price, command.words, now)],
        terms=frozen(terms),
        due_at=due_at,
        deposit_status=DepositStatus.NONE,
        created_from=fingerprint(command),
        created_at=now,
        updated_at=now,
    )


async def counter_offer(
    ports: Ports,
    session: Session,
    caller: Caller,
    offer_id: str,
    command: CounterOffer,
    language: str,
    guard: Guard = lambda _: None,
) -> OfferShape:
    """Whose turn it is names another price or quantity; then it is the other side's turn.

    Raises `NotYourTurn`, `StateConflict`, `OfferExpired`, `OfferRoundsOver`, `NotForSale`, `OutOfStock`, or `Invalid` with every gap.
    """
    now = ports.clock.now()
    offer = await _locked(session, caller, offer_id, language, guard, by_parties=True)
    side = side_for(offer.status, OfferEvent.COUNTER, sides_of(offer, caller))
    _require_in_time(offer, now)
    terms = terms_of(offer.terms)
    if len(offer.rounds) >= terms.rounds_max:
        raise OfferRoundsOver(most=terms.rounds_max)
    quantity, price = command.quantity or offer.quantity, command.price or Money(offer.price_minor, offer.currency)
    sold = await _on_sale(session, offer.listing_id, now)
    gaps = _proposal_gaps(sold, terms, quantity, price) + until_gaps(command.valid_until, terms, now)
    if (quantity, price.amount) == (offer.quantity, offer.price_minor):
        words = {"en": "The same as was offered: accept it instead", "zh-Hans": "与对方报价相同，请直接接受"}
        gaps.append(Gap("/price", words))
    if gaps:
        raise Invalid(gaps=gaps)
    _require_stock(sold, quantity)
    status = advance(offer.status, OfferEvent.COUNTER)
    await change_offer(
        session,
        offer,
        now,
        status=status,
        quantity=quantity,
        price_minor=price.amount,
        rounds=[*offer.rounds, _round(side, quantity, price, command.words, now)],
        due_at=command.valid_until or due_after(status, DepositStatus.NONE, terms, now),
    )
    await start_clock(session, offer)
    await tell_both(session, offer, [Template.OFFER_COUNTERED], now)
    return await shown(session, offer, caller, language)


async def accept_offer(
    ports: Ports, session: Session, caller: Caller, offer_id: str, language: str, guard: Guard = lambda _: None
) -> OfferShape:
    """Whose turn it is agrees: the goods are kept for the buyer, who owes the deposit.

    Raises `NotYourTurn`, `StateConflict`, `OfferExpired`, `NotForSale`, or `OutOfStock` when somebody else was faster.
    """
    now = ports.clock.now()
    offer = await _locked(session, caller, offer_id, language, guard, by_parties=True)
    side_for(offer.status, OfferEvent.ACCEPT, sides_of(offer, caller))
    _require_in_time(offer, now)
    sold = await _on_sale(session, offer.listing_id, now)
    terms = terms_of(offer.terms)
    deposit = deposit_minor(goods_minor(offer.quantity, Money(offer.price_minor, offer.currency)), terms)
    paid_first = DepositStatus.DUE if deposit else DepositStatus.NONE
    status = advance(offer.status, OfferEvent.ACCEPT)
    due_at = due_after(status, paid_first, terms, now)
    await change_offer(
        session,
        offer,
        now,
        status=status,
        deposit_minor=deposit,
        deposit_status=paid_first,
        due_at=due_at,
        order_by=None if deposit else due_at,
    )
    await start_clock(session, offer)
    await tell_both(session, offer, [Template.OFFER_ACCEPTED], now)
    # The lots are hot: they are locked last.
    await reserve(session, offer.id, [StockWant(offer.id, offer.listing_id, offer.quantity, sold.version)], now)
    return await shown(session, offer, caller, language)


async def decline_offer(
    ports: Ports, session: Session, caller: Caller, offer_id: str, language: str, guard: Guard = lambda _: None
) -> OfferShape:
    """Whose turn it is says no. Raises `NotYourTurn` or `StateConflict`."""
    offer = await _locked(session, caller, offer_id, language, guard, by_parties=True)
    side = side_for(offer.status, OfferEvent.DECLINE, sides_of(offer, caller))
    await end_offer(session, offer, OfferEvent.DECLINE, side, ports.clock.now())
    return await shown(session, offer, caller, language)


async def withdraw_offer(
    ports: Ports, session: Session, caller: Caller, offer_id: str, language: str, guard: Guard = lambda _: None
) -> OfferShape:
    """Who named the last price takes it back; or either side, or an operator, an agreement that is not ordered yet.

    A deposit that the buyer has paid goes back, but for a buyer's own withdrawal, which the frozen terms decide.
    Raises `NotYourTurn` or `StateConflict`.
    """
    offer = await _locked(session, caller, offer_id, language, guard, by_parties=False)
    side = side_for(offer.status, OfferEvent.WITHDRAW, sides_of(offer, caller))
    await end_offer(session, offer, OfferEvent.WITHDRAW, side, ports.clock.now())
    return await shown(session, offer, caller, language)


async def lapse_offer(ports: Ports, offer: str) -> None:
    """Job: whoever had to act has not. Harmless when they did, or when there is more time by now.

    An agreement lapses by the buyer's doing, unless the listing is gone and could not be ordered any more.
    """
    async with ports.begin() as session:
        row = await lock_offer(session, offer)
        now = ports.clock.now()
        if not may(row.status, OfferEvent.LAPSE) or row.due_at is None or row.due_at > now:
            return
        if row.deposit_status is DepositStatus.DUE:
            payment = await find_payment_of(session, offer)
            if payment is not None and payment.status is PaymentStatus.PAID:
                # Paid in time: `deposit.paid` is on its way and begins the time to order.
                return
        gone = row.listing_id not in await offers(session, [row.listing_id], now)
        await end_offer(session, row, OfferEvent.LAPSE, Side.PRODUCER if gone else Side.BUYER, now)


async def fail_offer(ports: Ports, offer: str) -> bool:
    """The goods of an agreed offer will not be there: it ends, and its deposit goes back. False when it ended otherwise before."""
    async with ports.begin() as session:
        row = await lock_offer(session, offer)
        if row.status is not OfferStatus.ACCEPTED:
            return False
        await end_offer(session, row, OfferEvent.WITHDRAW, Side.PRODUCER, ports.clock.now())
    return True


def sides_of(offer: BulkOffer, caller: Caller) -> Collection[Side]:
    """On which sides somebody stands who may see the offer."""
    sides = {
        Side.BUYER: offer.buyer_id == caller.id,
        Side.PRODUCER: may_act(caller, offer.producer_id, Grant.PRICE),
        Side.OPERATOR: caller.is_operator(),
    }
    return [side for side, stands in sides.items() if stands]


async def _locked(
    session: Session, caller: Caller, offer_id: str, language: str, guard: Guard, *, by_parties: bool
) -> BulkOffer:
    """The offer as it stands, locked; `NotFound` for strangers, `Forbidden` for operators where only the parties speak."""
    seen = await get_offer(session, caller, offer_id)
    if by_parties and not {Side.BUYER, Side.PRODUCER} & set(sides_of(seen, caller)):
        raise Forbidden(needs={"en": "the buyer or the producer of this offer", "zh-Hans": "该议价的买家或卖家身份"})
    offer = await lock_offer(session, offer_id)
    guard(await shown(session, offer, caller, language))
    return offer


def _require_in_time(offer: BulkOffer, now: datetime) -> None:
    """Raise `OfferExpired` when the clock has run out, though the job may not have come yet."""
    if offer.due_at is not None and offer.due_at <= now:
        raise OfferExpired(offer=offer.id, until=rfc3339(offer.due_at))


async def _on_sale(session: Session, listing_id: str, now: datetime) -> OnSale:
    sold = (await offers(session, [listing_id], now)).get(listing_id)
    if sold is None:
        raise NotFound(what=LISTING)
    if sold.status is not ListingStatus.PUBLISHED:
        raise NotForSale(listing=listing_id)
    return sold


def _proposal_gaps(sold: OnSale, terms: AgreedTerms, quantity: Decimal, price: Money) -> list[Gap]:
    return proposal_gaps(quantity, price, CURRENCY, min_quantity=sold.min_quantity, step=sold.step, bulk=terms.bulk)


def _require_stock(sold: OnSale, quantity: Decimal) -> None:
    if quantity > sold.available:
        raise OutOfStock(sold.listing_id, sold.available)


def _round(by: Side, quantity: Decimal, price: Money, words: str | None, now: datetime) -> dict[str, Any]:
    """One naming of a price, as it is kept."""
    return {
        "by": by.value,
        "quantity": as_text(quantity),
        "price": {"amount": price.amount, "currency": price.currency},
        "words": words,
        "at": rfc3339(now),
    }
