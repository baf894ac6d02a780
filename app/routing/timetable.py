"""An immutable timetable: places and services of one version, indexed once."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import pairwise

from app.routing.calendar import Calendar
from app.routing.network import Bounds, Costs, build_network, measure_bounds, price_rides
from app.routing.values import BOUNDS_KEPT, COSTS_KEPT, Place, Query, Service, Stop


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
        if len(self.numbers) < len(self.places) or len({service.id for service in self.services}) < len(self.services):
            raise ValueError("a place or a service is there twice")
        unknown = {stop.place for service in self.services for stop in service.stops} - self.numbers.keys()
        if unknown:
            raise ValueError(f"services call at unknown places: {', '.join(sorted(unknown))}")
        self.dwell_s = [place.dwell_s for place in self.places]
        self.calendars = [Calendar(service) for service in self.services]
        self.network = build_network(self.places, self.services, self.calendars, self.numbers)
        self._costs = lru_cache(maxsize=COSTS_KEPT)(self._price)
        self._bounds = lru_cache(maxsize=BOUNDS_KEPT)(self._measure)

    def costs(self, query: Query) -> Costs:
        return self._costs(_kind_of_load(query))

    def bounds(self, query: Query, target: int) -> Bounds:
        return self._bounds(_kind_of_load(query), target)

    def dwell_at(self, stop: Stop) -> int:
        return self.dwell_s[self.numbers[stop.place]]

    def reachable(self, origin: int, usable: Callable[[Service], bool]) -> set[int]:
        """The places to which the usable services lead, whatever their times."""
        onward: dict[int, set[int]] = {}
        for service in filter(usable, self.services):
            stops = [self.numbers[stop.place] for stop in service.stops]
            for board, alight in pairwise(stops):
                onward.setdefault(board, set()).add(alight)
        seen, todo = {origin}, [origin]
        while todo:
            fresh = onward.get(todo.pop(), set()) - seen
            seen |= fresh
            todo += fresh
        return seen

    def _price(self, query: Query) -> Costs:
        return price_rides(self.network, self.places, self.services, query)

    def _measure(self, query: Query, target: int) -> Bounds:
        return measure_bounds(self.network, self._costs(query), target)


def _kind_of_load(query: Query) -> Query:
    """The query without all that changes neither the rides nor their price: equal for equal loads, so it serves as a key."""
    return Query(
        origin="",
        destination="",
        depart_after=0,
        weight_g=query.weight_g,
        volume_mm3=query.volume_mm3,
        temperature=query.temperature,
        live_heads=query.live_heads,
        excluded_modes=query.excluded_modes,
        excluded_carriers=query.excluded_carriers,
        excluded_services=query.excluded_services,
    )
