"""The decision on one consignment that a disruption reached: its rest holds, moves in time, goes another way, or has none. CPU only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from app.core.limits import HAND_IN_NOTICE, PLAN_HORIZON
from app.flows.plan_ways import CHARGEABLE_G, LIVE_WINDOW_S, VOLUME_MM3, round_up
from app.network.endurance import JourneyLimit, exposure_limit_s, journey_limit
from app.network.origin_rules import (
    NO_RULES,
    Origin,
    OriginRule,
    OriginRules,
    closed_on_the_way,
    forbidding,
    what_stands_in_the_way,
)
from app.network.plan import FrontCache
from app.network.rules import HAND_IN_S, open_from
from app.network.values import Held, HubKind, HubPoint, Temperature, Want
from app.orders.rules import promise_for
from app.routing import Leg, Load, NoPlan, Plan, Query, Reason, SearchTooLarge, Timetable, Used
from app.shipments.onward import (
    Whereabouts,
    courier_left,
    frozen_legs,
    moved,
    rides_left,
    room_for,
    spent_s,
    still_connects,
    whereabouts,
)
from app.shipments.replan import Change
from app.shipments.rules import recompute
from app.shipments.values import ConsignmentStatus, Journey, JourneyLeg, LegState, Scan

HOUR_S: Final = 3_600
NOBODY_KNOWS_WHERE: Final = "whereabouts_unknown"
TOO_MANY_WAYS: Final = "too_many_ways"


@dataclass(frozen=True, slots=True)
class Network:
    """The network as one batch sees it: timetable, what is booked, and the hubs."""

    fronts: FrontCache
    timetable: Timetable
    load: Load
    crossing: frozenset[str]
    hubs: Mapping[str, HubPoint]
    rules: OriginRules = NO_RULES


@dataclass(frozen=True, slots=True)
class Case:
    """All that is known of one consignment. `held` are its bookings by leg; `gives_way` are legs whose run has no room for it any more."""

    journey: Journey
    scans: tuple[Scan, ...]
    held: Mapping[str, Held]
    gives_way: frozenset[str] = frozenset()

    @property
    def left(self) -> dict[str, Held]:
        """The bookings of rides that nobody has begun, by leg."""
        return {leg.id: self.held[leg.id] for leg in rides_left(self.journey) if leg.id in self.held}


@dataclass(frozen=True, slots=True)
class Onward:
    """The new rest of a journey, and what it takes: bookings to give up and to make."""

    change: Change
    given_up: tuple[str, ...]
    wants: tuple[Want, ...]


@dataclass(frozen=True, slots=True)
class NoWay:
    """There is no way on, and why: the planner's reason, or one of ours. `rule` is the number of the one that forbids it."""

    hub: str
    ready_at: datetime
    reason: str
    rule: str | None = None


def plan_onward(
    network: Network, case: Case, filled: frozenset[tuple[str, int]], now: datetime
) -> Onward | NoWay | None:
    """What becomes of the rest of a journey; None when it stands as it is. `filled` are departures that turned out to be full.

    Executed legs and the one under way stay. Of ways within the promise the cheapest, else the one that arrives first.
    """
    place, rides = whereabouts(case.journey, case.scans, now), rides_left(case.journey)
    if place is None or not rides:
        return None
    timed = [moved(leg, {leg_id: held.run_at for leg_id, held in case.left.items()}) for leg in rides]
    is_booked = all(leg.id in case.left and not case.left[leg.id].is_closed for leg in rides)
    if is_booked and not case.gives_way and _holds(network, case, rides, timed, place, now + HAND_IN_NOTICE):
        return None if tuple(timed) == rides else _onward(case, place, timed, (), now, is_new_way=False)
    if not place.is_known:
        return NoWay(place.hub or rides[0].from_hub, place.at, NOBODY_KNOWS_WHERE)
    found = _best_way(network, case, place, filled, now)
    return _rebooked(case, place, found, timed, now) if isinstance(found, Plan) else found


def _holds(
    network: Network,
    case: Case,
    rides: Sequence[JourneyLeg],
    timed: Sequence[JourneyLeg],
    place: Whereabouts,
    noticed_by: datetime,
) -> bool:
    done = frozen_legs(case.journey.legs)
    came_from = case.journey.legs[done - 1] if done else None

    def boards_by(leg: JourneyLeg, arrives: datetime) -> datetime:
        return _ready_at(network, leg.from_hub, arrives) + timedelta(seconds=_cutoff_s(network, leg.service_id))

    if not still_connects(rides, timed, place, came_from, boards_by, noticed_by):
        return False
    if not _stays_cold(network, case, timed, place):
        return False
    limit = _journey_limit(case.journey)
    loaded = (
        timed[0].departs_at if not place.is_carried else place.at - timedelta(seconds=_spent(network, case, place.at))
    )
    return limit is None or _bears(network, timed, loaded, limit)


