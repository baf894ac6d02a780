"""The planner's own words: places, services, what is asked and what is answered.

Everything is an integer: times in seconds since the Unix epoch (UTC), grams, millimetres, metres, minor units of
one currency, milligrams of CO2e. Identifiers are the caller's strings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Final

DAY_S: Final = 86_400
WEEK_S: Final = 7 * DAY_S
STOPS_MAX: Final = 60
STARTS_PER_WEEK_MAX: Final = 2_016
HORIZON_S: Final = 21 * DAY_S
HORIZON_S_MAX: Final = 120 * DAY_S
LABELS_MAX: Final = 200_000
WEIGHT_G_MAX: Final = 10**9
KINDS_KEPT: Final = 64
SURVEYS_KEPT: Final = 256
# The room of an insulated box of 100 litres, in which chilled goods are counted. [M]
CHILLED_SLOT_MM3: Final = 10**8
TEMPERATURES: Final = frozenset({"ambient", "chilled", "frozen", "live"})


@dataclass(frozen=True, slots=True)
class Place:
    """A hub. `dwell_s` passes between arriving (or being handed in) and being ready to board; the rest is charged at each transfer.

    `transfer_co2e_mg_per_kg` None means that no figure is known: it counts as nothing and each leg says so.
    `opening`: half-open periods of the week in seconds from Monday midnight, UTC, in which a dwell may begin; () is always.
    Animals may be rested where `can_rest`; goods wait in the cold where `is_cooled`.
    """

    code: str
    dwell_s: int = 0
    transfer_price_minor: int = 0
    transfer_price_milliminor_per_kg: int = 0
    transfer_co2e_mg_per_kg: int | None = None
    opening: tuple[tuple[int, int], ...] = ()
    can_rest: bool = False
    is_cooled: bool = False

    def __post_init__(self) -> None:
        if min(self.dwell_s, self.transfer_price_minor, self.transfer_price_milliminor_per_kg) < 0:
            raise ValueError(f"place {self.code}: negative dwell or price")
        if (self.transfer_co2e_mg_per_kg or 0) < 0:
            raise ValueError(f"place {self.code}: negative CO2e")
        if any(not 0 <= since < until <= since + WEEK_S or since >= WEEK_S for since, until in self.opening):
            raise ValueError(f"place {self.code}: a period of opening begins within the week and ends within another")


@dataclass(frozen=True, slots=True)
class Stop:
    """A call of a service: seconds after the start of its run, metres from its first stop."""

    place: str
    arrive_offset_s: int
    depart_offset_s: int
    distance_m: int


@dataclass(frozen=True, slots=True)
class Tariff:
    """The price of a ride: `max(minimum, base + kg part + tonne-km part)`, rounded up once for each leg.

    `toll_…` is what of the tonne-km part is toll: toll-free goods that fill a vehicle of their own do not pay it.
    """

    base_minor: int = 0
    milliminor_per_kg: int = 0
    milliminor_per_tkm: int = 0
    minimum_minor: int = 0
    toll_milliminor_per_tkm: int = 0


@dataclass(frozen=True, slots=True)
class Capacity:
    """What one run carries at most on each of its segments. `chilled_slots` None: as much of it may be cold as there is room."""

    weight_g: int
    volume_mm3: int
    live_places: int = 0
    chilled_slots: int | None = None


@dataclass(frozen=True, slots=True)
class Weekly:
    """Runs that start on these weekdays (Monday is 0) at these seconds of the day, UTC, between two dates, both included."""

    weekdays: tuple[int, ...]
    seconds_of_day: tuple[int, ...]
    valid_from: date | None = None
    valid_until: date | None = None

    def __post_init__(self) -> None:
        if (
            not self.weekdays
            or not self.seconds_of_day
            or len(self.weekdays) * len(self.seconds_of_day) > STARTS_PER_WEEK_MAX
        ):
            raise ValueError("a weekly pattern has 1 to 2,016 starts")
        if not all(0 <= day <= 6 for day in self.weekdays) or not all(0 <= at < DAY_S for at in self.seconds_of_day):
            raise ValueError("a weekly pattern has weekdays 0..6 and seconds 0..86,399")


@dataclass(frozen=True, slots=True)
class Service:
    """A line that calls at `stops` in order, by timetable (`departures`) or whenever it is asked (`on_demand`).

    `cutoff_s`: the goods are ready so long before the departure at any stop; for an on-demand service it is the notice.
    `co2e_mg_per_tkm` by temperature (mg per tonne-km, which is µg per kg-km); a class that is absent counts as nothing and is reported.
    `closures`: half-open periods in which no run starts. An on-demand run is a vehicle of its own, so nobody else's load is ever on it.
    `piece_…_max`: what a single piece may weigh and measure on its longest side; None is no limit.
    """

    id: str
    mode: str
    carrier: str
    stops: tuple[Stop, ...]
    tariff: Tariff
    capacity: Capacity
    departures: tuple[Weekly, ...] = ()
    on_demand: bool = False
    cutoff_s: int = 0
    temperatures: frozenset[str] = frozenset({"ambient"})
    co2e_mg_per_tkm: Mapping[str, int] = field(default_factory=dict)
    closures: tuple[tuple[int, int], ...] = ()
    piece_weight_g_max: int | None = None
    piece_length_mm_max: int | None = None

    def __post_init__(self) -> None:
        if fault := _service_fault(self):
            raise ValueError(f"service {self.id}: {fault}")


def _service_fault(service: Service) -> str | None:
    """Name what makes a service impossible; every ride lasts at least a second, which is what ends each search."""
    stops = service.stops
    tariff = service.tariff
    pairs = list(pairwise(stops))
    faults = {
        "2 to 60 stops": not 2 <= len(stops) <= STOPS_MAX,
        "either departures or on demand": service.on_demand == bool(service.departures),
        "a run starts at second 0": not stops or stops[0].depart_offset_s != 0,
        "a stop departs before it arrives": any(stop.depart_offset_s < stop.arrive_offset_s for stop in stops),
        "a ride takes no time": any(after.arrive_offset_s <= before.depart_offset_s for before, after in pairs),
        "distances shrink": any(after.distance_m < before.distance_m for before, after in pairs),
        "negative tariff": min(tariff.base_minor, tariff.milliminor_per_kg, tariff.toll_milliminor_per_tkm) < 0,
        "more toll than tariff": tariff.milliminor_per_tkm < tariff.toll_milliminor_per_tkm,
        "negative cut-off": service.cutoff_s < 0,
        "negative CO2e": any(value < 0 for value in service.co2e_mg_per_tkm.values()),
        "unknown temperature": not service.temperatures <= TEMPERATURES,
        "a closure ends before it begins": any(until <= since for since, until in service.closures),
    }
    return next((fault for fault, present in faults.items() if present), None)


@dataclass(frozen=True, slots=True)
class Used:
    """What is already booked on one segment of one run."""

    weight_g: int = 0
    volume_mm3: int = 0
    live_places: int = 0
    chilled_slots: int = 0


def chilled_slots(temperature: str, volume_mm3: int) -> int:
    """The slots that goods of this temperature and volume take, rounded up; none unless they are kept cold."""
    return -(-volume_mm3 // CHILLED_SLOT_MM3) if temperature in {"chilled", "frozen"} else 0


CHILLED_SLOTS_UNBOUNDED: Final = 10**9
"""What a run carries whose cold has no bound, in slots: a disruption that bounds it is told as slots used of these."""

Load = Mapping[tuple[str, int, int], Used]
"""By (service id, start of the run, segment: 0 is from the first stop to the second)."""

NO_LOAD: Final[Load] = {}


@dataclass(frozen=True, slots=True)
class Query:
    """What is to be carried, from where to where, and within which limits.

    `max_journey_s` runs from loading (departure of the first leg) to unloading (arrival of the last); where a place can rest animals
    and they stay for `rest_s` (0: never), it begins anew. `max_exposure_s` bounds the time spent at places that are not cooled.
    `spent_s` of either has passed already: the goods are under way, and are transferred at the origin as at any other place.
    Nothing arrives later than `arrive_by`, nor than `horizon_s` after `depart_after`, nor than `window_s` after the earliest arrival.
    An excluded departure is a (service id, start of the run) of a service with a timetable; to be rid of an on-demand one, exclude
    the service. `piece_…` is of the heaviest and the longest single piece. `toll_free` goods are those of the green channel (`rules`).
    `epsilon_bps`: of the exact front, a plan may be left out for another that arrives no later and is at most so many hundredths of a
    per cent dearer and dirtier, over the whole journey.
    """

    origin: str
    destination: str
    depart_after: int
    weight_g: int
    volume_mm3: int = 0
    temperature: str = "ambient"
    live_heads: int = 0
    piece_weight_g: int = 0
    piece_length_mm: int = 0
    toll_free: bool = False
    max_journey_s: int | None = None
    rest_s: int = 0
    max_exposure_s: int | None = None
    spent_s: int | None = None
    arrive_by: int | None = None
    horizon_s: int = HORIZON_S
    window_s: int | None = None
    epsilon_bps: int = 0
    excluded_modes: frozenset[str] = frozenset()
    excluded_carriers: frozenset[str] = frozenset()
    excluded_services: frozenset[str] = frozenset()
    excluded_departures: frozenset[tuple[str, int]] = frozenset()
    excluded_places: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.temperature not in TEMPERATURES or (self.temperature == "live") != (self.live_heads > 0):
            raise ValueError("live animals, and only they, are counted in heads")
        if not 0 < self.weight_g <= WEIGHT_G_MAX or self.volume_mm3 < 0 or not 0 < self.horizon_s <= HORIZON_S_MAX:
            raise ValueError("weight and horizon are above zero and within their bounds, volume is not below")
        if self.max_journey_s is not None and self.max_exposure_s is not None:
            raise ValueError("a journey is limited by its length or by its exposure, not by both")
        if min(self.rest_s, self.epsilon_bps, self.piece_weight_g, self.piece_length_mm, self.spent_s or 0) < 0:
            raise ValueError("rest, epsilon, pieces and what is spent are not below zero")

    @property
    def chilled_slots(self) -> int:
        return chilled_slots(self.temperature, self.volume_mm3)

    @property
    def deadline(self) -> int:
        """The last second at which the goods may arrive."""
        end = self.depart_after + self.horizon_s
        return end if self.arrive_by is None else min(end, self.arrive_by)


@dataclass(frozen=True, slots=True)
class Leg:
    """One ride, bookable as it stands: run `departure_at` of `service`, segments `board_stop` to `alight_stop` - 1.

    `handling_…` is what transferring at `from_place` costs before the ride: nothing at the origin.
    A CO2e of None is not covered by any figure, and is counted as nothing.
    """

    service: str
    carrier: str
    mode: str
    from_place: str
    to_place: str
    departs_at: int
    arrives_at: int
    distance_m: int
    price_minor: int
    co2e_mg: int | None
    handling_price_minor: int
    handling_co2e_mg: int | None
    board_stop: int
    alight_stop: int
    departure_at: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A way to carry the goods. Price and CO2e are the sums over the legs and their handling."""

    arrives_at: int
    price_minor: int
    co2e_mg: int
    legs: tuple[Leg, ...]


