"""Times the planner on the real trunk: random queries, one process, one thread, processor time.

By default on the seed timetable as the service builds it. Given a folder with nodes.csv and links.csv, on a plain one instead: every
link is a service each way by the simple rule below, so that figures stay comparable whatever the seed becomes.
"""

import argparse
import csv
import os
import random
import statistics
import time
from pathlib import Path
from typing import Any
from zlib import crc32

from app.network.rules import load_defaults
from app.network.seed import read_hubs, read_links, services_from_links
from app.network.timetable import planned_place, planned_service
from app.network.values import HubKind
from app.routing import (
    NO_LOAD,
    Capacity,
    Front,
    Load,
    NoPlan,
    Place,
    Query,
    Service,
    Stop,
    Tariff,
    Timetable,
    Used,
    Weekly,
    plan,
)

HOUR_S = 3600
DAY_S = 24 * HOUR_S
MONDAY = 1_767_571_200
DWELL_H = {"hub": 4, "rail_terminal": 12, "sea_port": 36, "river_port": 18}
CUTOFF_H = {"rail": 8, "road": 1, "air": 3, "river": 24, "sea": 24}
# Base in minor units, milliminor per tonne-km, mg CO2e per tonne-km, departures a week.
TERMS = {
    "rail": (300, 15_000, 34_700, 7),
    "road": (500, 45_000, 95_020, 14),
    "air": (1_000, 400_000, 666_460, 7),
    "river": (300, 4_500, 19_770, 3),
    "sea": (300, 4_000, 19_770, 3),
}
ON_DEMAND_ROAD_KM_MAX = 60
WEEKDAYS = {3: (0, 2, 4), 7: tuple(range(7)), 14: tuple(range(7))}


def read_places(path: Path) -> list[Place]:
    with path.open(encoding="utf-8", newline="") as lines:
        return [
            Place(row["code"], DWELL_H.get(row["kind"], 3) * HOUR_S, 200, 5_000, None) for row in csv.DictReader(lines)
        ]


def read_services(path: Path) -> list[Service]:
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return [
        service(row, origin, end)
        for row in rows
        for origin, end in ((row["from"], row["to"]), (row["to"], row["from"]))
    ]


def service(row: dict[str, str], origin: str, end: str) -> Service:
    mode, km = row["mode"], float(row["km"])
    base, per_tkm, co2e, weekly = TERMS[mode]
    code = f"{mode}-{origin}-{end}"
    first = crc32(code.encode()) % 48 * 900
    on_demand = mode == "road" and km < ON_DEMAND_ROAD_KM_MAX
    seconds = (first, first + 12 * HOUR_S) if weekly == 14 else (first,)
    classes = {"ambient", "chilled", "frozen", "live"} if mode == "road" else {"ambient"}
    return Service(
        id=code,
        mode=mode,
        carrier=mode,
        stops=(
            Stop(origin, 0, 0, 0),
            Stop(end, int(float(row["hours"]) * HOUR_S), int(float(row["hours"]) * HOUR_S), int(km * 1000)),
        ),
        tariff=Tariff(base, 0, per_tkm),
        capacity=Capacity(30_000_000, 80_000_000_000, 200 if mode == "road" else 0),
        departures=() if on_demand else (Weekly(WEEKDAYS[weekly], seconds),),
        on_demand=on_demand,
        cutoff_s=CUTOFF_H[mode] * HOUR_S,
        temperatures=frozenset(classes),
        co2e_mg_per_tkm=dict.fromkeys(classes, co2e),
    )


def plain_trunk(folder: Path) -> tuple[list[Place], list[Service], list[str]]:
    places = read_places(folder / "nodes.csv")
    return places, read_services(folder / "links.csv"), [place.code for place in places]


def seed_trunk() -> tuple[list[Place], list[Service], list[str]]:
    """Places, services, and the places between which is asked: those at home."""
    hubs = read_hubs()
    lines = services_from_links(read_links(), {hub.code: hub for hub in hubs}, load_defaults())
    services = [planned_service(line, (), range(2025, 2028)) for line in lines]
    return [planned_place(hub) for hub in hubs], services, [hub.code for hub in hubs if hub.kind is not HubKind.FOREIGN]


def busy(services: list[Service], share: float, chance: random.Random) -> Load:
    """Fill this share of the segments of four weeks."""
    load = {}
    for each in services:
        for pattern in each.departures:
            for day in range(28):
                for second in pattern.seconds_of_day:
                    for segment in range(len(each.stops) - 1):
                        if chance.random() < share:
                            start = MONDAY + day * DAY_S + second
                            load[each.id, start, segment] = Used(weight_g=each.capacity.weight_g)
    return load


def questions(codes: list[str], number: int, **terms: Any) -> list[Query]:
    """The same random questions each time: anywhere to anywhere, 1 to 500 kg, within one week."""
    chance = random.Random(20)
    asked = []
    for _ in range(number):
        origin, end = chance.sample(codes, 2)
        start = MONDAY + chance.randrange(7 * DAY_S)
        asked.append(Query(origin, end, start, **{"weight_g": chance.randint(1, 500) * 1_000, **terms}))
    return asked


def report(name: str, timetable: Timetable, asked: list[Query], load: Load) -> None:
    spent, fronts, reasons = [], [], 0
    for query in asked:
        begin = time.process_time()
        answer = plan(timetable, query, load)
        spent.append((time.process_time() - begin) * 1000)
        match answer:
            case Front(plans=plans):
                fronts.append(len(plans))
            case NoPlan():
                reasons += 1
    sizes = sorted(fronts) or [0]
    twentieths = statistics.quantiles(spent, n=20)
    print(
        f"{name:34} median {statistics.median(spent):6.1f} ms   p95 {twentieths[18]:6.1f} ms   max {max(spent):6.1f} ms   "
        f"front median {sizes[len(sizes) // 2]}, p95 {sizes[len(sizes) * 95 // 100]}, max {sizes[-1]}   none {reasons}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "folder", nargs="?", type=Path, help="where nodes.csv and links.csv are; the seed timetable without it"
    )
    parser.add_argument("--queries", type=int, default=300)
    options = parser.parse_args()
    places, services, codes = plain_trunk(options.folder) if options.folder else seed_trunk()
    begin = time.process_time()
    timetable = Timetable(places, services, "bench")
    built = (time.process_time() - begin) * 1000
    rides = len(timetable.net.ride_tail)
    print(
        f"{len(places)} places, {len(services)} services, {rides} rides, built in {built:.0f} ms; one of {os.cpu_count()} cores"
    )
    live = {"temperature": "live", "live_heads": 5}
    kinds: list[tuple[str, Load, dict[str, Any]]] = [
        ("ambient", NO_LOAD, {}),
        ("ambient, one weight for all", NO_LOAD, {"weight_g": 20_000}),
        ("ambient, 30 % of segments full", busy(services, 0.3, random.Random(7)), {}),
        ("chilled", NO_LOAD, {"temperature": "chilled"}),
        ("live, at most 29 h", NO_LOAD, {**live, "max_journey_s": 29 * HOUR_S}),
        ("live, at most 72 h", NO_LOAD, {**live, "max_journey_s": 72 * HOUR_S}),
    ]
    for name, load, terms in kinds:
        report(name, timetable, questions(codes, options.queries, **terms), load)


if __name__ == "__main__":
    main()
