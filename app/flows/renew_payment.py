"""The story of paying anew: what was held on a card was lost before it was taken, so the buyer opens another payment for the order."""

from datetime import datetime

from app.claims.service import claims_of_lines, claims_to_refund
from app.core.clock import rfc3339
from app.core.database import Session
from app.core.errors import StateConflict, UpstreamFailed
from app.core.ids import new_id
from app.core.jobs import Job, enqueue
from app.core.money import Money
from app.flows.place_order import ask_provider
from app.flows.ports import Ports
from app.flows.settle_weight import give_part_back
from app.flows.show_order import show_order
from app.identity.values import Caller
from app.ledger.service import transfers_of
from app.ledger.values import AccountKind, AccountRef, TransferKind
from app.orders.models import Order
from app.orders.rules import renewable_until
from app.orders.schemas import OrderShape
from app.orders.service import lock_order
from app.orders.values import DISPLAY as ORDER_DISPLAY
from app.orders.values import OrderStatus
from app.payments.errors import NothingToPay, RenewalTooLate
from app.payments.models import Payment
from app.payments.part_refunds import unsent_minor
from app.payments.rules import is_lost, require_offered
from app.payments.service import get_payment, lock_payment, lock_payment_of, record_refund, start_payment
from app.payments.values import DISPLAY, PaymentMethod, PaymentStatus
from app.payouts.service import owed_for
from app.shipments.boxes import boxes_to_refund
from app.shipments.queries import list_of_orders

_OPEN = frozenset({PaymentStatus.STARTED, PaymentStatus.AWAITING_CUSTOMER, PaymentStatus.FAILED})
_ARRIVED = frozenset({OrderStatus.DELIVERED, OrderStatus.COMPLETED})
_UNDER_WAY = _ARRIVED | {OrderStatus.IN_TRANSIT}
_AGAIN = {"en": "paid anew", "zh-Hans": "重新付款"}


async def renew_payment(ports: Ports, caller: Caller, payment_id: str, language: str) -> OrderShape:
    """The buyer opens a new payment in place of one whose hold was lost, or takes up the one that is open already.

    Before its goods have moved the order is held again by it, until the deadline; of goods that are under way it pays what is owed.
    Raises `NotFound`, `StateConflict`, `RenewalTooLate`, `NothingToPay`, `PaymentMethodUnavailable`, `AmountNotPayable` or `UpstreamFailed`.
    """
    require_offered(PaymentMethod.STRIPE, cards=ports.cards is not None)
    async with ports.begin() as session:
        seen = await get_payment(session, payment_id)
        order = await lock_order(session, seen.order_id, caller.id)
        payment = await _renewed(session, order, await lock_payment(session, payment_id), ports.clock.now())
    secret = await ask_provider(ports, payment)
    return await show_order(ports, order.id, caller, language, client_secret=secret)


async def _renewed(session: Session, order: Order, lost: Payment, now: datetime) -> Payment:
    """The payment that takes the place of a lost one. Order and payment are locked, so that there is one at a time."""
    if not is_lost(lost):
        raise StateConflict(state=DISPLAY[lost.status], verb=_AGAIN)
    if order.status is OrderStatus.AWAITING_PAYMENT:
        until = renewable_until(order.terms)
        if until is None or until <= now:
            raise RenewalTooLate(order=order.id, until=rfc3339(until or now))
    elif order.status not in _UNDER_WAY:
        raise StateConflict(state=ORDER_DISPLAY[order.status], verb=_AGAIN)
    latest = await lock_payment_of(session, order.id)
    if latest.status in _OPEN:
        return latest
    if latest.status is not PaymentStatus.CANCELLED:
        raise StateConflict(state=DISPLAY[latest.status], verb=_AGAIN)
    amount = await _due(session, order, lost)
    if amount.amount <= 0:
        raise NothingToPay(order=order.id)
    # What is under way is charged at once: there is no hand-over to wait for any more.
    hold = lost.hold and order.status is OrderStatus.AWAITING_PAYMENT
    await start_payment(session, new_id("pay"), order.id, PaymentMethod.STRIPE, amount, now, hold=hold)
    return await lock_payment_of(session, order.id)


async def _due(session: Session, order: Order, lost: Payment) -> Money:
    """As much as was held, until the goods have arrived: what is too much of it goes back as it would have. Then what is owed."""
    if order.status not in _ARRIVED:
        return Money(lost.amount_minor, order.currency)
    transfers = await transfers_of(session, order.id)
    boxes_held = any(each.kind is TransferKind.DEPOSIT for each in transfers)
    boxes = 0 if boxes_held else order.box_deposit_minor or 0
    return Money(boxes - await _surplus(session, order), order.currency)


async def _surplus(session: Session, order: Order) -> int:
    """What a buyer has paid for an order beyond what it owes and what is to be sent back anyway; below zero what is due."""
    account = AccountRef(AccountKind.BUYER, order.buyer_id, order.currency)
    owed = await owed_for(session, account, order.id)
    claims, boxes = await claims_to_refund(session, order.id), await boxes_to_refund(session, order.id)
    granted = sum(
        (each.granted_minor or 0) - each.unpaid_minor - each.carriage_minor
        for each in await claims_of_lines(session, order.id)
        if each.id in claims
    )
    journeys = (await list_of_orders(session, [order.id]))[order.id]
    returned = sum(each.deposit_minor or 0 for one in journeys for each in one.packages if each.id in boxes)
    return owed - granted - returned - await unsent_minor(session, order.id)


async def even_out_late(session: Session, order: Order, payment: Payment, now: datetime) -> None:
    """A payment was entered for goods that had arrived before: what could not be sent back while nothing was paid is sent now, and
    what turned out to be too much with it. The order is locked.
    """
    if order.status not in _ARRIVED:
        return
    await give_part_back(session, order, payment, new_id("rfd"), await _surplus(session, order), now)
    jobs = [Job("claim.refund", {"claim": each}) for each in await claims_to_refund(session, order.id)]
    jobs += [Job("box.refund", {"package": each}) for each in await boxes_to_refund(session, order.id)]
    # Producers are paid all the same; their accounts at the provider can be filled out of the charge only now.
    await enqueue(session, [*jobs, Job("order.released", {"order": order.id})])


async def return_former(ports: Ports, payment: str) -> None:
    """Job: a payment that was given up as lost was taken after all, when another had taken its place. It goes back whole.

    The ledger never heard of it. May run twice: the provider knows the refund by the payment's id.
    """
    async with ports.begin() as session:
        row = await get_payment(session, payment)
    if row.status is PaymentStatus.REFUNDED:
        return
    if ports.cards is None or row.provider_ref is None:
        raise UpstreamFailed(service="Stripe")
    amount = Money(row.amount_minor, row.currency)
    await ports.cards.refund(row.id, f"{row.id}:refund", row.provider_ref, amount)
    async with ports.begin() as session:
        await lock_order(session, row.order_id)
        await record_refund(session, row.id, ports.clock.now())
