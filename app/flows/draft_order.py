"""An order in all its parts, decided before anything is written: pure but for fresh ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from types import MappingProxyType
from typing import Any

from app.catalogue.pricing import PRICING_POLICY
from app.catalogue.reserve import StockWant
from app.core.ids import new_id, new_ids, new_number
from app.core.quantity import Unit
from app.flows.price_by_weight import booked_as, range_of
from app.identity.values import AgreedShare
from app.ledger.rules import proceeds, sale_entries
from app.ledger.values import PriceParts, State, Transfer, TransferKind
from app.network.values import Want
from app.orders.errors import OptionMissing, QuoteExpired
from app.orders.models import Order, OrderLine, Quote
from app.orders.policies import Policies, frozen_terms
from app.orders.rules import promise_for
from app.orders.schemas import LegShape, OptionShape, OrderRequest, PackageShape, QuotedConsignment
from app.orders.shares import frozen_shares, shares_of
from app.orders.values import OrderStatus
from app.orders.weighing import kept_booking
from app.packaging.values import BOX_POLICY, Package
from app.payments.values import PaymentMethod
from app.routing import chilled_slots
from app.shipments.values import ConsignmentDraft, JourneyLeg


@dataclass(frozen=True, slots=True)
class Bargained:
    """A line whose goods an agreed offer holds, with the deposit that counts towards it."""

    offer_id: str
    line_id: str
    deposit_minor: int


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything an order consists of, decided before anything is written.

    `more_minor` is what goods that are settled by weight may come to beyond the total: a card pays it, and gets back what is not needed; otherwise it is
    paid at the door.
    """

    order: Order
    lines: tuple[OrderLine, ...]
    consignments: tuple[ConsignmentDraft, ...]
    stock: tuple[StockWant, ...]
    bargains: tuple[Bargained, ...]
    capacity: tuple[Want, ...]
    payment_id: str
    method: PaymentMethod
    sale: Transfer
    more_minor: int = 0

    @property
    def due_minor(self) -> int:
        """What is still to be paid: the total without the deposits of offers, and the deposits for boxes."""
        order = self.order
        more = self.more_minor if self.method is PaymentMethod.STRIPE else 0
        return order.total_minor + more - (order.deposit_minor or 0) + (order.box_deposit_minor or 0)

    @property
    def with_animals(self) -> bool:
        return any(line.unit == Unit.HEAD for line in self.lines)


def chosen_option(quote: Quote, option_id: str, now: datetime) -> OptionShape:
    """The option of a quote that still holds. Raises `QuoteExpired` or `OptionMissing`."""
    if quote.expires_at <= now:
        raise QuoteExpired
    chosen = next((option for option in quote.options if option["id"] == option_id), None)
    if chosen is None:
        raise OptionMissing(option=option_id)
    return OptionShape.model_validate(chosen)


def stock_wants(quote: Quote) -> tuple[StockWant, ...]:
    """What the lines of a quote take from stock, in its order; the ids are of the order's lines."""
    ids = new_ids("lin", len(quote.lines))
    return tuple(
        StockWant(line_id, line["listing"], Decimal(line["quantity"]), line["version"])
        for line_id, line in zip(ids, quote.lines, strict=True)
    )


def free_wants(quote: Quote, wants: Sequence[StockWant]) -> tuple[StockWant, ...]:
    """Those of the wants that no agreed offer holds already."""
    return tuple(want for line, want in zip(quote.lines, wants, strict=True) if line.get("offer") is None)


def _bargained(quote: Quote, wants: Sequence[StockWant]) -> tuple[Bargained, ...]:
    """The lines at agreed prices, in the order in which their offers are locked."""
    lines = zip(quote.lines, wants, strict=True)
    return tuple(
        sorted(
            (
                Bargained(line["offer"], want.line_id, line["deposit_minor"])
                for line, want in lines
                if line.get("offer")
            ),
            key=attrgetter("offer_id"),
        )
    )


def decide(
    quote: Quote,
    option: OptionShape,
    command: OrderRequest,
    method: PaymentMethod,
    fee_bps: int,
    policies: Policies,
    now: datetime,
    agreed: Mapping[str, AgreedShare] = MappingProxyType({}),
) -> Draft:
    """Turn an option into rows to write. Pure but for the fresh ids."""
    stock = _promised(stock_wants(quote), option)
    terms = {"fee_bps": fee_bps, "pricing": PRICING_POLICY, "packaging": quote.request.get("packaging")}
    terms |= frozen_terms(policies, _goods(quote, stock)) | frozen_shares(agreed)
    bargains = _bargained(quote, stock)
    if bargains:
        terms |= offer_terms(quote, stock, policies)
    if option.box_deposit:
        terms["boxes"] = BOX_POLICY
    order = _order(quote, option, command.id or new_id("ord"), method, terms, now)
    ids = new_ids("con", len(option.consignments))
    consignments = tuple(
        _consignment(order, quoted, con_id) for quoted, con_id in zip(option.consignments, ids, strict=True)
    )
    lines = tuple(_lines(order, quote, option, consignments, stock))
    order.terms = terms | _weighing(quote, option, consignments, stock)
    capacity = tuple(
        want
        for draft, quoted in zip(consignments, option.consignments, strict=True)
        for want in _capacity(draft, quoted)
    )
    most = range_of(option, quote.lines)
    return Draft(
        order=order,
        lines=lines,
        consignments=consignments,
        stock=free_wants(quote, stock),
        bargains=bargains,
        capacity=capacity,
        payment_id=new_id("pay"),
        method=method,
        sale=_sale(order, lines, option),
        more_minor=0 if most is None else most.most.amount - order.total_minor,
    )


