"""The story of a quote: what is offered, packed, planned and priced, as a front of arrival, price and CO2e."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import groupby

from orjson import Fragment

from app.catalogue.errors import OrderCycleClosed, OutOfStock
from app.catalogue.pricing import tier_reached
from app.catalogue.queries import offers
from app.catalogue.values import Category, ListingStatus, Offer, Species, Tier, Window
from app.catalogue.windows import open_window
from app.core.errors import Gap, Invalid, NotFound
from app.core.ids import new_id
from app.core.limits import CONSIGNMENTS_PER_ORDER_MAX, GOODS_MINOR_MAX, QUOTE_LIFETIME, QUOTE_OPTIONS_MAX
from app.core.money import Money, total
from app.core.quantity import as_text, fits_step
from app.core.schema import fingerprint
from app.emissions import Footprint, shipment_footprint
from app.flows.consolidate import Freight, choose
from app.flows.keep_cycle import windows_of
from app.flows.plan_ways import Around, Cargo, Way, footprints_of, look_around, ways_to_offer
from app.flows.ports import Ports
from app.flows.ride_together import Ridden, Shared, ride
from app.flows.share_departures import runs_of, share_departures
from app.identity.values import Caller
from app.network.fill import load_rebates, read_fills
from app.network.plan import in_turn
from app.network.rules import is_toll_free, start_faults
from app.network.values import CURRENCY, Temperature
from app.orders.errors import NotForSale
from app.orders.lines import kept_line, quoted_line
from app.orders.models import Quote
from app.orders.reasons import reasons
from app.orders.rules import labels, line_total, price_of, promise_for, thin_out
from app.orders.schemas import (
    Co2eShape,
    ConsolidationShape,
    OptionShape,
    PackageShape,
    PriceShape,
    PromiseShape,
    QuotedConsignment,
    QuoteRequest,
    QuoteShape,
    UnitShape,
)
from app.orders.service import get_quote, keep_quote
from app.orders.values import Combination, Label
from app.packaging.rules import choose_packages
from app.packaging.values import Goods, Package
from app.routing import Timetable

LISTING = {"en": "listing", "zh-Hans": "商品"}
TOO_DEAR = {
    "en": f"Goods for more than {GOODS_MINOR_MAX // 100:,} yuan cannot be one order; order less at a time",
    "zh-Hans": f"单笔订单货款不得超过 {GOODS_MINOR_MAX // 100:,} 元，请分次下单",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the request with what is offered for it."""

    offer: Offer
    quantity: Decimal
    tier: Tier
    total: Money


@dataclass(frozen=True)
class Parcel:
    """What one producer hands in together at one hub and at one temperature, packed."""

    producer: str
    hub: str
    temperature: Temperature
    ready_at: datetime
    lines: tuple[Line, ...]
    packages: tuple[Package, ...]
    live_heads: int
    species: frozenset[str]

    @cached_property
    def cargo(self) -> Cargo:
        return Cargo(
            hub=self.hub,
            temperature=self.temperature,
            ready_at=self.ready_at,
            weight_g=self.weight_g,
            volume_mm3=self.volume_mm3,
            live_heads=self.live_heads,
            piece_weight_g=max(package.weight_g for package in self.packages),
            piece_length_mm=max(
                max(package.length_mm, package.width_mm, package.height_mm) for package in self.packages
            ),
            toll_free=all(
                is_toll_free(line.offer.category, line.offer.temperature, line.offer.shelf_life_h)
                for line in self.lines
            ),
            species=self.species,
            origin=self.origin,
            categories=self.categories,
        )

    @property
    def origin(self) -> str:
        """The county where the goods come from: their producer's."""
        return self.lines[0].offer.county

    @property
    def categories(self) -> frozenset[Category]:
        return frozenset(line.offer.category for line in self.lines)

    @property
    def freight(self) -> Freight:
        return Freight(self.cargo, self.categories)

    @property
    def weight_g(self) -> int:
        return sum(package.weight_g for package in self.packages)

    @property
    def volume_mm3(self) -> int:
        return sum(package.volume_mm3 for package in self.packages)


