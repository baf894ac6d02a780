"""How the cost of a question grows with the network: printed, and drawn to docs/routing-growth.svg."""

import sys
from dataclasses import dataclass, replace
from math import log10
from pathlib import Path
from typing import Final

from app.routing import Front, NoPlan, Query, arrives_first, plan, warm_up
from bench.report import Row, say, show
from bench.routing import Network, Times, renewed_s
from bench.service import machine

SIZES: Final = (500, 1_000, 3_000, 10_000)
DAY_S: Final = 86_400
PICTURE: Final = Path(__file__).parent.parent / "docs" / "routing-growth.svg"
WIDTH: Final = 640
HEIGHT: Final = 360
MARGIN: Final = 60
LINE_HEIGHT: Final = 15
LEAST_MS: Final = 0.01
DECADES: Final = 5
COLOURS: Final = {
    "earliest arrival": "#1f77b4",
    "exact front, 24 h": "#d62728",
    "within 1 %, 24 h": "#2ca02c",
    "new timetable": "#7f7f7f",
}


@dataclass(frozen=True)
class Point:
    """Milliseconds at a size: half of the questions take no longer, and 95 of a hundred."""

    places: int
    p50: float
    p95: float


def plot(queries: int) -> None:
    """Measure every size, print the table and draw the picture."""
    warm_up()
    curves: dict[str, list[Point]] = {name: [] for name in COLOURS}
    rows = []
    for size in SIZES:
        network = Network(size)
        places = len(network.places)
        asked = network.questions(queries, network.villages)
        day = [replace(query, window_s=DAY_S) for query in asked]

        def find(query: Query, network: Network = network) -> Front | NoPlan:
            return plan(network.timetable, query, network.load)

        def first(query: Query, network: Network = network) -> int | None:
            return arrives_first(network.timetable, query)

        near = [replace(query, epsilon_bps=100) for query in day]
        for name, times in (
            ("earliest arrival", Times(asked, first)),
            ("exact front, 24 h", Times(day, find)),
            ("within 1 %, 24 h", Times(near, find)),
        ):
            curves[name].append(Point(places, times.p50, times.p95))
            told = times.row(f"{places:,} places: {name}")
            rows.append(told)
        built_ms = renewed_s(network) * 1_000
        curves["new timetable"].append(Point(places, built_ms, built_ms))
        rows.append(Row(f"{places:,} places: new timetable", f"{built_ms:.0f} ms"))
        say(f"  {places:,} places, {network.size.departures_a_day:,} departures a day")
    show(rows, f"{machine()}, one of them used; {queries} questions from village to village, every constraint on")
    PICTURE.write_text(_picture(curves), encoding="utf-8")
    say(f"drawn to {PICTURE.name}")


def _x(places: int) -> float:
    share = log10(places / SIZES[0]) / log10(SIZES[-1] / SIZES[0])
    return MARGIN + share * (WIDTH - 2 * MARGIN - 90)


def _y(ms: float) -> float:
    return HEIGHT - MARGIN - log10(max(ms, LEAST_MS) / LEAST_MS) / DECADES * (HEIGHT - 2 * MARGIN)


def _picture(curves: dict[str, list[Point]]) -> str:
    """Both axes by decades; a line is the median, the shade above it reaches to the 95th percentile."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{MARGIN}" y="24" font-size="14">Processor time of a question as the network grows (median, shade to p95)</text>',
    ]
    for decade in range(DECADES + 1):
        ms = LEAST_MS * 10**decade
        parts.append(f'<path d="M{MARGIN} {_y(ms):.1f}H{WIDTH - MARGIN - 90}" stroke="#ddd"/>')
        parts.append(f'<text x="{MARGIN - 8}" y="{_y(ms) + 4:.1f}" text-anchor="end">{ms:g} ms</text>')
    parts += [
        f'<text x="{_x(size):.1f}" y="{HEIGHT - MARGIN + 20}" text-anchor="middle">{size:,}</text>' for size in SIZES
    ]
    parts.append(f'<text x="{WIDTH / 2 - 45:.0f}" y="{HEIGHT - 18}" text-anchor="middle">places</text>')
    for name, points in curves.items():
        colour = COLOURS[name]
        upper = [f"{_x(point.places):.1f} {_y(point.p95):.1f}" for point in points]
        lower = [f"{_x(point.places):.1f} {_y(point.p50):.1f}" for point in points]
        parts.append(f'<path d="M{"L".join([*upper, *reversed(lower)])}Z" fill="{colour}" fill-opacity="0.15"/>')
        parts.append(f'<path d="M{"L".join(lower)}" fill="none" stroke="{colour}" stroke-width="2"/>')
    return "\n".join([*parts, *_names(curves), "</svg>", ""])


def _names(curves: dict[str, list[Point]]) -> list[str]:
    """The names at the ends of their lines, kept apart where lines meet."""
    told, above = [], 0.0
    for name, points in sorted(curves.items(), key=lambda curve: -curve[1][-1].p50):
        above = max(above + LINE_HEIGHT, _y(points[-1].p50) + 4)
        told.append(f'<text x="{_x(points[-1].places) + 8:.1f}" y="{above:.1f}" fill="{COLOURS[name]}">{name}</text>')
    return told


if __name__ == "__main__":
    plot(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
