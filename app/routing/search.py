"""The exact search for goods without a journey limit: labels leave the heap by the earliest arrival they may still reach.

NAMOA* with dimensionality reduction (Pulido, Mandow and Pérez de la Cruz 2015): since the labels of a place leave the heap in
order of time, whether one is beaten is a question of price and CO2e only. Both are counted with the least that is still to come.
"""

from bisect import bisect_right
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, NamedTuple

from app.routing.calendar import NEVER
from app.routing.network import Bounds, Costs, LegKey
from app.routing.runs import Runs
from app.routing.timetable import Timetable
from app.routing.values import SearchTooLarge

Path = tuple[Any, ...]
"""() at the origin, else (path before, leg key, start of the run): compared leg by leg from the first one."""


class Arrival(NamedTuple):
    """A point of the front and the path that represents it."""

    arrives_at: int
    price_minor: int
    co2e_mg: int
    path: Path


class Ask(NamedTuple):
    """A query in numbers."""

    origin: int
    target: int
    depart_after: int
    deadline: int
    labels_max: int


class Staircase:
    """What no earlier label of a place beats: prices rise, CO2e falls; `ties` decide between equals."""

    __slots__ = ("co2es", "prices", "ties")

    def __init__(self) -> None:
        self.prices: list[int] = []
        self.co2es: list[int] = []
        self.ties: list[tuple[Any, ...]] = []

    def beats(self, price: int, co2e: int, tie: tuple[Any, ...]) -> bool:
        """Whether a label here is no worse on both counts, and better on one or else first by `tie`."""
        step = bisect_right(self.prices, price) - 1
        if step < 0 or self.co2es[step] > co2e:
            return False
        return self.co2es[step] < co2e or self.prices[step] < price or self.ties[step] <= tie

    def takes(self, price: int, co2e: int, tie: tuple[Any, ...]) -> bool:
        """Add a label unless it is beaten, in place of those that it beats."""
        prices, co2es, ties = self.prices, self.co2es, self.ties
        first = last = bisect_right(prices, price)
        if first and co2es[first - 1] <= co2e:
            if co2es[first - 1] < co2e or prices[first - 1] < price or ties[first - 1] <= tie:
                return False
            first -= 1
        elif first and prices[first - 1] == price:
            first -= 1
        while last < len(prices) and co2es[last] >= co2e:
            last += 1
        prices[first:last] = [price]
        co2es[first:last] = [co2e]
        ties[first:last] = [tie]
        return True


Onward = tuple[list[int], list[int], int, int, int, int, int, LegKey]
"""A ride towards the target: prices and CO2e kept where it ends, what it adds to the least price and CO2e of the whole way, its head,
its arrival counted from the start of the run, the last start that is not too late, and its key."""

Label = tuple[int, int, int, int, Path, int]
"""(earliest arrival at the target, least price, least CO2e, legs, path, place)."""


class ParetoSearch:
    """One search over a timetable with the costs of its load and the lower bounds of its target."""

    def __init__(self, timetable: Timetable, costs: Costs, bounds: Bounds, runs: Runs, ask: Ask) -> None:
        self._boardings = timetable.network.boardings
        self._dwell_s = timetable.dwell_s
        self._costs = costs
        self._bounds = bounds
        self._runs = runs
        self._ask = ask
        self._kept = [Staircase() for _ in self._boardings]
        self._reached = self._kept[ask.target]
        self._onward: dict[int, list[tuple[int, Callable[[int], int], list[Onward]]]] = {}
        self._heap: list[Label] = []
        self._labels = 0

    def arrivals(self) -> list[Arrival]:
        """Every point of the front of arrival, price and CO2e, in that order, each with its first path by (legs, path).

        Raises SearchTooLarge rather than lose a label.
        """
        ask, heap, kept, reached = self._ask, self._heap, self._kept, self._reached
        found: list[Arrival] = []
        earliest = ask.depart_after + self._bounds.time_s[ask.origin]
        price = self._bounds.price_minor[ask.origin] + self._costs.origin_price_minor[ask.origin]
        co2e = self._bounds.co2e_mg[ask.origin] + self._costs.origin_co2e_mg[ask.origin]
        heap.append((earliest, price, co2e, 0, (), ask.origin))
        while heap:
            label = heappop(heap)
            earliest, price, co2e, legs, path, place = label
            if place == ask.target:
                if reached.takes(price, co2e, (earliest,)):
                    found.append(Arrival(earliest, price, co2e, path))
            elif not reached.beats(price, co2e, (earliest,)) and kept[place].takes(price, co2e, (legs, path)):
                self._expand(label)
        return found

    def _expand(self, label: Label) -> None:
        """Take, on every service that stops here, the first run with room: a later one would only be later."""
        earliest, price, co2e, legs, path, place = label
        heap, runs, time_left = self._heap, self._runs, self._bounds.time_s
        reached_prices, reached_co2es = self._reached.prices, self._reached.co2es
        ready = earliest - time_left[place] + self._dwell_s[place]
        before = len(heap)
        for wait_s, first, rides in self._onward.get(place) or self._look_onward(place):
            start = None
            for prices, co2es, ride_price, ride_co2e, head, arrive_offset_s, latest, key in rides:
                # `Staircase.beats` for both places, written out because most of the time goes here. Whatever the target keeps
                # came first, by (legs, path) too; at the next place, an equal label may yet have fewer legs.
                through, emitted = price + ride_price, co2e + ride_co2e
                step = bisect_right(prices, through)
                if step and co2es[step - 1] <= emitted and (co2es[step - 1] < emitted or prices[step - 1] < through):
                    continue
                step = bisect_right(reached_prices, through)
                if step and reached_co2es[step - 1] <= emitted:
                    continue
                if start is None:
                    start = first(ready + wait_s)
                run = start if runs.are_all_free else runs.first_free(start, key, latest)
                if run <= latest:
                    arrival = run + arrive_offset_s + time_left[head]
                    heappush(heap, (arrival, through, emitted, legs + 1, (path, key, run), head))
        self._labels += len(heap) - before
        if self._labels > self._ask.labels_max:
            raise SearchTooLarge(self._ask.labels_max)

    def _look_onward(self, place: int) -> list[tuple[int, Callable[[int], int], list[Onward]]]:
        """The boardings of a place with those rides from which the target can be reached, worked out at the first visit."""
        costs, (time_left, price_left, co2e_left) = self._costs, self._bounds
        onward = []
        for wait_s, calendar, rides in self._boardings[place]:
            ahead: list[Onward] = [
                (
                    self._kept[ride.head].prices,
                    self._kept[ride.head].co2es,
                    costs.price_minor[ride.number] + price_left[ride.head] - price_left[place],
                    costs.co2e_mg[ride.number] + co2e_left[ride.head] - co2e_left[place],
                    ride.head,
                    ride.arrive_offset_s,
                    self._ask.deadline - ride.arrive_offset_s - time_left[ride.head],
                    ride.key,
                )
                for ride in rides
                if costs.time_s[ride.number] + time_left[ride.head] < NEVER and ride.head != self._ask.origin
            ]
            if ahead:
                onward.append((wait_s, calendar.first, ahead))
        self._onward[place] = onward
        return onward
