"""From goods at a hub to every sensible way to a buyer: the trunk by the planner, then the courier to the door."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.errors import Gap, Invalid
from app.core.limits import PLAN_HORIZON, WEIGHT_G_MAX
from app.core.money import Money
from app.emissions import LegFootprint
from app.flows.ports import Ports
from app.network.capacity import read_load
from app.network.endurance import exposure_limit_s, journey_limit
from app.network.errors import NoHubForCounty, RouteUnavailable, TooManyWays
from app.network.origin_rules import (
    NO_RULES,
    Closed,
    Origin,
    OriginRule,
    OriginRules,
    closed_on_the_way,
    forbidding,
    what_stands_in_the_way,
)
from app.network.plan import FrontCache
from app.network.rules import HAND_IN_S, last_mile, ride_footprint
from app.network.values import CURRENCY, DEFAULT_VEHICLES, CourierLeg, HubKind, HubPoint, Mode, Temperature, Vehicle
from app.orders.rules import spread, winners
from app.orders.schemas import LegShape
from app.routing import (
    Front,
    Leg,
    Load,
    NoPlan,
    Place,
    Plan,
    Point,
    Query,
    Reason,
    SearchTooLarge,
    Service,
    Timetable,
    Used,
)

# Carriage is charged by the whole kilogram: our default.
# CO2e is linear in weight, so the front is the same one for the real weight.
CHARGEABLE_G: Final = 1_000
VOLUME_MM3: Final = 10_000_000
# Animals are not kept waiting for a cheaper way for longer than this. [M]
LIVE_WINDOW_S: Final = 48 * 3_600
# Of each cargo's front, so many ways are looked at for an order's options.
WAYS_OFFERED_MAX: Final = 12


@dataclass(frozen=True, slots=True)
class Cargo:
    """What leaves one hub together. `ready_at`: when it is handed in; `piece_…`: its heaviest and its longest single piece.

    `toll_free`: all of it is of the green channel.
    Animals of which no `species` is told are taken for the table's default. `origin` is the county where the goods come from;
    on it and on their `categories` depends where they may not go. Later than `arrive_by` they are of no use.
    """

    hub: str
    temperature: Temperature
    ready_at: datetime
    weight_g: int
    volume_mm3: int
    live_heads: int
    piece_weight_g: int = 0
    piece_length_mm: int = 0
    toll_free: bool = False
    species: frozenset[str] = frozenset()
    origin: str | None = None
    categories: frozenset[str] = frozenset()
    arrive_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class Around:
    """The network as one quote sees it: timetable, what is booked, and where the goods go."""

    fronts: FrontCache
    timetable: Timetable
    load: Load
    crossing: frozenset[str]
    vehicles: Mapping[str, Vehicle]
    destination: HubPoint
    county: str | None
    hubs: Mapping[str, HubPoint] = field(default_factory=dict)
    rules: OriginRules = NO_RULES

    def place(self, code: str) -> Place:
        return self.timetable.places[self.timetable.numbers[code]]

    def why_none(self, query: Query) -> Reason | None:
        """Why this question has no way; None when there is one, or too many."""
        return self.fronts.why_none(self.timetable, query, self.load)

    def service(self, code: str) -> Service:
        return self.timetable.services[self.timetable.service_numbers[code]]


@dataclass(frozen=True, slots=True)
class Way:
    """One way for one cargo, to the door or to the hub where it is fetched. `legs_of` tells it leg by leg."""

    arrives_at: datetime
    price_minor: int
    co2e_g: int
    journey: Plan
    courier: CourierLeg | None


async def look_around(
    ports: Ports,
    connection: AsyncConnection,
    county: str,
    hub: str | None,
    cargoes: Sequence[Cargo],
    timetable: Timetable | None = None,
) -> Around:
    """Read what planning needs, in two statements, or one with the present timetable. `hub` None: to the door in `county`.

    Raises `NoHubForCounty`, or `Invalid` for a hub that is not one at which a buyer can fetch goods.
    """
    timetable = timetable or await ports.timetable.current(connection)
    code = hub or ports.timetable.hub_for_county(county)
    if code is None:
        raise NoHubForCounty(county)
    destination = ports.timetable.hubs.get(code)
    if destination is None or destination.kind is HubKind.FOREIGN:
        raise Invalid(
            gaps=[
                Gap(
                    "/deliver_to/hub",
                    {"en": "Not a hub in this country; see GET /v1/hubs", "zh-Hans": "不是境内枢纽，请见 GET /v1/hubs"},
                )
            ]
        )
    # Only segments without room for all the cargoes together are read; the planner checks each cargo by itself.
    largest = Used(
        sum(c.weight_g for c in cargoes), sum(c.volume_mm3 for c in cargoes), sum(c.live_heads for c in cargoes)
    )
    since = min(cargo.ready_at for cargo in cargoes)
    until = max(cargo.ready_at for cargo in cargoes) + PLAN_HORIZON
    load = await read_load(connection, since, until, largest)
    return Around(
        ports.fronts,
        timetable,
        load,
        ports.timetable.crossing,
        ports.timetable.vehicles,
        destination,
        None if hub else county,
        ports.timetable.hubs,
        ports.origin_rules,
    )


def find_ways(around: Around, cargo: Cargo, without: frozenset[tuple[str, int]] = frozenset()) -> list[Way]:
    """The exact front of ways for one cargo; `RouteUnavailable` with the reason when there is none. CPU only.

    `without` these departures: services and starts of run.
    """
    return _ways(around, cargo, find_front(around, cargo, without).plans)


def ways_to_offer(around: Around, cargoes: Sequence[Cargo], most: int = WAYS_OFFERED_MAX) -> list[list[Way]]:
    """For each cargo at most so many ways of its exact front; `RouteUnavailable` as `find_ways`. CPU only.

    The cheapest, fastest and greenest are among them, and the cheapest and greenest of what is there by the time at which the
    order can be complete, so that of the order's own front, too, the three winners are exact. The others are compromises.
    """
    fronts = [find_front(around, cargo) for cargo in cargoes]
    to_the_door = [courier.duration_s if (courier := courier_for(around, cargo)) else 0 for cargo in cargoes]
    complete = max(front.points[0][0] + last_s for front, last_s in zip(fronts, to_the_door, strict=True))
    return [
        _ways(around, cargo, [front.plans[i] for i in _worth_offering(front.points, complete - last_s, most)])
        for cargo, front, last_s in zip(cargoes, fronts, to_the_door, strict=True)
    ]


def _worth_offering(points: Sequence[Point], by: int, most: int) -> list[int]:
    """The three winners, those among what is there `by` this moment, and compromises."""
    in_time = points[: bisect_right(points, by, key=itemgetter(0))]
    return spread(points, [*winners(points).values(), *winners(in_time).values()], most)


def find_front(around: Around, cargo: Cargo, without: frozenset[tuple[str, int]] = frozenset()) -> Front:
    """What the planner finds for one cargo; `RouteUnavailable` with the reason when there is none."""
    if cargo.weight_g > WEIGHT_G_MAX:
        raise RouteUnavailable(Reason.TOO_HEAVY, cargo.hub, around.destination.code, cargo.temperature.value)
    rules = rules_for(around, cargo)
    found = _planned(around, cargo, query_for(around, cargo, rules, without))
    if isinstance(found, NoPlan):
        reason, rule = what_stands_in_the_way(
            rules,
            found.reason,
            lambda some: around.why_none(query_for(around, cargo, some, without)),
        )
        raise _unavailable(around, cargo, reason, rule)
    return found


def rules_for(around: Around, cargo: Cargo) -> tuple[OriginRule, ...]:
    """The rules on where goods of this origin may not go; `RouteUnavailable` when one forbids the destination."""
    goods = Origin(cargo.origin, cargo.temperature, cargo.categories, cargo.species)
    rules = around.rules.bearing_on(goods, cargo.ready_at)
    rule = forbidding(rules, around.county or around.destination.adcode)
    if rule is not None:
        raise _unavailable(around, cargo, Reason.FORBIDDEN, rule)
    return rules


def closed_to(around: Around, cargo: Cargo) -> Closed:
    """Where this cargo may not pass on its way."""
    return closed_on_the_way(rules_for(around, cargo), around.hubs.values(), around.timetable, cargo.hub)


def query_for(
    around: Around,
    cargo: Cargo,
    rules: Sequence[OriginRule] = (),
    without: frozenset[tuple[str, int]] = frozenset(),
) -> Query:
    """The planner's question for one cargo under these rules: what its goods bear, and where they may not pass."""
    limit = journey_limit(cargo.species) if cargo.temperature is Temperature.LIVE else None
    closed = closed_on_the_way(rules, around.hubs.values(), around.timetable, cargo.hub)
    courier = courier_for(around, cargo)
    to_the_door_s = courier.duration_s if courier else 0
    return Query(
        origin=cargo.hub,
        destination=around.destination.code,
        depart_after=hand_in_at(cargo),
        weight_g=round_up(cargo.weight_g, CHARGEABLE_G),
        volume_mm3=round_up(cargo.volume_mm3, VOLUME_MM3),
        temperature=cargo.temperature.value,
        live_heads=cargo.live_heads,
        piece_weight_g=cargo.piece_weight_g,
        piece_length_mm=cargo.piece_length_mm,
        toll_free=cargo.toll_free,
        max_journey_s=limit.max_s if limit else None,
        rest_s=limit.rest_s if limit else 0,
        window_s=LIVE_WINDOW_S if limit else None,
        max_exposure_s=exposure_limit_s(cargo.temperature),
        arrive_by=int(cargo.arrive_by.timestamp()) - to_the_door_s if cargo.arrive_by else None,
        horizon_s=int(PLAN_HORIZON.total_seconds()),
        excluded_services=around.crossing | closed.services,
        excluded_departures=without,
        excluded_places=closed.places,
    )


