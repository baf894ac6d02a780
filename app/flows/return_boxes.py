"""The story of boxes that come back: a deposit with the order, back for each that is scanned at a hub, kept for those that stay away."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.core.database import Session
from app.core.errors import Gap, Invalid, StateConflict, UpstreamFailed
from app.core.ids import new_id
from app.core.jobs import Job, enqueue
from app.core.money import Money, priced
from app.flows.ports import Ports
from app.identity.service import contacts_of_persons
from app.ledger.rules import (
    deposit_applied_entries,
    deposit_kept_entries,
    deposit_returned_entries,
    refund_paid_entries,
    reversed_entries,
)
from app.ledger.service import record as record_transfers
from app.ledger.values import State, Transfer, TransferKind
from app.network.queries import hubs_by_code
from app.notify.service import queue_messages
from app.notify.values import Notice, Template
from app.orders.models import Order
from app.orders.service import lock_order
from app.orders.values import DISPLAY, OrderStatus
from app.payments.disputes import last_word
from app.payments.errors import PaymentDisputed
from app.payments.rules import nothing_taken
from app.payments.service import get_payment_of, lock_payment_of, record_part_refund
from app.payments.values import PaymentMethod
from app.shipments.box_schemas import BoxReturn, BoxShape
from app.shipments.boxes import back_by, change_boxes, lock_box, lock_boxes_out, order_of_box
from app.shipments.models import ConsignmentPackage
from app.shipments.values import Journey

_OUT = frozenset({OrderStatus.DELIVERED, OrderStatus.COMPLETED})


def hold_boxes(order: Order) -> list[Transfer]:
    """What was paid for boxes is held for the buyer, from when the order was paid. One transfer, by an id that follows from the order's."""
    if not order.box_deposit_minor:
        return []
    applied = deposit_applied_entries(order.buyer_id, Money(order.box_deposit_minor, order.currency))
    held = reversed_entries(applied)
    return [Transfer(_hold_id(order), TransferKind.DEPOSIT, order.id, State.POSTED, held)]


def let_go_of_boxes(order: Order, transfers: Sequence[Transfer]) -> list[Transfer]:
    """An order that was paid is not to be: what is still held for its boxes goes back with the rest. Empty when nothing was held."""
    if not order.box_deposit_minor or all(transfer.id != _hold_id(order) for transfer in transfers):
        return []
    applied = deposit_applied_entries(order.buyer_id, Money(order.box_deposit_minor, order.currency))
    return [Transfer(new_id("trf"), TransferKind.DEPOSIT, order.id, State.POSTED, applied)]


def _hold_id(order: Order) -> str:
    return f"trf{order.id[3:]}"


def clocks_of_boxes(order: Order, journeys: Sequence[Journey], now: datetime) -> list[Job]:
    """The jobs that give up boxes, one for each time that boxes of the order have to come back in."""
    days = sorted({package.return_days for journey in journeys for package in journey.packages if package.return_days})
    return [Job("boxes.forfeit", {"order": order.id}, run_at=now + timedelta(days=each)) for each in days]


async def return_box(ports: Ports, session: Session, package_id: str, command: BoxReturn) -> BoxShape:
    """A box was scanned at a hub: its deposit is the buyer's again, by card by a job, otherwise on the buyer's account.

    A second scan answers the first. Raises `NotFound`, `Invalid` for a hub that is not there, or `StateConflict` before the delivery and
    for a box that was given up. Locks the order, the box, the payment.
    """
    now = ports.clock.now()
    if command.hub not in await hubs_by_code(session, {command.hub}):
        raise Invalid(gaps=[Gap("/hub", {"en": "There is no such hub", "zh-Hans": "没有该枢纽"})])
    order = await lock_order(session, await order_of_box(session, package_id))
    box = await lock_box(session, package_id)
    if box.returned_at is not None:
        return box_shape(order, box)
    verb = {"en": "taken back", "zh-Hans": "归还"}
    if order.status not in _OUT:
        raise StateConflict(state=DISPLAY[order.status], verb=verb)
    if box.forfeited_at is not None:
        raise StateConflict(state={"en": "given up", "zh-Hans": "已逾期"}, verb=verb)
    amount = _deposit_of(order, box)
    entries = deposit_returned_entries(order.buyer_id, amount)
    back = Transfer(new_id("trf"), TransferKind.DEPOSIT_RETURNED, order.id, State.POSTED, entries)
    await record_transfers(session, [back], now)
    await change_boxes(session, [box.id], returned_at=now, returned_hub=command.hub)
    payment = await lock_payment_of(session, order.id)
    if payment.method is not PaymentMethod.STRIPE:
        left = Money(min(amount.amount, payment.amount_minor - payment.refunded_minor), order.currency)
        await record_part_refund(session, payment, left, now)
    else:
        await enqueue(session, [Job("box.refund", {"package": box.id})])
    await _tell(session, order, Template.BOX_RETURNED, {"amount": priced(amount)}, now)
    await session.refresh(box)
    return box_shape(order, box)


