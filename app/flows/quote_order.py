"""The story of a quote: what is offered, packed, planned and priced, as a front of arrival, price and CO2e."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Final

from orjson import Fragment

from app.catalogue.errors import GoodsWouldSpoil, OutOfStock
from app.catalogue.queries import offers
from app.catalogue.schemas import StorageShape
from app.catalogue.values import Species, Storage, Window
from app.core.errors import Gap, Invalid
from app.core.ids import new_id
from app.core.limits import (
    PLANS_TRIED_MAX,
    QUOTE_LIFETIME,
    QUOTE_OPTIONS_MAX,
)
from app.core.money import Money, total
from app.core.quantity import as_text
from app.core.schema import fingerprint
from app.emissions import Footprint, shipment_footprint
from app.flows.consolidate import choose
from app.flows.order_offers import agreed_for
from app.flows.pack_lines import Line, Parcel, check_lines, pack, require_open
from app.flows.plan_ways import Around, Way, footprints_of, look_around, query_for, rules_for, ways_to_offer
from app.flows.ports import Ports
from app.flows.price_by_weight import range_of, tariffs_of
from app.flows.ride_together import Ridden, Shared, ride
from app.flows.share_departures import runs_of, share_departures
from app.identity.values import Caller
from app.ledger.values import PriceParts
from app.network.errors import RouteUnavailable
from app.network.fill import load_rebates, read_fills
from app.network.plan import in_turn
from app.network.rules import start_faults
from app.network.values import CURRENCY
from app.orders.lines import kept_line, quoted_line
from app.orders.models import Quote
from app.orders.policies import Policies
from app.orders.proceeds import goods_of, proceeds_shape
from app.orders.proceeds_schemas import ProceedsShape
from app.orders.reasons import reasons
from app.orders.rules import labels, price_of, promise_for, thin_out
from app.orders.schemas import (
    Co2eShape,
    ConsolidationShape,
    LegShape,
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
from app.packaging.values import Package
from app.routing import Timetable

# Told to each reader anew: reasons in a language, parts by the fee of today, the range by the lines.
_NOT_KEPT: Final = {"why", "proceeds", "range"}


async def quote_order(ports: Ports, caller: Caller, command: QuoteRequest, language: str = "en") -> QuoteShape:
    """Price every sensible way to deliver these goods, and keep the answer for as long as it may be ordered.

    Holds neither stock nor capacity. Raises `NotFound`, `NotForSale`, `OutOfStock`, `GoodsWouldSpoil`,
    `OrderCycleClosed`, `OfferNotOrderable`, `OfferExpired`, `Invalid` or `RouteUnavailable`.
    """
    now = ports.clock.now()
    _require_time(command, now)
    async with ports.database.read() as connection:
        offered = await offers(connection, [line.listing for line in command.lines], now, caller)
        agreed = await agreed_for(connection, caller, command, now)
        lines = check_lines(command, offered, agreed)
        timetable = await ports.timetable.current(connection)
        windows = require_open(timetable, lines, now)
    around, options = await _plan(ports, command, timetable, lines, windows, now)
    async with ports.database.read() as connection:
        fills = await read_fills(connection, runs_of(options))
    options = share_departures(around, options, fills, load_rebates())
    ends = [each.bargain.order_by for each in agreed.values()]
    until = min([now + QUOTE_LIFETIME, *(window.closes_at for window in windows.values()), *ends])
    quote = _quote(caller, command, lines, options, ports.policies, now, until)
    async with ports.begin() as session:
        kept = await keep_quote(session, quote)
    fee_bps = ports.settings.platform_fee_bps
    return _shown(quote, options, language, fee_bps) if kept is quote else quote_shape(kept, language, fee_bps)


async def _plan(
    ports: Ports,
    command: QuoteRequest,
    timetable: Timetable,
    lines: Sequence[Line],
    windows: Mapping[str, Window],
    now: datetime,
) -> tuple[Around, list[OptionShape]]:
    """The options with the lots that spoil first; where these would spoil on every way, with those that spoil next.

    One statement, but for each such try one more. Raises `GoodsWouldSpoil` when no lots are left that would not.
    """
    passed_over: dict[str, datetime] = {}
    first: GoodsWouldSpoil | None = None
    for _ in range(PLANS_TRIED_MAX):
        try:
            parcels = pack(command, lines, windows, now, passed_over)
        except OutOfStock as lacking:
            raise first or lacking from None
        cargoes = [parcel.cargo for parcel in parcels]
        to = command.deliver_to
        async with ports.database.read() as connection:
            around = await look_around(ports, connection, to.county, to.hub, cargoes, timetable)
        try:
            return around, await in_turn(plan_options, around, parcels, command.deliver_by)
        except GoodsWouldSpoil as spoilt:
            first = first or spoilt
            passed_over[spoilt.listing] = spoilt.until
    assert first is not None
    raise first


async def show_quote(ports: Ports, caller: Caller, quote_id: str, language: str = "en") -> QuoteShape:
    """One's own quote again."""
    async with ports.database.read() as connection:
        quote = await get_quote(connection, quote_id, caller.id)
    return quote_shape(quote, language, ports.settings.platform_fee_bps)


def _require_time(command: QuoteRequest, now: datetime) -> None:
    gaps = list(start_faults(command.depart_after, now, "/depart_after"))
    if command.deliver_by and command.deliver_by <= max(now, command.depart_after or now):
        words = {"en": "Later than now and than `depart_after`", "zh-Hans": "须晚于当前时间和 depart_after"}
        gaps.append(Gap("/deliver_by", words))
    if gaps:
        raise Invalid(gaps=gaps)


