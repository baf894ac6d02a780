"""An order as its buyer sees it, put together from orders, shipments and payments."""

from collections.abc import Sequence
from datetime import datetime

from app.core.database import Session
from app.core.money import Money
from app.core.paging import Page, encode_cursor
from app.core.text import pick
from app.flows.ports import Ports
from app.flows.reweigh import Standing, estimate_of, least_minor, most_minor
from app.identity.values import Caller
from app.ledger.values import PriceParts
from app.network.values import Mode
from app.orders.line_schemas import LineWeighing, OrderLineShape, PriceRange, ReductionShape
from app.orders.lines import quoted_weighing
from app.orders.models import Order, OrderLine
from app.orders.payment_schemas import PaymentShape, TransferDue
from app.orders.proceeds import goods_of, proceeds_shape
from app.orders.proceeds_schemas import ProceedsShape
from app.orders.rules import is_open, renewable_until
from app.orders.schemas import (
    Co2eShape,
    DeliverTo,
    LegShape,
    OrderConsignment,
    OrderShape,
    OrderSummary,
    PriceShape,
    PromiseShape,
)
from app.orders.service import get_order, list_lines, list_orders
from app.orders.shares import shares_of
from app.orders.values import DISPLAY, OrderStatus
from app.payments.models import Payment
from app.payments.service import get_payment_of, received_minor
from app.payments.values import PaymentMethod, PaymentStatus
from app.shipments.queries import list_of_orders
from app.shipments.rules import going
from app.shipments.schemas import package_shapes
from app.shipments.values import Journey, JourneyLeg


async def show_order(
    ports: Ports, order_id: str, caller: Caller, language: str, client_secret: str | None = None
) -> OrderShape:
    """One order, for its buyer or an operator; `NotFound` for anybody else. A fixed number of statements."""
    async with ports.begin() as session:
        order = await get_order(session, order_id, None if caller.is_operator() else caller.id)
        return await shown(session, order, language, client_secret)


async def shown(session: Session, order: Order, language: str, client_secret: str | None = None) -> OrderShape:
    """The shape of an order that has been read."""
    lines = await list_lines(session, order.id)
    journeys = (await list_of_orders(session, [order.id]))[order.id]
    payment = await get_payment_of(session, order.id)
    paid_by = PaymentShape(
        id=payment.id,
        method=payment.method,
        status=payment.status,
        client_secret=client_secret,
        transfer=await _transfer_due(session, order, payment),
        renew_until=renewable_until(order.terms) if order.status is OrderStatus.AWAITING_PAYMENT else None,
    )
    return order_shape(order, lines, journeys, paid_by, language)


async def _transfer_due(session: Session, order: Order, payment: Payment) -> TransferDue | None:
    """What is still to be paid by transfer, by the terms that were frozen when the order was placed."""
    if payment.method is not PaymentMethod.BANK_TRANSFER:
        return None
    received = await received_minor(session, payment.id)
    due = payment.amount_minor - received if payment.status is PaymentStatus.AWAITING_CUSTOMER else 0
    return TransferDue(
        reference=order.number,
        pay_to=order.terms["transfer"]["pay_to"],
        due=Money(max(0, due), order.currency),
        received=Money(received, order.currency),
        until=datetime.fromisoformat(order.terms["transfer"]["until"]),
    )


async def show_orders(
    ports: Ports, caller: Caller, cursor: str | None, limit: int, language: str
) -> Page[OrderSummary]:
    """A buyer's own orders, newest first."""
    async with ports.begin() as session:
        orders = await list_orders(session, caller.id, cursor, limit)
    items = [_summary(order, language) for order in orders[:limit]]
    return Page(items=items, next_cursor=encode_cursor([items[-1].id]) if len(orders) > limit else None)


def order_shape(
    order: Order, lines: Sequence[OrderLine], journeys: Sequence[Journey], payment: PaymentShape, language: str
) -> OrderShape:
    """Everything about one order. Pure."""
    return OrderShape(
        id=order.id,
        number=order.number,
        status=order.status,
        status_text=pick(DISPLAY[order.status], language),
        created_at=order.created_at,
        promise=PromiseShape(from_=order.promised_from, to=order.promised_by),
        price=_price(order),
        range=_range(order, lines, journeys),
        ordered=_ordered(order),
        deposit=Money(order.deposit_minor, order.currency) if order.deposit_minor else None,
        box_deposit=Money(order.box_deposit_minor, order.currency) if order.box_deposit_minor else None,
        proceeds=_proceeds(order, lines),
        co2e_g=Co2eShape.model_validate(order.co2e),
        deliver_to=DeliverTo.model_validate(order.deliver_to),
        payment=payment,
        lines=[_line(order, line) for line in lines],
        consignments=[_consignment(journey, lines) for journey in journeys],
        delivered_at=order.delivered_at,
        cancel_reason=order.cancel_reason,
        reductions=[ReductionShape.model_validate(each) for each in order.reductions or ()],
        cancel_free_until=order.cancel_free_until,
    )


