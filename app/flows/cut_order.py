"""The story of an order that is cut down to what is left of a harvest: its line, its packages, its rides, and its money."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from app.catalogue.queries import goods_to_pack
from app.catalogue.reserve import keep_of_line
from app.core.clock import rfc3339
from app.core.database import Session
from app.core.ids import new_id
from app.core.jobs import Job
from app.core.money import Money
from app.core.quantity import as_text
from app.flows.ports import Ports
from app.flows.settle_weight import give_part_back
from app.ledger.rules import proceeds, reduction_entries
from app.ledger.service import record as record_transfers
from app.ledger.values import PriceParts, State, Transfer, TransferKind
from app.network.capacity import release_capacity, shrink_capacity
from app.notify.announce import announce
from app.orders.models import Order, OrderLine
from app.orders.policies import free_cancel_of
from app.orders.proceeds import goods_of
from app.orders.rules import line_total, may
from app.orders.service import keep_of_line as keep_order_line
from app.orders.service import list_lines, lock_order, news_of
from app.orders.shares import shares_of
from app.orders.values import OrderEvent, OrderStatus
from app.packaging.rules import choose_packages
from app.packaging.values import Package, PackagingKind
from app.payments.part_refunds import change_cash_due
from app.payments.service import lock_payment_of
from app.shipments.lighten import (
    carriage_of,
    drop_consignment,
    hold_booked,
    lightened,
    packaging_of,
    volume_of,
    weight_of,
    write_lightened,
)
from app.shipments.queries import list_of_orders
from app.shipments.rules import going
from app.shipments.values import Journey


@dataclass(frozen=True, slots=True)
class Figures:
    """What makes up the price of an order at a moment: goods by line, consignments that go, and what belongs to neither."""

    goods: tuple[tuple[str, int], ...]
    journeys: tuple[Journey, ...]
    subsidy_minor: int
    duties_minor: int

    @property
    def goods_minor(self) -> int:
        return sum(total for _, total in self.goods)

    @property
    def carriage_minor(self) -> int:
        return sum(map(carriage_of, self.journeys))

    @property
    def packaging_minor(self) -> int:
        return sum(map(packaging_of, self.journeys))

    @property
    def extra_minor(self) -> int:
        return sum(journey.extra_carriage_minor for journey in self.journeys)

    @property
    def total_minor(self) -> int:
        priced = self.goods_minor + self.carriage_minor + self.packaging_minor
        return priced + self.duties_minor - self.subsidy_minor

    def parts(self, currency: str) -> PriceParts:
        """With the rides at what they cost by now, whoever pays it."""
        freight: dict[str, int] = {}
        for leg in (leg for journey in self.journeys for leg in journey.legs):
            freight[leg.carrier] = freight.get(leg.carrier, 0) + leg.price_minor
        return PriceParts(
            currency, goods_of(self.goods), freight, self.packaging_minor, self.subsidy_minor, self.duties_minor
        )


async def cut_order(ports: Ports, order_id: str, listing: str, lot: str, quantity: Decimal) -> bool | None:
    """Leave so much of a listing in an order, and give back what the rest cost; of nothing, the line goes, and its consignment with it.

    None when nothing would be left of the order, it is not paid yet, or deposits or weights hang on it: then it has to end whole. False when its goods have left or it ended.
    """
    async with ports.begin() as session:
        order = await lock_order(session, order_id)
        if not may(order.status, OrderEvent.CANCEL):
            return False
        lines = await list_lines(session, order.id)
        line = next((each for each in lines if each.listing_id == listing), None)
        if line is None or line.quantity <= quantity:
            return False
        if order.status is not OrderStatus.PLACED or (quantity == 0 and len(lines) == 1):
            return None
        # What was agreed as a whole, with a deposit or a weight that decides, ends as a whole.
        if line.offer_id or order.box_deposit_minor or "weighing" in order.terms:
            return None
        if not await hold_booked(session, line.consignment_id):
            return False
        await _cut(ports, session, order, lines, line, lot, quantity)
        return True


async def _cut(
    ports: Ports,
    session: Session,
    order: Order,
    lines: Sequence[OrderLine],
    line: OrderLine,
    lot: str,
    quantity: Decimal,
) -> None:
    """Write everything that follows, with rows locked in the order of all: order, consignment, payment, stock, departures."""
    now = ports.clock.now()
    journeys = going((await list_of_orders(session, [order.id]))[order.id])
    before = _figures(order, lines, journeys)
    cut = next(journey for journey in journeys if journey.id == line.consignment_id)
    noted = {"line": line.id, "listing": line.listing_id, "title": dict(line.title), "from": as_text(line.quantity)}
    await keep_order_line(session, line, quantity, line_total(quantity, Money(line.price_minor, order.currency)))
    lines = await list_lines(session, order.id)
    inside = [each for each in lines if each.consignment_id == cut.id]
    left = lightened(cut, await _packages(session, order, inside, cut)) if inside else None
    if left is None:
        await drop_consignment(session, cut.id, now)
    else:
        await write_lightened(session, left)
    after = _scaled(before, lines, [left if each is cut else each for each in journeys if each is not cut or left])
    refund = Money(before.total_minor - after.total_minor, order.currency)
    await _owe_less(session, order, before, after, now)
    payment = await lock_payment_of(session, order.id)
    await change_cash_due(session, payment, Money(payment.amount_minor, order.currency) - refund, now)
    await give_part_back(session, order, payment, new_id("rfd"), refund.amount, now)
    _note(order, noted | {"at": rfc3339(now), "to": as_text(quantity), "refund": refund}, before, after, now)
    await session.flush()
    told = news_of(order, "order.cut", now, line=line.id, quantity=as_text(quantity))
    await announce(session, [told], [Job("order.cut", {"order": order.id, "number": len(order.reductions or ()) - 1})])
    await keep_of_line(session, order.id, line.id, lot, quantity)
    if left is None:
        await release_capacity(session, [cut.id])
    else:
        await shrink_capacity(session, cut.id, cut.temperature, weight_of(left), volume_of(left))


async def _packages(session: Session, order: Order, lines: Sequence[OrderLine], journey: Journey) -> Sequence[Package]:
    """What is left, packed anew in packages of the kind that the buyer chose."""
    goods = await goods_to_pack(session, [line.listing_id for line in lines])
    kind = order.terms.get("packaging")
    if kind is None:
        # An order from before this was noted.
        reusable = any(package.reusable for package in journey.packages)
        kind = PackagingKind.REUSABLE if reusable else PackagingKind.STANDARD
    counted = [replace(goods[line.listing_id], count=line.quantity) for line in lines]
    return choose_packages(PackagingKind(kind), counted)


def _figures(order: Order, lines: Sequence[OrderLine], journeys: Sequence[Journey]) -> Figures:
    goods = tuple((line.producer_id, line.total_minor) for line in lines)
    return Figures(goods, tuple(journeys), order.subsidy_minor, order.duties_minor)


def _scaled(before: Figures, lines: Sequence[OrderLine], journeys: Sequence[Journey | None]) -> Figures:
    """What is left. Duties and subsidy go with the goods: the duty rounded up, the subsidy down."""
    goods = tuple((line.producer_id, line.total_minor) for line in lines)
    left, whole = sum(total for _, total in goods), max(before.goods_minor, 1)
    return Figures(
        goods,
        tuple(journey for journey in journeys if journey),
        before.subsidy_minor * left // whole,
        -(-before.duties_minor * left // whole),
    )


async def _owe_less(session: Session, order: Order, before: Figures, after: Figures, now: datetime) -> None:
    """A transfer of its own for the difference, which waits for the delivery as the sale does."""
    fee_bps, shares, currency = order.terms["fee_bps"], shares_of(order.terms), order.currency
    entries = reduction_entries(
        order.buyer_id,
        proceeds(before.parts(currency), fee_bps, shares),
        proceeds(after.parts(currency), fee_bps, shares),
        before.extra_minor,
        after.extra_minor,
    )
    if entries:
        less = Transfer(new_id("trf"), TransferKind.REDUCTION, order.id, State.PENDING, entries)
        await record_transfers(session, [less], now)


def _note(order: Order, noted: dict[str, object], before: Figures, after: Figures, now: datetime) -> None:
    """The order's own figures follow; what was ordered stays told."""
    refund = noted["refund"]
    assert isinstance(refund, Money)
    shown = noted | {"refund": {"amount": refund.amount, "currency": refund.currency}}
    order.reductions = [*(order.reductions or ()), shown]
    order.goods_minor += after.goods_minor - before.goods_minor
    order.carriage_minor += after.carriage_minor - before.carriage_minor
    order.packaging_minor += after.packaging_minor - before.packaging_minor
    order.subsidy_minor, order.duties_minor = after.subsidy_minor, after.duties_minor
    order.total_minor -= refund.amount
    order.co2e = _co2e(order.co2e, before.journeys, after.journeys)
    order.updated_at = now
    free = free_cancel_of(order.terms)
    order.cancel_free_until = now + free if free else order.cancel_free_until


def _co2e(known: dict[str, object], before: Sequence[Journey], after: Sequence[Journey]) -> dict[str, object]:
    """What is emitted less, part by part; a part without a figure stays without one."""

    def emitted(journeys: Sequence[Journey]) -> dict[str, int]:
        legs = [leg for journey in journeys for leg in journey.legs]
        packages = [package for journey in journeys for package in journey.packages]
        return {
            "transport": sum(leg.co2e_g or 0 for leg in legs),
            "hubs": sum(leg.hub_co2e_g or 0 for leg in legs),
            "packaging": sum(package.co2e_g or 0 for package in packages),
        }

    was, is_ = emitted(before), emitted(after)
    parts = {name: max(0, int(str(known[name])) - was[name] + is_[name]) for name in was if known[name] is not None}
    return known | parts | {"total": sum(parts.values())}