def _weighing(
    quote: Quote, option: OptionShape, consignments: Sequence[ConsignmentDraft], stock: Sequence[StockWant]
) -> dict[str, Any]:
    """How lines are settled by weight, and what their way costs at another one; nothing without such lines."""
    lines = {
        want.line_id: line["weighing"] for line, want in zip(quote.lines, stock, strict=True) if line.get("weighing")
    }
    if not lines:
        return {}
    carriage = {
        draft.id: kept_booking(booked_as(quoted, (leg.id for leg in draft.legs)))
        for draft, quoted in zip(consignments, option.consignments, strict=True)
        if quoted.tariffs
    }
    return {"weighing": {"lines": lines, "carriage": carriage, "total": option.price.total.amount}}


def offer_terms(quote: Quote, wants: Sequence[StockWant], policies: Policies) -> dict[str, Any]:
    """What decides about deposits: the agreed offer of each line with the version of its terms, and who bears which reason to cancel."""
    return {
        "offers": {
            want.line_id: [line["offer"], line["offer_terms"]]
            for line, want in zip(quote.lines, wants, strict=True)
            if line.get("offer")
        },
        "bears": {row.code: row.pays.value for row in policies.cancellation},
    }


def _promised(wants: Sequence[StockWant], option: OptionShape) -> tuple[StockWant, ...]:
    """The wants with what their consignments were promised: to be there when they are handed in, and good when they arrive."""
    carried = {listing: quoted for quoted in option.consignments for listing in quoted.lines}
    return tuple(
        replace(want, ready_at=quoted.ready_at, arrives_at=promised_end(quoted, option))
        for want in wants
        if (quoted := carried[want.listing_id])
    )


def promised_end(quoted: QuotedConsignment, option: OptionShape) -> datetime:
    """Until when a consignment may be on its way: its own arrival with its margin, for which its goods were found good enough."""
    arrives_at = quoted.legs[-1].arrives_at if quoted.legs else option.arrives_by
    end = promise_for(quoted.ready_at or arrives_at, arrives_at).end
    # Told in whole minutes, it may seem to end a moment later.
    return min(filter(None, (end, quoted.good_until)))


def _goods(quote: Quote, stock: Sequence[StockWant]) -> dict[str, tuple[str | None, bool]]:
    """Of what category each line is, and whether it is made to order. Quotes from before that was noted say nothing."""
    return {
        want.line_id: (line.get("category"), line.get("made_to_order", False))
        for line, want in zip(quote.lines, stock, strict=True)
    }


def _order(
    quote: Quote, option: OptionShape, order_id: str, method: PaymentMethod, terms: dict[str, Any], now: datetime
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
        deposit_minor=sum(line.get("deposit_minor", 0) for line in quote.lines) or None,
        box_deposit_minor=option.box_deposit.amount if option.box_deposit else None,
        co2e=option.co2e_g.model_dump(mode="json"),
        deliver_to=quote.request["deliver_to"],
        terms=terms,
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
        legs=tuple(leg_of(leg) for leg in quoted.legs),
        units=tuple(leg.unit for leg in quoted.legs),
        origin=quoted.origin,
        categories=tuple(quoted.categories),
        species=tuple(quoted.species),
        storage=quoted.storage.model_dump(mode="json", exclude_none=True) if quoted.storage else None,
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
        deposit_minor=package.deposit.amount if package.deposit else 0,
        return_days=package.return_days or 0,
    )
    return (one,) * package.count


def leg_of(leg: LegShape) -> JourneyLeg:
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
    order: Order,
    quote: Quote,
    option: OptionShape,
    consignments: Sequence[ConsignmentDraft],
    stock: Sequence[StockWant],
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
            id=want.line_id,
            listing_id=want.listing_id,
            producer_id=line["producer"],
            consignment_id=carried[line["listing"]],
            title=line["title"],
            unit=line["unit"],
            quantity=want.quantity,
            price_minor=line["price_minor"],
            price_list_id=line.get("price_list"),
            tier_from=None if line.get("tier_from") is None else Decimal(line["tier_from"]),
            total_minor=line["total_minor"],
            price_per=Unit(line["price_per"]) if line.get("price_per") else None,
            estimated_g=line.get("estimated_g"),
            ordered_minor=line["total_minor"] if line.get("price_per") else None,
            offer_id=line.get("offer"),
            deposit_minor=line.get("deposit_minor"),
            # Told, since a model looks long for what a default means.
            ear_tags=[],
        )
        for line, want in zip(quote.lines, stock, strict=True)
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
    parts = PriceParts(order.currency, goods, carriage, order.packaging_minor, order.subsidy_minor, order.duties_minor)
    split = proceeds(parts, order.terms["fee_bps"], shares_of(order.terms))
    return Transfer(new_id("trf"), TransferKind.SALE, order.id, State.PENDING, sale_entries(order.buyer_id, split))
