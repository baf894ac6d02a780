"""From the lines that a buyer asks for to parcels: what is offered, when its lots can be handed in, and how it is packed. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import groupby
from types import MappingProxyType

from app.catalogue.attributes import common_storage
from app.catalogue.errors import OrderCycleClosed, OutOfStock
from app.catalogue.pricing import tier_reached
from app.catalogue.rules import is_packed
from app.catalogue.stock import good_until, supply
from app.catalogue.values import Category, ListingStatus, LotStock, Offer, Storage, Tier, Window
from app.catalogue.windows import open_window
from app.core.errors import Gap, Invalid, NotFound
from app.core.limits import CONSIGNMENTS_PER_ORDER_MAX, GOODS_MINOR_MAX, PLAN_HORIZON
from app.core.money import Money
from app.core.quantity import as_text, fits_step
from app.flows.consolidate import Freight
from app.flows.keep_cycle import windows_of
from app.flows.plan_ways import Cargo
from app.network.rules import is_toll_free
from app.network.values import Temperature
from app.offers.values import Bargain
from app.orders.errors import NotForSale
from app.orders.line_schemas import LineRequest
from app.orders.lines import cost_of
from app.orders.rules import latest_arrival, line_total
from app.orders.schemas import QuoteRequest
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
    bargain: Bargain | None = None


@dataclass(frozen=True, slots=True)
class Agreed:
    """An agreed offer, and the lots that it holds, with how much of each as what is free."""

    bargain: Bargain
    lots: Sequence[LotStock]


@dataclass(frozen=True)
class Parcel:
    """What one producer hands in together at one hub and at one temperature, packed."""

    producer: str
    hub: str
    temperature: Temperature
    ready_at: datetime
    arrive_by: datetime | None
    good_until: datetime | None
    spoils_first: str
    pre_harvest: bool
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
            arrive_by=self.arrive_by,
        )

    @property
    def origin(self) -> str:
        """The county where the goods come from: their producer's."""
        return self.lines[0].offer.county

    @property
    def storage(self) -> Storage | None:
        """At what its goods are to be kept, by what their sellers say."""
        return common_storage(line.offer.storage for line in self.lines)

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


def check_lines(
    command: QuoteRequest, offered: Mapping[str, Offer], agreed: Mapping[str, Agreed] = MappingProxyType({})
) -> list[Line]:
    """The lines with their offers, or the first refusal: unknown, not for sale, an odd quantity, not enough, too much.

    `agreed`: what was bargained, by the id of the offer that a line names; such goods are kept for this buyer already.
    """
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
        if line.offer is not None:
            bargained = agreed[line.offer]
            gaps += _bargain_gaps(f"/lines/{i}", line, bargained.bargain)
            lines.append(_bargained(offer, bargained))
            continue
        if offer.status is not ListingStatus.PUBLISHED:
            raise NotForSale(listing=line.listing)
        if not fits_step(line.quantity, offer.min_quantity, offer.step):
            gaps.append(_odd_quantity(f"/lines/{i}/quantity", offer))
        elif offer.available < line.quantity:
            raise OutOfStock(offer.listing_id, offer.available)
        tier = tier_reached(offer.ladder, line.quantity)
        lines.append(Line(offer, line.quantity, tier, cost_of(offer, line.quantity, tier.price)))
    if sum(line.total.amount for line in lines) > GOODS_MINOR_MAX:
        gaps.append(Gap("/lines", TOO_DEAR))
    if gaps:
        raise Invalid(gaps=gaps)
    return lines


def _bargained(offer: Offer, agreed: Agreed) -> Line:
    """The line at the agreed price, out of the lots that the offer holds. What was agreed for a sales unit is not settled by weight."""
    bargain = agreed.bargain
    tier = Tier(Decimal(0), bargain.price)
    kept = replace(offer, lots=tuple(agreed.lots), available=bargain.quantity, ladder=(tier,), price_per=None)
    return Line(kept, bargain.quantity, tier, line_total(bargain.quantity, tier.price), bargain)


