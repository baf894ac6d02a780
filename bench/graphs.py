"""The single-criterion part beside plain graph libraries: earliest arrival on the same timetable, spread out in time for them.

They know no timetable, so every call of every run within some days is a node. Vans on demand, which would have endless nodes, run every
hour here, for the planner too; opening hours and full runs are left out. All answers have to agree.
"""

import statistics
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

import networkx as nx
import rustworkx

from app.network.national import national_network
from app.network.timetable import planned_place, planned_service
from app.network.values import HubKind, ServiceStatus
from app.routing import Place, Query, Service, Timetable, Weekly, arrives_first, warm_up
from bench.report import Row, show
from bench.service import machine

DAY_S: Final = 86_400
MONDAY: Final = 1_767_571_200
DAYS: Final = 5
PLACES: Final = 3_000
EVERY_HOUR: Final = Weekly(tuple(range(7)), tuple(range(0, DAY_S, 3_600)))
NETWORKX_QUESTIONS: Final = 2
REPEATS: Final = 2

Edge = tuple[int, int, int]


@dataclass
class Expanded:
    """Nodes are readiness for a departure, and arrivals, each at its second; edges last as long as what they stand for."""

    edges: list[Edge] = field(default_factory=list)
    nodes: int = 0
    ready: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    arrivals: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def node(self) -> int:
        self.nodes += 1
        return self.nodes - 1

    def first_ready(self, place: str, at: int) -> tuple[int, int] | None:
        """When and at which node goods that are ready at `at` may next be put on a departure."""
        waiting = self.ready.get(place, [])
        number = bisect_left(waiting, (at, -1))
        return waiting[number] if number < len(waiting) else None


def expand(places: Sequence[Place], services: Sequence[Service], since: int, days: int) -> Expanded:
    """Every call of every run that starts within these days; goods wait at a place from one departure to the next."""
    dwell = {place.code: place.dwell_s for place in places}
    graph = Expanded()
    for service in services:
        for start in _starts(service, since, days):
            _add_run(graph, service, start)
    for waiting in graph.ready.values():
        waiting.sort()
        for (at, node), (later, other) in pairwise(waiting):
            graph.edges.append((node, other, later - at))
    for place, arrivals in graph.arrivals.items():
        for at, node in arrivals:
            if found := graph.first_ready(place, at + dwell[place]):
                graph.edges.append((node, found[1], found[0] - at))
    return graph


def _add_run(graph: Expanded, service: Service, start: int) -> None:
    """A node for each arrival, each departure, and each readiness for one."""
    before = None
    for number, stop in enumerate(service.stops):
        arrives, departs = start + stop.arrive_offset_s, start + stop.depart_offset_s
        here = None
        if before is not None:
            here = graph.node()
            graph.edges.append((before[0], here, arrives - before[1]))
            graph.arrivals.setdefault(stop.place, []).append((arrives, here))
        if number < len(service.stops) - 1:
            leaves, boards = graph.node(), graph.node()
            if here is not None:
                graph.edges.append((here, leaves, departs - arrives))
            graph.edges.append((boards, leaves, service.cutoff_s))
            graph.ready.setdefault(stop.place, []).append((departs - service.cutoff_s, boards))
            before = leaves, departs


def _starts(service: Service, since: int, days: int) -> list[int]:
    first = (since - MONDAY) // DAY_S - 1
    return [
        MONDAY + day * DAY_S + second
        for pattern in service.departures
        for day in range(first, first + days + 1)
        if day % 7 in pattern.weekdays
        for second in pattern.seconds_of_day
    ]


def compare(queries: int) -> None:
    """Print the planner beside the libraries, on processor time."""
    warm_up()
    hubs, lines = national_network(PLACES)
    places = [planned_place(hub) for hub in hubs]
    services = [
        replace(service, on_demand=False, departures=(EVERY_HOUR,)) if service.on_demand else service
        for service in (planned_service(line, (), ()) for line in lines if line.status is ServiceStatus.ACTIVE)
    ]
    timetable = Timetable(places, services, "compared")
    villages = [hub.code for hub in hubs if hub.kind is HubKind.VILLAGE_POINT]
    graph = expand(places, services, MONDAY, DAYS)
    dwell = {place.code: place.dwell_s for place in places}
    asked = _questions(timetable, villages, min(queries, 20))
    rust = rustworkx.PyDiGraph(multigraph=True)
    rust.add_nodes_from(range(graph.nodes))
    rust.add_edges_from(graph.edges)
    rows = [
        _row("the planner, earliest arrival", asked, lambda query: arrives_first(timetable, query)),
        _row("rustworkx, Dijkstra from the origin", asked, lambda query: _by_rustworkx(rust, graph, dwell, query)),
    ]
    plain = nx.DiGraph()
    plain.add_weighted_edges_from(graph.edges)
    few = asked[:NETWORKX_QUESTIONS]
    rows.append(_row("networkx, Dijkstra from the origin", few, lambda query: _by_networkx(plain, graph, dwell, query)))
    agreed = all(arrives_first(timetable, query) == _by_networkx(plain, graph, dwell, query) for query in few)
    rows.append(Row("all of the same answers", "yes" if agreed else "NO", "yes", agreed))
    show(
        rows,
        f"{machine()}, one of them used; {DAYS} days of {len(places):,} places as {graph.nodes:,} nodes and {len(graph.edges):,} edges; "
        f"{len(asked)} questions from village to village, {NETWORKX_QUESTIONS} of them for networkx",
    )


def _questions(timetable: Timetable, villages: Sequence[str], number: int) -> list[Query]:
    """Pairs of villages whose answer lies within the days that are spread out."""
    asked: list[Query] = []
    for step in range(len(villages)):
        query = Query(
            villages[step * 7 % len(villages)], villages[(step * 331 + 5) % len(villages)], MONDAY + DAY_S // 3, 10_000
        )
        first = arrives_first(timetable, query) if query.origin != query.destination else None
        if first and first < MONDAY + (DAYS - 1) * DAY_S:
            asked.append(query)
        if len(asked) == number:
            break
    return asked


def _row(figure: str, asked: Sequence[Query], answer: Callable[[Query], int | None]) -> Row:
    spent = []
    for query in asked:
        times = []
        for _ in range(REPEATS):
            begin = time.thread_time()
            answer(query)
            times.append((time.thread_time() - begin) * 1_000)
        spent.append(statistics.median(times))
    return Row(figure, f"p50 {statistics.median(spent):,.2f} ms, p95 {sorted(spent)[len(spent) * 95 // 100]:,.2f} ms")


def _by_rustworkx(
    rust: "rustworkx.PyDiGraph[int, int]", graph: Expanded, dwell: dict[str, int], query: Query
) -> int | None:
    start = graph.first_ready(query.origin, query.depart_after + dwell[query.origin])
    if start is None:
        return None
    lasts = rustworkx.dijkstra_shortest_path_lengths(rust, start[1], float)
    return min((at for at, node in graph.arrivals[query.destination] if node in lasts), default=None)


def _by_networkx(plain: "nx.DiGraph[int]", graph: Expanded, dwell: dict[str, int], query: Query) -> int | None:
    start = graph.first_ready(query.origin, query.depart_after + dwell[query.origin])
    if start is None:
        return None
    lasts = nx.single_source_dijkstra_path_length(plain, start[1])
    return min((at for at, node in graph.arrivals[query.destination] if node in lasts), default=None)


if __name__ == "__main__":
    compare(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