async def quote_order(ports: Ports, caller: Caller, command: QuoteRequest, language: str = "en") -> QuoteShape:
    """Price every sensible way to deliver these goods, and keep the answer for as long as it may be ordered.

    Holds neither stock nor capacity. Raises `NotFound`, `NotForSale`, `OutOfStock`,
    `OrderCycleClosed`, `Invalid` or `RouteUnavailable`.
    """
    now = ports.clock.now()
    _require_time(command, now)
    async with ports.database.read() as connection:
        offered = await offers(connection, [line.listing for line in command.lines], now, caller)
        lines = check_lines(command, offered)
        timetable = await ports.timetable.current(connection)
        windows = require_open(timetable, lines, now)
        parcels = pack(command, lines, windows, now)
        cargoes = [replace(parcel.cargo, arrive_by=command.deliver_by) for parcel in parcels]
        around = await look_around(
            ports, connection, command.deliver_to.county, command.deliver_to.hub, cargoes, timetable
        )
    options = await in_turn(plan_options, around, parcels, cargoes)
    async with ports.database.read() as connection:
        fills = await read_fills(connection, runs_of(options))
    options = share_departures(around, options, fills, load_rebates())
    until = min([now + QUOTE_LIFETIME, *(window.closes_at for window in windows.values())])
    quote = _quote(caller, command, lines, options, now, until)
    async with ports.begin() as session:
        kept = await keep_quote(session, quote)
    return _shown(quote, options, language) if kept is quote else quote_shape(kept, language)


async def show_quote(ports: Ports, caller: Caller, quote_id: str, language: str = "en") -> QuoteShape:
    """One's own quote again."""
    async with ports.database.read() as connection:
        return quote_shape(await get_quote(connection, quote_id, caller.id), language)


def _require_time(command: QuoteRequest, now: datetime) -> None:
    gaps = list(start_faults(command.depart_after, now, "/depart_after"))
    if command.deliver_by and command.deliver_by <= max(now, command.depart_after or now):
        words = {"en": "Later than now and than `depart_after`", "zh-Hans": "须晚于当前时间和 depart_after"}
        gaps.append(Gap("/deliver_by", words))
    if gaps:
        raise Invalid(gaps=gaps)


def check_lines(command: QuoteRequest, offered: Mapping[str, Offer]) -> list[Line]:
    """The lines with their offers, or the first refusal: unknown, not for sale, an odd quantity, not enough, too much."""
    asked = [line.listing for line in command.lines]
    if len(set(asked)) < len(asked):
        raise Invalid(
            gaps=[Gap("/lines", {"en": "Each listing may stand in one line only", "zh-Hans": "同一商品只能出现一次"})]
        )
    lines, gaps = [], []
    for i, line in enumerate(command.lines):
        offer = offered.get(line.listing)
        if offer is None:
            raise NotFound(what=LISTING)
        if offer.status is not ListingStatus.PUBLISHED:
            raise NotForSale(listing=line.listing)
        if not fits_step(line.quantity, offer.min_quantity, offer.step):
            gaps.append(_odd_quantity(f"/lines/{i}/quantity", offer))
        elif offer.available < line.quantity:
            raise OutOfStock(offer.listing_id, offer.available)
        tier = tier_reached(offer.ladder, line.quantity)
        lines.append(Line(offer, line.quantity, tier, line_total(line.quantity, tier.price)))
    if sum(line.total.amount for line in lines) > GOODS_MINOR_MAX:
        gaps.append(Gap("/lines", TOO_DEAR))
    if gaps:
        raise Invalid(gaps=gaps)
    return lines


def _odd_quantity(pointer: str, offer: Offer) -> Gap:
    least, step = as_text(offer.min_quantity), as_text(offer.step)
    return Gap(pointer, {"en": f"At least {least}, in steps of {step}", "zh-Hans": f"最少 {least}，每次增减 {step}"})


def require_open(timetable: Timetable, lines: Sequence[Line], now: datetime) -> dict[str, Window]:
    """The open window of each order cycle that listings are ordered in; `OrderCycleClosed` for the first without one."""
    windows: dict[str, Window] = {}
    for offer in (line.offer for line in lines):
        if offer.cycle is None or offer.cycle.id in windows:
            continue
        # Goods that have moved to another hub since are not at the departure.
        ahead = windows_of(timetable, offer.cycle, now) if offer.cycle.hub == offer.hub else []
        window = open_window(ahead, now)
        if window is None:
            raise OrderCycleClosed(offer.listing_id, offer.cycle.id, ahead[0].opens_at if ahead else None)
        windows[offer.cycle.id] = window
    return windows


def _too_many(consignments: int) -> Gap:
    most = CONSIGNMENTS_PER_ORDER_MAX
    return Gap(
        "/lines",
        {
            "en": f"These goods are {consignments} consignments (one for each producer, hub and temperature); an order has at "
            f"most {most}. Order some of them separately",
            "zh-Hans": f"这些商品须分为 {consignments} 票货（按生产者、交货枢纽和温度），每单最多 {most} 票，请分开下单",
        },
    )