def _stays_cold(network: Network, case: Case, timed: Sequence[JourneyLeg], place: Whereabouts) -> bool:
    """Whether chilled and frozen goods stand in the warm no longer than they bear, with what they have stood there already."""
    limit_s = exposure_limit_s(Temperature(case.journey.temperature))
    if limit_s is None:
        return True
    # Until the first ride they are in their producer's hands; later each stay counts that is not in a cold store.
    stood_s = _spent(network, case, timed[0].departs_at) if place.is_carried else 0
    cold = {each.code for each in network.timetable.places if each.is_cooled}
    waits = (after.departs_at - before.arrives_at for before, after in pairwise(timed) if before.to_hub not in cold)
    return stood_s + sum(waits, start=timedelta()).total_seconds() <= limit_s


def _bears(network: Network, timed: Sequence[JourneyLeg], loaded: datetime, limit: JourneyLimit) -> bool:
    """Whether animals that were loaded then arrive within the limit, or at each rest on the way."""
    since = loaded
    rest, most = timedelta(seconds=limit.rest_s), timedelta(seconds=limit.max_s)
    for before, after in pairwise(timed):
        number = network.timetable.numbers.get(before.to_hub)
        can_rest = number is not None and network.timetable.places[number].can_rest
        if limit.rest_s and can_rest and after.departs_at - before.arrives_at >= rest:
            if before.arrives_at - since > most:
                return False
            since = after.departs_at
    return timed[-1].arrives_at - since <= most


def _ready_at(network: Network, hub: str, arrives: datetime) -> datetime:
    """When goods that arrive at this hub are ready to go on: its dwell begins while it is open."""
    number = network.timetable.numbers.get(hub)
    if number is None:
        return arrives
    at = network.timetable.places[number]
    return open_from(at.opening, arrives) + timedelta(seconds=at.dwell_s)


def _dwell_s(network: Network, hub: str) -> int:
    number = network.timetable.numbers.get(hub)
    return 0 if number is None else network.timetable.places[number].dwell_s


def _cutoff_s(network: Network, service: str) -> int:
    number = network.timetable.service_numbers.get(service)
    return 0 if number is None else network.timetable.services[number].cutoff_s


def _spent(network: Network, case: Case, until: datetime) -> int:
    limit, places = _journey_limit(case.journey), network.timetable.places
    return spent_s(
        case.journey,
        until,
        rest_s=limit.rest_s if limit else 0,
        rests_at={place.code for place in places if place.can_rest},
        cooled_at={place.code for place in places if place.is_cooled},
    )


def _journey_limit(journey: Journey) -> JourneyLimit | None:
    """What the animals bear, None for other goods. Where nobody noted the species, the table's default is theirs."""
    return journey_limit(journey.species or ()) if journey.temperature == Temperature.LIVE else None


def query_onward(
    network: Network,
    case: Case,
    place: Whereabouts,
    filled: frozenset[tuple[str, int]],
    now: datetime,
    rules: Sequence[OriginRule] = (),
) -> Query:
    """The question for what is left: from where the goods are, when they get there, with the hours that they have spent.

    `rules` are those on where goods of this origin may not go.
    """
    journey, rides = case.journey, rides_left(case.journey)
    begins = _begins_at(network, case, place, now)
    limit = _journey_limit(journey)
    sides = [max(package.length_mm, package.width_mm, package.height_mm) for package in journey.packages]
    room = room_for(journey)
    ends = (journey.legs[0].from_hub, place.hub, rides[-1].to_hub)
    is_abroad = any(code in network.hubs and network.hubs[code].kind is HubKind.FOREIGN for code in ends)
    left_behind = {
        (held.service_id, int(held.run_at.timestamp())) for leg, held in case.left.items() if leg in case.gives_way
    }
    on_demand = {code for code, _ in filled if _is_on_demand(network, code)}
    closed = closed_on_the_way(rules, network.hubs.values(), network.timetable, place.hub)
    return Query(
        origin=place.hub,
        destination=rides[-1].to_hub,
        depart_after=begins,
        weight_g=round_up(room.weight_g, CHARGEABLE_G),
        volume_mm3=round_up(room.volume_mm3, VOLUME_MM3),
        temperature=journey.temperature,
        live_heads=room.live_places,
        piece_weight_g=max(package.weight_g for package in journey.packages),
        piece_length_mm=max(sides),
        max_journey_s=limit.max_s if limit else None,
        rest_s=limit.rest_s if limit else 0,
        window_s=LIVE_WINDOW_S if limit else None,
        max_exposure_s=exposure_limit_s(Temperature(journey.temperature)),
        spent_s=_spent(network, case, _time(begins)) if place.is_carried else None,
        horizon_s=int(PLAN_HORIZON.total_seconds()),
        excluded_services=(frozenset() if is_abroad else network.crossing) | on_demand | closed.services,
        excluded_departures=filled | left_behind,
        excluded_places=closed.places,
    )


