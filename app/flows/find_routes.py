"""The story of asking for a way without an order: the front between two hubs, or why there is none."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from app.catalogue.values import Category, Species
from app.core.errors import Gap, Invalid
from app.core.limits import PLAN_HORIZON, QUOTE_OPTIONS_MAX
from app.core.money import Money
from app.emissions import shipment_footprint
from app.emissions.values import PACKAGING
from app.flows.plan_ways import Around, Cargo, Way, footprints_of, legs_of, ways_to_offer
from app.flows.ports import Ports
from app.flows.time_hand_in import time_hand_in
from app.network.capacity import read_load
from app.network.plan import in_turn
from app.network.route_schemas import RouteCo2eShape, RouteLegShape, RouteOptionShape, RouteRequest, RoutesShape
from app.network.rules import no_such_hub, start_faults
from app.network.values import CURRENCY, HubKind, Temperature
from app.orders.reasons import reasons
from app.orders.rules import labels, pareto, thin_out
from app.orders.values import Combination, Label
from app.routing import Used

# What is taken when the caller does not say: 250 kg fill a cubic metre, an animal weighs 50 kg (our defaults).
VOLUME_MM3_PER_G: Final = 4_000
HEAD_G: Final = 50_000
ARRIVE_BY: Final = {
    "en": f"After the start, and at most {PLAN_HORIZON.days} days after it; for later, ask with a later `depart_after`",
    "zh-Hans": f"须晚于发运时间，且不超过其后 {PLAN_HORIZON.days} 天；更晚到达请同时推迟 depart_after",
}


async def find_routes(ports: Ports, command: RouteRequest, language: str = "en", *, at: str = "") -> RoutesShape:
    """The front of arrival, price and CO2e between two hubs on what is booked now; holds nothing.

    Two statements. Raises `Invalid` with every fault (`at` leads the pointers), or `RouteUnavailable` with the reason.
    """
    now = ports.clock.now()
    async with ports.database.read() as connection:
        timetable = await ports.timetable.current(connection)
        hubs = ports.timetable.hubs
        _require_sense(command, set(hubs), now, at)
        cargo = _cargo(command, hubs[command.from_].adcode, max(now, command.depart_after or now))
        wanted = Used(cargo.weight_g, cargo.volume_mm3, cargo.live_heads)
        load = await read_load(connection, cargo.ready_at, cargo.ready_at + PLAN_HORIZON, wanted)
    origin, destination = hubs[command.from_], hubs[command.to]
    is_abroad = HubKind.FOREIGN in {origin.kind, destination.kind}
    crossing = frozenset[str]() if is_abroad else ports.timetable.crossing
    around = Around(
        ports.fronts, timetable, load, crossing, ports.timetable.vehicles, destination, None, hubs, ports.origin_rules
    )
    (ways,) = await in_turn(ways_to_offer, around, [cargo], QUOTE_OPTIONS_MAX)
    hand_in_by = await in_turn(time_hand_in, around, cargo, ways) if command.arrive_by else None
    points = [Combination(way.arrives_at, way.price_minor, way.co2e_g, (i,)) for i, way in enumerate(ways)]
    front = thin_out(pareto(points), QUOTE_OPTIONS_MAX)
    won = labels(front)
    return RoutesShape(
        options=[
            _option(around, cargo, ways[point.plans[0]], why)
            for point, why in zip(front, reasons(front, won, language), strict=True)
        ],
        hand_in_by=hand_in_by,
    )


def _require_sense(command: RouteRequest, hubs: set[str], now: datetime, at: str) -> None:
    gaps = [
        Gap(pointer, no_such_hub(code))
        for pointer, code in ((f"{at}/from", command.from_), (f"{at}/to", command.to))
        if code not in hubs
    ]
    if command.from_ == command.to:
        gaps.append(Gap(f"{at}/to", {"en": "It is there already", "zh-Hans": "起点与终点相同"}))
    gaps += start_faults(command.depart_after, now, f"{at}/depart_after")
    if command.live_heads and command.temperature is not Temperature.LIVE:
        gaps.append(
            Gap(f"{at}/live_heads", {"en": "Only for the temperature `live`", "zh-Hans": "仅用于 temperature 为 live"})
        )
    gaps += _unknown_goods(command, at)
    starts = max(now, command.depart_after or now)
    if command.arrive_by and not starts < command.arrive_by <= starts + PLAN_HORIZON:
        gaps.append(Gap(f"{at}/arrive_by", ARRIVE_BY))
    if gaps:
        raise Invalid(gaps=gaps)


def _unknown_goods(command: RouteRequest, at: str) -> Iterator[Gap]:
    """Faults in what kind of goods they are, by the words that listings have for it."""
    if command.category is not None and command.category not in {*Category}:
        yield Gap(f"{at}/category", _one_of(Category))
    if command.species is None:
        return
    if command.temperature is not Temperature.LIVE:
        yield Gap(f"{at}/species", {"en": "Only for the temperature `live`", "zh-Hans": "仅用于 temperature 为 live"})
    elif command.species not in {*Species}:
        yield Gap(f"{at}/species", _one_of(Species))


def _one_of(words: Iterable[str]) -> Mapping[str, str]:
    listed = ", ".join(words)
    return {"en": f"One of: {listed}", "zh-Hans": f"应为以下之一：{listed}"}


def _cargo(command: RouteRequest, county: str | None, ready_at: datetime) -> Cargo:
    """The goods of a question; they are taken to be of the county of the hub where they are handed in, and animals to be livestock."""
    is_live = command.temperature is Temperature.LIVE
    return Cargo(
        hub=command.from_,
        temperature=command.temperature,
        ready_at=ready_at.replace(microsecond=0) + timedelta(seconds=1 if ready_at.microsecond else 0),
        weight_g=command.weight_g,
        volume_mm3=command.volume_mm3 or command.weight_g * VOLUME_MM3_PER_G,
        toll_free=command.fresh,
        live_heads=(command.live_heads or -(-command.weight_g // HEAD_G)) if is_live else 0,
        species=frozenset({command.species} if command.species else ()),
        origin=county,
        categories=frozenset({command.category or Category.LIVESTOCK} if command.category or is_live else ()),
        arrive_by=command.arrive_by,
    )


def _option(around: Around, cargo: Cargo, way: Way, why: Mapping[Label, str]) -> RouteOptionShape:
    legs = legs_of(around, cargo, way)
    covered = shipment_footprint(footprints_of(around, cargo, legs))
    return RouteOptionShape(
        labels=[label.value for label in why],
        why={label.value: reason for label, reason in why.items()},
        arrives_at=way.arrives_at,
        price=Money(way.price_minor, CURRENCY),
        co2e_g=RouteCo2eShape(
            transport=covered.transport_g,
            hubs=covered.hubs_g,
            total=covered.total_g,
            covers=[name for name in covered.covers if name != PACKAGING],
            missing=[name for name in covered.missing if name != PACKAGING],
        ),
        legs=[
            RouteLegShape.model_validate({name: getattr(leg, name) for name in RouteLegShape.model_fields})
            for leg in legs
        ],
    )
