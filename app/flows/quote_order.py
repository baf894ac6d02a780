"""The story of a quote: what is offered, packed, planned and priced, as a front of arrival, price and CO2e."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby

from app.catalogue.errors import OutOfStock
from app.catalogue.queries import offers
from app.catalogue.rules import quantity_gap
from app.catalogue.values import Category, ListingStatus, Offer
from app.core.clock import rfc3339
from app.core.errors import Gap, Invalid, NotFound
from app.core.ids import new_id
from app.core.limits import QUOTE_LIFETIME, QUOTE_OPTIONS_MAX
from app.core.money import Money
from app.core.quantity import as_text
from app.core.schema import fingerprint
from app.emissions import Footprint
from app.flows.find_routes import Door, Way, find_ways, way_in
from app.flows.ports import Ports
from app.identity.values import Caller
from app.network.values import Temperature
from app.orders.errors import NotForSale
from app.orders.models import Quote
from app.orders.rules import combine, labels, line_total, price_of, promise_for, thin_out
from app.orders.schemas import Co2eShape, LegShape, OptionShape, PackageShape, PriceShape, PromiseShape, QuotedConsignment, QuoteRequest, QuoteShape
from app.orders.service import get_quote, keep_quote
from app.orders.values import Candidate, Combination
from app.packaging.rules import choose_packages
from app.packaging.values import Goods, Package

LISTING = {"en": "listing", "zh-Hans": "商品"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the request with what is offered for it."""

    offer: Offer
    quantity: Decimal
    total: Money


@dataclass(frozen=True, slots=True)
class Parcel:
    """What one producer hands in together at one hub and at one temperature, packed."""

    producer: str
    hub: str
    temperature: Temperature
    ready_at: datetime
    lines: tuple[Line, ...]
    packages: tuple[Package, ...]
    live_heads: int

    @property
    def weight_g(self) -> int:
        return sum(package.weight_g for package in self.packages)

    @property
    def volume_mm3(self) -> int:
        return sum(package.volume_mm3 for package in self.packages)


async def quote_order(ports: Ports, caller: Caller, command: QuoteRequest) -> QuoteShape:
    """Price every sensible way to deliver these goods, and keep the answer for as long as it may be ordered.

    Holds neither stock nor capacity. Raises `NotFound`, `NotForSale`, `OutOfStock`, `Invalid` or `RouteUnavailable`.
    """
    now = ports.clock.now()
    async with ports.database.read() as connection:
        offered = await offers(connection, [line.listing for line in command.lines], now)
        lines = check_lines(command, offered)
        parcels = pack(command, lines, now)
        journey_starts = min(parcel.ready_at for parcel in parcels)
        door = await way_in(ports, connection, command.deliver_to.county, command.deliver_to.hub, journey_starts)
    ways = [await asyncio.to_thread(find_ways, door, parcel.hub, parcel) for parcel in parcels]
    quote = _quote(caller, command, lines, price_options(parcels, ways), now)
    async with ports.begin() as session:
        kept = await keep_quote(session, quote)
    return quote_shape(kept)


async def show_quote(ports: Ports, caller: Caller, quote_id: str) -> QuoteShape:
    """One's own quote again."""
    async with ports.begin() as session:
        return quote_shape(await get_quote(session, quote_id, caller.id))


def check_lines(command: QuoteRequest, offered: Mapping[str, Offer]) -> list[Line]:
    """The lines with their offers, or the first refusal: unknown, not for sale, an odd quantity, not enough."""
    asked = [line.listing for line in command.lines]
    if len(set(asked)) < len(asked):
        raise Invalid(gaps=[Gap("/lines", {"en": "Each listing may stand in one line only", "zh-Hans": "同一商品只能出现一次"})])
    lines, gaps = [], []
    for i, line in enumerate(command.lines):
        offer = offered.get(line.listing)
        if offer is None:
            raise NotFound(what=LISTING)
        if offer.status is not ListingStatus.PUBLISHED:
            raise NotForSale(listing=line.listing)
        if gap := quantity_gap(offer, line.quantity, f"/lines/{i}/quantity"):
            gaps.append(gap)
        elif offer.available < line.quantity:
            raise OutOfStock(offer.listing_id, offer.available)
        lines.append(Line(offer, line.quantity, line_total(line.quantity, offer.price)))
    if gaps:
        raise Invalid(gaps=gaps)
    return lines


def pack(command: QuoteRequest, lines: Sequence[Line], now: datetime) -> list[Parcel]:
    """One parcel for each producer, hub and temperature, in the packages that were asked for."""

    def together(line: Line) -> tuple[str, str, str]:
        return line.offer.producer_id, line.offer.hub, line.offer.temperature.value

    return [_parcel(command, tuple(group), now) for _, group in groupby(sorted(lines, key=together), together)]


def _parcel(command: QuoteRequest, lines: tuple[Line, ...], now: datetime) -> Parcel:
    first = lines[0].offer
    goods = [_goods(line) for line in lines]
    ready_at = now + timedelta(hours=max(line.offer.lead_time_h for line in lines))
    return Parcel(
        producer=first.producer_id,
        hub=first.hub,
        temperature=Temperature(first.temperature.value),
        ready_at=max(ready_at, command.depart_after or ready_at),
        lines=lines,
        packages=choose_packages(command.packaging, goods),
        live_heads=sum(int(line.quantity) for line in lines) if first.temperature.value == Temperature.LIVE else 0,
    )


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


def price_options(parcels: Sequence[Parcel], ways: Sequence[Sequence[Way]]) -> list[OptionShape]:
    """The front of the whole order: at most six options, the cheapest, fastest and greenest among them."""
    fronts = [[Candidate(way.arrives_at, way.price_minor, way.co2e_g, i) for i, way in enumerate(found)] for found in ways]
    front = thin_out(combine(fronts), QUOTE_OPTIONS_MAX)
    return [_option(parcels, ways, point, won) for point, won in zip(front, labels(front), strict=True)]
