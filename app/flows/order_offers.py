"""Agreed offers within the story of an order: named in a quote, handed over with the order, let go when it is not to be."""

from collections.abc import Sequence
from datetime import datetime

from app.catalogue.reserve import held_by, require_not_recalled, take_over
from app.core.clock import rfc3339
from app.core.database import Reader, Session
from app.core.ids import new_id
from app.flows.draft_order import Bargained
from app.flows.offer_steps import deposit_of, end_offer, start_clock, tell_both
from app.flows.pack_lines import Agreed
from app.identity.values import Caller
from app.ledger.rules import deposit_applied_entries, reversed_entries
from app.ledger.service import record as record_transfers
from app.ledger.values import State, Transfer, TransferKind
from app.notify.values import Template
from app.offers.errors import OfferExpired
from app.offers.models import BulkOffer
from app.offers.rules import advance, deposit_after
from app.offers.service import bargain_of, change_offer, find_bargains, lock_offer
from app.offers.values import DepositEvent, DepositStatus, OfferEvent, OfferStatus, Side
from app.orders.models import Order
from app.orders.schemas import QuoteRequest


async def agreed_for(reader: Reader, caller: Caller, command: QuoteRequest, now: datetime) -> dict[str, Agreed]:
    """What was agreed, for the lines that name an offer, with the lots that it holds. No statement when none does, else two.

    Raises `NotFound`, `OfferExpired` or `OfferNotOrderable`.
    """
    named = [line.offer for line in command.lines if line.offer is not None]
    if not named:
        return {}
    bargains = await find_bargains(reader, caller.id, named, now)
    lots = await held_by(reader, named)
    for bargain in bargains.values():
        # It ended between the two statements.
        if not lots[bargain.offer_id]:
            raise OfferExpired(offer=bargain.offer_id, until=rfc3339(now))
    return {offer_id: Agreed(bargain, lots[offer_id]) for offer_id, bargain in bargains.items()}


async def order_offers(
    session: Session, order: Order, bargains: Sequence[Bargained], now: datetime
) -> tuple[dict[str, list[str]], list[Transfer]]:
    """Hand what agreed offers hold over to an order that is being placed, and their deposits with it.

    Answers the animals by line, and the transfers to record. Locks the offers by id. Raises `OfferNotOrderable`, `OfferExpired` or `GoodsRecalled`.
    """
    named: dict[str, list[str]] = {}
    applied: list[Transfer] = []
    for each in bargains:
        offer = await lock_offer(session, each.offer_id)
        bargain_of(offer, now)
        await require_not_recalled(session, (offer.id, offer.id))
        deposit = offer.deposit_status
        if deposit is DepositStatus.HELD:
            deposit = deposit_after(deposit, DepositEvent.APPLY)
            applied.append(_applied(order, offer))
        status = advance(offer.status, OfferEvent.ORDER)
        await change_offer(session, offer, now, status=status, deposit_status=deposit, due_at=None, order_id=order.id)
        named[each.line_id] = await take_over(session, (offer.id, offer.id), (order.id, each.line_id))
    return named, applied


async def let_go_of_offers(session: Session, order: Order, fault: Side | None, now: datetime) -> None:
    """An order with agreed offers is not to be. Without a fault (nobody paid in time) each may be ordered again, with its goods.

    Else it ends, and the fault decides about its deposit. Locks the offers; the order's lock comes before, payment and stock after.
    """
    kept = order.terms.get("offers", {})
    for line_id, (offer_id, _) in sorted(kept.items(), key=lambda each: each[1]):
        offer = await lock_offer(session, offer_id)
        if (offer.status, offer.order_id) != (OfferStatus.USED, order.id):
            continue
        freed = []
        if offer.deposit_status is DepositStatus.APPLIED:
            entries = reversed_entries(_applied(order, offer).entries)
            freed.append(Transfer(new_id("trf"), TransferKind.DEPOSIT, order.id, State.POSTED, entries))
            deposit = deposit_after(offer.deposit_status, DepositEvent.RELEASE)
            await change_offer(session, offer, now, deposit_status=deposit)
        if fault is None:
            await record_transfers(session, freed, now)
            await _reopen(session, order, line_id, offer, now)
        else:
            await end_offer(session, offer, OfferEvent.UNDO, fault, now, freed)


async def _reopen(session: Session, order: Order, line_id: str, offer: BulkOffer, now: datetime) -> None:
    """The buyer may order once more until the same day as before, and the goods stay kept for it. When it is past, it lapses."""
    status = advance(offer.status, OfferEvent.REOPEN)
    await change_offer(session, offer, now, status=status, due_at=offer.order_by, order_id=None)
    await take_over(session, (order.id, line_id), (offer.id, offer.id))
    await start_clock(session, offer)
    await tell_both(session, offer, [Template.OFFER_REOPENED], now)


def _applied(order: Order, offer: BulkOffer) -> Transfer:
    """The deposit counts towards the order."""
    entries = deposit_applied_entries(offer.buyer_id, deposit_of(offer))
    return Transfer(new_id("trf"), TransferKind.DEPOSIT, order.id, State.POSTED, entries)
