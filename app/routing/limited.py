"""The exact search for goods whose time on the road is limited, such as live animals.

Loading may be postponed, so the time since loading is a dimension of its own. As long as every leg is on demand, the goods
are not yet *bound* to a moment: the label holds the least time since loading, and meets every later run of a timetabled
service. A label is *tied* when a closure may keep such a chain from sliding as a whole; its moments are then computed leg by leg.
"""

from heapq import heappop, heappush
from itertools import count
from typing import Final, NamedTuple

from app.routing.calendar import NEVER
from app.routing.network import Boarding, Bounds, Costs, Ride
from app.routing.runs import Runs
from app.routing.search import Arrival, Ask, Path, Staircase
from app.routing.slide import earliest_starts, latest_starts, legs_of, loaded_at
from app.routing.timetable import Timetable
from app.routing.values import SearchTooLarge

FREE: Final = 0
TIED: Final = 1
BOUND: Final = 2

Tie = tuple[int, Path]


class Label(NamedTuple):
    """`clock` is the moment of loading once the label is bound, and until then the least time since loading."""

    earliest: int
    price_minor: int
    co2e_mg: int
    legs: int
    path: Path
    place: int
    time: int
    state: int
    clock: int
    serial: int
    met: "Meeting | None"


class Meeting(NamedTuple):
    """An unbound label before a timetabled ride: it may take this run or any later one."""

    label: Label
    boarding: Boarding
    ride: Ride
    run: int


