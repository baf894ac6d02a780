"""Why there is no plan: the constraints are put back one after the other, in one order, until nothing is left."""

from dataclasses import replace
from heapq import heappop, heappush

from app.routing.calendar import NEVER
from app.routing.rules import fits_when_empty, is_excluded, takes_temperature
from app.routing.runs import Runs
from app.routing.timetable import Timetable
from app.routing.values import NO_LOAD, Query, Reason, Service


def unreachable_because(timetable: Timetable, query: Query) -> Reason | None:
    """The constraint, apart from time and load, without which services would lead to the destination."""
    origin, target = timetable.numbers[query.origin], timetable.numbers[query.destination]

    def is_allowed(service: Service) -> bool:
        return not is_excluded(service, query)

    def is_fit(service: Service) -> bool:
        return is_allowed(service) and takes_temperature(service, query)

    if target not in timetable.reachable(origin, lambda _: True):
        return Reason.NO_SERVICE
    if target not in timetable.reachable(origin, is_allowed):
        return Reason.EXCLUDED
    if target not in timetable.reachable(origin, is_fit):
        return Reason.TEMPERATURE
    if target not in timetable.reachable(origin, lambda service: is_fit(service) and fits_when_empty(service, query)):
        return Reason.TOO_HEAVY
    return None


def out_of_time_because(timetable: Timetable, query: Query) -> Reason | None:
    """The constraint, apart from load and journey limit, without which the goods would arrive in time."""
    if not arrives_in_time(timetable, replace(query, excluded_departures=frozenset())):
        return Reason.CUT_OFF
    if not arrives_in_time(timetable, query):
        return Reason.EXCLUDED
    return None


def arrives_in_time(timetable: Timetable, query: Query) -> bool:
    """Whether the goods could arrive before the deadline on empty runs with no limit to the journey (Dijkstra by time)."""
    costs = timetable.costs(query)
    target = timetable.numbers[query.destination]
    runs = Runs(timetable, query, NO_LOAD)
    queue = [(query.depart_after, timetable.numbers[query.origin])]
    settled: set[int] = set()
    while queue:
        time, place = heappop(queue)
        if place == target:
            return True
        if place in settled:
            continue
        settled.add(place)
        for wait_s, calendar, rides in timetable.network.boardings[place]:
            start = calendar.first(time + timetable.dwell_s[place] + wait_s)
            for ride in rides:
                latest = query.deadline - ride.arrive_offset_s if costs.time_s[ride.number] < NEVER else -NEVER
                run = runs.first_free(start, ride.key, latest)
                if run <= latest:
                    heappush(queue, (run + ride.arrive_offset_s, ride.head))
    return False
