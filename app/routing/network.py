"""A timetable compiled for one kind of load: rides with their price and CO2e, and the least that is still to come before a target."""

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from typing import Final, NamedTuple

from app.routing.calendar import NEVER, Calendar
from app.routing.rules import (
    fits_when_empty,
    is_excluded,
    ride_co2e_mg,
    ride_price_minor,
    takes_temperature,
    transfer_co2e_mg,
    transfer_price_minor,
)
from app.routing.values import Place, Query, Service

LegKey = tuple[int, int, int]
"""(service, board stop, alight stop), all as numbers."""


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
    rides: tuple[Ride, ...]


Inbound = tuple[int, int, int, int]
"""A ride seen from its head: its tail, and the least time, price and CO2e between arriving at the one and at the other."""

TIME: Final = 1
PRICE: Final = 2
CO2E: Final = 3


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


def usable(service: Service, query: Query) -> bool:
    """Whether the service may carry such a load at all, on an empty run."""
    return takes_temperature(service, query) and fits_when_empty(service, query) and not is_excluded(service, query)


def compile_network(
    places: Sequence[Place],
    services: Sequence[Service],
    calendars: Sequence[Calendar],
    numbers: dict[str, int],
    query: Query,
) -> Network:
    """Price every usable ride for the weight and temperature of the query."""
    network = Network(
        boardings=[[] for _ in places],
        inbound=[[] for _ in places],
        transfer_price_minor=[transfer_price_minor(place, query.weight_g) for place in places],
        transfer_co2e_mg=[transfer_co2e_mg(place, query.weight_g) for place in places],
    )
    for number, service in enumerate(services):
        if not usable(service, query):
            continue
        for board, stop in enumerate(service.stops[:-1]):
            tail = numbers[stop.place]
            rides = tuple(_rides(service, number, board, numbers, query))
            wait_s = service.cutoff_s - stop.depart_offset_s
            network.boardings[tail].append(Boarding(wait_s, calendars[number], rides))
            ready_s = places[tail].dwell_s + wait_s
            price, co2e = network.transfer_price_minor[tail], network.transfer_co2e_mg[tail]
            for head, offset_s, ride_price, ride_co2e, _ in rides:
                network.inbound[head].append((tail, ready_s + offset_s, price + ride_price, co2e + ride_co2e))
    return network


def _rides(service: Service, number: int, board: int, numbers: dict[str, int], query: Query) -> Iterator[Ride]:
    origin = service.stops[board]
    mg_per_tkm = service.co2e_mg_per_tkm.get(query.temperature, 0)
    for alight, stop in enumerate(service.stops[board + 1 :], start=board + 1):
        if stop.place == origin.place:
            continue
        distance_m = stop.distance_m - origin.distance_m
        yield Ride(
            numbers[stop.place],
            stop.arrive_offset_s,
            ride_price_minor(service.tariff, query.weight_g, distance_m),
            ride_co2e_mg(mg_per_tkm, query.weight_g, distance_m),
            (number, board, alight),
        )


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