def plan_options(around: Around, parcels: Sequence[Parcel], deliver_by: datetime | None) -> list[OptionShape]:
    """The options of the whole order; `RouteUnavailable` when there is no way for one of its cargoes, or `GoodsWouldSpoil`
    when there is none for fresh goods alone. CPU only.
    """
    try:
        ways = ways_to_offer(around, [parcel.cargo for parcel in parcels])
    except RouteUnavailable:
        for parcel in parcels:
            _require_fresh(around, parcel, deliver_by)
        raise
    return price_options(around, parcels, ways)


def _require_fresh(around: Around, parcel: Parcel, deliver_by: datetime | None) -> None:
    """Raises `GoodsWouldSpoil` when there is a way, but on none the goods are still good when they arrive."""
    cargo = parcel.cargo
    if parcel.good_until is None or cargo.arrive_by == deliver_by:
        return
    rules = rules_for(around, cargo)
    late = replace(cargo, arrive_by=deliver_by)
    if around.why_none(query_for(around, cargo, rules)) and not around.why_none(query_for(around, late, rules)):
        raise GoodsWouldSpoil(parcel.spoils_first, parcel.good_until)


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
        box_deposit=_box_deposit(packages),
        co2e_g=co2e_shape(shipment_footprint(footprints, packaging_g=_packaging_co2e_g(packages))),
        consolidation=consolidation_shape(unit_shapes([parcel.producer for parcel in parcels], ridden.shared)),
        consignments=[
            each.model_copy(update={"legs": journey} | _by_weight(around, parcel, journey))
            for each, parcel, journey in zip(handed_in, parcels, ridden.legs, strict=True)
        ],
    )


def _by_weight(around: Around, parcel: Parcel, journey: Sequence[LegShape]) -> dict[str, Any]:
    """The tariffs by which the way is charged anew when the goods have been weighed; nothing for others."""
    weighed = any(line.offer.price_per for line in parcel.lines)
    return {"tariffs": tariffs_of(around, parcel.cargo, journey)} if weighed else {}


def _box_deposit(packages: Sequence[Package]) -> Money | None:
    deposit = sum(package.deposit_minor for package in packages)
    return Money(deposit, CURRENCY) if deposit else None


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
        good_until=parcel.good_until,
        pre_harvest=parcel.pre_harvest,
        categories=sorted(parcel.categories),
        species=sorted(Species(each) for each in parcel.species),
        origin=parcel.origin,
        storage=_storage(parcel.storage),
        temperature=parcel.temperature,
        lines=[line.offer.listing_id for line in parcel.lines],
        weight_g=parcel.weight_g,
        volume_mm3=parcel.volume_mm3,
        live_heads=parcel.live_heads,
        packages=group_packages(parcel.packages),
        legs=[],
    )


def _storage(storage: Storage | None) -> StorageShape | None:
    if storage is None:
        return None
    return StorageShape(**{name: as_text(end) for name, end in asdict(storage).items() if end is not None})


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
        deposit=Money(package.deposit_minor, CURRENCY) if package.deposit_minor else None,
        return_days=package.return_days or None,
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
    policies: Policies,
    now: datetime,
    until: datetime,
) -> Quote:
    return Quote(
        id=command.id or new_id("quo"),
        buyer_id=caller.id,
        request=command.model_dump(mode="json"),
        goods_minor=sum(line.total.amount for line in lines),
        currency=CURRENCY,
        lines=[kept_line(line.offer, line.quantity, line.tier, line.total, policies, line.bargain) for line in lines],
        options=[Fragment(option.model_dump_json(by_alias=True, exclude=_NOT_KEPT)) for option in options],
        created_from=fingerprint(command),
        created_at=now,
        expires_at=until,
    )


def quote_shape(quote: Quote, language: str, fee_bps: int) -> QuoteShape:
    """A stored quote as its buyer sees it, with the reasons for the labels in this language."""
    return _shown(quote, [OptionShape.model_validate(option) for option in quote.options], language, fee_bps)


def _shown(quote: Quote, options: Sequence[OptionShape], language: str, fee_bps: int) -> QuoteShape:
    front = [
        Combination(option.arrives_by, option.price.total.amount, option.co2e_g.total, (i,))
        for i, option in enumerate(options)
    ]
    deposit = sum(line.get("deposit_minor", 0) for line in quote.lines)
    told = reasons(front, [option.labels for option in options], language)
    goods = goods_of((line["producer"], line["total_minor"]) for line in quote.lines)
    return QuoteShape(
        id=quote.id,
        expires_at=quote.expires_at,
        goods=Money(quote.goods_minor, quote.currency),
        deposit=Money(deposit, quote.currency) if deposit else None,
        lines=[quoted_line(line, quote.currency) for line in quote.lines],
        options=[
            option.model_copy(
                update={
                    "why": why,
                    "proceeds": _proceeds(option, goods, fee_bps),
                    "range": range_of(option, quote.lines),
                }
            )
            for option, why in zip(options, told, strict=True)
        ],
    )


def _proceeds(option: OptionShape, goods: Mapping[str, int], fee_bps: int) -> ProceedsShape:
    price = option.price
    parts = PriceParts(
        price.total.currency,
        goods,
        {"carriers": price.carriage.amount},
        price.packaging.amount,
        price.subsidy.amount,
        price.duties.amount,
    )
    return proceeds_shape(parts, fee_bps)
