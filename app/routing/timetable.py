"""An immutable timetable: places and services of one version, packed once for the kernels."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from app.routing.latest import Latest
from app.routing.packed import Flags, Kind, kind_of, pack, refusals
from app.routing.values import KINDS_KEPT, SURVEYS_KEPT, Place, Query, Reason, Service


class Timetable:
    """Places and services of one version. It may be shared between threads and queries.

    What depends on the kind of load is worked out when it is first asked for, and kept for the most recent ones, within a bound.
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
        self.is_warm = np.array([not place.is_cooled for place in self.places], dtype=np.bool_)
        self.can_rest = np.array([place.can_rest for place in self.places], dtype=np.bool_)
        self.kinds: Latest[Query, Kind] = Latest(KINDS_KEPT)
        # What `scene.survey` found, by all that it depends on.
        self.surveys: Latest[tuple[Any, ...], Any] = Latest(SURVEYS_KEPT)

    def kind(self, query: Query) -> Kind:
        load = _kind_of_load(query)
        known = self.kinds.get(load)
        if known is None:
            known = self._kind(load)
            self.kinds.put(load, known)
        return known

    def forget(self) -> None:
        """Forget what is kept between questions; the answers are the same."""
        self.kinds.clear()
        self.surveys.clear()

    def refusals(self, query: Query) -> dict[Reason, Flags]:
        """The services that are left by each constraint, in the order of `Reason`."""
        return refusals(self._terms, query, self._excluded(query))

    def _excluded(self, query: Query) -> list[int]:
        return [self.service_numbers[code] for code in query.excluded_services if code in self.service_numbers]

    def _kind(self, query: Query) -> Kind:
        shut = [self.numbers[code] for code in query.excluded_places if code in self.numbers]
        return kind_of(self._terms, query, self._excluded(query), shut)


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
