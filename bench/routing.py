"""Times the planner on the national network: one core, processor time, beside plain graph libraries, and as the network grows.

`cold` is the first question of a kind of load: what the planner keeps is forgotten before each. Everything else is asked once before.
The same seeds every time, so the same questions.
"""

import argparse
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from app.network.national import national_network, network_size
from app.network.timetable import planned_place, planned_service
from app.network.values import HubKind, ServiceStatus
from app.routing import (
    Front,
    Load,
    NoPlan,
    Place,
    Query,
    SearchTooLarge,
    Service,
    Timetable,
    Used,
    arrives_first,
    pack_load,
    plan,
    warm_up,
)
from bench.report import Row, at_most, show
from bench.service import machine

HOUR_S: Final = 3_600
DAY_S: Final = 24 * HOUR_S
MONDAY: Final = 1_767_571_200
PLACES: Final = 3_000
REPEATS: Final = 3
FULL_SHARE: Final = 0.1
# Hours (UTC) in which townships, villages and county centres take goods in; the others always do.
OPENING_H: Final = {HubKind.COUNTY: (22, 38), HubKind.TOWNSHIP: (0, 10), HubKind.VILLAGE_POINT: (1, 11)}
ALIVE: Final[dict[str, Any]] = {"temperature": "live", "live_heads": 5, "max_journey_s": 29 * HOUR_S}


class Network:
    """A network with the hours and the load of the bench, and questions about it."""

    def __init__(self, places: int) -> None:
        hubs, lines = national_network(places)
        self.size = network_size(hubs, lines)
        self.places = [_with_hours(planned_place(hub), hub.kind) for hub in hubs]
        self.services = [
            planned_service(line, (), range(2025, 2028)) for line in lines if line.status is ServiceStatus.ACTIVE
        ]
        self.timetable = Timetable(self.places, self.services, "bench")
        self.load = pack_load(self.timetable, busy(self.services, FULL_SHARE, random.Random(7)))
        self.villages = [hub.code for hub in hubs if hub.kind is HubKind.VILLAGE_POINT]
        self.towns = [hub.code for hub in hubs if hub.kind in {HubKind.TOWNSHIP, HubKind.COUNTY}]

    def questions(self, number: int, between: Sequence[str], **terms: Any) -> list[Query]:
        """From anywhere to anywhere of these places, at any time of a week: a piece of 1 to 30 kg."""
        chance = random.Random(20)
        asked = []
        for _ in range(number):
            origin, end = chance.sample(between, 2)
            weight_g = chance.randint(1, 30) * 1_000
            piece = {
                "weight_g": weight_g,
                "volume_mm3": weight_g * 5_000,
                "piece_weight_g": weight_g,
                "piece_length_mm": 600,
            }
            asked.append(Query(origin, end, MONDAY + chance.randrange(7 * DAY_S), **{**piece, **terms}))
        return asked


def _with_hours(place: Place, kind: HubKind) -> Place:
    if kind not in OPENING_H:
        return place
    since, until = OPENING_H[kind]
    return replace(
        place, opening=tuple((day * DAY_S + since * HOUR_S, day * DAY_S + until * HOUR_S) for day in range(7))
    )


def busy(services: Sequence[Service], share: float, chance: random.Random) -> Load:
    """Fill this share of the segments of two weeks."""
    load = {}
    for each in services:
        full = Used(weight_g=each.capacity.weight_g)
        for pattern in each.departures:
            for day in range(14):
                for second in pattern.seconds_of_day:
                    for segment in range(len(each.stops) - 1):
                        if day % 7 in pattern.weekdays and chance.random() < share:
                            start = MONDAY + day * DAY_S + second
                            load[each.id, start, segment] = full
    return load


