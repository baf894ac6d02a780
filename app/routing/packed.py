"""A timetable as flat arrays of whole numbers, which is how the kernels read it. Rides are numbered by service, board and alight."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.routing.calendar import NEVER, Period, merged, midnight
from app.routing.rules import GREEN_FILL_PCT, MG_G_M_PER_MG_T_KM, MILLIMINOR_G_M_PER_MINOR_T_KM, price_rate
from app.routing.values import DAY_S, TEMPERATURES, Place, Query, Service, Weekly

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]
HALF_WAY: Final = 10**6


class Net(NamedTuple):
    """Ranges of a list inside another are told by `…_first`: of number n, from `first[n]` until `first[n + 1]`.

    The rides of a boarding are those from `ride_first` until `ride_end`, and `ride_of` is the boarding of a ride. A boarding is a service at one of its stops: its run starts no earlier than `boarding_wait` (often negative) after the goods
    are ready there. `ride_arrive` counts from the start of the run; `ride_least` is the least time between two arrivals.
    """

    dwell: Numbers
    hours_first: Numbers
    open_from: Numbers
    open_until: Numbers
    boarding_first: Numbers
    boarding_service: Numbers
    boarding_wait: Numbers
    boarding_depart: Numbers
    ride_first: Numbers
    ride_end: Numbers
    ride_of: Numbers
    ride_tail: Numbers
    ride_head: Numbers
    ride_arrive: Numbers
    ride_least: Numbers
    ride_board: Numbers
    ride_alight: Numbers
    inbound_first: Numbers
    inbound_ride: Numbers
    on_demand: Flags
    pattern_first: Numbers
    pattern_since: Numbers
    pattern_until: Numbers
    starts_first: Numbers
    starts: Numbers
    closed_first: Numbers
    closed_since: Numbers
    closed_until: Numbers


class Terms(NamedTuple):
    """What prices and emissions are made of: by ride, by place, by service, and by temperature and service."""

    service: Numbers
    tail: Numbers
    head: Numbers
    distance: Numbers
    rate: Numbers
    base: Numbers
    minimum: Numbers
    toll: Numbers
    handling: Numbers
    handling_per_kg: Numbers
    handling_co2e_per_kg: Numbers
    weight: Numbers
    volume: Numbers
    live_places: Numbers
    chilled_slots: Numbers
    piece_weight: Numbers
    piece_length: Numbers
    takes: dict[str, Flags]
    intensity: dict[str, Numbers]


class Costs(NamedTuple):
    """By ride, what lies between arriving at its tail and at its head, the transfer at the tail included; NEVER where the load may not go.

    No transfer is made at the origin: a journey from there starts with less than nothing, `origin_…` by place.
    """

    time: Numbers
    price: Numbers
    co2e: Numbers
    origin_price: Numbers
    origin_co2e: Numbers


class Bounds(NamedTuple):
    """By place, the least that is still to come after arriving there; NEVER where the target is out of reach."""

    time: Numbers
    price: Numbers
    co2e: Numbers


class Blocks(NamedTuple):
    """Segments of runs without room for the load, sorted by service, start and segment; segment -1 is the whole run."""

    first: Numbers
    start: Numbers
    segment: Numbers


def numbers(values: Sequence[int]) -> Numbers:
    return np.array(values, dtype=np.int64)


def ranges(lists: Sequence[Sequence[Any]]) -> Numbers:
    return np.concatenate((np.zeros(1, np.int64), np.cumsum([len(each) for each in lists], dtype=np.int64)))


def pack(places: Sequence[Place], services: Sequence[Service], codes: dict[str, int]) -> tuple[Net, Terms]:
    """Number every boarding and ride. A ride that ends where it began is none, and a boarding without rides is none."""
    boardings: list[list[tuple[int, int, int, list[int]]]] = [[] for _ in places]
    rides: list[tuple[int, ...]] = []
    for service_number, service in enumerate(services):
        calls = [codes[stop.place] for stop in service.stops]
        for board, origin in enumerate(service.stops[:-1]):
            tail, wait = calls[board], service.cutoff_s - origin.depart_offset_s
            ahead = []
            for alight in range(board + 1, len(calls)):
                if calls[alight] == tail:
                    continue
                stop = service.stops[alight]
                distance = stop.distance_m - origin.distance_m
                rate = price_rate(service.tariff, distance)
                least = places[tail].dwell_s + wait + stop.arrive_offset_s
                ahead.append(len(rides))
                rides.append(
                    (service_number, tail, calls[alight], stop.arrive_offset_s, least, board, alight, distance, rate)
                )
            if ahead:
                boardings[tail].append((service_number, wait, origin.depart_offset_s, ahead))
    by_ride = [numbers(column) for column in zip(*rides, strict=True)] if rides else [numbers([])] * 9
    net = _net(places, services, boardings, by_ride)
    return net, _terms(places, services, by_ride)


def _net(
    places: Sequence[Place],
    services: Sequence[Service],
    boardings: list[list[tuple[int, int, int, list[int]]]],
    by_ride: list[Numbers],
) -> Net:
    _, tail, head, arrive, least, board, alight, _, _ = by_ride
    flat = [each for of_place in boardings for each in of_place]
    hours = [week_pieces(place.opening) for place in places]
    patterns = [pattern for service in services for pattern in service.departures]
    starts = [weekly_starts(pattern) for pattern in patterns]
    closures = [merged(service.closures) for service in services]
    return Net(
        dwell=numbers([place.dwell_s for place in places]),
        hours_first=ranges(hours),
        open_from=numbers([since for each in hours for since, _ in each]),
        open_until=numbers([until for each in hours for _, until in each]),
        boarding_first=ranges(boardings),
        boarding_service=numbers([service for service, _, _, _ in flat]),
        boarding_wait=numbers([wait for _, wait, _, _ in flat]),
        boarding_depart=numbers([depart for _, _, depart, _ in flat]),
        ride_first=numbers([ahead[0] for _, _, _, ahead in flat]),
        ride_end=numbers([ahead[-1] + 1 for _, _, _, ahead in flat]),
        ride_of=_boarding_of_ride([ahead for _, _, _, ahead in flat], len(tail)),
        ride_tail=tail,
        ride_head=head,
        ride_arrive=arrive,
        ride_least=least,
        ride_board=board,
        ride_alight=alight,
        inbound_first=np.searchsorted(np.sort(head), np.arange(len(places) + 1)).astype(np.int64),
        inbound_ride=np.argsort(head, kind="stable").astype(np.int64),
        on_demand=np.array([service.on_demand for service in services], dtype=np.bool_),
        pattern_first=ranges([service.departures for service in services]),
        pattern_since=numbers([-NEVER if p.valid_from is None else midnight(p.valid_from) for p in patterns]),
        pattern_until=numbers([NEVER if p.valid_until is None else midnight(p.valid_until) + DAY_S for p in patterns]),
        starts_first=ranges(starts),
        starts=numbers([start for each in starts for start in each]),
        closed_first=ranges(closures),
        closed_since=numbers([since for each in closures for since, _ in each]),
        closed_until=numbers([until for each in closures for _, until in each]),
    )


def _boarding_of_ride(ahead: list[list[int]], rides: int) -> Numbers:
    of_ride = np.zeros(rides, np.int64)
    for boarding, numbered in enumerate(ahead):
        of_ride[numbered] = boarding
    return of_ride


def weekly_starts(pattern: Weekly) -> list[int]:
    """Seconds of the week, from Monday midnight."""
    return sorted({day * DAY_S + at for day in pattern.weekdays for at in pattern.seconds_of_day})


def week_pieces(opening: tuple[Period, ...]) -> tuple[Period, ...]:
    """Opening hours as periods of one week from Monday midnight, none of which passes its end."""
    week = 7 * DAY_S
    pieces = [(since, min(until, week)) for since, until in opening]
    pieces += [(0, until - week) for _, until in opening if until > week]
    return merged(tuple(pieces))


def _terms(places: Sequence[Place], services: Sequence[Service], by_ride: list[Numbers]) -> Terms:
    service, tail, head, _, _, _, _, distance, rate = by_ride
    unlimited = NEVER
    return Terms(
        service=service,
        tail=tail,
        head=head,
        distance=distance,
        rate=rate,
        base=numbers([each.tariff.base_minor for each in services]),
        minimum=numbers([each.tariff.minimum_minor for each in services]),
        toll=numbers([each.tariff.toll_milliminor_per_tkm for each in services]),
        handling=numbers([place.transfer_price_minor for place in places]),
        handling_per_kg=numbers([place.transfer_price_milliminor_per_kg for place in places]),
        handling_co2e_per_kg=numbers([place.transfer_co2e_mg_per_kg or 0 for place in places]),
        weight=numbers([each.capacity.weight_g for each in services]),
        volume=numbers([each.capacity.volume_mm3 for each in services]),
        live_places=numbers([each.capacity.live_places for each in services]),
        chilled_slots=numbers(
            [unlimited if each.capacity.chilled_slots is None else each.capacity.chilled_slots for each in services]
        ),
        piece_weight=numbers(
            [unlimited if each.piece_weight_g_max is None else each.piece_weight_g_max for each in services]
        ),
        piece_length=numbers(
            [unlimited if each.piece_length_mm_max is None else each.piece_length_mm_max for each in services]
        ),
        takes={
            name: np.array([name in each.temperatures for each in services], dtype=np.bool_) for name in TEMPERATURES
        },
        intensity={name: numbers([each.co2e_mg_per_tkm.get(name, 0) for each in services]) for name in TEMPERATURES},
    )


def price_rides(net: Net, terms: Terms, query: Query, excluded: Sequence[int], shut: Sequence[int]) -> Costs:
    """What every ride costs a load of this kind: `ride_price_minor`, `ride_co2e_mg` and the transfers of `rules`, all at once.

    `excluded` are the numbers of services that it may not take, `shut` those of places that it may not touch.
    """
    weight = query.weight_g
    usable = (
        terms.takes[query.temperature]
        & (terms.weight >= weight)
        & (terms.volume >= query.volume_mm3)
        & (terms.live_places >= query.live_heads)
        & (terms.chilled_slots >= query.chilled_slots)
        & (terms.piece_weight >= query.piece_weight_g)
        & (terms.piece_length >= query.piece_length_mm)
    )
    usable[numbers(excluded)] = False
    goes = usable[terms.service]
    if shut:
        goes &= ~np.isin(terms.tail, shut) & ~np.isin(terms.head, shut)
    handling = terms.handling - (-weight * terms.handling_per_kg // 10**6)
    handling_co2e = (weight * terms.handling_co2e_per_kg + 500) // 1000
    rate = terms.rate
    if query.toll_free:
        # As `rules.tariff_for` has it, for all services at once.
        filled = (100 * weight >= GREEN_FILL_PCT * terms.weight) | (
            100 * query.volume_mm3 >= GREEN_FILL_PCT * terms.volume
        )
        tolls: Numbers = np.where(net.on_demand & filled, terms.toll, np.int64(0))
        rate = rate - tolls[terms.service] * terms.distance
    grown = terms.base[terms.service] + _part_up(weight, rate)
    price = np.maximum(terms.minimum[terms.service], grown) + handling[terms.tail]
    co2e = _part_half_up(weight, terms.distance * terms.intensity[query.temperature][terms.service])
    return Costs(
        time=np.where(goes, net.ride_least, NEVER),
        price=np.where(goes, price, NEVER),
        co2e=np.where(goes, co2e + handling_co2e[terms.tail], NEVER),
        origin_price=-handling,
        origin_co2e=-handling_co2e,
    )


def _part_up(weight_g: int, rate: Numbers) -> Numbers:
    """Weight times rate over 10^12, rounded up, in steps that fit 63 bits."""
    whole, rest = np.divmod(rate, MILLIMINOR_G_M_PER_MINOR_T_KM)
    high, low = np.divmod(rest, HALF_WAY)
    carried, left = np.divmod(weight_g * high, HALF_WAY)
    part: Numbers = weight_g * whole + carried - (-(left * HALF_WAY + weight_g * low) // MILLIMINOR_G_M_PER_MINOR_T_KM)
    return part


def _part_half_up(weight_g: int, rate: Numbers) -> Numbers:
    """Weight times rate over 10^9, rounded half up, in steps that fit 63 bits."""
    whole, rest = np.divmod(rate, MG_G_M_PER_MG_T_KM)
    part: Numbers = weight_g * whole + (weight_g * rest + MG_G_M_PER_MG_T_KM // 2) // MG_G_M_PER_MG_T_KM
    return part
