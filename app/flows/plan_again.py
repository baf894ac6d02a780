"""When a departure has filled up, closed or left since the quote: another way within the quoted price and promise, if there is one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from app.catalogue.errors import OrderCycleClosed
from app.core.errors import Invalid
from app.core.money import Money
from app.emissions import shipment_footprint
from app.flows.consolidate import Choices, Freight, choose
from app.flows.pack_lines import arrive_by
from app.flows.plan_ways import Around, Cargo, Way, find_ways, footprints_of, look_around
from app.flows.ports import Ports
from app.flows.price_by_weight import tariffs_of
from app.flows.quote_order import co2e_shape, consolidation_shape, quote_order, unit_shapes
from app.flows.ride_together import Ridden, ride
from app.identity.values import Caller
from app.network.errors import NoHubForCounty, RouteUnavailable, TooManyWays
from app.network.plan import in_turn
from app.network.values import CURRENCY, Temperature
from app.orders.errors import PlanChanged
from app.orders.models import Quote
from app.orders.rules import PROMISE_MARGIN_MIN
from app.orders.schemas import OptionShape, PromiseShape, QuotedConsignment, QuoteRequest
from app.orders.values import Combination

Departure = tuple[str, datetime]
NO_WAY = (RouteUnavailable, TooManyWays, NoHubForCounty, OrderCycleClosed, Invalid)


async def plan_again(
    ports: Ports, quote: Quote, quoted: OptionShape, tried: OptionShape, refused: Mapping[Departure, int], now: datetime
) -> OptionShape | None:
    """`tried` with new legs for the consignments that ride a refused departure, or that should have left; else as it was.

    `refused` counts how often each departure was. The carriage is at most the quoted one and the arrival leaves the promise
    its least margin, so that neither price nor promise is worse than what the buyer chose; None when no way is as good.
    Two statements.
    """
    affected = affected_by(tried, refused.keys(), now)
    request = QuoteRequest.model_validate(quote.request)
    cargoes = [cargo_of(tried.consignments[i], now) for i in affected]
    freights = [
        Freight(
            replace(cargo, arrive_by=arrive_by(cargo.ready_at, tried.consignments[i].good_until, request.deliver_by)),
            frozenset(tried.consignments[i].categories),
        )
        for i, cargo in zip(affected, cargoes, strict=True)
        if cargo is not None
    ]
    if not freights or len(freights) < len(affected):
        return None
    to = request.deliver_to
    planned = [freight.cargo for freight in freights]
    try:
        async with ports.database.read() as connection:
            around = await look_around(ports, connection, to.county, to.hub, planned)
        ways = await in_turn(_ways, around, planned, refused)
    except NO_WAY:
        return None
    choices = await in_turn(choose, around, freights, ways)
    best = _best(quoted, tried, affected, choices)
    if best is None:
        return None
    return _changed(around, quoted, tried, affected, ride(around, freights, choices.parts_of(best)), now)


async def fresh_options(ports: Ports, caller: Caller, quote: Quote) -> PlanChanged:
    """The refusal with a new quote for the same goods, kept so that it can be ordered; without one when no way is left."""
    command = QuoteRequest.model_validate(quote.request | {"id": None})
    try:
        fresh = await quote_order(ports, caller, command)
    except NO_WAY:
        return PlanChanged()
    return PlanChanged(quote=fresh.model_dump(mode="json", by_alias=True))


def has_left(option: OptionShape, now: datetime) -> bool:
    """Whether a first departure is over, so that the goods cannot be handed in for it."""
    return any(leg.departs_at <= now for quoted in option.consignments for leg in quoted.legs[:1])


def affected_by(option: OptionShape, refused: Iterable[Departure], now: datetime) -> list[int]:
    """The consignments that ride one of these departures or whose first one has left, and all that share a unit with them."""
    gone = set(refused)
    struck = [
        any((leg.service, leg.run_at) in gone for leg in quoted.legs)
        or any(leg.departs_at <= now for leg in quoted.legs[:1])
        for quoted in option.consignments
    ]
    broken = {_unit(quoted) for quoted, hit in zip(option.consignments, struck, strict=True) if hit} - {None}
    return [
        i
        for i, (quoted, hit) in enumerate(zip(option.consignments, struck, strict=True))
        if hit or _unit(quoted) in broken
    ]


def _unit(quoted: QuotedConsignment) -> int | None:
    """The unit that a consignment ends its way in."""
    return quoted.legs[-1].unit if quoted.legs else None


def cargo_of(quoted: QuotedConsignment, now: datetime) -> Cargo | None:
    """A quoted consignment as the planner asks for it, handed in no earlier than now; None when it does not say where."""
    if quoted.hub is None or quoted.ready_at is None:
        return None
    sides = [max(package.length_mm, package.width_mm, package.height_mm) for package in quoted.packages]
    ready_at = max(quoted.ready_at, now.replace(microsecond=0) + timedelta(seconds=1))
    return Cargo(
        hub=quoted.hub,
        temperature=Temperature(quoted.temperature),
        ready_at=ready_at,
        weight_g=quoted.weight_g,
        volume_mm3=quoted.volume_mm3,
        live_heads=quoted.live_heads,
        piece_weight_g=max((package.weight_g for package in quoted.packages), default=0),
        piece_length_mm=max(sides, default=0),
        species=frozenset(quoted.species),
        origin=quoted.origin,
        categories=frozenset(quoted.categories),
    )


def _ways(around: Around, cargoes: Sequence[Cargo], refused: Mapping[Departure, int]) -> list[list[Way]]:
    """The ways of each. A departure that was refused twice has room for one of them at most: the first one keeps it."""
    twice = frozenset((service, int(run_at.timestamp())) for (service, run_at), times in refused.items() if times > 1)
    return [find_ways(around, cargo, twice if number else frozenset()) for number, cargo in enumerate(cargoes)]


def _best(quoted: OptionShape, tried: OptionShape, affected: Sequence[int], choices: Choices) -> Combination | None:
    """The cheapest point within the quoted price and promise, rather one that is no dirtier than what was quoted."""
    others = [leg for i, each in enumerate(tried.consignments) if i not in affected for leg in each.legs]
    budget = quoted.price.carriage.amount - sum(leg.price.amount for leg in others)
    grams = sum(leg.co2e_g or 0 for i in affected for leg in quoted.consignments[i].legs)
    until = quoted.promise.to - PROMISE_MARGIN_MIN
    good = [point for point in choices.front if point.price_minor <= budget and point.arrives_at <= until]
    return min(good, key=lambda point: (point.co2e_g > grams, point.price_minor, *point), default=None)


def _changed(
    around: Around, quoted: OptionShape, tried: OptionShape, affected: Sequence[int], ridden: Ridden, now: datetime
) -> OptionShape:
    """The option with the new legs: its price, promise, CO2e and units follow from them."""
    fresh = max((leg.unit or 0 for each in tried.consignments for leg in each.legs), default=0)
    consignments = list(tried.consignments)
    for i, legs in zip(affected, ridden.legs, strict=True):
        renumbered = [leg.model_copy(update={"unit": leg.unit and leg.unit + fresh}) for leg in legs]
        consignments[i] = tried.consignments[i].model_copy(update={"legs": renumbered})
        if consignments[i].tariffs and (cargo := cargo_of(consignments[i], now)):
            tariffs = tariffs_of(around, cargo, renumbered)
            consignments[i] = consignments[i].model_copy(update={"tariffs": tariffs})
    legs = [leg for each in consignments for leg in each.legs]
    carriage = Money(sum(leg.price.amount for leg in legs), CURRENCY)
    price = quoted.price
    arrives_by = max(leg.arrives_at for leg in legs)
    footprints = [
        footprint
        for each in consignments
        if (cargo := cargo_of(each, now))
        for footprint in footprints_of(around, cargo, each.legs)
    ]
    standing = {leg.unit for leg in legs}
    units = [unit for unit in (tried.consolidation.units if tried.consolidation else ()) if unit.unit in standing]
    units += unit_shapes([consignments[i].producer for i in affected], ridden.shared, fresh)
    return quoted.model_copy(
        update={
            "arrives_by": arrives_by,
            "promise": PromiseShape(from_=arrives_by, to=quoted.promise.to),
            "price": price.model_copy(update={"carriage": carriage, "total": price.total - price.carriage + carriage}),
            "co2e_g": co2e_shape(shipment_footprint(footprints, packaging_g=quoted.co2e_g.packaging)),
            "consolidation": consolidation_shape(units),
            "sharing": None,
            "consignments": consignments,
        }
    )