def pack(command: QuoteRequest, lines: Sequence[Line], windows: Mapping[str, Window], now: datetime) -> list[Parcel]:
    """One parcel for each producer, hub, temperature and order cycle, in the packages asked for; `Invalid` for too many."""

    def together(line: Line) -> tuple[str, str, str, str]:
        offer = line.offer
        return offer.producer_id, offer.hub, offer.temperature.value, offer.cycle.id if offer.cycle else ""

    ordered = sorted(lines, key=together)
    parcels = [_parcel(command, tuple(group), windows, now) for _, group in groupby(ordered, together)]
    if len(parcels) > CONSIGNMENTS_PER_ORDER_MAX:
        raise Invalid(gaps=[_too_many(len(parcels))])
    return parcels


def _parcel(command: QuoteRequest, lines: tuple[Line, ...], windows: Mapping[str, Window], now: datetime) -> Parcel:
    """Ready after the longest lead time or, in an order cycle, when all its orders are handed in for their departure."""
    first = lines[0].offer
    goods = [_goods(line) for line in lines]
    lead_time = timedelta(hours=max(line.offer.lead_time_h for line in lines))
    ready_at = windows[first.cycle.id].hand_in_by if first.cycle else now + lead_time
    return Parcel(
        producer=first.producer_id,
        hub=first.hub,
        temperature=Temperature(first.temperature.value),
        ready_at=_whole_minute(max(ready_at, command.depart_after or ready_at)),
        lines=lines,
        packages=choose_packages(command.packaging, goods),
        live_heads=sum(int(line.quantity) for line in lines) if first.temperature.value == Temperature.LIVE else 0,
        species=frozenset(line.offer.species.value for line in lines if line.offer.species),
    )


def _whole_minute(at: datetime) -> datetime:
    """The next whole minute: nobody hands goods in by the second."""
    return at.replace(second=0, microsecond=0) + timedelta(minutes=1 if at.second or at.microsecond else 0)


def _goods(line: Line) -> Goods:
    package = line.offer.package
    return Goods(
        length_mm=package.length_mm,
        width_mm=package.width_mm,
        height_mm=package.height_mm,
        weight_g=package.weight_g,
        count=line.quantity,
        temperature=line.offer.temperature.value,
        already_packed=line.offer.category in (Category.LIVESTOCK, Category.COTTON),
    )


def plan_options(around: Around, parcels: Sequence[Parcel], cargoes: Sequence[Cargo]) -> list[OptionShape]:
    """The options of the whole order; `RouteUnavailable` when there is no way for one of its cargoes. CPU only."""
    return price_options(around, parcels, ways_to_offer(around, cargoes))


def price_options(around: Around, parcels: Sequence[Parcel], ways: Sequence[Sequence[Way]]) -> list[OptionShape]:
    """The front of the whole order: at most six options, the cheapest, fastest and greenest among them."""
    freights = [parcel.freight for parcel in parcels]
    choices = choose(around, freights, ways)
    front = thin_out(choices.front, QUOTE_OPTIONS_MAX)
    handed_in = [_handed_in(parcel) for parcel in parcels]
    return [
        _option(around, parcels, handed_in, point, ride(around, freights, choices.parts_of(point)), won)
        for point, won in zip(front, labels(front), strict=True)
    ]


def _option(
    around: Around,
    parcels: Sequence[Parcel],
    handed_in: Sequence[QuotedConsignment],
    point: Combination,
    ridden: Ridden,
    won: Sequence[Label],
) -> OptionShape:
    packages = [package for parcel in parcels for package in parcel.packages]
    goods = total([line.total for parcel in parcels for line in parcel.lines], CURRENCY)
    price = price_of(goods, point.price_minor, sum(package.price_minor for package in packages))
    promise = promise_for(min(parcel.ready_at for parcel in parcels), point.arrives_at)
    footprints = [
        footprint
        for parcel, journey in zip(parcels, ridden.legs, strict=True)
        for footprint in footprints_of(around, parcel.cargo, journey)
    ]
    return OptionShape(
        id=new_id("opt"),
        labels=list(won),
        arrives_by=point.arrives_at,
        promise=PromiseShape(from_=promise.start, to=promise.end),
        price=PriceShape(**{name: getattr(price, name) for name in PriceShape.model_fields}),
        co2e_g=co2e_shape(shipment_footprint(footprints, packaging_g=_packaging_co2e_g(packages))),
        consolidation=consolidation_shape(unit_shapes([parcel.producer for parcel in parcels], ridden.shared)),
        consignments=[
            each.model_copy(update={"legs": journey}) for each, journey in zip(handed_in, ridden.legs, strict=True)
        ],
    )


