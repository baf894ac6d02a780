"""The steps by which a weight becomes money: a line is settled or taken off, and everything that follows changes with it, at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.catalogue.reserve import release_line
from app.core.clock import rfc3339
from app.core.database import Session
from app.core.ids import new_id
from app.core.jobs import Job, enqueue
from app.core.money import Money
from app.flows.reweigh import Standing, at_weight, co2e_after, due_minor, estimate_of, mass_g, most_minor
from app.ledger.rules import deposit_returned_entries, weighing_entries
from app.ledger.service import record as record_transfers
from app.ledger.service import settle as settle_transfers
from app.ledger.service import transfers_of
from app.ledger.values import OWED_ON_DELIVERY, Proceeds, State, Transfer, TransferKind
from app.network.capacity import release_capacity
from app.network.reweigh import reweigh
from app.orders.models import Order, OrderLine
from app.orders.service import list_lines, lock_order, lower_box_deposit, move, reprice, settle_line
from app.orders.values import OrderEvent
from app.orders.weighing import weighed_total
from app.payments.models import Payment
from app.payments.part_refunds import change_cash_due, note_part_refund, refunded_in_parts
from app.payments.service import lock_payment_of, record_cancel, record_refund
from app.payments.values import PaymentMethod, PaymentStatus
from app.shipments.errors import WeightDoesNotFit
from app.shipments.models import WeighIn
from app.shipments.queries import list_of_orders
from app.shipments.replan import lock_journey
from app.shipments.rules import going
from app.shipments.values import Journey, LegStatus
from app.shipments.weigh_ins import change_weigh_in, list_open, take_off, write_weight
from app.shipments.weighing import WeighInStatus, is_under_way

DECLINED = "weight_declined"


@dataclass(frozen=True, slots=True)
class Scene:
    """An order whose rows are locked: its lines, and all its consignments."""

    order: Order
    lines: Sequence[OrderLine]
    journeys: Sequence[Journey]

    def line(self, line_id: str) -> OrderLine | None:
        return next((line for line in self.lines if line.id == line_id), None)

    def journey(self, consignment_id: str) -> Journey:
        return next(journey for journey in self.journeys if journey.id == consignment_id)

    @property
    def standing(self) -> Standing:
        return Standing(self.order, self.lines, going(self.journeys))


@dataclass(frozen=True, slots=True)
class _Before:
    """What everybody was owed before a weight changed it."""

    split: Proceeds
    extra_minor: int
    journeys: Sequence[Journey]


async def lock_scene(session: Session, order_id: str, consignment_id: str) -> Scene:
    """Lock an order and one of its consignments, and read what belongs to it."""
    order = await lock_order(session, order_id)
    await lock_journey(session, consignment_id)
    lines = await list_lines(session, order_id)
    return Scene(order, lines, (await list_of_orders(session, [order_id]))[order_id])


async def settle_by_weight(session: Session, scene: Scene, weigh_in: WeighIn, settled_g: int, now: datetime) -> None:
    """A line costs what this weight costs; its consignment, what it weighs. Changes goods, carriage, commission, shares,
    emissions, totals, payment and room together. Raises `WeightDoesNotFit`, which leaves the transaction to be undone.
    """
    order, line, journey = scene.order, scene.line(weigh_in.line_id), scene.journey(weigh_in.consignment_id)
    assert line is not None
    estimate = estimate_of(order, line)
    assert estimate is not None
    before, former_g = _before(scene), mass_g(line)
    total = weighed_total(settled_g, estimate.price_minor, estimate.per)
    await settle_line(session, line, {"settled_g": settled_g, "net_g": weigh_in.net_g, "total_minor": total})
    weight_g = max(len(journey.packages), journey.weight_g + weigh_in.net_g - former_g)
    changed = at_weight(order, journey, weight_g)
    await write_weight(session, changed)
    after = _with(scene, changed)
    await _move_money(session, after, before, weigh_in, now)
    await _make_room(session, changed)


async def take_line_off(session: Session, scene: Scene, weigh_in: WeighIn, now: datetime) -> None:
    """A line whose weight was declined costs nothing and is for sale again. The others travel on; a consignment without any is
    taken off, and an order without any is cancelled.
    """
    order, line, journey = scene.order, scene.line(weigh_in.line_id), scene.journey(weigh_in.consignment_id)
    assert line is not None
    before, former_g = _before(scene), mass_g(line)
    await settle_line(session, line, {"total_minor": 0, "taken_off_at": now})
    others = [each for each in scene.lines if each.consignment_id == journey.id and each.taken_off_at is None]
    if others:
        changed = at_weight(order, journey, max(len(journey.packages), journey.weight_g - former_g))
        await write_weight(session, changed)
        after = _with(scene, changed)
    else:
        await take_off(session, journey.id, now)
        await _keep_boxes(session, order, journey, now)
        after = Scene(order, scene.lines, [each for each in scene.journeys if each.id != journey.id])
    if after.standing.journeys:
        await _move_money(session, after, before, weigh_in, now)
        # What is left may have arrived already.
        await enqueue(session, [Job("shipment.advanced", {"order": order.id})])
    else:
        await _end(session, after, before, now)
    await release_line(session, order.id, line.id)
    if others:
        await _make_room(session, after.journey(journey.id))
    else:
        await release_capacity(session, [journey.id])


async def settle_what_waits(session: Session, scene: Scene, now: datetime) -> None:
    """What was delivered while its weight still waited for somebody's word is settled by no more than the upper end."""
    for weigh_in in await list_open(session, scene.order.id):
        journey = scene.journey(weigh_in.consignment_id)
        if journey.cancelled_at is None and is_under_way(journey):
            await settle_under_way(session, scene, weigh_in, now)
            left = (await list_of_orders(session, [scene.order.id]))[scene.order.id]
            scene = Scene(scene.order, scene.lines, left)