class Times:
    """Milliseconds of processor time, each the median of some repeats, and how large the fronts were; how many were refused as too large."""

    def __init__(
        self, asked: Sequence[Query], answer: Callable[[Query], Any], *, cold: Callable[[], None] | None = None
    ) -> None:
        self.ms: list[float] = []
        self.fronts: list[int] = []
        self.too_large = 0
        for query in asked:
            try:
                found = answer(query)
            except SearchTooLarge:
                self.too_large += 1
                continue
            spent = []
            for _ in range(REPEATS):
                if cold:
                    cold()
                begin = time.thread_time()
                answer(query)
                spent.append((time.thread_time() - begin) * 1_000)
            self.ms.append(statistics.median(spent))
            if isinstance(found, Front | NoPlan):
                self.fronts.append(len(found.plans) if isinstance(found, Front) else 0)

    @property
    def p50(self) -> float:
        return statistics.median(self.ms)

    @property
    def p95(self) -> float:
        return sorted(self.ms)[len(self.ms) * 95 // 100]

    def row(self, figure: str, bar: float | None = None) -> Row:
        told = f"p50 {self.p50:.2f} ms, p95 {self.p95:.2f} ms"
        if self.fronts:
            sizes = sorted(self.fronts)
            told += f"; front {sizes[len(sizes) // 2]}, p95 {sizes[len(sizes) * 95 // 100]}, most {sizes[-1]}, none {sizes.count(0)}"
        if self.too_large:
            told += f"; {self.too_large} too large"
        return Row(figure, told, f"p95 ≤ {bar:g} ms" if bar else "", self.p95 <= bar if bar else None)


def measure(network: Network, queries: int) -> list[Row]:
    """The planner's own rows."""
    timetable, load = network.timetable, network.load
    asked = network.questions(queries, network.villages)
    day = [replace(query, window_s=DAY_S) for query in asked]
    cool = [
        replace(query, window_s=DAY_S, temperature="chilled", max_exposure_s=DAY_S)
        for query in network.questions(queries, network.towns)
    ]
    alive = [replace(query, window_s=DAY_S, **ALIVE) for query in network.questions(queries, network.towns)]
    rested = [replace(query, rest_s=DAY_S) for query in alive]

    def find(query: Query) -> Front | NoPlan:
        return plan(timetable, query, load)

    forget = timetable.forget
    return [
        Times(asked, lambda query: arrives_first(timetable, query)).row("earliest arrival", 0.8),
        Times(asked, lambda query: arrives_first(timetable, query), cold=forget).row("  the same, cold", 0.8),
        Times(asked, lambda query: arrives_first(timetable, query, load)).row(
            f"  the same, {FULL_SHARE:.0%} of all segments full"
        ),
        Times(day, find).row("exact front within 24 h of it, every constraint", 20),
        Times(day, find, cold=forget).row("  the same, cold", 20),
        Times(day, lambda query: plan(timetable, query)).row("  the same, nothing full, its ground remembered", 20),
        Times([replace(query, epsilon_bps=100) for query in day], find).row("  within 1 %", 8),
        Times([replace(query, window_s=3 * DAY_S) for query in asked], find).row("exact front within 72 h of it"),
        Times(asked, find).row("exact front of the whole three weeks"),
        Times(alive, find).row("animals, at most 29 h, within 24 h"),
        Times(rested, find).row("  the same with rests of 24 h"),
        Times(cool, find).row("chilled, at most 24 h out of the cold, within 24 h"),
    ]


def memory_mb() -> float:
    """What this process has held at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0) / 1_024


def alone(queries: int) -> None:
    """Print the planner's own rows."""
    warm_up()
    network = Network(PLACES)
    size = network.size
    rows = measure(network, queries)
    rows.append(at_most("a changed timetable, from its services to the first answer", renewed_s(network), 1, "s"))
    rows.append(at_most("memory of the process, at most", memory_mb(), 300, "MB"))
    show(
        rows,
        f"{machine()}, one of them used; {size.places:,} places, {size.services:,} services, {size.departures_a_day:,} departures a day, "
        f"{len(network.timetable.net.rides):,} rides; {len(network.load.start):,} segments full; {queries} questions from village to village",
    )


def renewed_s(network: Network) -> float:
    """From the planner's services to the first front by them."""
    spent = []
    query = replace(network.questions(1, network.villages)[0], window_s=DAY_S)
    for number in range(REPEATS):
        begin = time.process_time()
        plan(Timetable(network.places, network.services, f"bench {number}"), query)
        spent.append(time.process_time() - begin)
    return statistics.median(spent)


def main() -> None:
    """The planner in this process, or every part in one of its own, so that its memory is only its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alone", action="store_true", help="no graph libraries, no growth")
    parser.add_argument("--queries", type=int, default=100)
    options = parser.parse_args()
    if options.alone:
        alone(options.queries)
        return
    queries = str(options.queries)
    for module in (
        ["bench.routing", "--alone", "--queries", queries],
        ["bench.graphs", queries],
        ["bench.growth", queries],
        ["bench.asking", queries],
    ):
        subprocess.run([sys.executable, "-m", *module], check=True)


if __name__ == "__main__":
    main()