def unit_shapes(producers: Sequence[str], shared: Sequence[Shared], after: int = 0) -> list[UnitShape]:
    """The units of these producers' consignments, numbered on from `after`."""
    return [
        UnitShape(
            unit=unit.number + after,
            hub=unit.hub,
            producers=[producers[member] for member in unit.members],
            saved=Money(unit.saved_minor, CURRENCY),
        )
        for unit in shared
    ]


def consolidation_shape(units: list[UnitShape]) -> ConsolidationShape | None:
    """What riding as one saves; None when everything rides by itself. No handling has a figure for its CO2e yet."""
    if not units:
        return None
    return ConsolidationShape(saved=total([unit.saved for unit in units], CURRENCY), co2e_g=None, units=units)


def _packaging_co2e_g(packages: Sequence[Package]) -> int | None:
    """None as soon as one package has no sourced figure."""
    known = [package.co2e_g for package in packages if package.co2e_g is not None]
    return sum(known) if len(known) == len(packages) else None


def _handed_in(parcel: Parcel) -> QuotedConsignment:
    """A consignment of which no way is known yet."""
    return QuotedConsignment(
        producer=parcel.producer,
        hub=parcel.hub,
        ready_at=parcel.ready_at,
        categories=sorted(parcel.categories),
        species=sorted(Species(each) for each in parcel.species),
        origin=parcel.origin,
        temperature=parcel.temperature,
        lines=[line.offer.listing_id for line in parcel.lines],
        weight_g=parcel.weight_g,
        volume_mm3=parcel.volume_mm3,
        live_heads=parcel.live_heads,
        packages=group_packages(parcel.packages),
        legs=[],
    )


def group_packages(packages: Sequence[Package]) -> list[PackageShape]:
    """Packages that are exactly alike, together with their number."""
    alike: dict[tuple[object, ...], list[Package]] = {}
    for package in packages:
        alike.setdefault(
            (package.type, package.units, package.weight_g, package.volume_mm3, package.price_minor), []
        ).append(package)
    return [_package_shape(same[0], len(same)) for same in alike.values()]


def _package_shape(package: Package, count: int) -> PackageShape:
    return PackageShape(
        type=package.type,
        name=dict(package.name),
        count=count,
        units=package.units,
        weight_g=package.weight_g,
        own_mass_g=package.own_mass_g,
        length_mm=package.length_mm,
        width_mm=package.width_mm,
        height_mm=package.height_mm,
        price=Money(package.price_minor, CURRENCY),
        co2e_g=package.co2e_g,
        reusable=package.reusable,
    )


def co2e_shape(of: Footprint) -> Co2eShape:
    return Co2eShape(
        transport=of.transport_g,
        hubs=of.hubs_g,
        packaging=of.packaging_g,
        total=of.total_g,
        covers=list(of.covers),
        missing=list(of.missing),
    )


def _quote(
    caller: Caller,
    command: QuoteRequest,
    lines: Sequence[Line],
    options: Sequence[OptionShape],
    now: datetime,
    until: datetime,
) -> Quote:
    return Quote(
        id=command.id or new_id("quo"),
        buyer_id=caller.id,
        request=command.model_dump(mode="json"),
        goods_minor=sum(line.total.amount for line in lines),
        currency=CURRENCY,
        lines=[kept_line(line.offer, line.quantity, line.tier, line.total) for line in lines],
        options=[Fragment(option.model_dump_json(by_alias=True, exclude={"why"})) for option in options],
        created_from=fingerprint(command),
        created_at=now,
        expires_at=until,
    )


def quote_shape(quote: Quote, language: str) -> QuoteShape:
    """A stored quote as its buyer sees it, with the reasons for the labels in this language."""
    return _shown(quote, [OptionShape.model_validate(option) for option in quote.options], language)


def _shown(quote: Quote, options: Sequence[OptionShape], language: str) -> QuoteShape:
    front = [
        Combination(option.arrives_by, option.price.total.amount, option.co2e_g.total, (i,))
        for i, option in enumerate(options)
    ]
    told = reasons(front, [option.labels for option in options], language)
    return QuoteShape(
        id=quote.id,
        expires_at=quote.expires_at,
        goods=Money(quote.goods_minor, quote.currency),
        lines=[quoted_line(line, quote.currency) for line in quote.lines],
        options=[option.model_copy(update={"why": why}) for option, why in zip(options, told, strict=True)],
    )
