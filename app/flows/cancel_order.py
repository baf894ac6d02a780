"""The story of an order that is not to be: the buyer cancels, or nobody paid in time. Stock, capacity and money go back."""

from collections.abc import Sequence

from app.catalogue.reserve import release
from app.core.database import Session
from app.core.errors import UpstreamFailed
from app.core.ids import new_id
from app.core.jobs import Job, enqueue
from app.core.money import Money
from app.flows.order_offers import let_go_of_offers
from app.flows.ports import Ports
from app.flows.return_boxes import let_go_of_boxes
from app.flows.return_part import return_part
from app.flows.show_order import shown
from app.identity.values import Caller
from app.ledger.rules import cancellation_entries, refund_paid_entries
from app.ledger.service import record as record_transfers
from app.ledger.service import settle, transfers_of
from app.ledger.values import OWED_ON_DELIVERY, PLATFORM, AccountKind, AccountRef, State, Transfer, TransferKind
from app.network.capacity import release_capacity
from app.offers.values import Side
from app.orders.errors import AlreadyShipped, CancelReasonUnusable
from app.orders.models import Order, OrderLine
from app.orders.policies import Base, Canceller, Owed, Party, Policies, owed_for
from app.orders.rules import may, renewable_until
from app.orders.schemas import OrderShape
from app.orders.service import list_lines, lock_order, move
from app.orders.values import OrderEvent
from app.payments.disputes import last_word
from app.payments.errors import PaymentDisputed
from app.payments.models import Payment
from app.payments.part_refunds import refunded_in_parts, unsent_part_refunds
from app.payments.service import get_payment_of, lock_payment_of, record_cancel, record_refund
from app.payments.values import PaymentMethod, PaymentStatus
from app.shipments.queries import list_of_orders
from app.shipments.rules import going
from app.shipments.service import cancel_consignments
from app.shipments.values import Journey


async def cancel_order(
    ports: Ports, caller: Caller, order_id: str, language: str, reason: str | None = None
) -> OrderShape:
    """Cancel an order before any of its goods were handed in; its buyer or an operator may.

    Raises `StateConflict`, `CancelReasonUnusable` or `AlreadyShipped`. Money that was taken goes back by a job; what the reason makes
    somebody owe, by the terms of the order, is a transfer of its own.
    """
    async with ports.begin() as session:
        order = await lock_order(session, order_id, None if caller.is_operator() else caller.id)
        if reason is not None and may(order.status, OrderEvent.CANCEL):
            _require_usable(ports.policies, reason, order, caller)
        await move(session, order, OrderEvent.CANCEL, ports.clock.now(), reason)
        journeys = await give_back(session, order, ports, fault_of(order, reason, caller))
        await _charge(session, order, reason, journeys, ports)
        await enqueue(session, [Job("order.cancelled", {"order": order.id})])
        return await shown(session, order, language)


async def expire_order(ports: Ports, order: str) -> None:
    """Job: end an order that nobody paid for in time, at first or anew. Harmless when it was paid or ended meanwhile."""
    anew, now = None, ports.clock.now()
    try:
        async with ports.begin() as session:
            row = await lock_order(session, order)
            anew = renewable_until(row.terms)
            if not may(row.status, OrderEvent.EXPIRE) or (anew is not None and now < anew):
                return
            await move(session, row, OrderEvent.EXPIRE, now)
            await give_back(session, row, ports, None)
            # Who prepared for it is told; of one that was never paid nobody had heard.
            await enqueue(session, [Job("order.cancelled", {"order": order})] if anew is not None else [])
    except AlreadyShipped:
        # Goods that were to be paid anew were handed over all the same: they go on, and stay owed.
        if anew is None:
            raise


def fault_of(order: Order, reason: str | None, caller: Caller) -> Side:
    """By whose doing an order is not to be, as far as the deposits of agreed offers go: by the reason as it was frozen with the order."""
    if reason is None:
        return Side.BUYER if order.buyer_id == caller.id else Side.OPERATOR
    bears = order.terms.get("bears", {}).get(reason, Party.BUYER.value)
    return Side.BUYER if bears == Party.BUYER else Side.OPERATOR


def _require_usable(policies: Policies, reason: str, order: Order, caller: Caller) -> None:
    """Raise `CancelReasonUnusable` unless this caller may give the reason for an order in this state."""
    whom = {Canceller.BUYER} if order.buyer_id == caller.id else set()
    whom |= {Canceller.OPERATOR} if caller.is_operator() else set()
    usable = [row.code for row in policies.cancellation if order.status in row.states and row.by & whom]
    if reason not in usable:
        raise CancelReasonUnusable(reason, usable)


async def _charge(
    session: Session, order: Order, reason: str | None, journeys: Sequence[Journey], ports: Ports
) -> None:
    """Enter what the reason makes somebody owe, by the terms that were frozen when the order was placed."""
    owed = owed_for(order.terms, reason) if reason else None
    if owed is None or (owed.pays is Party.BUYER and _is_free(order, ports)):
        return
    entries = cancellation_entries(costs_of_cancelling(order, owed, await list_lines(session, order.id), journeys))
    if entries:
        costs = Transfer(new_id("trf"), TransferKind.CANCELLATION, order.id, State.POSTED, entries)
        await record_transfers(session, [costs], ports.clock.now())


def _is_free(order: Order, ports: Ports) -> bool:
    """Whether the order was cut down so lately that its buyer may leave it whatever the reason costs otherwise."""
    return order.cancel_free_until is not None and ports.clock.now() <= order.cancel_free_until