def courier_for(around: Around, cargo: Cargo) -> CourierLeg | None:
    """The way from the last hub to the door; None when the goods are fetched."""
    if around.county is None:
        return None
    return last_mile(around.destination, around.county, cargo.weight_g, cargo.temperature)


def _planned(around: Around, cargo: Cargo, query: Query) -> Front | NoPlan:
    try:
        return around.fronts.plan(around.timetable, query, around.load)
    except SearchTooLarge as error:
        raise TooManyWays(cargo.hub, around.destination.code) from error


def _ways(around: Around, cargo: Cargo, plans: Iterable[Plan]) -> list[Way]:
    courier = courier_for(around, cargo)
    return [_way(cargo, plan, courier) for plan in plans]


def _unavailable(around: Around, cargo: Cargo, reason: Reason, rule: OriginRule | None) -> RouteUnavailable:
    return RouteUnavailable(reason, cargo.hub, around.destination.code, cargo.temperature.value, rule)


def round_up(value: int, step: int) -> int:
    return -(-value // step) * step


def hand_in_at(cargo: Cargo) -> int:
    """The second at which the goods are handed in at their hub."""
    return round_up(int(cargo.ready_at.timestamp()), HAND_IN_S)


def _way(cargo: Cargo, journey: Plan, courier: CourierLeg | None) -> Way:
    co2e_g = sum(ride_co2e_g(leg, cargo.weight_g, cargo.weight_g) or 0 for leg in journey.legs)
    if courier is None:
        return Way(_time(journey.arrives_at), journey.price_minor, co2e_g, journey, None)
    arrives_at = _time(journey.arrives_at + courier.duration_s)
    return Way(
        arrives_at,
        journey.price_minor + courier.price_minor,
        co2e_g + (courier_co2e_g(courier, cargo) or 0),
        journey,
        courier,
    )


def legs_of(around: Around, cargo: Cargo, way: Way) -> list[LegShape]:
    """A way leg by leg: the rides of the trunk, then the courier."""
    legs = [_ride(leg, cargo.weight_g) for leg in way.journey.legs]
    if way.courier and around.county:
        legs.append(
            _to_the_door(around.destination.code, around.county, way.courier, cargo, _time(way.journey.arrives_at))
        )
    return legs


def ride_co2e_g(leg: Leg, planned_g: int, weight_g: int) -> int | None:
    """What this real weight emits on a ride that was planned for the chargeable weight of another."""
    return None if leg.co2e_mg is None else (leg.co2e_mg * weight_g // round_up(planned_g, CHARGEABLE_G) + 500) // 1_000


def courier_co2e_g(courier: CourierLeg, cargo: Cargo) -> int | None:
    return ride_footprint(Mode.COURIER, Vehicle.VAN, cargo.temperature, cargo.weight_g, courier.distance_m).co2e_g


def footprints_of(around: Around, cargo: Cargo, legs: Sequence[LegShape]) -> list[LegFootprint]:
    """The legs' CO2e as they show it, with what each figure leaves out."""
    vehicles = [around.vehicles.get(leg.service, DEFAULT_VEHICLES[leg.mode]) for leg in legs]
    told = [
        ride_footprint(leg.mode, vehicle, cargo.temperature, cargo.weight_g, leg.distance_m)
        for leg, vehicle in zip(legs, vehicles, strict=True)
    ]
    return [replace(footprint, co2e_g=leg.co2e_g) for footprint, leg in zip(told, legs, strict=True)]


# Options of a quote have many legs in common.
@lru_cache(maxsize=4_096)
def _ride(leg: Leg, weight_g: int) -> LegShape:
    """A planned ride as everybody sees it; its price holds the handling before it."""
    return LegShape.model_construct(
        from_=leg.from_place,
        to=leg.to_place,
        mode=Mode(leg.mode),
        service=leg.service,
        carrier=leg.carrier,
        departs_at=_time(leg.departs_at),
        arrives_at=_time(leg.arrives_at),
        distance_m=leg.distance_m,
        price=Money(leg.price_minor + leg.handling_price_minor, CURRENCY),
        co2e_g=ride_co2e_g(leg, weight_g, weight_g),
        run_at=_time(leg.departure_at),
        board=leg.board_stop,
        alight=leg.alight_stop,
    )


def _to_the_door(hub: str, county: str, courier: CourierLeg, cargo: Cargo, at: datetime) -> LegShape:
    return LegShape.model_construct(
        from_=hub,
        to=county,
        mode=Mode.COURIER,
        service=f"{courier.carrier}-{hub}",
        carrier=courier.carrier,
        departs_at=at,
        arrives_at=at + timedelta(seconds=courier.duration_s),
        distance_m=courier.distance_m,
        price=Money(courier.price_minor, CURRENCY),
        co2e_g=courier_co2e_g(courier, cargo),
        run_at=None,
        board=None,
        alight=None,
    )


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
