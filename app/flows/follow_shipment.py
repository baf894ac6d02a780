"""The story of goods on their way reaching their order: under way, delivered, paid at the door, and completed."""

from collections.abc import Sequence
from datetime import datetime

from app.catalogue.reserve import consume
from app.claims.rules import LineSold
from app.claims.service import standings_of
from app.core.database import Session
from app.core.ids import new_id
from app.core.jobs import Job, enqueue
from app.core.money import Money
from app.flows.bring_back import follow_returns
from app.flows.claim_at_door import claim_at_the_door, leave_unpaid
from app.flows.claim_goods import align_later, releases, windows_of
from app.flows.ports import Ports
from app.flows.return_boxes import clocks_of_boxes, hold_boxes
from app.flows.reweigh import due_minor
from app.flows.settle_weight import Scene, give_part_back, settle_what_waits
from app.flows.show_order import shown
from app.flows.write_off import write_off_later
from app.identity.values import Caller
from app.ledger.rules import collection_entries
from app.ledger.service import record as record_transfers
from app.ledger.service import settle, transfers_of
from app.ledger.values import OWED_ON_DELIVERY, AccountKind, AccountRef, State, Transfer, TransferKind
from app.orders.models import Order, OrderLine
from app.orders.rules import may, renewable_until
from app.orders.schemas import OrderShape
from app.orders.service import list_lines, lock_order, move
from app.orders.values import OrderEvent, OrderStatus
from app.payments.disputes import is_disputed
from app.payments.models import Payment
from app.payments.part_refunds import change_cash_due, refunded_in_parts
from app.payments.service import get_payment_of, lock_payment_of, record_collection
from app.payments.values import PaymentMethod, PaymentStatus
from app.payouts.service import owed_for
from app.shipments.queries import list_of_orders
from app.shipments.rules import going, order_status, standing_of
from app.shipments.values import ConsignmentStatus, Journey

# Goods may arrive before the charge that left with them is heard of.
_COVERED = frozenset({PaymentStatus.AUTHORISED, PaymentStatus.PAID})


async def follow_shipment(ports: Ports, order: str) -> None:
    """Job: a consignment of this order moved. The order follows what all its consignments say together.

    Runs as often as it likes: the order moves forwards only, and what follows a step happens with the step.
    """
    async with ports.begin() as session:
        row = await lock_order(session, order)
        journeys = going((await list_of_orders(session, [order]))[order])
        if not journeys:
            return
        status = order_status([standing_of(journey) for journey in journeys])
        if status in (OrderStatus.IN_TRANSIT, OrderStatus.DELIVERED) and _departs(row):
            await move(session, row, OrderEvent.DEPART, ports.clock.now())
            captured = [Job("payment.capture", {"order": order})] if row.terms.get("hold") else []
            await enqueue(session, [Job("order.shipped", {"order": order}), *captured])
        if status is OrderStatus.DELIVERED and may(row.status, OrderEvent.DELIVER):
            await _delivered(session, row, journeys, ports)
        if row.status in (OrderStatus.DELIVERED, OrderStatus.COMPLETED):
            await claim_at_the_door(session, row, journeys, ports.clock.now())
            await follow_returns(ports, session, row, journeys)
        await _hand_over(session, order, journeys)


def _departs(order: Order) -> bool:
    """Whether the order is under way with its first goods: also one that waits to be paid anew, whose goods were handed over all the same."""
    anew = order.status is OrderStatus.AWAITING_PAYMENT and renewable_until(order.terms) is not None
    return anew or (order.status is not OrderStatus.AWAITING_PAYMENT and may(order.status, OrderEvent.DEPART))


async def _hand_over(session: Session, order_id: str, journeys: Sequence[Journey]) -> None:
    """What a carrier has taken in has left the producer's stock for good, consignment by consignment."""
    gone = {journey.id for journey in journeys if journey.status is not ConsignmentStatus.BOOKED}
    lines = [line.id for line in await list_lines(session, order_id) if line.consignment_id in gone]
    if lines:
        await consume(session, [order_id], lines)


