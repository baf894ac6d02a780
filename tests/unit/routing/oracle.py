"""A second planner, slow and plain, that shares no code with the first: it tries every departure and forgets nothing.

It knows a state by (place, time, clock of the limit, price, CO2e) and only joins states that are equal, so no rule about what
may be thrown away can hide in it. Networks for it are tiny and their times a few seconds apart.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import combinations
from math import ceil, floor
from typing import NamedTuple

from app.routing import Leg, Load, Place, Plan, Query, Service, Used

MONDAY = 1_767_571_200
WEEK_S = 7 * 86_400
Point = tuple[int, int, int]


def runs(service: Service, since: int, until: int) -> Iterator[int]:
    """Every start of a run in a period, both ends included, found by walking the calendar day by day."""
    starts = range(since, until + 1) if service.on_demand else _timetabled(service, since, until)
    for start in sorted(set(starts)):
        if not any(begin <= start < end for begin, end in service.closures):
            yield start


def _timetabled(service: Service, since: int, until: int) -> Iterator[int]:
    day = datetime.fromtimestamp(since, UTC).replace(hour=0, minute=0, second=0)
    while day.timestamp() <= until:
        for pattern in service.departures:
            if day.weekday() not in pattern.weekdays:
                continue
            if pattern.valid_from and day.date() < pattern.valid_from:
                continue
            if pattern.valid_until and day.date() > pattern.valid_until:
                continue
            for second in pattern.seconds_of_day:
                start = int(day.timestamp()) + second
                if since <= start <= until:
                    yield start
        day += timedelta(days=1)


def ride_price(service: Service, board: int, alight: int, weight_g: int) -> int:
    metres = service.stops[alight].distance_m - service.stops[board].distance_m
    kilograms = Fraction(weight_g, 1000)
    per_kg = kilograms * Fraction(service.tariff.milliminor_per_kg, 1000)
    per_tkm = kilograms / 1000 * Fraction(metres, 1000) * Fraction(service.tariff.milliminor_per_tkm, 1000)
    return max(service.tariff.minimum_minor, ceil(service.tariff.base_minor + per_kg + per_tkm))


def ride_co2e(service: Service, board: int, alight: int, query: Query) -> int | None:
    if query.temperature not in service.co2e_mg_per_tkm:
        return None
    metres = service.stops[alight].distance_m - service.stops[board].distance_m
    activity = Fraction(query.weight_g, 10**6) * Fraction(metres, 1000)
    return half_up(activity * service.co2e_mg_per_tkm[query.temperature])


def transfer(place: Place, weight_g: int) -> tuple[int, int | None]:
    kilograms = Fraction(weight_g, 1000)
    price = place.transfer_price_minor + ceil(kilograms * Fraction(place.transfer_price_milliminor_per_kg, 1000))
    if place.transfer_co2e_mg_per_kg is None:
        return price, None
    return price, half_up(kilograms * place.transfer_co2e_mg_per_kg)


def half_up(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))


def slots_needed(query: Query) -> int:
    """Boxes of 100 litres, begun ones too, of goods that are kept cold."""
    return ceil(query.volume_mm3 / 100_000_000) if query.temperature in ("chilled", "frozen") else 0


def has_room(service: Service, start: int, board: int, alight: int, query: Query, load: Load) -> bool:
    if service.on_demand:
        load = {}
    if (service.id, start) in query.excluded_departures and not service.on_demand:
        return False
    for segment in range(board, alight):
        used = load.get((service.id, start, segment), Used())
        if used.weight_g + query.weight_g > service.capacity.weight_g:
            return False
        if used.volume_mm3 + query.volume_mm3 > service.capacity.volume_mm3:
            return False
        if used.live_places + query.live_heads > service.capacity.live_places:
            return False
        slots = service.capacity.chilled_slots
        if slots is not None and used.chilled_slots + slots_needed(query) > slots:
            return False
    return True


def is_offered(service: Service, query: Query) -> bool:
    return (
        query.temperature in service.temperatures
        and service.id not in query.excluded_services
        and service.mode not in query.excluded_modes
        and service.carrier not in query.excluded_carriers
        and query.piece_weight_g <= (service.piece_weight_g_max or query.piece_weight_g)
        and query.piece_length_mm <= (service.piece_length_mm_max or query.piece_length_mm)
    )


def is_open(place: Place, at: int) -> bool:
    """Looked up second by second: no arithmetic of weeks is shared with the planner."""
    second = (at - MONDAY) % WEEK_S
    return not place.opening or any(
        since <= at_ < until for since, until in place.opening for at_ in (second, second + WEEK_S)
    )


def opens(place: Place, at: int, until: int) -> int:
    """The first open second from `at` on, or one after `until`."""
    return next((each for each in range(at, until + 1) if is_open(place, each)), until + 1)


class Clock(NamedTuple):
    """What limits a journey: `since` is the moment of loading (None: not loaded), or `spent` the seconds out of the cold."""

    since: int | None = None
    spent: int = 0


def front(places: list[Place], services: list[Service], query: Query, load: Load) -> dict[Point, tuple[int, tuple]]:
    """Each point of the exact front, with the number of legs and the legs (service, board, alight, start) that come first."""
    known = {place.code: place for place in places}
    deadline = last_arrival(query)
    leaving = _leaving(places, services, query, load, deadline)
    handling = {place.code: transfer(place, query.weight_g) for place in places}
    is_limited = query.max_journey_s is not None or query.max_exposure_s is not None
    start = (query.origin, query.depart_after, first_clock(query), 0, 0)
    best: dict[tuple, tuple[int, tuple]] = {start: (0, ())}
    # Every ride takes time, so walking the states by time sees each after all that lead to it.
    waiting = {query.depart_after: {start}}
    for time in range(query.depart_after, deadline + 1):
        for state in waiting.pop(time, ()):
            place, _, clock, price, co2e = state
            if place == query.destination:
                continue
            legs, path = best[state]
            handled = (0, 0) if not path and query.spent_s is None else handling[place]
            for begun, rested, steps in stays(known[place], time, clock, query, deadline):
                for service, board, alight, starts, ride_minor, ride_mg in leaving[place]:
                    ready = begun + known[place].dwell_s + service.cutoff_s
                    for run in starts:
                        departs = run + service.stops[board].depart_offset_s
                        arrives = run + service.stops[alight].arrive_offset_s
                        if departs < ready or arrives > deadline:
                            continue
                        later = ticked(known[place], rested, time, departs, arrives, query)
                        if later is None:
                            continue
                        cost = (price + handled[0] + ride_minor, co2e + (handled[1] or 0) + ride_mg)
                        after = (service.stops[alight].place, arrives, later, *cost)
                        route = (legs + 1 + steps, (*path, (service.id, board, alight, run)))
                        if after not in best or route < best[after]:
                            best[after] = route
                        waiting.setdefault(arrives, set()).add(after)
                        if not is_limited:
                            break
    points: dict[Point, tuple[int, tuple]] = {}
    for (place, time, _, price, co2e), route in best.items():
        if place == query.destination:
            point = (time, price, co2e)
            points[point] = min(points.get(point, route), route)
    if query.window_s is not None and points:
        until = min(points)[0] + query.window_s
        points = {point: route for point, route in points.items() if point[0] <= until}
    return {
        point: points[point]
        for point in sorted(points)
        if not any(other != point and all(a <= b for a, b in zip(other, point, strict=True)) for other in points)
    }


def last_arrival(query: Query) -> int:
    deadline = query.depart_after + query.horizon_s
    return deadline if query.arrive_by is None else min(deadline, query.arrive_by)


def first_clock(query: Query) -> Clock:
    if query.max_journey_s is not None and query.spent_s is not None:
        return Clock(since=query.depart_after - query.spent_s)
    return Clock(spent=(query.spent_s or 0) if query.max_exposure_s is not None else 0)


def stays(place: Place, time: int, clock: Clock, query: Query, deadline: int) -> Iterator[tuple[int, Clock, int]]:
    """When the dwell may begin, with the clock then and the steps that it took: at once, or after a rest."""
    begun = opens(place, time, deadline)
    yield begun, clock, 0
    if query.max_journey_s is None or not query.rest_s or not place.can_rest or clock.since is None:
        return
    if begun - clock.since <= query.max_journey_s:
        yield opens(place, begun + query.rest_s, deadline), Clock(), 1


def ticked(place: Place, clock: Clock, time: int, departs: int, arrives: int, query: Query) -> Clock | None:
    """The clock after a ride, or None when the limit is passed."""
    if query.max_journey_s is not None:
        since = departs if clock.since is None else clock.since
        return Clock(since=since) if arrives - since <= query.max_journey_s else None
    if query.max_exposure_s is not None:
        spent = clock.spent + (0 if place.is_cooled else departs - time)
        return Clock(spent=spent) if spent <= query.max_exposure_s else None
    return clock


def _leaving(
    places: list[Place], services: list[Service], query: Query, load: Load, deadline: int
) -> dict[str, list[tuple]]:
    """By place, every ride with its runs that have room. No plan comes back to its origin, or touches a forbidden place."""
    leaving: dict[str, list[tuple]] = {place.code: [] for place in places}
    for service in services:
        if is_offered(service, query):
            for board, alight in combinations(range(len(service.stops)), 2):
                tail, head = service.stops[board].place, service.stops[alight].place
                if head in {tail, query.origin} or {tail, head} & query.excluded_places:
                    continue
                starts = runs(service, query.depart_after - 200, deadline)
                leaving[tail].append(
                    (
                        service,
                        board,
                        alight,
                        [run for run in starts if has_room(service, run, board, alight, query, load)],
                        ride_price(service, board, alight, query.weight_g),
                        ride_co2e(service, board, alight, query) or 0,
                    )
                )
    return leaving


def replay(places: list[Place], services: list[Service], query: Query, load: Load, plan: Plan) -> None:
    """Drive the plan leg by leg and object to whatever is not true of it."""
    known = {place.code: place for place in places}
    offered = {service.id: service for service in services}
    price = co2e = 0
    here, time = query.origin, query.depart_after
    for number, leg in enumerate(plan.legs):
        service = offered[leg.service]
        board, alight = service.stops[leg.board_stop], service.stops[leg.alight_stop]
        assert is_offered(service, query)
        assert not {leg.from_place, leg.to_place} & query.excluded_places
        assert (leg.from_place, leg.to_place) == (here, alight.place)
        assert board.place == here
        assert (leg.mode, leg.carrier) == (service.mode, service.carrier)
        assert leg.departure_at in runs(service, leg.departure_at, leg.departure_at)
        assert leg.departs_at == leg.departure_at + board.depart_offset_s
        assert leg.arrives_at == leg.departure_at + alight.arrive_offset_s
        assert opens(known[here], time, leg.departs_at) + known[here].dwell_s + service.cutoff_s <= leg.departs_at
        assert has_room(service, leg.departure_at, leg.board_stop, leg.alight_stop, query, load)
        assert leg.distance_m == alight.distance_m - board.distance_m
        assert leg.price_minor == ride_price(service, leg.board_stop, leg.alight_stop, query.weight_g)
        assert leg.co2e_mg == ride_co2e(service, leg.board_stop, leg.alight_stop, query)
        is_transferred = number > 0 or query.spent_s is not None
        assert _handling(leg) == (transfer(known[here], query.weight_g) if is_transferred else (0, 0))
        price += leg.price_minor + leg.handling_price_minor
        co2e += (leg.co2e_mg or 0) + (leg.handling_co2e_mg or 0)
        here, time = leg.to_place, leg.arrives_at
    assert here == query.destination
    assert (plan.price_minor, plan.co2e_mg, plan.arrives_at) == (price, co2e, plan.legs[-1].arrives_at)
    assert plan.arrives_at <= last_arrival(query)
    assert _is_within_limits(known, offered, query, plan)


def _is_within_limits(known: dict[str, Place], offered: dict[str, Service], query: Query, plan: Plan) -> bool:
    """Whether some choice of rests keeps the plan within its limit."""
    clocks, time = {first_clock(query)}, query.depart_after
    for leg in plan.legs:
        place, service = known[leg.from_place], offered[leg.service]
        clocks = {
            later
            for clock in clocks
            for begun, rested, _ in stays(place, time, clock, query, leg.departs_at)
            if begun + place.dwell_s + service.cutoff_s <= leg.departs_at
            if (later := ticked(place, rested, time, leg.departs_at, leg.arrives_at, query)) is not None
        }
        time = leg.arrives_at
    return bool(clocks)


def _handling(leg: Leg) -> tuple[int, int | None]:
    return leg.handling_price_minor, leg.handling_co2e_mg
