"""A timetable as flat records of whole numbers, which is how the kernels read it. Rides are numbered by service, board and alight."""

from array import array
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.routing.calendar import NEVER, WEEK_S, Period, merged, midnight
from app.routing.parts import parts_of
from app.routing.rules import GREEN_FILL_PCT, MILLIMINOR_G_M_PER_MINOR_T_KM, price_rate
from app.routing.values import DAY_S, TEMPERATURES, Place, Query, Reason, Service, Weekly

Numbers = NDArray[np.int64]
# Small numbers: places, rides, and times that count from somewhere near.
Small = NDArray[np.int32]
Flags = NDArray[np.bool_]
# Records of one of the kinds below; a field of a record is a number.
Records = NDArray[Any]
HALF_WAY: Final = 10**6


def _record(names: str, wide: str = "") -> np.dtype[Any]:
    return np.dtype([(name, np.int64) for name in names.split()] + [(name, np.int64) for name in wide.split()])


# Ranges of one list inside another are told by `…_first` and `…_end`, which is the first that is outside.
# `part` is the part of the network towards the root of `parts`, and `gate` the place by which that part hangs on it.
PLACE: Final = _record(
    "dwell hour_first hour_end boarding_first boarding_end inbound_first inbound_end part gate depth"
)
HOUR: Final = _record("since until")
# A service at one of its stops: its run starts no earlier than `wait` (often negative) after the goods are ready there.
BOARDING: Final = _record("service wait depart ride_first ride_end")
# `arrive` counts from the start of the run; `least` is the least time between two arrivals. The price grows with the weight by
# `whole` minor units a gram and by `high` and `low` parts of a million of a million.
RIDE: Final = _record("tail head boarding service board alight arrive least distance whole high low")
# `is_plain`: one pattern, always valid, never closed. `part` is that of all its rides.
SERVICE: Final = _record("on_demand is_plain pattern_first pattern_end closed_first closed_end part")
# Starts are seconds of a `period`, a day or a week, from Monday midnight.
PATTERN: Final = _record("start_first start_end period", "since until")


class Net(NamedTuple):
    """Where and when the services go."""

    places: Records
    hours: Records
    boardings: Records
    rides: Records
    inbound: Numbers
    services: Records
    patterns: Records
    starts: Numbers
    closed_since: Numbers
    closed_until: Numbers


class Terms(NamedTuple):
    """What prices, emissions and refusals are made of: by place, by service, and by temperature and service.

    `toll` is what of the tonne-km part is toll, 0 where a run may carry other goods too.
    """

    handling: Numbers
    handling_per_kg: Numbers
    handling_co2e_per_kg: Numbers
    base: Numbers
    minimum: Numbers
    toll: Numbers
    weight: Numbers
    volume: Numbers
    live_places: Numbers
    chilled_slots: Numbers
    piece_weight: Numbers
    piece_length: Numbers
    mode: NDArray[np.str_]
    carrier: NDArray[np.str_]
    takes: dict[str, Flags]
    intensity: dict[str, Numbers]


class Kind(NamedTuple):
    """What a kind of load may use and pays: `goes` by service, `shut` and `handling…` by place, the rest by service."""

    goes: Flags
    shut: Flags
    weight: int
    base: Numbers
    minimum: Numbers
    toll_free: Numbers
    intensity: Numbers
    handling: Numbers
    handling_co2e: Numbers


class Blocks(NamedTuple):
    """Segments of runs without room for the load, sorted by service, start and segment; segment -1 is the whole run."""

    first: Numbers
    start: Numbers
    segment: Numbers


def numbers(values: Sequence[int]) -> Numbers:
    return np.array(values, dtype=np.int64)


def records(kind: np.dtype[Any], rows: Sequence[tuple[int, ...]]) -> Records:
    return np.array(rows, dtype=kind)


class _Lists:
    """Lists put one behind the other, each known by its range."""

    def __init__(self) -> None:
        self.rows: list[Any] = []

    def add(self, rows: Sequence[Any]) -> tuple[int, int]:
        first = len(self.rows)
        self.rows += rows
        return first, len(self.rows)


