"""A timetable compiled for one kind of load: rides with their price and CO2e, and the least that is still to come before a target."""

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Final, NamedTuple

from app.routing.calendar import NEVER, Calendar
from app.routing.rules import (
    fits_when_empty,
    is_excluded,
    price_rate,
    ride_co2e_mg,
    ride_price_minor,
    takes_temperature,
    transfer_co2e_mg,
    transfer_price_minor,
)
from app.routing.values import Place, Query, Service

LegKey = tuple[int, int, int]
"""(service, board stop, alight stop), all as numbers."""

Inbound = tuple[int, int, int, int]
"""A ride seen from its head: (tail, then the least time, price and CO2e between arriving at the one and at the other)."""

TIME: Final = 1
PRICE: Final = 2
CO2E: Final = 3


class Ride(NamedTuple):
    """From a boarding to one later stop; the offset counts from the start of the run."""

    head: int
    arrive_offset_s: int
    price_minor: int
    co2e_mg: int
    key: LegKey


class Boarding(NamedTuple):
    """A service at one of its stops: its run starts no earlier than `wait_s` (often negative) after the goods are ready there."""

    wait_s: int
    calendar: Calendar
    rides: list[Ride]


class Network(NamedTuple):
    """What may be boarded at each place, the rides that end there, and what a transfer there costs."""

    boardings: list[list[Boarding]]
    inbound: list[list[Inbound]]
    transfer_price_minor: list[int]
    transfer_co2e_mg: list[int]


class Bounds(NamedTuple):
    """For each place, the least that is still to come after arriving there; NEVER where the target is out of reach."""

    time_s: list[int]
    price_minor: list[int]
    co2e_mg: list[int]


class Call(NamedTuple):
    """A service at one of its stops, before it is known what it is to carry: the rides are (head, arrival, metres, rate of price, key)."""

    service: Service
    calendar: Calendar
    tail: int
    wait_s: int
    rides: list[tuple[int, int, int, int, LegKey]]


def list_calls(services: Sequence[Service], calendars: Sequence[Calendar], numbers: dict[str, int]) -> list[Call]:
    """Every stop at which a service can be boarded, with its rides. A ride that ends where it began is none."""
    calls = []
    for number, service in enumerate(services):
        for board, origin in enumerate(service.stops[:-1]):
            rides = []
            for alight, stop in enumerate(service.stops[board + 1 :], start=board + 1):
                if stop.place != origin.place:
                    distance_m = stop.distance_m - origin.distance_m
                    rate = price_rate(service.tariff, distance_m)
                    rides.append((numbers[stop.place], stop.arrive_offset_s, distance_m, rate, (number, board, alight)))
            wait_s = service.cutoff_s - origin.depart_offset_s
            calls.append(Call(service, calendars[number], numbers[origin.place], wait_s, rides))
    return calls


def compile_network(places: Sequence[Place], calls: Sequence[Call], query: Query) -> Network:
    """Price every usable ride for the weight and temperature of the query."""
    weight_g, temperature = query.weight_g, query.temperature
    handling_price = [transfer_price_minor(place, weight_g) for place in places]
    handling_co2e = [transfer_co2e_mg(place, weight_g) for place in places]
    boardings: list[list[Boarding]] = [[] for _ in places]
    inbound: list[list[Inbound]] = [[] for _ in places]
    for service, calendar, tail, wait_s, rides in calls:
        if not fits_when_empty(service, query) or not takes_temperature(service, query) or is_excluded(service, query):
            continue
        base_minor, minimum_minor = service.tariff.base_minor, service.tariff.minimum_minor
        mg_per_tkm = service.co2e_mg_per_tkm.get(temperature, 0)
        ready_s, price_before, co2e_before = places[tail].dwell_s + wait_s, handling_price[tail], handling_co2e[tail]
        priced: list[Ride] = []
        for head, offset_s, distance_m, rate, key in rides:
            price = ride_price_minor(base_minor, minimum_minor, rate, weight_g)
            co2e = ride_co2e_mg(distance_m * mg_per_tkm, weight_g)
            priced.append(Ride(head, offset_s, price, co2e, key))
            inbound[head].append((tail, ready_s + offset_s, price_before + price, co2e_before + co2e))
        boardings[tail].append(Boarding(wait_s, calendar, priced))
    return Network(boardings, inbound, handling_price, handling_co2e)


def measure_bounds(network: Network, target: int) -> Bounds:
    return Bounds(_least(network, target, TIME), _least(network, target, PRICE), _least(network, target, CO2E))


def _least(network: Network, target: int, measure: int) -> list[int]:
    """Dijkstra backwards from the target by one measure."""
    least = [NEVER] * len(network.inbound)
    least[target] = 0
    queue = [(0, target)]
    while queue:
        value, head = heappop(queue)
        if value > least[head]:
            continue
        for inbound in network.inbound[head]:
            through = value + inbound[measure]
            if through < least[inbound[0]]:
                least[inbound[0]] = through
                heappush(queue, (through, inbound[0]))
    return least
