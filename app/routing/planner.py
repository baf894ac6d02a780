"""The planner's one verb: from a question to the exact front, or to the reason why there is none."""

from app.routing.limited import LimitedSearch
from app.routing.network import LegKey
from app.routing.reasons import out_of_time_because, unreachable_because
from app.routing.rules import price_rate, ride_co2e_mg, ride_price_minor, transfer_co2e_mg, transfer_price_minor
from app.routing.runs import Runs
from app.routing.search import Arrival, Ask, ParetoSearch
from app.routing.slide import legs_of, postponed
from app.routing.timetable import Timetable
from app.routing.values import LABELS_MAX, NO_LOAD, Front, Leg, Load, NoPlan, Plan, Query, Reason


def plan(timetable: Timetable, query: Query, load: Load = NO_LOAD, *, labels_max: int = LABELS_MAX) -> Front | NoPlan:
    """The exact Pareto front of arrival, price and CO2e, each plan bookable on `load` as it stands; or why there is none.

    The goods are handed in at `depart_after` and are ready after the dwell of the origin. Of plans that are equal on all three
    counts, the one with the fewest legs is returned, then the first by services, stops and runs, leg by leg.
    Raises SearchTooLarge rather than lose a plan.
    """
    if query.origin not in timetable.numbers or query.destination not in timetable.numbers:
        return NoPlan(Reason.UNKNOWN_PLACE)
    if query.origin == query.destination:
        return Front((Plan(query.depart_after, 0, 0, ()),), timetable.version)
    arrivals = _arrivals(timetable, query, load, labels_max)
    if arrivals:
        return Front(_plans(timetable, query, arrivals), timetable.version)
    return NoPlan(_why_none(timetable, query, labels_max))


def _arrivals(timetable: Timetable, query: Query, load: Load, labels_max: int) -> list[Arrival]:
    target = timetable.numbers[query.destination]
    costs, bounds = timetable.costs(query), timetable.bounds(query, target)
    ask = Ask(timetable.numbers[query.origin], target, query.depart_after, query.deadline, labels_max)
    runs = Runs(timetable, query, load)
    if query.max_journey_s is None:
        return ParetoSearch(timetable, costs, bounds, runs, ask).arrivals()
    return LimitedSearch(timetable, costs, bounds, runs, ask, query.max_journey_s).arrivals()


def _why_none(timetable: Timetable, query: Query, labels_max: int) -> Reason:
    if reason := unreachable_because(timetable, query) or out_of_time_because(timetable, query):
        return reason
    if query.max_journey_s is not None and not _arrivals(timetable, query, NO_LOAD, labels_max):
        return Reason.JOURNEY_LIMIT
    return Reason.FULL


def _plans(timetable: Timetable, query: Query, arrivals: list[Arrival]) -> tuple[Plan, ...]:
    """Turn paths back into the caller's words; equal legs of different plans are one object."""
    made: dict[tuple[LegKey, int], Leg] = {}
    plans = []
    for arrives_at, price_minor, co2e_mg, path in arrivals:
        steps = legs_of(path) if query.max_journey_s is None else postponed(timetable, path, arrives_at)
        for key, start in steps:
            if (key, start) not in made:
                made[key, start] = _leg(timetable, query, key, start)
        plans.append(Plan(arrives_at, price_minor, co2e_mg, tuple(made[step] for step in steps)))
    return tuple(plans)


def _leg(timetable: Timetable, query: Query, key: LegKey, start: int) -> Leg:
    number, board, alight = key
    service = timetable.services[number]
    origin, end = service.stops[board], service.stops[alight]
    place = timetable.places[timetable.numbers[origin.place]]
    distance_m = end.distance_m - origin.distance_m
    mg_per_tkm = service.co2e_mg_per_tkm.get(query.temperature)
    # Nothing is transferred at the origin, and no plan comes back to it.
    is_transfer = origin.place != query.origin
    is_covered = not is_transfer or place.transfer_co2e_mg_per_kg is not None
    return Leg(
        service=service.id,
        carrier=service.carrier,
        mode=service.mode,
        from_place=origin.place,
        to_place=end.place,
        departs_at=start + origin.depart_offset_s,
        arrives_at=start + end.arrive_offset_s,
        distance_m=distance_m,
        price_minor=ride_price_minor(service.tariff, price_rate(service.tariff, distance_m), query.weight_g),
        co2e_mg=None if mg_per_tkm is None else ride_co2e_mg(distance_m * mg_per_tkm, query.weight_g),
        handling_price_minor=transfer_price_minor(place, query.weight_g) if is_transfer else 0,
        handling_co2e_mg=transfer_co2e_mg(place, query.weight_g) * is_transfer if is_covered else None,
        board_stop=board,
        alight_stop=alight,
        departure_at=start,
    )