def _bargain_gaps(at: str, line: LineRequest, bargain: Bargain) -> list[Gap]:
    gaps = []
    if bargain.listing_id != line.listing:
        words = {
            "en": f"This offer is for {bargain.listing_id}: name that listing",
            "zh-Hans": f"该议价对应 {bargain.listing_id}，请填写该商品",
        }
        gaps.append(Gap(f"{at}/offer", words))
    if bargain.quantity != line.quantity:
        agreed = as_text(bargain.quantity)
        words = {"en": f"An offer is ordered whole: {agreed}", "zh-Hans": f"议价须整单购买：{agreed}"}
        gaps.append(Gap(f"{at}/quantity", words))
    return gaps


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


def pack(
    command: QuoteRequest,
    lines: Sequence[Line],
    windows: Mapping[str, Window],
    now: datetime,
    passed_over: Mapping[str, datetime] = MappingProxyType({}),
) -> list[Parcel]:
    """One parcel for each producer, hub, temperature and order cycle, in the packages asked for; `Invalid` for too many.

    `passed_over`: lots of these listings that have spoilt by then are not taken. Raises `OutOfStock` when too little is left.
    """

    def together(line: Line) -> tuple[str, str, str, str]:
        offer = line.offer
        return offer.producer_id, offer.hub, offer.temperature.value, offer.cycle.id if offer.cycle else ""

    ordered = sorted(lines, key=together)
    parcels = [_parcel(command, tuple(group), windows, now, passed_over) for _, group in groupby(ordered, together)]
    if len(parcels) > CONSIGNMENTS_PER_ORDER_MAX:
        raise Invalid(gaps=[_too_many(len(parcels))])
    return parcels


def _parcel(
    command: QuoteRequest,
    lines: tuple[Line, ...],
    windows: Mapping[str, Window],
    now: datetime,
    passed_over: Mapping[str, datetime],
) -> Parcel:
    """Ready after the longest lead time, and when the last of its lots is there; in an order cycle when all its orders are
    handed in for their departure, which a later lot would miss.
    """
    first = lines[0].offer
    goods = [_goods(line) for line in lines]
    lead_time = timedelta(hours=max(line.offer.lead_time_h for line in lines))
    in_cycle = windows[first.cycle.id].hand_in_by if first.cycle else None
    start = in_cycle or now + lead_time
    start = _whole_minute(max(start, command.depart_after or start))
    wanted = [(line.offer, line.quantity, passed_over.get(line.offer.listing_id)) for line in lines]
    taken = [supply(offer.lots, quantity, start, in_cycle, spoilt_by) for offer, quantity, spoilt_by in wanted]
    ready_at = _whole_minute(max(each.ready_at for each in taken))
    ends = {
        offer.listing_id: good_until(offer.lots, quantity, ready_at, spoilt_by) for offer, quantity, spoilt_by in wanted
    }
    soonest, spoils_first = min(((end, listing) for listing, end in ends.items() if end), default=(None, ""))
    return Parcel(
        producer=first.producer_id,
        hub=first.hub,
        temperature=Temperature(first.temperature.value),
        ready_at=ready_at,
        arrive_by=arrive_by(ready_at, soonest, command.deliver_by),
        good_until=soonest,
        spoils_first=spoils_first,
        pre_harvest=any(each.since is not None and each.since > now for each in taken),
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
        already_packed=is_packed(line.offer.category),
    )


def arrive_by(ready_at: datetime, good_until: datetime | None, deliver_by: datetime | None) -> datetime | None:
    """By when goods have to be there: as asked, and so that they are good until the end of their promise.

    Goods that keep longer than any journey takes set no bound.
    """
    if good_until is None or good_until > ready_at + 2 * PLAN_HORIZON:
        return deliver_by
    return min(filter(None, (deliver_by, latest_arrival(ready_at, good_until))))