def _begins_at(network: Network, case: Case, place: Whereabouts, now: datetime) -> int:
    """When the planner may begin: it adds the dwell, of which goods that are there have spent a part; nothing leaves in the past."""
    dwell = timedelta(seconds=_dwell_s(network, place.hub))
    if place.is_carried or place.is_there:
        earliest = max(place.at, now - dwell)
    else:
        first = case.journey.legs[0]
        earliest = max(now, place.at - dwell - timedelta(seconds=_cutoff_s(network, first.service_id)))
    return round_up(int(earliest.timestamp()), HAND_IN_S)


def _best_way(
    network: Network, case: Case, place: Whereabouts, filled: frozenset[tuple[str, int]], now: datetime
) -> Plan | NoWay:
    """The cheapest way within the promise, else the one that arrives first; or why there is none.

    Promises are taken by the whole hour, so that consignments of one kind ask the same and share the answer.
    """
    rules = _rules_for(network, case.journey, max(place.at, now))
    forbids = forbidding(rules, _goes_to(network, case.journey))
    if forbids is not None:
        return NoWay(place.hub, place.at, Reason.FORBIDDEN.value, forbids.number)
    query = query_onward(network, case, place, filled, now, rules)
    load = _without_own(network.load, case)
    courier = courier_left(case.journey)
    to_the_door = courier.arrives_at - courier.departs_at if courier else timedelta()
    in_time = int((case.journey.promised_by - to_the_door).timestamp()) // HOUR_S * HOUR_S
    try:
        if in_time > query.depart_after:
            within = network.fronts.plan(network.timetable, replace(query, arrive_by=in_time), load)
            if not isinstance(within, NoPlan):
                return min(within.plans, key=lambda plan: (plan.price_minor, plan.co2e_mg, plan.arrives_at))
        soonest = network.fronts.plan(network.timetable, replace(query, window_s=0), load)
        if isinstance(soonest, NoPlan):
            reason, rule = what_stands_in_the_way(
                rules,
                soonest.reason,
                lambda some: network.fronts.why_none(
                    network.timetable, query_onward(network, case, place, filled, now, some), load
                ),
            )
            return NoWay(place.hub, place.at, reason.value, rule.number if rule else None)
    except SearchTooLarge:
        return NoWay(place.hub, place.at, TOO_MANY_WAYS)
    return min(soonest.plans, key=lambda plan: (plan.arrives_at, plan.price_minor, plan.co2e_mg))


def _rules_for(network: Network, journey: Journey, at: datetime) -> tuple[OriginRule, ...]:
    """The rules on where these goods may not go, as on the day when they set out anew."""
    categories, species = frozenset(journey.categories or ()), frozenset(journey.species or ())
    goods = Origin(journey.origin, Temperature(journey.temperature), categories, species)
    return network.rules.bearing_on(goods, at)


def _goes_to(network: Network, journey: Journey) -> str | None:
    """The code of the county where the journey ends, at a door or at a hub."""
    last = journey.legs[-1].to_hub
    return network.hubs[last].adcode if last in network.hubs else last


def _without_own(load: Load, case: Case) -> Load:
    """What is booked by others: its own room is there for it, unless it gives way."""
    own = [
        ((held.service_id, int(held.run_at.timestamp()), segment), held)
        for leg, held in case.left.items()
        if leg not in case.gives_way
        for segment in range(held.board, held.alight)
    ]
    mine = {key: held for key, held in own if key in load}
    if not mine:
        return load
    freed = {
        key: Used(
            max(load[key].weight_g - held.weight_g, 0),
            max(load[key].volume_mm3 - held.volume_mm3, 0),
            max(load[key].live_places - held.live_places, 0),
            max(load[key].chilled_slots - held.chilled_slots, 0),
        )
        for key, held in mine.items()
    }
    return {**load, **freed}


