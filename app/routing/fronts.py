"""The plans of a front, told leg by leg only when somebody looks at them."""

from collections.abc import Sequence
from typing import overload

from app.routing.packed import Numbers
from app.routing.rules import (
    price_rate,
    ride_co2e_mg,
    ride_price_minor,
    tariff_for,
    transfer_co2e_mg,
    transfer_price_minor,
)
from app.routing.slide import Step, cooled, postponed
from app.routing.timetable import Timetable
from app.routing.values import Leg, Plan, Point, Query


class Plans(Sequence[Plan]):
    """A tuple of plans in all but the moment at which each is made. `points` tells arrival, price and CO2e of each.

    It is kept as it was found, in whole numbers: lists of it would take ten times the memory.
    """

    def __init__(
        self, timetable: Timetable, query: Query, points: Numbers, first: Numbers, ride: Numbers, run: Numbers
    ) -> None:
        self._timetable = timetable
        self._query = query
        self._points, self._first, self._ride, self._run = points, first, ride, run
        self._legs: dict[tuple[int, int], Leg] = {}
        self._made: dict[int, Plan] = {}

    @property
    def points(self) -> list[Point]:
        return [(arrives_at, price, co2e) for arrives_at, price, co2e in self._points.tolist()]

    def __len__(self) -> int:
        return len(self._points)

    @overload
    def __getitem__(self, number: int) -> Plan: ...
    @overload
    def __getitem__(self, number: slice) -> tuple[Plan, ...]: ...
    def __getitem__(self, number: int | slice) -> Plan | tuple[Plan, ...]:
        if isinstance(number, slice):
            return tuple(self[each] for each in range(*number.indices(len(self))))
        place = range(len(self))[number]
        if place not in self._made:
            self._made[place] = self._make(place)
        return self._made[place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]  # as of a list

    def __repr__(self) -> str:
        return repr(tuple(self))

    def _make(self, number: int) -> Plan:
        own = slice(self._first[number], self._first[number + 1])
        steps = list(zip(self._ride[own].tolist(), self._run[own].tolist(), strict=True))
        if self._query.max_journey_s is not None:
            steps = postponed(self._timetable, steps, is_loaded=self._query.spent_s is not None)
        elif self._query.max_exposure_s is not None:
            steps = cooled(self._timetable, steps)
        arrives_at, price, co2e = self._points[number].tolist()
        return Plan(arrives_at, price, co2e, tuple(self._leg(step) for step in steps))

    def _leg(self, step: Step) -> Leg:
        """The leg of a ride and the start of its run; equal legs of different plans are one object."""
        if step not in self._legs:
            self._legs[step] = _leg(self._timetable, self._query, *step)
        return self._legs[step]


def _leg(timetable: Timetable, query: Query, ride: int, start: int) -> Leg:
    packed = timetable.net.rides[ride]
    service = timetable.services[packed["service"]]
    board, alight = int(packed["board"]), int(packed["alight"])
    origin, end = service.stops[board], service.stops[alight]
    place = timetable.places[packed["tail"]]
    distance_m = end.distance_m - origin.distance_m
    tariff = tariff_for(service, query)
    mg_per_tkm = service.co2e_mg_per_tkm.get(query.temperature)
    # Nothing is transferred at the origin unless the goods are under way, and no plan comes back to it.
    is_transfer = origin.place != query.origin or query.spent_s is not None
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
        price_minor=ride_price_minor(tariff, price_rate(tariff, distance_m), query.weight_g),
        co2e_mg=None if mg_per_tkm is None else ride_co2e_mg(distance_m * mg_per_tkm, query.weight_g),
        handling_price_minor=transfer_price_minor(place, query.weight_g) if is_transfer else 0,
        handling_co2e_mg=transfer_co2e_mg(place, query.weight_g) * is_transfer if is_covered else None,
        board_stop=board,
        alight_stop=alight,
        departure_at=start,
    )
