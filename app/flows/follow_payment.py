"""The story of a card payment's outcome reaching its order: held or paid, captured at the hand-over, or lost."""

from datetime import datetime

from app.core.clock import rfc3339
from app.core.database import Session
from app.core.errors import StateConflict, UpstreamFailed
from app.core.ids import new_id
from app.core.jobs import Job, enqueue
from app.flows.cancel_order import give_back
from app.flows.ports import Ports
from app.flows.renew_payment import even_out_late
from app.flows.return_boxes import hold_boxes
from app.flows.tell_people import payment_lost_notices, unpaid_notices
from app.ledger.rules import collection_entries
from app.ledger.service import record as record_transfers
from app.ledger.service import transfers_of
from app.ledger.values import AccountKind, AccountRef, State, Transfer, TransferKind
from app.notify.service import queue_messages
from app.orders.errors import AlreadyShipped
from app.orders.models import Order
from app.orders.rules import may, renewal_until
from app.orders.service import get_order, lock_order, move
from app.orders.values import OrderEvent, OrderStatus
from app.payments.models import Payment
from app.payments.part_refunds import unsent_part_refunds
from app.payments.rules import is_lost, news_for_order
from app.payments.service import apply, former_payments, get_payment_of, list_holds_ending, lock_payment
from app.payments.values import HOLD_MARGIN, PaymentEvent, PaymentStatus
from app.shipments.queries import list_of_orders
from app.shipments.rules import going
from app.shipments.values import ConsignmentStatus

ENDED = (OrderStatus.CANCELLED, OrderStatus.EXPIRED)
CAPTURES_PER_SWEEP_MAX = 500
_CAPTURED = {PaymentStatus.PAID: PaymentEvent.PAY, PaymentStatus.CANCELLED: PaymentEvent.CANCEL}


async def payment_paid(ports: Ports, order: str) -> None:
    """Job: a payment succeeded, or is held on the card. The order is placed; if it has ended meanwhile, the money goes back.

    Money is entered in the ledger once it is taken, however often and in whatever order this is told.
    """
    now = ports.clock.now()
    async with ports.begin() as session:
        row = await lock_order(session, order)
        payment = await get_payment_of(session, order)
        former = await former_payments(session, payment)
        stray = [each.id for each in former if each.status is PaymentStatus.PAID]
        await enqueue(session, [Job("payment.return_former", {"payment": each}) for each in stray])
        if payment.status not in (PaymentStatus.AUTHORISED, PaymentStatus.PAID):
            return
        if row.status in ENDED:
            await enqueue(session, [Job("payment.return", {"order": order})])
            return
        if may(row.status, OrderEvent.PAY):
            await move(session, row, OrderEvent.PAY, now)
            await enqueue(session, [Job("order.placed", {"order": order})])
        elif payment.status is PaymentStatus.AUTHORISED and row.status is not OrderStatus.PLACED:
            # Held again for goods that have left meanwhile.
            await enqueue(session, [Job("payment.capture", {"order": order})])
        if payment.status is PaymentStatus.PAID:
            entered = await _enter(session, row, payment, now)
            if entered and any(is_lost(each) for each in former):
                await even_out_late(session, row, payment, now)


async def _enter(session: Session, order: Order, payment: Payment, now: datetime) -> bool:
    """The buyer's debt is paid into the card provider's hands; once for each order: true when it is now."""
    gateway = AccountRef(AccountKind.GATEWAY, payment.method, payment.currency)
    # What was taken at the door besides, for more weight than was paid, is another collection.
    taken_before = [each for each in await transfers_of(session, order.id) if each.kind is TransferKind.COLLECTION]
    if any(entry.account == gateway for each in taken_before for entry in each.entries):
        return False
    entries = collection_entries(order.buyer_id, payment.currency, {gateway: payment.amount_minor})
    taken = Transfer(new_id("trf"), TransferKind.COLLECTION, order.id, State.POSTED, entries)
    await record_transfers(session, [taken, *hold_boxes(order)], now)
    # What was found to be too much while the money was only held goes back now that it is taken.
    parts = await unsent_part_refunds(session, order.id)
    await enqueue(session, [Job("payment.part_refund", {"refund": part}) for part in parts])
    return True


async def capture_payment(ports: Ports, order: str) -> None:
    """Job: the goods are handed over, so what is held on the buyer's card is taken. May run twice, and beside a cancellation."""
    async with ports.begin() as session:
        row, payment = await get_order(session, order, None), await get_payment_of(session, order)
    if ports.cards is None or payment.status is not PaymentStatus.AUTHORISED or row.status in ENDED:
        return
    assert payment.provider_ref
    intent = await ports.cards.capture(payment.id, payment.provider_ref)
    if intent.status is PaymentStatus.AWAITING_CUSTOMER:
        # The bank has given up the hold: nobody shall pay into an intent that we do not wait for any more.
        intent = await ports.cards.cancel_intent(payment.id, payment.provider_ref)
    if intent.status not in _CAPTURED:
        raise UpstreamFailed(service="Stripe")
    async with ports.begin() as session:
        await lock_order(session, order)
        present = await lock_payment(session, payment.id)
        before = present.status
        if await apply(session, present, _CAPTURED[intent.status], ports.clock.now()):
            job = news_for_order(before, present.status)
            assert job is not None
            await enqueue(session, [Job(job, {"order": order})])


async def capture_in_time(ports: Ports) -> None:
    """Periodic: money that is held for goods which are late is taken before the hold expires."""
    before = ports.clock.now() + HOLD_MARGIN
    async with ports.begin() as session:
        orders = await list_holds_ending(session, before, CAPTURES_PER_SWEEP_MAX)
        await enqueue(session, [Job("payment.capture", {"order": order}) for order in orders])


async def payment_lost(ports: Ports, order: str) -> None:
    """Job: money that was held for an order is held no more. An order of which nothing moves waits to be paid anew, or is cancelled.

    Goods that are on their way go on: their order stands in the operators' list until it is paid.
    """
    now = ports.clock.now()
    async with ports.begin() as session:
        row = await lock_order(session, order)
        payment = await get_payment_of(session, order)
        if not is_lost(payment) or row.status in (*ENDED, OrderStatus.AWAITING_PAYMENT):
            return
        if await _waits(ports, session, row):
            return
    try:
        async with ports.begin() as session:
            row = await lock_order(session, order)
            await move(session, row, OrderEvent.CANCEL, now)
            await give_back(session, row, ports, None)
            await enqueue(session, [Job("order.cancelled", {"order": order})])
    except (AlreadyShipped, StateConflict):
        async with ports.begin() as session:
            row = await lock_order(session, order)
            await queue_messages(session, await payment_lost_notices(session, row), now)


async def _waits(ports: Ports, session: Session, order: Order) -> bool:
    """Whether the order now waits to be paid anew: its goods are kept for it and stay where they are, until the deadline."""
    journeys = going((await list_of_orders(session, [order.id]))[order.id])
    moves = any(journey.status is not ConsignmentStatus.BOOKED for journey in journeys)
    leaves = [journey.legs[0].departs_at for journey in journeys if journey.legs]
    now = ports.clock.now()
    until = renewal_until(min(leaves, default=order.promised_by), now, ports.terms.renewal.deadline)
    if moves or until is None or not may(order.status, OrderEvent.LOSE):
        return False
    await move(session, order, OrderEvent.LOSE, now)
    order.terms = order.terms | {"renewal": {"until": rfc3339(until)}}
    await session.flush()
    await enqueue(session, [Job("order.expire", {"order": order.id}, run_at=until)])
    await queue_messages(session, await unpaid_notices(session, order, until), now)
    return True