async def refund_box(ports: Ports, package: str) -> None:
    """Job: the deposit of a box that came back leaves for the card that paid it. May run twice: the provider knows it by the box's id."""
    async with ports.begin() as session:
        order = await lock_order(session, await order_of_box(session, package))
        box = await lock_box(session, package)
        payment = await get_payment_of(session, order.id)
        word = await last_word(session, order.id)
    if box.returned_at is None or box.sent_back_at is not None:
        return
    if nothing_taken(payment.status):
        # Nothing was ever taken: once it is paid anew, this is put again.
        return
    if ports.cards is None or payment.provider_ref is None:
        raise UpstreamFailed(service="Stripe")
    amount = _deposit_of(order, box)
    try:
        await ports.cards.refund(payment.id, f"{box.id}:deposit", payment.provider_ref, amount, after=word)
    except PaymentDisputed:
        # The bank decides first: what is owed stays owed, and its word puts this job again.
        return
    now = ports.clock.now()
    async with ports.begin() as session:
        await lock_order(session, order.id)
        box = await lock_box(session, package)
        if box.sent_back_at is not None:
            return
        await record_part_refund(session, await lock_payment_of(session, order.id), amount, now)
        entries = refund_paid_entries(order.buyer_id, payment.method, amount)
        sent = Transfer(new_id("trf"), TransferKind.REFUND_PAID, order.id, State.POSTED, entries)
        await record_transfers(session, [sent], now)
        await change_boxes(session, [box.id], sent_back_at=now)


async def forfeit_boxes(ports: Ports, order: str) -> None:
    """Job: boxes that have not come back by their day are given up, and their deposits buy others. May run twice."""
    async with ports.begin() as session:
        row = await lock_order(session, order)
        now = ports.clock.now()
        if row.delivered_at is None:
            return
        late = [box for box in await lock_boxes_out(session, order) if back_by(row.delivered_at, box) <= now]
        if not late:
            return
        kept = Money(sum(box.deposit_minor or 0 for box in late), row.currency)
        entries = deposit_kept_entries(row.buyer_id, kept)
        forfeited = Transfer(new_id("trf"), TransferKind.DEPOSIT_FORFEITED, order, State.POSTED, entries)
        await record_transfers(session, [forfeited], now)
        await change_boxes(session, [box.id for box in late], forfeited_at=now)
        await _tell(session, row, Template.BOX_FORFEITED, {"amount": priced(kept), "count": str(len(late))}, now)


def box_shape(order: Order, box: ConsignmentPackage) -> BoxShape:
    """A box as whoever scans it sees it: nothing of the buyer. Pure."""
    return BoxShape(
        id=box.id,
        type=box.type,
        name=box.name,
        deposit=_deposit_of(order, box),
        back_by=back_by(order.delivered_at, box) if order.delivered_at else None,
        returned_at=box.returned_at,
        returned_hub=box.returned_hub,
    )


def _deposit_of(order: Order, box: ConsignmentPackage) -> Money:
    assert box.deposit_minor is not None
    return Money(box.deposit_minor, order.currency)


async def _tell(session: Session, order: Order, template: Template, told: dict[str, str], now: datetime) -> None:
    buyer = (await contacts_of_persons(session, [order.buyer_id]))[order.buyer_id]
    await queue_messages(session, [Notice(buyer.phone, template, buyer.language, {"number": order.number} | told)], now)
