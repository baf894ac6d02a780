# ruff: noqa: INP001 (a folder of files that browsers read, no package)
"""How `land.json` is made: the land of Natural Earth 1:50m, finer in Asia than elsewhere. Run by hand, once in a while.

`npm pack world-atlas@2.0.2`, unpack it, then `python app/web/static/make_land.py <package>/land-50m.json`.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from math import hypot
from pathlib import Path
from typing import Any, Final

TOLERANCE: Final = 0.035
COARSE: Final = 4
ASIA: Final = (60.0, -2.0, 150.0, 57.0)
AREA_MIN: Final = 0.02
Geo = tuple[float, float]


def main(source: Path) -> None:
    """Write `land.json` next to this file: one MultiPolygon, in hundredths of a degree."""
    topology = json.loads(source.read_text())
    polygons = [[simplified(ring) for ring in polygon] for polygon in polygons_of(topology)]
    kept = [[ring for ring in polygon if worth(ring)] for polygon in polygons if worth(polygon[0])]
    shape = {"type": "MultiPolygon", "coordinates": kept}
    (Path(__file__).parent / "land.json").write_text(json.dumps(shape, separators=(",", ":")) + "\n")


def polygons_of(topology: Mapping[str, Any]) -> Iterator[list[list[Geo]]]:
    """TopoJSON's arcs are differences of whole numbers; a negative index is an arc read backwards."""
    (dx, dy), (x0, y0) = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = [
        [(x * dx + x0, y * dy + y0) for x, y in accumulate(map(tuple, arc), lambda a, b: (a[0] + b[0], a[1] + b[1]))]
        for arc in topology["arcs"]
    ]
    for geometry in topology["objects"]["land"]["geometries"]:
        for polygon in geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]:
            yield [
                [at for index in ring for at in (arcs[index] if index >= 0 else arcs[~index][::-1])] for ring in polygon
            ]


def simplified(ring: Sequence[Geo]) -> list[Geo]:
    """Douglas and Peucker (1973), with a coarser tolerance outside Asia; in hundredths, without repeats."""
    keep = {0, len(ring) // 2, len(ring) - 1}
    spans = [(0, len(ring) // 2), (len(ring) // 2, len(ring) - 1)]
    while spans:
        first, last = spans.pop()
        worst = max(range(first + 1, last), key=lambda i: off(ring[i], ring[first], ring[last]), default=None)
        if worst is not None and off(ring[worst], ring[first], ring[last]) > 1:
            keep.add(worst)
            spans += [(first, worst), (worst, last)]
    rounded = [(round(ring[i][0], 2), round(ring[i][1], 2)) for i in sorted(keep)]
    return [at for i, at in enumerate(rounded) if i == 0 or at != rounded[i - 1]]


def off(at: Geo, one: Geo, other: Geo) -> float:
    """How far a point lies from a line, in tolerances."""
    (x, y), (x1, y1), (x2, y2) = at, one, other
    dx, dy = x2 - x1, y2 - y1
    length = dx * dx + dy * dy
    t = min(max(((x - x1) * dx + (y - y1) * dy) / length, 0), 1) if length else 0
    distance = hypot(x - x1 - t * dx, y - y1 - t * dy)
    inside = ASIA[0] <= x <= ASIA[2] and ASIA[1] <= y <= ASIA[3]
    return distance / (TOLERANCE if inside else TOLERANCE * COARSE)


def worth(ring: Sequence[Geo]) -> bool:
    """Islands and lakes that could be seen."""
    if len(ring) < 4:
        return False
    area = abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(ring, [*ring[1:], ring[0]], strict=True))) / 2
    inside = ASIA[0] <= ring[0][0] <= ASIA[2] and ASIA[1] <= ring[0][1] <= ASIA[3]
    return area > (AREA_MIN if inside else AREA_MIN * COARSE**2)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
