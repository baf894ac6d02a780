"""An immutable timetable: places and services of one version, packed once for the kernels."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

from app.routing.bounds import measure_bounds
from app.routing.packed import Bounds, Costs, pack, price_rides
from app.routing.values import BOUNDS_KEPT, COSTS_KEPT, Place, Query, Service


class Timetable:
    """Places and services of one version. It may be shared between threads and queries.

    What depends on the kind of load (`costs`) and on the target (`bounds`) is worked out when it is first asked for, and kept for
    the most recent ones, within a bound.
    """

    def __init__(self, places: Iterable[Place], services: Iterable[Service], version: str) -> None:
        self.version = version
        self.places = tuple(places)
        self.services = tuple(sorted(services, key=lambda service: service.id))
        self.numbers = {place.code: number for number, place in enumerate(self.places)}
        self.service_numbers = {service.id: number for number, service in enumerate(self.services)}
        if len(self.numbers) < len(self.places) or len(self.service_numbers) < len(self.services):
            raise ValueError("a place or a service is there twice")
        unknown = {stop.place for service in self.services for stop in service.stops} - self.numbers.keys()
        if unknown:
            raise ValueError(f"services call at unknown places: {', '.join(sorted(unknown))}")
        self.net, self._terms = pack(self.places, self.services, self.numbers)
        self._costs = lru_cache(maxsize=COSTS_KEPT)(self._price)
        self._bounds = lru_cache(maxsize=BOUNDS_KEPT)(self._measure)

    def costs(self, query: Query) -> Costs:
        return self._costs(_kind_of_load(query))

    def bounds(self, query: Query, target: int) -> Bounds:
        return self._bounds(_kind_of_load(query), target)

    def reachable(self, origin: int, usable: Callable[[Service], bool], shut: frozenset[str] = frozenset()) -> set[int]:
        """The places to which the usable services lead, whatever their times, without touching those that are shut."""
        onward: dict[int, set[int]] = {}
        for service in filter(usable, self.services):
            stops = [self.numbers[stop.place] for stop in service.stops]
            for board, alight in pairwise(stops):
                onward.setdefault(board, set()).add(alight)
        closed = {self.numbers[code] for code in shut if code in self.numbers}
        seen, todo = {origin}, [origin]
        while todo:
            fresh = onward.get(todo.pop(), set()) - seen - closed
            seen |= fresh
            todo += fresh
        return seen

    def _price(self, query: Query) -> Costs:
        excluded = {self.service_numbers[code] for code in query.excluded_services if code in self.service_numbers}
        if query.excluded_modes or query.excluded_carriers:
            excluded |= {
                number
                for number, service in enumerate(self.services)
                if service.mode in query.excluded_modes or service.carrier in query.excluded_carriers
            }
        shut = [self.numbers[code] for code in query.excluded_places if code in self.numbers]
        return price_rides(self.net, self._terms, query, sorted(excluded), shut)

    def _measure(self, query: Query, target: int) -> Bounds:
        return measure_bounds(self.net, self._costs(query), target)


def _kind_of_load(query: Query) -> Query:
    """The query without all that changes neither the rides nor their price: equal for equal loads, so it serves as a key."""
    return replace(
        query,
        origin="",
        destination="",
        depart_after=0,
        max_journey_s=None,
        rest_s=0,
        max_exposure_s=None,
        spent_s=None,
        arrive_by=None,
        horizon_s=1,
        window_s=None,
        epsilon_bps=0,
        excluded_departures=frozenset(),
    )