async def _delivered(session: Session, order: Order, journeys: Sequence[Journey], ports: Ports) -> None:
    """What is owed becomes due; cash was taken at the door; the time to complain begins."""
    now = ports.clock.now()
    scene = Scene(order, await list_lines(session, order.id), journeys)
    await settle_what_waits(session, scene, now)
    journeys = going((await list_of_orders(session, [order.id]))[order.id])
    await move(session, order, OrderEvent.DELIVER, now)
    owed = [transfer.id for transfer in await transfers_of(session, order.id) if transfer.kind in OWED_ON_DELIVERY]
    await settle(session, owed, State.POSTED, now)
    await _lower_cash(session, order, journeys, now)
    lines = await list_lines(session, order.id)
    shares = cash_by_carrier(order, lines, journeys)
    if await record_collection(session, [order.id], min(shares), now):
        accounts = {
            AccountRef(AccountKind.CARRIER_CASH, carrier, order.currency): amount for carrier, amount in shares.items()
        }
        entries = collection_entries(order.buyer_id, order.currency, accounts)
        collected = (
            [Transfer(new_id("trf"), TransferKind.COLLECTION, order.id, State.POSTED, entries)] if entries else []
        )
        await record_transfers(session, [*collected, *hold_boxes(order)], now)
    else:
        await _even_out(session, order, lines, journeys, now)
    windows = windows_of(order, lines)
    last = max(windows.values())
    await write_off_later(session, order, now + last)
    jobs = [
        Job("order.release", {"order": order.id, "producer": producer}, run_at=now + window)
        for producer, window in sorted(windows.items())
        if window < last
    ]
    jobs.append(Job("order.complete", {"order": order.id}, run_at=now + last))
    await enqueue(session, [*clocks_of_boxes(order, journeys, now), Job("order.delivered", {"order": order.id}), *jobs])


async def _lower_cash(session: Session, order: Order, journeys: Sequence[Journey], now: datetime) -> None:
    """Nobody pays at the door for what is refused there."""
    if not any(journey.refused or journey.refused_lines for journey in journeys):
        return
    payment = await lock_payment_of(session, order.id)
    if payment.status is PaymentStatus.PENDING_CASH:
        unpaid = await leave_unpaid(session, await list_lines(session, order.id), journeys, payment.amount_minor)
        await change_cash_due(session, payment, Money(payment.amount_minor - unpaid, order.currency), now)


async def _even_out(
    session: Session, order: Order, lines: Sequence[OrderLine], journeys: Sequence[Journey], now: datetime
) -> None:
    """What a card paid, or holds until it is charged, beyond what goods really weighed goes back; what they came to beyond what was
    paid was taken at the door, but for goods that were refused there.
    """
    payment = await get_payment_of(session, order.id)
    if payment.method is PaymentMethod.CASH_ON_DELIVERY or payment.status not in _COVERED:
        return
    due = await _still_due(session, order, payment)
    await give_part_back(session, order, payment, new_id("rfd"), -due, now)
    if due > 0:
        due -= await leave_unpaid(session, lines, journeys, due)
    if due > 0:
        shares = cash_by_carrier(order, lines, journeys)
        parts = Money(due, order.currency).split([max(0, amount) for amount in shares.values()])
        accounts = {
            AccountRef(AccountKind.CARRIER_CASH, carrier, order.currency): part.amount
            for carrier, part in zip(shares, parts, strict=True)
        }
        entries = collection_entries(order.buyer_id, order.currency, accounts)
        await record_transfers(
            session, [Transfer(new_id("trf"), TransferKind.COLLECTION, order.id, State.POSTED, entries)], now
        )