async def settle_under_way(session: Session, scene: Scene, weigh_in: WeighIn, now: datetime) -> None:
    """Nobody's word came before the goods departed: they are settled as they are, by no more than the upper end of the range."""
    line = scene.line(weigh_in.line_id)
    assert line is not None
    estimate = estimate_of(scene.order, line)
    assert estimate is not None
    settled_g = min(weigh_in.charged_g, estimate.allowed.most_g)
    given: dict[str, Any] = {"status": WeighInStatus.SETTLED, "due_at": None, "settled_g": settled_g}
    await change_weigh_in(session, weigh_in.id, now, **given)
    await settle_by_weight(session, scene, weigh_in, settled_g, now)


def _before(scene: Scene) -> _Before:
    standing = scene.standing
    return _Before(standing.split, standing.extra_minor, standing.journeys)


def _with(scene: Scene, changed: Journey) -> Scene:
    journeys = [changed if journey.id == changed.id else journey for journey in scene.journeys]
    return Scene(scene.order, scene.lines, journeys)


async def _move_money(session: Session, after: Scene, before: _Before, weigh_in: WeighIn, now: datetime) -> None:
    """The order comes to what it comes to now. The difference is pending as long as the sale is, and settles with it."""
    order, standing = after.order, after.standing
    await reprice(session, order, standing.price, co2e_after(order.co2e, before.journeys, standing.journeys), now)
    entries = weighing_entries(
        order.buyer_id,
        before.split,
        standing.split,
        extra_before_minor=before.extra_minor,
        extra_after_minor=standing.extra_minor,
    )
    if entries:
        transfer = Transfer(new_id("trf"), TransferKind.WEIGHING, order.id, State.PENDING, entries)
        await record_transfers(session, [transfer], now)
        await change_weigh_in(session, weigh_in.id, now, transfer_id=transfer.id)
    payment = await lock_payment_of(session, order.id)
    if payment.method is PaymentMethod.CASH_ON_DELIVERY:
        due = due_minor(order, order.total_minor)
        await change_cash_due(session, payment, Money(due, order.currency), now)
        return
    kept = payment.amount_minor - await refunded_in_parts(session, order.id)
    await give_part_back(session, order, payment, weigh_in.id, kept - due_minor(order, most_minor(standing)), now)


async def give_part_back(
    session: Session, order: Order, payment: Payment, refund_id: str, amount_minor: int, now: datetime
) -> None:
    """What of a card payment is not needed goes back at once, by a job under this id; nothing when it all is.

    What was paid by transfer is the buyer's from now on, and paid back by the next run.
    """
    if amount_minor > 0 and payment.method is PaymentMethod.STRIPE:
        await note_part_refund(session, refund_id, order.id, Money(amount_minor, order.currency), now)
        await enqueue(session, [Job("payment.part_refund", {"refund": refund_id})])


async def _keep_boxes(session: Session, order: Order, journey: Journey, now: datetime) -> None:
    """The boxes of a consignment that is taken off never leave: their deposit is not paid, or no longer held."""
    deposit = sum(package.deposit_minor or 0 for package in journey.packages)
    if not deposit:
        return
    await lower_box_deposit(session, order, deposit)
    payment = await lock_payment_of(session, order.id)
    # Of cash, and of a card that was not charged yet, what is lower from now on is all that will ever be held.
    if payment.status is PaymentStatus.PAID:
        entries = deposit_returned_entries(order.buyer_id, Money(deposit, order.currency))
        back = Transfer(new_id("trf"), TransferKind.DEPOSIT_RETURNED, order.id, State.POSTED, entries)
        await record_transfers(session, [back], now)


async def _end(session: Session, after: Scene, before: _Before, now: datetime) -> None:
    """Nothing is left of the order: it is cancelled, and what was paid goes back."""
    order = after.order
    await reprice(session, order, after.standing.price, co2e_after(order.co2e, before.journeys, ()), now)
    await move(session, order, OrderEvent.TAKE_OFF, now, DECLINED)
    owed = [transfer.id for transfer in await transfers_of(session, order.id) if transfer.kind in OWED_ON_DELIVERY]
    await settle_transfers(session, owed, State.VOID, now)
    payment = await lock_payment_of(session, order.id)
    jobs = [Job("order.cancelled", {"order": order.id})]
    if payment.method is PaymentMethod.STRIPE:
        jobs.append(Job("payment.return", {"order": order.id}))
    elif payment.status is PaymentStatus.PAID:
        await record_refund(session, payment.id, now)
    else:
        await record_cancel(session, payment.id, now)
    await enqueue(session, jobs)


async def _make_room(session: Session, journey: Journey) -> None:
    """The rides that nobody has begun take up what the goods really weigh."""
    ahead = [leg.id for leg in journey.legs if leg.status is LegStatus.PLANNED]
    lacking = await reweigh(session, journey.id, ahead, journey.weight_g)
    if lacking is not None:
        raise WeightDoesNotFit(
            service=lacking.service,
            departure_at=rfc3339(lacking.departure_at),
            fits_g=lacking.fits_g,
            needs_g=lacking.needs_g,
        )
