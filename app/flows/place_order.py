"""The story of placing an order: read the quote, decide, write everything in one transaction, then ask for the money."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.catalogue.errors import OfferChanged, OutOfStock
from app.catalogue.queries import offers
from app.catalogue.reserve import StockWant, reserve
from app.core.errors import IdTaken
from app.core.idempotency import Claim, Earlier, find_earlier, record, take
from app.core.ids import new_id, new_ids
from app.core.jobs import Job, enqueue
from app.core.limits import PAYMENT_LIFETIME
from app.core.money import Money
from app.flows.ports import Ports
from app.flows.show_order import order_shape, show_order
from app.identity.values import Caller
from app.ledger.rules import proceeds, sale_entries
from app.ledger.service import record as record_transfers
from app.ledger.values import PriceParts, State, Transfer, TransferKind
from app.network.capacity import book_capacity
from app.network.errors import CapacityFull
from app.network.values import Want
from app.orders.errors import OptionMissing, PlanChanged, QuoteExpired
from app.orders.models import Order, OrderLine, Quote
from app.orders.schemas import LegShape, OptionShape, OrderRequest, PackageShape, PaymentShape, QuotedConsignment
from app.orders.service import add_order, find_placed, get_order, get_quote, new_number
from app.orders.values import OrderStatus
from app.packaging.values import Package
from app.payments.models import Payment
from app.payments.rules import require_offered
from app.payments.service import amount_of, get_payment_of, note_intent, start_payment
from app.payments.values import PaymentMethod, PaymentStatus
from app.routing import chilled_slots
from app.shipments.service import create_consignments
from app.shipments.values import ConsignmentDraft, JourneyLeg


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of a 201, and whether it is the first answer again."""

    body: bytes
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything an order consists of, decided before anything is written."""

    order: Order
    lines: tuple[OrderLine, ...]
    consignments: tuple[ConsignmentDraft, ...]
    stock: tuple[StockWant, ...]
    capacity: tuple[Want, ...]
    payment_id: str
    method: PaymentMethod
    sale: Transfer


async def place_order(ports: Ports, caller: Caller, command: OrderRequest, claim: Claim, language: str) -> Answer:
    """Place the order that a quote's option describes, whole or not at all.

    Raises `NotFound`, `QuoteExpired`, `QuoteUsed`, `OutOfStock`, `OfferChanged`, `PlanChanged` or `PaymentMethodUnavailable`;
    then nothing has happened. A repeat with the same key answers the first result, or takes up a payment that was cut off.
    """
    now = ports.clock.now()
    method = PaymentMethod(command.payment.method)
    require_offered(method, cards=ports.cards is not None)
    async with ports.begin() as session:
        earlier = await find_earlier(session, claim)
        placed = (
            await find_placed(session, command.id, caller.id, command.quote, command.option)
            if command.id and not earlier
            else None
        )
        if placed and (await get_payment_of(session, placed.id)).method is not method:
            raise IdTaken(id=placed.id)
        quote = await get_quote(session, command.quote, caller.id) if not (earlier or placed) else None
    if placed:
        return Answer(await _show_placed(ports, caller, placed.id, language), replayed=True)
    if quote:
        draft = decide(quote, command, method, ports.settings.platform_fee_bps, now)
        await _require_stock(ports, draft, now)
        earlier, body = await _write(ports, draft, claim, language, now)
        if body is not None:
            return Answer(body)
    return await _finish(ports, caller, claim, earlier, language)


async def _require_stock(ports: Ports, draft: Draft, now: datetime) -> None:
    """Refuse at once what is sold out already, without a lock: of many buyers of the last goods, few then wait for each other."""
    async with ports.database.read() as connection:
        offered = await offers(connection, [want.listing_id for want in draft.stock], now)
    for want in draft.stock:
        offer = offered.get(want.listing_id)
        if offer is None or offer.version != want.version:
            raise OfferChanged(want.listing_id)
        if offer.available < want.quantity:
            raise OutOfStock(want.listing_id, offer.available)


def decide(quote: Quote, command: OrderRequest, method: PaymentMethod, fee_bps: int, now: datetime) -> Draft:
    """Turn the chosen option into rows to write. Pure but for the fresh ids."""
    if quote.expires_at <= now:
        raise QuoteExpired
    chosen = next((option for option in quote.options if option["id"] == command.option), None)
    if chosen is None:
        raise OptionMissing(option=command.option)
    option = OptionShape.model_validate(chosen)
    if any(leg.departs_at <= now for quoted in option.consignments for leg in quoted.legs[:1]):
        raise PlanChanged
    order = _order(quote, option, command.id or new_id("ord"), method, fee_bps, now)
    ids = new_ids("con", len(option.consignments))
    consignments = tuple(
        _consignment(order, quoted, con_id) for quoted, con_id in zip(option.consignments, ids, strict=True)
    )
    lines = tuple(_lines(order, quote, option, consignments))
    stock = tuple(
        StockWant(line.id, line.listing_id, line.quantity, asked["version"])
        for line, asked in zip(lines, quote.lines, strict=True)
    )
    capacity = tuple(
        want
        for draft, quoted in zip(consignments, option.consignments, strict=True)
        for want in _capacity(draft, quoted)
    )
    return Draft(order, lines, consignments, stock, capacity, new_id("pay"), method, _sale(order, lines, option))


def _order(
    quote: Quote, option: OptionShape, order_id: str, method: PaymentMethod, fee_bps: int, now: datetime
) -> Order:
    price = option.price
    return Order(
        id=order_id,
        number=new_number(now),
        buyer_id=quote.buyer_id,
        quote_id=quote.id,
        option_id=option.id,
        status=OrderStatus.PLACED if method is PaymentMethod.CASH_ON_DELIVERY else OrderStatus.AWAITING_PAYMENT,
        currency=quote.currency,
        goods_minor=price.goods.amount,
        carriage_minor=price.carriage.amount,
        packaging_minor=price.packaging.amount,
        subsidy_minor=price.subsidy.amount,
        duties_minor=price.duties.amount,
        total_minor=price.total.amount,
        co2e=option.co2e_g.model_dump(mode="json"),
        deliver_to=quote.request["deliver_to"],
        terms={"policy": "2026-1", "fee_bps": fee_bps},
        promised_from=option.promise.from_,
        promised_by=option.promise.to,
        created_at=now,
        updated_at=now,
    )


def _consignment(order: Order, quoted: QuotedConsignment, con_id: str) -> ConsignmentDraft:
    return ConsignmentDraft(
        id=con_id,
        order_id=order.id,
        producer_id=quoted.producer,
        buyer_id=order.buyer_id,
        currency=order.currency,
        temperature=quoted.temperature,
        promised_from=order.promised_from,
        promised_by=order.promised_by,
        packages=tuple(package for shape in quoted.packages for package in _packages(shape)),
        legs=tuple(_leg(leg) for leg in quoted.legs),
    )


def _packages(package: PackageShape) -> tuple[Package, ...]:
    one = Package(
        type=package.type,
        name=package.name,
        units=package.units,
        weight_g=package.weight_g,
        length_mm=package.length_mm,
        width_mm=package.width_mm,
        height_mm=package.height_mm,
        own_mass_g=package.own_mass_g,
        price_minor=package.price.amount,
        co2e_g=package.co2e_g,
        reusable=package.reusable,
    )
    return (one,) * package.count


def _leg(leg: LegShape) -> JourneyLeg:
    """A ride as booked. A courier has no timetable: its run begins when it departs."""
    return JourneyLeg(
        from_hub=leg.from_,
        to_hub=leg.to,
        mode=leg.mode,
        service_id=leg.service,
        run_at=leg.run_at or leg.departs_at,
        board=leg.board or 0,
        alight=leg.alight or 1,
        carrier=leg.carrier,
        departs_at=leg.departs_at,
        arrives_at=leg.arrives_at,
        distance_m=leg.distance_m,
        price_minor=leg.price.amount,
        co2e_g=leg.co2e_g,
    )


def _lines(
    order: Order, quote: Quote, option: OptionShape, consignments: Sequence[ConsignmentDraft]
) -> list[OrderLine]:
    """One row for each line of the quote, in its order, with the consignment that carries it."""
    carried = {
        listing: draft.id
        for draft, quoted in zip(consignments, option.consignments, strict=True)
        for listing in quoted.lines
    }
    return [
        OrderLine(
            order_id=order.id,
            id=line_id,
            listing_id=line["listing"],
            producer_id=line["producer"],
            consignment_id=carried[line["listing"]],
            title=line["title"],
            unit=line["unit"],
            quantity=Decimal(line["quantity"]),
            price_minor=line["price_minor"],
            total_minor=line["total_minor"],
        )
        for line, line_id in zip(quote.lines, new_ids("lin", len(quote.lines)), strict=True)
    ]


def _capacity(draft: ConsignmentDraft, quoted: QuotedConsignment) -> list[Want]:
    return [
        Want(
            booking_id=new_id("bkg"),
            leg_id=row.id,
            consignment_id=draft.id,
            service_id=leg.service,
            run_at=leg.run_at,
            board=leg.board,
            alight=leg.alight,
            weight_g=quoted.weight_g,
            volume_mm3=quoted.volume_mm3,
            live_places=quoted.live_heads,
            chilled_slots=chilled_slots(quoted.temperature, quoted.volume_mm3),
        )
        for row, leg in zip(draft.legs, quoted.legs, strict=True)
        if leg.run_at is not None and leg.board is not None and leg.alight is not None
    ]


def _sale(order: Order, lines: Sequence[OrderLine], option: OptionShape) -> Transfer:
    """What everybody will be owed once the goods are delivered; pending until then."""
    goods: dict[str, int] = {}
    for line in lines:
        goods[line.producer_id] = goods.get(line.producer_id, 0) + line.total_minor
    carriage: dict[str, int] = {}
    for leg in (leg for quoted in option.consignments for leg in quoted.legs):
        carriage[leg.carrier] = carriage.get(leg.carrier, 0) + leg.price.amount
    split = proceeds(
        PriceParts(order.currency, goods, carriage, order.packaging_minor, order.subsidy_minor), order.terms["fee_bps"]
    )
    return Transfer(new_id("trf"), TransferKind.SALE, order.id, State.PENDING, sale_entries(order.buyer_id, split))


async def _write(
    ports: Ports, draft: Draft, claim: Claim, language: str, now: datetime
) -> tuple[Earlier | None, bytes | None]:
    """The one transaction. Hot rows (stock, then departures) come last, so that their locks are held briefly.

    Answers the body when the order is complete without a provider; an `Earlier` when another request was first.
    """
    order = draft.order
    try:
        async with ports.begin() as session:
            earlier = await take(session, claim, now, subject=order.id)
            if earlier:
                return earlier, None
            await add_order(session, order, draft.lines)
            journeys = await create_consignments(session, draft.consignments, now)
            await start_payment(
                session, draft.payment_id, order.id, draft.method, Money(order.total_minor, order.currency), now
            )
            await record_transfers(session, [draft.sale], now)
            await enqueue(session, _jobs(order, draft.method, now))
            body = None
            if draft.method is PaymentMethod.CASH_ON_DELIVERY:
                payment = PaymentShape(method=draft.method, status=PaymentStatus.PENDING_CASH)
                shape = order_shape(order, draft.lines, journeys, payment, language)
                body = shape.model_dump_json(by_alias=True).encode()
                await record(session, claim, 201, ports.seal.close(body))
            await reserve(session, order.id, draft.stock, now)
            await book_capacity(session, draft.capacity, now)
    except CapacityFull as full:
        raise PlanChanged from full
    return None, body


def _jobs(order: Order, method: PaymentMethod, now: datetime) -> list[Job]:
    if method is PaymentMethod.CASH_ON_DELIVERY:
        return [Job("order.placed", {"order": order.id})]
    return [Job("order.expire", {"order": order.id}, run_at=now + PAYMENT_LIFETIME)]


async def _finish(ports: Ports, caller: Caller, claim: Claim, earlier: Earlier | None, language: str) -> Answer:
    """Answer what an earlier request did, or go on where it (or we, a moment ago) stopped: at the payment provider."""
    if earlier is not None and earlier.status is not None:
        return Answer(ports.seal.open(earlier.body or b""), replayed=True)
    async with ports.begin() as session:
        known = await find_earlier(session, claim)
        assert known is not None
        assert known.subject is not None
    body = await _show_placed(ports, caller, known.subject, language)
    async with ports.begin() as session:
        await record(session, claim, 201, ports.seal.close(body))
    return Answer(body)


async def _show_placed(ports: Ports, caller: Caller, order_id: str, language: str) -> bytes:
    """The buyer's order as it is answered: with the secret of a payment that is still open, taken up where it was cut off."""
    async with ports.begin() as session:
        order = await get_order(session, order_id, caller.id)
        payment = await get_payment_of(session, order.id)
    is_open = payment.status in (PaymentStatus.STARTED, PaymentStatus.AWAITING_CUSTOMER)
    secret = await _ask_provider(ports, payment) if is_open else None
    shape = await show_order(ports, order.id, caller, language, client_secret=secret)
    return shape.model_dump_json(by_alias=True).encode()


async def _ask_provider(ports: Ports, payment: Payment) -> str | None:
    """Open the provider's side of a payment, or find it again; answers the secret for the buyer's client.

    Outside any transaction: when it fails, the payment stays started and the same key takes it up again.
    """
    assert ports.cards is not None
    if payment.provider_ref:
        intent = await ports.cards.retrieve_intent(payment.provider_ref)
    else:
        intent = await ports.cards.create_intent(payment.id, payment.order_id, amount_of(payment))
    async with ports.begin() as session:
        noted = await note_intent(session, payment.id, intent.ref, ports.clock.now())
        if noted.status is PaymentStatus.CANCELLED:
            await enqueue(session, [Job("payment.return", {"order": payment.order_id})])
    return intent.client_secret