async def _still_due(session: Session, order: Order, payment: Payment) -> int:
    """What is to be paid at the door of an order that was paid before; below zero what was paid too much."""
    if payment.method is PaymentMethod.BANK_TRANSFER:
        # What was too much may have been paid back already, and more been owed since.
        return -await owed_for(session, AccountRef(AccountKind.BUYER, order.buyer_id, order.currency), order.id)
    kept = payment.amount_minor - await refunded_in_parts(session, order.id)
    return due_minor(order, order.total_minor) - kept


def cash_by_carrier(order: Order, lines: Sequence[OrderLine], journeys: Sequence[Journey]) -> dict[str, int]:
    """How much cash each last carrier took: for its consignment the goods, the carriage and the packaging as they were ordered, or weighed.

    Subsidy and duties, which belong to no consignment, go with the first. What was paid before as a deposit is not paid again;
    deposits for boxes are; what was refused is not. The shares add up to what was left to be paid.
    """
    shares: dict[str, int] = {}
    for journey in journeys:
        goods = sum(_due_for(line) for line in lines if line.consignment_id == journey.id)
        carriage = journey.carriage_minor
        packaging = sum(package.price_minor + (package.deposit_minor or 0) for package in journey.packages)
        carrier = journey.legs[-1].carrier if journey.legs else "HUB"
        shares[carrier] = shares.get(carrier, 0) + goods + carriage + packaging
    first = next(iter(shares))
    unpaid = sum(line.uncollected_minor or 0 for line in lines)
    due = due_minor(order, order.total_minor) - unpaid
    shares[first] += due - sum(shares.values())
    if unpaid and min(shares.values()) < 0:
        # A subsidy that is more than what is left of the first one's share lowers the others'.
        parts = Money(due, order.currency).split([max(0, amount) for amount in shares.values()])
        return {carrier: part.amount for carrier, part in zip(shares, parts, strict=True)}
    return shares


def _due_for(line: OrderLine) -> int:
    return line.total_minor - (line.deposit_minor or 0) - (line.uncollected_minor or 0)


async def confirm_receipt(ports: Ports, caller: Caller, order_id: str, language: str) -> OrderShape:
    """The buyer has the goods and is content: the order is completed at once. Raises `StateConflict` before delivery."""
    async with ports.begin() as session:
        order = await lock_order(session, order_id, caller.id)
        await _complete(session, order, ports)
        return await shown(session, order, language)


async def release_producer(ports: Ports, order: str, producer: str) -> None:
    """Job: nothing of this producer's can be claimed any more, though of another's in the same order. Its money is released.

    Harmless when the order was completed before, or when it runs twice.
    """
    async with ports.begin() as session:
        row = await lock_order(session, order)
        if row.status is OrderStatus.DELIVERED:
            await _release(session, row, [producer], ports)


async def complete_order(ports: Ports, order: str) -> None:
    """Job: the time to complain is over. Harmless when the buyer confirmed before."""
    async with ports.begin() as session:
        row = await lock_order(session, order)
        if may(row.status, OrderEvent.COMPLETE):
            await _complete(session, row, ports)


async def _complete(session: Session, order: Order, ports: Ports) -> None:
    """The producers' money becomes available to them, but for lines with an open claim: theirs waits for its end.

    While a bank decides about the payment, all of it waits.
    """
    await move(session, order, OrderEvent.COMPLETE, ports.clock.now())
    await _release(session, order, None, ports)


async def _release(session: Session, order: Order, producers: Sequence[str] | None, ports: Ports) -> None:
    """What these producers (None: all of the order) have pending becomes available, but for lines with an open claim."""
    if await is_disputed(session, order.id):
        return
    lines = [LineSold(line.id, line.producer_id, line.total_minor) for line in await list_lines(session, order.id)]
    claims, transfers = await standings_of(session, order.id), await transfers_of(session, order.id)
    producers = producers or sorted({line.producer for line in lines})
    await record_transfers(session, releases(order, lines, claims, transfers, producers), ports.clock.now())
    await align_later(ports, session, order.id)