def pack(places: Sequence[Place], services: Sequence[Service], codes: dict[str, int]) -> tuple[Net, Terms]:
    """Number every boarding and ride. A ride that ends where it began is none, and a boarding without rides is none."""
    calls = [[codes[stop.place] for stop in service.stops] for service in services]
    home, gate, depth, part_of = parts_of(len(places), calls)
    patterns, starts, closures = _Lists(), _Lists(), _Lists()
    of_services = [
        (*_times(service, patterns, starts, closures), part) for service, part in zip(services, part_of, strict=True)
    ]
    boardings, rides, at_place = _rides(places, services, calls)
    hours = _Lists()
    opening = [hours.add(week_pieces(place.opening)) for place in places]
    inbound = np.argsort(rides["head"], kind="stable").astype(np.int64)
    into = np.searchsorted(rides["head"][inbound], np.arange(len(places) + 1)).tolist()
    of_places = [
        (place.dwell_s, *opening[at], *at_place[at], into[at], into[at + 1], home[at], gate[at], depth[at])
        for at, place in enumerate(places)
    ]
    net = Net(
        places=records(PLACE, of_places),
        hours=records(HOUR, hours.rows),
        boardings=boardings,
        rides=rides,
        inbound=inbound,
        services=records(SERVICE, of_services),
        patterns=records(PATTERN, patterns.rows),
        starts=numbers(starts.rows),
        closed_since=numbers([since for since, _ in closures.rows]),
        closed_until=numbers([until for _, until in closures.rows]),
    )
    return net, _terms(places, services)


def _times(service: Service, patterns: _Lists, starts: _Lists, closures: _Lists) -> tuple[int, ...]:
    """The fields of a service's record, and its patterns and closures to the lists."""
    rows = []
    for pattern in service.departures:
        seconds, period = period_starts(pattern)
        since = -NEVER if pattern.valid_from is None else midnight(pattern.valid_from)
        until = NEVER if pattern.valid_until is None else midnight(pattern.valid_until) + DAY_S
        rows.append((*starts.add(seconds), period, since, until))
    closed = closures.add(merged(service.closures))
    is_plain = len(rows) == 1 and rows[0][3:] == (-NEVER, NEVER) and closed[0] == closed[1]
    return (service.on_demand, is_plain, *patterns.add(rows), *closed)


