"""A network of national size for benchmarks: the trunk, real counties, and townships and villages generated around them.

`python -m app.network.national 3000` prints its size.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.network.rules import load_defaults
from app.network.rural import fraction, rural_layer
from app.network.seed import read_counties, read_hubs, read_links, read_structure, services_from_links
from app.network.values import HubPoint, Line, ServiceStatus

PLACES: Final = 3_000
TOWNSHIPS_PER_COUNTY: Final = 3
VILLAGES_PER_TOWNSHIP: Final = 2
# Buses run so many times as often as by the defaults, to reach 50,000 departures a day with 3,000 places.
BUS_FACTOR: Final = 1.3


@dataclass(frozen=True, slots=True)
class NetworkSize:
    """Departures: calls from which runs go on, on an average day. Rides: pairs of stops that runs connect on that day."""

    places: int
    services: int
    on_demand: int
    departures_a_day: int
    rides_a_day: int


def demo_network() -> tuple[list[HubPoint], list[Line]]:
    """The trunk and every county of the west: what a new service starts with."""
    hubs = read_hubs()
    lines = services_from_links(read_links(), {hub.code: hub for hub in hubs}, load_defaults())
    more_hubs, more_lines = rural_layer(read_counties(), read_structure(), hubs)
    return [*hubs, *more_hubs], [*lines, *more_lines]


def national_network(places: int = PLACES) -> tuple[list[HubPoint], list[Line]]:
    """The trunk's services and as many counties, each with its townships and villages, as make up so many places (a few more).

    A larger network holds every smaller one's hubs. With every county in it, it has no more places to give.
    """
    hubs = read_hubs()
    lines = services_from_links(read_links(), {hub.code: hub for hub in hubs}, load_defaults())
    of_a_county = TOWNSHIPS_PER_COUNTY * (1 + VILLAGES_PER_TOWNSHIP)
    chosen, left = [], places - len(hubs)
    for county in sorted(read_counties(), key=lambda county: fraction("national", county.adcode)):
        if left <= 0:
            break
        chosen.append(county)
        left -= of_a_county + (county.hub is None)
    more_hubs, more_lines = rural_layer(
        chosen,
        read_structure(),
        hubs,
        townships_per_county=TOWNSHIPS_PER_COUNTY,
        villages_per_township=VILLAGES_PER_TOWNSHIP,
        bus_factor=BUS_FACTOR,
    )
    return [*hubs, *more_hubs], [*lines, *more_lines]


def network_size(hubs: Sequence[HubPoint], lines: Sequence[Line]) -> NetworkSize:
    """What there is to search, of the services that run."""
    active = [line for line in lines if line.status is ServiceStatus.ACTIVE]
    weekly = [(len(line.weekdays) * len(line.departs_s), len(line.stops)) for line in active]
    return NetworkSize(
        places=len(hubs),
        services=len(active),
        on_demand=sum(line.on_demand for line in active),
        departures_a_day=sum(runs * (stops - 1) for runs, stops in weekly) // 7,
        rides_a_day=sum(runs * stops * (stops - 1) // 2 for runs, stops in weekly) // 7,
    )


if __name__ == "__main__":
    sys.stdout.write(f"{network_size(*national_network(int(sys.argv[1]) if len(sys.argv) > 1 else PLACES))}\n")