def costs_of_cancelling(
    order: Order, owed: Owed, lines: Sequence[OrderLine], journeys: Sequence[Journey]
) -> dict[tuple[AccountRef, AccountRef], int]:
    """For each consignment a share, rounded down, of its goods, its packaging or its first ride, by (who pays, who is owed)."""
    costs: dict[tuple[AccountRef, AccountRef], int] = {}
    for journey in journeys:
        carrier = journey.legs[0].carrier if journey.legs else "HUB"
        accounts = {
            Party.BUYER: AccountRef(AccountKind.BUYER, order.buyer_id, order.currency),
            Party.PRODUCER: AccountRef(AccountKind.PRODUCER_AVAILABLE, journey.producer_id, order.currency),
            Party.CARRIER: AccountRef(AccountKind.CARRIER_FREIGHT, carrier, order.currency),
            Party.PLATFORM: AccountRef(AccountKind.CANCELLATIONS, PLATFORM, order.currency),
        }
        bases = {
            Base.GOODS: sum(line.total_minor for line in lines if line.consignment_id == journey.id),
            Base.PACKAGING: sum(package.price_minor for package in journey.packages),
            Base.PICKUP: journey.legs[0].price_minor if journey.legs else 0,
        }
        between = accounts[owed.pays], accounts[owed.to]
        costs[between] = costs.get(between, 0) + bases[owed.of] * owed.bps // 10_000
    return costs


async def give_back(session: Session, order: Order, ports: Ports, fault: Side | None) -> Sequence[Journey]:
    """Release what the order held, all of it or (when a consignment moves already) nothing: `AlreadyShipped`. Answers its consignments.

    `fault` decides about deposits of agreed offers; None leaves them and their goods to be ordered again.
    """
    now = ports.clock.now()
    await let_go_of_offers(session, order, fault, now)
    journeys = going((await list_of_orders(session, [order.id]))[order.id])
    cancelled = await cancel_consignments(session, [order.id], now)
    if len(cancelled) < len(journeys):
        raise AlreadyShipped
    transfers = await transfers_of(session, order.id)
    owed = [transfer.id for transfer in transfers if transfer.kind in OWED_ON_DELIVERY]
    await settle(session, owed, State.VOID, now)
    await record_transfers(session, let_go_of_boxes(order, transfers), now)
    payment = await lock_payment_of(session, order.id)
    if payment.method is PaymentMethod.STRIPE:
        await enqueue(session, [Job("payment.return", {"order": order.id})])
    elif payment.status is PaymentStatus.PAID:
        # What came by transfer is owed to the buyer from now on, and paid back by the next run.
        await record_refund(session, payment.id, now)
    else:
        await record_cancel(session, payment.id, now)
    await release(session, [order.id])
    await release_capacity(session, cancelled)
    return journeys


async def return_payment(ports: Ports, order: str) -> None:
    """Job: end the provider's side of a payment that is not wanted any more, or send back what was taken.

    May run twice: the provider knows each step by our own id.
    """
    async with ports.begin() as session:
        payment = await get_payment_of(session, order)
    if ports.cards is None or payment.status is PaymentStatus.CANCELLED:
        return
    if payment.status is not PaymentStatus.REFUNDED and not await _sent_back(ports, payment):
        return
    # The provider may have told of it before its answer to us arrived: the ledger hears of it here alone.
    async with ports.begin() as session:
        row = await lock_order(session, order)
        now = ports.clock.now()
        await record_refund(session, payment.id, now)
        made = await transfers_of(session, order)
        taken = any(transfer.kind is TransferKind.COLLECTION for transfer in made)
        if taken and not any(transfer.kind is TransferKind.REFUND for transfer in made):
            rest = await _rest_of(session, payment)
            back = refund_paid_entries(row.buyer_id, payment.method, rest)
            await record_transfers(
                session, [Transfer(new_id("trf"), TransferKind.REFUND, row.id, State.POSTED, back)], now
            )


async def _sent_back(ports: Ports, payment: Payment) -> bool:
    """Cancel at the provider or, when it was paid, refund what it still has; true when money went back."""
    assert ports.cards is not None
    order = payment.order_id
    asked = Money(payment.amount_minor, payment.currency)
    ref = payment.provider_ref
    if ref is None:
        ref = (await ports.cards.create_intent(payment.id, order, asked, hold=payment.hold)).ref
    intent = await ports.cards.cancel_intent(payment.id, ref)
    if intent.status is not PaymentStatus.PAID:
        async with ports.begin() as session:
            await record_cancel(session, payment.id, ports.clock.now())
        return False
    # Parts that are on their way back arrive first, so that the rest is what the provider still has.
    async with ports.begin() as session:
        unsent = await unsent_part_refunds(session, order)
    if unsent and payment.status not in (PaymentStatus.PAID, PaymentStatus.REFUNDED):
        # That it was paid is still to be heard.
        raise UpstreamFailed(service="Stripe")
    for part in unsent:
        await return_part(ports, part)
    async with ports.begin() as session:
        rest, word = await _rest_of(session, payment), await last_word(session, order)
    try:
        await ports.cards.refund(payment.id, f"{payment.id}:refund", ref, rest, after=word)
    except PaymentDisputed:
        # The bank decides first: what is owed stays owed, and its word puts this job again.
        return False
    return True


async def _rest_of(session: Session, payment: Payment) -> Money:
    """What of a payment does not go back in parts."""
    return Money(payment.amount_minor - await refunded_in_parts(session, payment.order_id), payment.currency)