Point = tuple[int, int, int]
"""Arrival, price in minor units and CO2e in milligrams."""


@dataclass(frozen=True, slots=True)
class Front:
    """Every plan that no other beats on arrival, price and CO2e together: one for each such triple, in that order."""

    plans: Sequence[Plan]
    timetable_version: str

    @property
    def points(self) -> Sequence[Point]:
        """Arrival, price and CO2e of each plan, for which none is told leg by leg."""
        known: Sequence[Point] | None = getattr(self.plans, "points", None)
        return known or [(plan.arrives_at, plan.price_minor, plan.co2e_mg) for plan in self.plans]


class Reason(StrEnum):
    """The constraint that emptied the front: the first in this order without which there would still be a plan."""

    UNKNOWN_PLACE = "unknown_place"
    NO_SERVICE = "no_service"
    FORBIDDEN = "forbidden"
    EXCLUDED = "excluded"
    TEMPERATURE = "temperature"
    TOO_HEAVY = "too_heavy"
    PIECE_TOO_LARGE = "piece_too_large"
    CUT_OFF = "cut_off"
    JOURNEY_LIMIT = "journey_limit"
    EXPOSURE_LIMIT = "exposure_limit"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class NoPlan:
    """There is no way, and why."""

    reason: Reason


class SearchTooLarge(Exception):
    """The exact front needs more labels than the search may hold; nothing was left out silently."""

    def __init__(self, labels: int) -> None:
        super().__init__(f"the search passed its bound of {labels} labels")
        self.labels = labels