def _is_on_demand(network: Network, service: str) -> bool:
    number = network.timetable.service_numbers.get(service)
    return number is not None and network.timetable.services[number].on_demand


def _rebooked(case: Case, place: Whereabouts, found: Plan, timed: Sequence[JourneyLeg], now: datetime) -> Onward:
    """The plan as legs: a ride that was booked before keeps its leg and its booking."""
    room = room_for(case.journey)
    planned = [_ride(leg, room.weight_g) for leg in found.legs]
    own = {_ride_key(leg): leg for leg in timed if leg.id in case.left and leg.id not in case.gives_way}
    legs = [own.get(_ride_key(leg), leg) for leg in planned]
    kept = {leg.id for leg in legs} & case.left.keys()
    given_up = tuple(held.id for leg, held in case.left.items() if leg not in kept)
    wants = tuple(_want(case.journey.id, leg, room) for leg in legs if leg.id not in kept)
    onward = _onward(case, place, legs, wants, now, is_new_way=True, arrives_at=_time(found.arrives_at))
    return replace(onward, given_up=given_up)


def _ride_key(leg: JourneyLeg) -> tuple[str, datetime, int, int]:
    return leg.service_id, leg.run_at, leg.board, leg.alight


def _onward(
    case: Case,
    place: Whereabouts,
    rides: Sequence[JourneyLeg],
    wants: tuple[Want, ...],
    now: datetime,
    *,
    is_new_way: bool,
    arrives_at: datetime | None = None,
) -> Onward:
    journey, since = case.journey, frozen_legs(case.journey.legs)
    arrives = arrives_at or rides[-1].arrives_at
    legs, courier = list(rides), courier_left(journey)
    if courier is not None:
        takes = courier.arrives_at - courier.departs_at
        legs.append(replace(courier, run_at=arrives, departs_at=arrives, arrives_at=arrives + takes))
        arrives += takes
    whole = (*journey.legs[:since], *legs)
    kept = arrives <= journey.promised_by
    promise = promise_for(now, arrives)
    is_handed_in = journey.status is not ConsignmentStatus.BOOKED
    hand_in_by = journey.hand_in_by if is_handed_in else legs[0].departs_at
    state = recompute(case.scans, whole, now)
    assert state.legs[:since] == tuple(LegState(leg.status, leg.departed_at, leg.arrived_at) for leg in whole[:since])
    change = Change(
        since=since,
        legs=tuple(legs),
        hub=place.hub,
        ready_at=place.at,
        hand_in_by=hand_in_by,
        promised_from=journey.promised_from if kept else promise.start,
        promised_by=journey.promised_by if kept else promise.end,
        estimated_at=state.estimated_at,
        extra_minor=sum(leg.price_minor for leg in legs) - sum(leg.price_minor for leg in journey.legs[since:]),
        # Times that move within what was said are nobody's worry.
        is_news=is_new_way or not kept or hand_in_by != journey.hand_in_by,
    )
    return Onward(change, (), wants)


def _ride(leg: Leg, weight_g: int) -> JourneyLeg:
    """A planned ride as it is kept; its price holds the handling before it, its CO2e is of the real weight."""
    chargeable = round_up(weight_g, CHARGEABLE_G)
    return JourneyLeg(
        from_hub=leg.from_place,
        to_hub=leg.to_place,
        mode=leg.mode,
        service_id=leg.service,
        run_at=_time(leg.departure_at),
        board=leg.board_stop,
        alight=leg.alight_stop,
        carrier=leg.carrier,
        departs_at=_time(leg.departs_at),
        arrives_at=_time(leg.arrives_at),
        distance_m=leg.distance_m,
        price_minor=leg.price_minor + leg.handling_price_minor,
        co2e_g=None if leg.co2e_mg is None else (leg.co2e_mg * weight_g // chargeable + 500) // 1_000,
    )


def _want(consignment_id: str, leg: JourneyLeg, room: Used) -> Want:
    return Want(
        leg_id=leg.id,
        consignment_id=consignment_id,
        service_id=leg.service_id,
        run_at=leg.run_at,
        board=leg.board,
        alight=leg.alight,
        weight_g=room.weight_g,
        volume_mm3=room.volume_mm3,
        live_places=room.live_places,
        chilled_slots=room.chilled_slots,
    )


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