class Bag:
    """The labels of one place that beat others: no dearer, no dirtier, no longer on the road."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: list[tuple[int, int, int, Tie]] = []

    def beats(self, price: int, co2e: int, elapsed: int, tie: Tie) -> bool:
        return any(
            kept_price <= price
            and kept_co2e <= co2e
            and kept_elapsed <= elapsed
            and (kept_price < price or kept_co2e < co2e or kept_tie <= tie)
            for kept_price, kept_co2e, kept_elapsed, kept_tie in self._kept
        )

    def put(self, price: int, co2e: int, elapsed: int, tie: Tie) -> None:
        self._kept.append((price, co2e, elapsed, tie))


class LimitedSearch:
    """One search; `arrivals` has the promise of `ParetoSearch`, with no journey longer than `limit_s`."""

    def __init__(self, timetable: Timetable, costs: Costs, bounds: Bounds, runs: Runs, ask: Ask, limit_s: int) -> None:
        self._timetable = timetable
        self._costs = costs
        self._bounds = bounds
        self._runs = runs
        self._ask = ask
        self._limit_s = limit_s
        self._tied = {
            number
            for number, calendar in enumerate(timetable.calendars)
            if not calendar.is_open_throughout(
                ask.depart_after - timetable.services[number].stops[-1].depart_offset_s, ask.deadline
            )
        }
        self._free = [Bag() for _ in timetable.places]
        self._bound = [Bag() for _ in timetable.places]
        self._reached = Staircase()
        self._heap: list[Label] = []
        self._serial = count(1)

    def arrivals(self) -> list[Arrival]:
        ask, bounds = self._ask, self._bounds
        found: list[Arrival] = []
        nothing = self._costs.origin_price_minor[ask.origin], self._costs.origin_co2e_mg[ask.origin]
        self._push(*nothing, 0, (), ask.origin, ask.depart_after, FREE, 0)
        while self._heap:
            label = heappop(self._heap)
            least_price = label.price_minor + bounds.price_minor[label.place]
            least_co2e = label.co2e_mg + bounds.co2e_mg[label.place]
            if self._reached.beats(least_price, least_co2e, (label.earliest,)):
                continue
            if label.met:
                self._meet(label.met._replace(run=label.met.run + 1), label.price_minor, label.co2e_mg)
            if label.place == ask.target:
                if self._is_final(label) and self._reached.takes(label.price_minor, label.co2e_mg, (label.time,)):
                    found.append(Arrival(label.time, label.price_minor, label.co2e_mg, label.path))
            elif not self._is_beaten(label):
                self._expand(label)
        return found

    def _is_beaten(self, label: Label) -> bool:
        """Keep the label unless another of its place is as good at every later moment.

        A chain that slides freely beats whatever left no later, for it can always be loaded as late; a tied one is never
        trusted to, and stays finite because it visits no place twice.
        """
        price, co2e, tie = label.price_minor, label.co2e_mg, (label.legs, label.path)
        elapsed = label.time - label.clock if label.state == BOUND else label.clock
        if self._free[label.place].beats(price, co2e, elapsed, tie):
            return True
        if label.state == FREE:
            self._free[label.place].put(price, co2e, elapsed, tie)
        elif label.state == BOUND:
            if self._bound[label.place].beats(price, co2e, -label.clock, tie):
                return True
            self._bound[label.place].put(price, co2e, -label.clock, tie)
        return False

    def _expand(self, label: Label) -> None:
        ready = label.time + self._timetable.dwell_s[label.place]
        for boarding in self._timetable.network.boardings[label.place]:
            start = boarding.calendar.first(ready + boarding.wait_s)
            for ride in boarding.rides:
                price = label.price_minor + self._costs.price_minor[ride.number]
                co2e = label.co2e_mg + self._costs.co2e_mg[ride.number]
                least_price = price + self._bounds.price_minor[ride.head]
                least_co2e = co2e + self._bounds.co2e_mg[ride.head]
                if self._costs.time_s[ride.number] + self._bounds.time_s[ride.head] >= NEVER:
                    continue
                if self._reached.beats(least_price, least_co2e, (label.earliest,)):
                    continue
                if label.state == BOUND:
                    self._ride_bound(label, ride, start, price, co2e)
                elif self._least_elapsed(label, boarding, ride) + self._bounds.time_s[ride.head] > self._limit_s:
                    continue
                elif boarding.calendar.on_demand:
                    self._ride_unbound(label, boarding, ride, start, price, co2e)
                else:
                    self._meet(Meeting(label, boarding, ride, start), price, co2e)

    def _least_elapsed(self, label: Label, boarding: Boarding, ride: Ride) -> int:
        """The least time between loading and the end of the ride, for a label that is not bound; nothing passes before loading."""
        if label.place == self._ask.origin:
            return ride.arrive_offset_s - loaded_at(self._timetable, ride.key, 0)
        return label.clock + self._timetable.dwell_s[label.place] + boarding.wait_s + ride.arrive_offset_s

    def _ride_bound(self, label: Label, ride: Ride, start: int, price: int, co2e: int) -> None:
        left_s = self._bounds.time_s[ride.head]
        latest = min(self._ask.deadline, label.clock + self._limit_s) - ride.arrive_offset_s - left_s
        run = self._runs.first_free(start, ride.key, latest)
        if run <= latest:
            self._push(
                price,
                co2e,
                label.legs + 1,
                (label.path, ride.key, run),
                ride.head,
                run + ride.arrive_offset_s,
                BOUND,
                label.clock,
            )

    def _ride_unbound(self, label: Label, boarding: Boarding, ride: Ride, start: int, price: int, co2e: int) -> None:
        arrival = start + ride.arrive_offset_s
        if arrival + self._bounds.time_s[ride.head] > self._ask.deadline:
            return
        state = TIED if label.state == TIED or ride.key[0] in self._tied else FREE
        if state == TIED and self._visits(label.path, ride.head):
            return
        elapsed = self._least_elapsed(label, boarding, ride)
        self._push(price, co2e, label.legs + 1, (label.path, ride.key, start), ride.head, arrival, state, elapsed)

    def _meet(self, meeting: Meeting, price: int, co2e: int) -> None:
        """Take the first run from the one named that keeps to the limit; the later ones follow when this label is taken up."""
        label, boarding, ride, run = meeting
        left_s = self._bounds.time_s[ride.head]
        latest = self._ask.deadline - ride.arrive_offset_s - left_s
        while True:
            run = self._runs.first_free(boarding.calendar.first(run), ride.key, latest)
            if run > latest:
                return
            loaded = self._loaded_before(label, boarding, ride, run)
            arrival = run + ride.arrive_offset_s
            if arrival + left_s - loaded <= self._limit_s:
                break
            run += 1
        path = (label.path, ride.key, run)
        self._push(price, co2e, label.legs + 1, path, ride.head, arrival, BOUND, loaded, meeting._replace(run=run))

    def _loaded_before(self, label: Label, boarding: Boarding, ride: Ride, run: int) -> int:
        """The last moment of loading from which the goods still catch the run."""
        if label.place == self._ask.origin:
            return loaded_at(self._timetable, ride.key, run)
        by = run - boarding.wait_s - self._timetable.dwell_s[label.place]
        if label.state == FREE:
            return by - label.clock
        keys = [key for key, _ in legs_of(label.path)]
        return loaded_at(self._timetable, keys[0], latest_starts(self._timetable, keys, by)[0])

    def _is_final(self, label: Label) -> bool:
        """Whether a label at the target has its true arrival; a tied one may first have to wait for a shorter journey."""
        if label.state != TIED:
            return True
        keys = [key for key, _ in legs_of(label.path)]
        last = self._timetable.services[keys[-1][0]].stops[keys[-1][2]]
        arrival = label.time
        while arrival <= self._ask.deadline:
            loaded = loaded_at(self._timetable, keys[0], latest_starts(self._timetable, keys, arrival)[0])
            if arrival - loaded <= self._limit_s:
                break
            # Loaded any earlier, they would arrive as early at best, and be even longer on the road.
            later = max(loaded + 1, arrival - self._limit_s)
            arrival = earliest_starts(self._timetable, keys, later)[-1] + last.arrive_offset_s
        if label.time < arrival <= self._ask.deadline:
            self._push(label.price_minor, label.co2e_mg, label.legs, label.path, label.place, arrival, BOUND, loaded)
        return arrival == label.time

    def _visits(self, path: Path, place: int) -> bool:
        services, numbers = self._timetable.services, self._timetable.numbers
        return any(numbers[services[number].stops[alight].place] == place for (number, _, alight), _ in legs_of(path))

    def _push(
        self,
        price: int,
        co2e: int,
        legs: int,
        path: Path,
        place: int,
        time: int,
        state: int,
        clock: int,
        met: Meeting | None = None,
    ) -> None:
        serial = next(self._serial)
        if serial > self._ask.labels_max:
            raise SearchTooLarge(self._ask.labels_max)
        earliest = time + self._bounds.time_s[place]
        heappush(self._heap, Label(earliest, price, co2e, legs, path, place, time, state, clock, serial, met))