def _rides(
    places: Sequence[Place], services: Sequence[Service], calls: Sequence[Sequence[int]]
) -> tuple[Records, Records, list[tuple[int, int]]]:
    """The boardings by place, the rides by service, and the range of boardings of each place."""
    # Of the one long list, the tuples would take three times the memory of the numbers.
    rides, width = array("q"), len(RIDE.names or ())
    of_place: list[list[tuple[int, ...]]] = [[] for _ in places]
    for number, service in enumerate(services):
        for board, tail in enumerate(calls[number][:-1]):
            origin, first = service.stops[board], len(rides) // width
            wait = service.cutoff_s - origin.depart_offset_s
            for alight in range(board + 1, len(service.stops)):
                head, stop = calls[number][alight], service.stops[alight]
                if head != tail:
                    distance = stop.distance_m - origin.distance_m
                    whole, rest = divmod(price_rate(service.tariff, distance), MILLIMINOR_G_M_PER_MINOR_T_KM)
                    least = places[tail].dwell_s + wait + stop.arrive_offset_s
                    way = (tail, head, 0, number, board, alight, stop.arrive_offset_s, least)
                    rides.extend((*way, distance, whole, *divmod(rest, HALF_WAY)))
            if len(rides) // width > first:
                of_place[tail].append((number, wait, origin.depart_offset_s, first, len(rides) // width))
    boardings = _Lists()
    ranges = [boardings.add(each) for each in of_place]
    flat, packed = records(BOARDING, boardings.rows), np.frombuffer(rides, RIDE)
    for number, boarding in enumerate(flat):
        packed["boarding"][boarding["ride_first"] : boarding["ride_end"]] = number
    return flat, packed, ranges


def period_starts(pattern: Weekly) -> tuple[list[int], int]:
    """Seconds of the day when it runs every day, else of the week, from Monday midnight; and which of the two."""
    if len(set(pattern.weekdays)) == WEEK_S // DAY_S:
        return sorted(set(pattern.seconds_of_day)), DAY_S
    return sorted({day * DAY_S + at for day in pattern.weekdays for at in pattern.seconds_of_day}), WEEK_S


def week_pieces(opening: tuple[Period, ...]) -> tuple[Period, ...]:
    """Opening hours as periods of one week from Monday midnight, none of which passes its end."""
    pieces = [(since, min(until, WEEK_S)) for since, until in opening]
    pieces += [(0, until - WEEK_S) for _, until in opening if until > WEEK_S]
    return merged(tuple(pieces))


def _terms(places: Sequence[Place], services: Sequence[Service]) -> Terms:
    weights = [each.piece_weight_g_max for each in services]
    lengths = [each.piece_length_mm_max for each in services]
    slots = [each.capacity.chilled_slots for each in services]
    return Terms(
        handling=numbers([place.transfer_price_minor for place in places]),
        handling_per_kg=numbers([place.transfer_price_milliminor_per_kg for place in places]),
        handling_co2e_per_kg=numbers([place.transfer_co2e_mg_per_kg or 0 for place in places]),
        base=numbers([each.tariff.base_minor for each in services]),
        minimum=numbers([each.tariff.minimum_minor for each in services]),
        toll=numbers([each.tariff.toll_milliminor_per_tkm * each.on_demand for each in services]),
        weight=numbers([each.capacity.weight_g for each in services]),
        volume=numbers([each.capacity.volume_mm3 for each in services]),
        live_places=numbers([each.capacity.live_places for each in services]),
        chilled_slots=numbers([NEVER if each is None else each for each in slots]),
        piece_weight=numbers([NEVER if each is None else each for each in weights]),
        piece_length=numbers([NEVER if each is None else each for each in lengths]),
        mode=np.array([each.mode for each in services], dtype=np.str_),
        carrier=np.array([each.carrier for each in services], dtype=np.str_),
        takes={
            name: np.array([name in each.temperatures for each in services], dtype=np.bool_) for name in TEMPERATURES
        },
        intensity={name: numbers([each.co2e_mg_per_tkm.get(name, 0) for each in services]) for name in TEMPERATURES},
    )


def refusals(terms: Terms, query: Query, excluded: Sequence[int]) -> dict[Reason, Flags]:
    """The services that are left when each constraint is asked alone, in the order of `Reason`.

    `excluded` are the numbers of services that the load may not take.
    """
    allowed = np.ones(len(terms.weight), np.bool_)
    for mode in query.excluded_modes:
        allowed &= terms.mode != mode
    for carrier in query.excluded_carriers:
        allowed &= terms.carrier != carrier
    allowed[numbers(excluded)] = False
    return {
        Reason.EXCLUDED: allowed,
        Reason.TEMPERATURE: terms.takes[query.temperature],
        Reason.TOO_HEAVY: (terms.weight >= query.weight_g)
        & (terms.volume >= query.volume_mm3)
        & (terms.live_places >= query.live_heads)
        & (terms.chilled_slots >= query.chilled_slots),
        Reason.PIECE_TOO_LARGE: (terms.piece_weight >= query.piece_weight_g)
        & (terms.piece_length >= query.piece_length_mm),
    }


def _toll_free(terms: Terms, query: Query) -> Numbers:
    """By service, the toll that this load does not pay, as `rules.tariff_for` has it for all services at once."""
    filled = 100 * query.weight_g >= GREEN_FILL_PCT * terms.weight
    filled |= 100 * query.volume_mm3 >= GREEN_FILL_PCT * terms.volume
    spared: Numbers = np.where(filled & query.toll_free, terms.toll, np.int64(0))
    return spared


def kind_of(terms: Terms, query: Query, excluded: Sequence[int], shut: Sequence[int]) -> Kind:
    """What a load of this kind may use and pays, with the transfers of `rules`; `shut` are the numbers of places it may not touch."""
    weight = query.weight_g
    closed = np.zeros(len(terms.handling), np.bool_)
    closed[numbers(shut)] = True
    return Kind(
        goes=np.logical_and.reduce(list(refusals(terms, query, excluded).values())),
        shut=closed,
        weight=weight,
        base=terms.base,
        minimum=terms.minimum,
        toll_free=_toll_free(terms, query),
        intensity=terms.intensity[query.temperature],
        handling=terms.handling - (-weight * terms.handling_per_kg // 10**6),
        handling_co2e=(weight * terms.handling_co2e_per_kg + 500) // 1000,
    )
