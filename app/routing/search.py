"""The exact search for goods without a journey limit: labels leave the heap by the earliest arrival they may still reach.

NAMOA* with dimensionality reduction (Pulido, Mandow and Pérez de la Cruz 2015): since labels of a place leave the heap in
order of time, whether one is beaten is a question of price and CO2e only.
"""

from bisect import bisect_left, bisect_right
from heapq import heappop, heappush
from typing import Any, NamedTuple

from app.routing.network import Bounds, Network
from app.routing.runs import Runs
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

    def is_above(self, price: int, co2e: int) -> bool:
        """Whether a label here is at least as good on both counts and better on one."""
        step = bisect_right(self.prices, price) - 1
        return step >= 0 and self.co2es[step] <= co2e and (self.co2es[step] < co2e or self.prices[step] < price)

    def beats(self, price: int, co2e: int, tie: tuple[Any, ...]) -> bool:
        """Whether a label here is better on one count, or equal on both and first by `tie`."""
        step = bisect_right(self.prices, price) - 1
        if step < 0 or self.co2es[step] > co2e:
            return False
        return self.co2es[step] < co2e or self.prices[step] < price or self.ties[step] <= tie

    def put(self, price: int, co2e: int, tie: tuple[Any, ...]) -> None:
        """Add a label that is not beaten, in place of those that it beats on price and CO2e."""
        first = last = bisect_left(self.prices, price)
        while last < len(self.prices) and self.co2es[last] >= co2e:
            last += 1
        self.prices[first:last] = [price]
        self.co2es[first:last] = [co2e]
        self.ties[first:last] = [tie]


Label = tuple[int, int, int, int, Path, int, int]
"""(earliest arrival at the target, price, CO2e, legs, path, place, time there)."""


class ParetoSearch:
    """One search over `network` with the lower `bounds` of its target."""

    def __init__(self, network: Network, bounds: Bounds, dwell_s: list[int], runs: Runs, ask: Ask) -> None:
        self._network = network
        self._bounds = bounds
        self._dwell_s = dwell_s
        self._runs = runs
        self._ask = ask
        self._kept = [Staircase() for _ in network.boardings]
        self._reached = Staircase()
        self._heap: list[Label] = []
        self._labels = 0

    def arrivals(self) -> list[Arrival]:
        """Every point of the front of arrival, price and CO2e, in that order, each with its first path by (legs, path).

        Raises SearchTooLarge rather than lose a label.
        """
        ask, heap, kept, reached = self._ask, self._heap, self._kept, self._reached
        time_left, price_left, co2e_left = self._bounds
        found: list[Arrival] = []
        heap.append((ask.depart_after + time_left[ask.origin], 0, 0, 0, (), ask.origin, ask.depart_after))
        while heap:
            label = heappop(heap)
            earliest, price, co2e, legs, path, place, time = label
            if reached.beats(price + price_left[place], co2e + co2e_left[place], (earliest - 1,)):
                continue
            if place == ask.target:
                if not reached.beats(price, co2e, (time,)):
                    reached.put(price, co2e, (time,))
                    found.append(Arrival(time, price, co2e, path))
            elif not kept[place].beats(price, co2e, (legs, path)):
                kept[place].put(price, co2e, (legs, path))
                self._expand(label)
        return found

    def _expand(self, label: Label) -> None:
        """Take, on every service that stops here, the first run with room: a later one would only be later."""
        _, price, co2e, legs, path, place, time = label
        time_left, price_left, co2e_left = self._bounds
        kept, runs, heap = self._kept, self._runs, self._heap
        reached_prices, reached_co2es = self._reached.prices, self._reached.co2es
        deadline = self._ask.deadline
        ready = time + self._dwell_s[place]
        if place != self._ask.origin:
            price += self._network.transfer_price_minor[place]
            co2e += self._network.transfer_co2e_mg[place]
        for wait_s, calendar, rides in self._network.boardings[place]:
            start = -1
            for head, arrive_offset_s, ride_price, ride_co2e, key in rides:
                # Both checks are `Staircase.is_above`, written out: half of the time goes here.
                price_there, co2e_there = price + ride_price, co2e + ride_co2e
                stairs = kept[head]
                step = bisect_right(stairs.prices, price_there) - 1
                if step >= 0 and (
                    stairs.co2es[step] < co2e_there
                    or (stairs.co2es[step] == co2e_there and stairs.prices[step] < price_there)
                ):
                    continue
                least_price, least_co2e = price_there + price_left[head], co2e_there + co2e_left[head]
                step = bisect_right(reached_prices, least_price) - 1
                if step >= 0 and (
                    reached_co2es[step] < least_co2e
                    or (reached_co2es[step] == least_co2e and reached_prices[step] < least_price)
                ):
                    continue
                if start < 0:
                    start = calendar.first(ready + wait_s)
                latest = deadline - arrive_offset_s - time_left[head]
                run = start if runs.are_all_free else runs.first_free(start, key, latest)
                if run <= latest:
                    arrival = run + arrive_offset_s
                    earliest = arrival + time_left[head]
                    heappush(heap, (earliest, price_there, co2e_there, legs + 1, (path, key, run), head, arrival))
                    self._labels += 1
        if self._labels > self._ask.labels_max:
            raise SearchTooLarge(self._ask.labels_max)