def _proceeds(order: Order, lines: Sequence[OrderLine]) -> ProceedsShape:
    """What the buyer pays for, by who gets it: the figures of the order as it stands, by the fee that was frozen."""
    parts = PriceParts(
        order.currency,
        goods_of((line.producer_id, line.total_minor) for line in lines),
        # Whoever the carriers are: the platform bears what another way costs.
        {"carriers": order.carriage_minor},
        order.packaging_minor,
        order.subsidy_minor,
        order.duties_minor,
    )
    return proceeds_shape(parts, order.terms["fee_bps"], shares_of(order.terms))


def _range(order: Order, lines: Sequence[OrderLine], journeys: Sequence[Journey]) -> PriceRange | None:
    """What the order may still come to, while goods of it are to be weighed."""
    if not is_open(order.status) or all(line.price_per is None or line.settled_g for line in lines):
        return None
    standing = Standing(order, lines, going(journeys))
    return PriceRange(
        least=Money(least_minor(standing), order.currency), most=Money(most_minor(standing), order.currency)
    )


def _ordered(order: Order) -> Money | None:
    """What the order came to when it was placed; None when no weight has changed that."""
    before = order.terms.get("weighing", {}).get("total")
    return None if before in (None, order.total_minor) else Money(before, order.currency)


def _price(order: Order) -> PriceShape:
    def money(amount: int) -> Money:
        return Money(amount, order.currency)

    return PriceShape(
        goods=money(order.goods_minor),
        carriage=money(order.carriage_minor),
        packaging=money(order.packaging_minor),
        subsidy=money(order.subsidy_minor),
        duties=money(order.duties_minor),
        total=money(order.total_minor),
    )


def _line(order: Order, line: OrderLine) -> OrderLineShape:
    return OrderLineShape(
        id=line.id,
        listing=line.listing_id,
        title=line.title,
        quantity=line.quantity,
        unit=line.unit,
        price=Money(line.price_minor, order.currency),
        tier_from=line.tier_from,
        price_list=line.price_list_id,
        offer=line.offer_id,
        total=Money(line.total_minor, order.currency),
        consignment=line.consignment_id,
        weighing=_weighing(order, line),
        ear_tags=line.ear_tags,
    )


def _weighing(order: Order, line: OrderLine) -> LineWeighing | None:
    estimate = estimate_of(order, line)
    if estimate is None:
        return None
    return LineWeighing(
        **quoted_weighing(estimate, order.currency).model_dump(),
        settled_g=line.settled_g,
        net_g=line.net_g,
        ordered=Money(line.ordered_minor or 0, order.currency),
        taken_off_at=line.taken_off_at,
    )


def _consignment(journey: Journey, lines: Sequence[OrderLine]) -> OrderConsignment:
    return OrderConsignment(
        id=journey.id,
        tracking_number=journey.tracking_number,
        status=journey.status,
        producer=journey.producer_id,
        ear_tags=[tag for line in lines if line.consignment_id == journey.id for tag in line.ear_tags],
        packages=package_shapes(journey),
        legs=[_leg(leg, journey.currency) for leg in journey.legs],
    )


def _leg(leg: JourneyLeg, currency: str) -> LegShape:
    mode = Mode(leg.mode)
    timetabled = mode is not Mode.COURIER
    return LegShape(
        from_=leg.from_hub,
        to=leg.to_hub,
        mode=mode,
        service=leg.service_id,
        carrier=leg.carrier,
        departs_at=leg.departs_at,
        arrives_at=leg.arrives_at,
        distance_m=leg.distance_m,
        price=Money(leg.price_minor, currency),
        co2e_g=leg.co2e_g,
        run_at=leg.run_at if timetabled else None,
        board=leg.board if timetabled else None,
        alight=leg.alight if timetabled else None,
        sscc=leg.sscc,
    )


def _summary(order: Order, language: str) -> OrderSummary:
    return OrderSummary(
        id=order.id,
        number=order.number,
        status=order.status,
        status_text=pick(DISPLAY[order.status], language),
        created_at=order.created_at,
        total=Money(order.total_minor, order.currency),
        promised_by=order.promised_by,
    )
