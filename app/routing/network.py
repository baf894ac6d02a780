"""The rides of a timetable, what each costs one kind of load, and the least that is still to come before a target."""

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from app.routing.calendar import NEVER, Calendar
from app.routing.rules import (
    may_carry,
    price_rate,
    ride_co2e_mg,
    ride_price_minor,
    transfer_co2e_mg,
    transfer_price_minor,
)
from app.routing.values import Place, Query, Service

LegKey = tuple[int, int, int]
"""(service, board stop, alight stop), all as numbers."""


class Ride(NamedTuple):
    """From one stop of a service to a later one; the offset counts from the start of the run."""

    number: int
    tail: int
    head: int
    arrive_offset_s: int
    least_s: int
    distance_m: int
    price_rate: int
    key: LegKey


class Boarding(NamedTuple):
    """A service at one of its stops: its run starts no earlier than `wait_s` (often negative) after the goods are ready there."""

    wait_s: int
    calendar: Calendar
    rides: list[Ride]


class Network(NamedTuple):
    """All rides by number, the boardings of each place, and the (number, tail) of the rides that end there."""

    rides: list[Ride]
    boardings: list[list[Boarding]]
    inbound: list[list[tuple[int, int]]]


class Costs(NamedTuple):
    """By ride, what lies between arriving at its tail and at its head, the transfer at the tail included; NEVER where the load may not go.

    No transfer is made at the origin: a journey from there starts with less than nothing, `origin_…` by place.
    """

    time_s: list[int]
    price_minor: list[int]
    co2e_mg: list[int]
    origin_price_minor: list[int]
    origin_co2e_mg: list[int]


class Bounds(NamedTuple):
    """By place, the least that is still to come after arriving there; NEVER where the target is out of reach."""

    time_s: list[int]
    price_minor: list[int]
    co2e_mg: list[int]


def build_network(
    places: Sequence[Place], services: Sequence[Service], calendars: Sequence[Calendar], numbers: dict[str, int]
) -> Network:
    """Number every ride. One that ends where it began is none."""
    network = Network([], [[] for _ in places], [[] for _ in places])
    for service_number, service in enumerate(services):
        for board, origin in enumerate(service.stops[:-1]):
            tail = numbers[origin.place]
            wait_s = service.cutoff_s - origin.depart_offset_s
            boarding = Boarding(wait_s, calendars[service_number], [])
            network.boardings[tail].append(boarding)
            for alight, stop in enumerate(service.stops[board + 1 :], start=board + 1):
                if stop.place == origin.place:
                    continue
                distance_m = stop.distance_m - origin.distance_m
                ride = Ride(
                    number=len(network.rides),
                    tail=tail,
                    head=numbers[stop.place],
                    arrive_offset_s=stop.arrive_offset_s,
                    least_s=places[tail].dwell_s + wait_s + stop.arrive_offset_s,
                    distance_m=distance_m,
                    price_rate=price_rate(service.tariff, distance_m),
                    key=(service_number, board, alight),
                )
                network.rides.append(ride)
                network.inbound[ride.head].append((ride.number, tail))
                boarding.rides.append(ride)
    return network


def price_rides(network: Network, places: Sequence[Place], services: Sequence[Service], query: Query) -> Costs:
    """What every ride costs a load of this weight, volume and temperature."""
    weight_g, temperature = query.weight_g, query.temperature
    handling_price = [transfer_price_minor(place, weight_g) for place in places]
    handling_co2e = [transfer_co2e_mg(place, weight_g) for place in places]
    usable = [may_carry(service, query) for service in services]
    intensity = [service.co2e_mg_per_tkm.get(temperature, 0) for service in services]
    time_s, price_minor, co2e_mg = [], [], []
    for _, tail, _, _, least_s, distance_m, rate, (service, _, _) in network.rides:
        if usable[service]:
            time_s.append(least_s)
            price_minor.append(handling_price[tail] + ride_price_minor(services[service].tariff, rate, weight_g))
            co2e_mg.append(handling_co2e[tail] + ride_co2e_mg(distance_m * intensity[service], weight_g))
        else:
            time_s.append(NEVER)
            price_minor.append(NEVER)
            co2e_mg.append(NEVER)
    return Costs(time_s, price_minor, co2e_mg, [-price for price in handling_price], [-co2e for co2e in handling_co2e])


def measure_bounds(network: Network, costs: Costs, target: int) -> Bounds:
    return Bounds(
        _least(network, costs.time_s, target),
        _least(network, costs.price_minor, target),
        _least(network, costs.co2e_mg, target),
    )


def _least(network: Network, costs: list[int], target: int) -> list[int]:
    """Dijkstra backwards from the target by one measure."""
    least = [NEVER] * len(network.inbound)
    least[target] = 0
    queue = [(0, target)]
    while queue:
        value, head = heappop(queue)
        if value > least[head]:
            continue
        for number, tail in network.inbound[head]:
            through = value + costs[number]
            if through < least[tail]:
                least[tail] = through
                heappush(queue, (through, tail))
    return least
