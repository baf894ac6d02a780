"""A second planner, slow and plain, that shares no code with the first: it tries every departure and forgets nothing.

It knows a state by (place, time, moment of loading, price, CO2e) and only joins states that are equal, so no rule about what
may be thrown away can hide in it. Networks for it are tiny and their times a few seconds apart.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import combinations
from math import ceil, floor

from app.routing import Leg, Load, Place, Plan, Query, Service, Used

Key = tuple[str, int, int]
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
    )


def front(places: list[Place], services: list[Service], query: Query, load: Load) -> dict[Point, tuple[int, tuple]]:
    """Each point of the exact front, with the number of legs and the legs (service, board, alight, start) that come first."""
    known = {place.code: place for place in places}
    deadline = query.depart_after + query.horizon_s
    if query.arrive_by is not None:
        deadline = min(deadline, query.arrive_by)
    leaving: dict[str, list[tuple]] = {place.code: [] for place in places}
    for service in services:
        if is_offered(service, query):
            for board, alight in combinations(range(len(service.stops)), 2):
                starts = runs(service, query.depart_after - 200, deadline)
                leaving[service.stops[board].place].append(
                    (
                        service,
                        board,
                        alight,
                        [run for run in starts if has_room(service, run, board, alight, query, load)],
                        ride_price(service, board, alight, query.weight_g),
                        ride_co2e(service, board, alight, query) or 0,
                    )
                )
    handling = {place.code: transfer(place, query.weight_g) for place in places}
    start = (query.origin, query.depart_after, None, 0, 0)
    best: dict[tuple, tuple[int, tuple]] = {start: (0, ())}
    # Every ride takes time, so walking the states by time sees each after all that lead to it.
    waiting = {query.depart_after: {start}}
    for time in range(query.depart_after, deadline + 1):
        for state in waiting.pop(time, ()):
            place, _, loaded, price, co2e = state
            if place == query.destination:
                continue
            legs, path = best[state]
            handled = (0, 0) if loaded is None else handling[place]
            for service, board, alight, starts, ride_minor, ride_mg in leaving[place]:
                if service.stops[alight].place == place:
                    continue
                ready = time + known[place].dwell_s + service.cutoff_s
                for run in starts:
                    departs = run + service.stops[board].depart_offset_s
                    arrives = run + service.stops[alight].arrive_offset_s
                    since = departs if loaded is None else loaded
                    if departs < ready or arrives > deadline:
                        continue
                    if query.max_journey_s is not None and arrives - since > query.max_journey_s:
                        continue
                    after = (
                        service.stops[alight].place,
                        arrives,
                        since if query.max_journey_s is not None else 0,
                        price + handled[0] + ride_minor,
                        co2e + (handled[1] or 0) + ride_mg,
                    )
                    route = (legs + 1, (*path, (service.id, board, alight, run)))
                    if after not in best or route < best[after]:
                        best[after] = route
                    waiting.setdefault(arrives, set()).add(after)
                    if service.on_demand and query.max_journey_s is None:
                        break
    points: dict[Point, tuple[int, tuple]] = {}
    for (place, time, _, price, co2e), route in best.items():
        if place == query.destination:
            point = (time, price, co2e)
            points[point] = min(points.get(point, route), route)
    return {
        point: points[point]
        for point in sorted(points)
        if not any(other != point and all(a <= b for a, b in zip(other, point, strict=True)) for other in points)
    }


def replay(places: list[Place], services: list[Service], query: Query, load: Load, plan: Plan) -> None:
    """Drive the plan leg by leg and object to whatever is not true of it."""
    known = {place.code: place for place in places}
    offered = {service.id: service for service in services}
    price = co2e = 0
    here, ready = query.origin, query.depart_after + known[query.origin].dwell_s
    for number, leg in enumerate(plan.legs):
        service = offered[leg.service]
        board, alight = service.stops[leg.board_stop], service.stops[leg.alight_stop]
        assert is_offered(service, query)
        assert (leg.from_place, leg.to_place) == (here, alight.place)
        assert board.place == here
        assert (leg.mode, leg.carrier) == (service.mode, service.carrier)
        assert leg.departure_at in runs(service, leg.departure_at, leg.departure_at)
        assert leg.departs_at == leg.departure_at + board.depart_offset_s
        assert leg.arrives_at == leg.departure_at + alight.arrive_offset_s
        assert ready + service.cutoff_s <= leg.departs_at
        assert has_room(service, leg.departure_at, leg.board_stop, leg.alight_stop, query, load)
        assert leg.distance_m == alight.distance_m - board.distance_m
        assert leg.price_minor == ride_price(service, leg.board_stop, leg.alight_stop, query.weight_g)
        assert leg.co2e_mg == ride_co2e(service, leg.board_stop, leg.alight_stop, query)
        assert _handling(leg) == ((0, 0) if number == 0 else transfer(known[here], query.weight_g))
        price += leg.price_minor + leg.handling_price_minor
        co2e += (leg.co2e_mg or 0) + (leg.handling_co2e_mg or 0)
        here, ready = leg.to_place, leg.arrives_at + known[leg.to_place].dwell_s
    assert here == query.destination
    assert (plan.price_minor, plan.co2e_mg, plan.arrives_at) == (price, co2e, plan.legs[-1].arrives_at)
    assert plan.arrives_at <= min(query.depart_after + query.horizon_s, query.arrive_by or plan.arrives_at)
    if query.max_journey_s is not None:
        assert plan.arrives_at - plan.legs[0].departs_at <= query.max_journey_s


def _handling(leg: Leg) -> tuple[int, int | None]:
    return leg.handling_price_minor, leg.handling_co2e_mg
