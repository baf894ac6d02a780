"""The land behind a small map: what of Natural Earth's outline falls into its frame."""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from app.web.map import Box, Frame, Geo, Spot, lines_path

LAND: Final = Path(__file__).parent / "static/land.json"
EDGE: Final = 6


# A journey keeps its frame, and many journeys go the same way.
@lru_cache(maxsize=512)
def land_path(frame: Frame) -> str:
    """Path data of the land in this frame, cut off a little outside it; to be filled by the even-odd rule."""
    west, south, east, north = frame.bounds(EDGE)
    seen = (ring for ring, (w, s, e, n) in _rings() if w <= east and e >= west and s <= north and n >= south)
    return "".join(f"{line}z" for ring in seen if (line := lines_path([_cut_to(frame, ring)])))


@lru_cache(maxsize=1)
def _rings() -> Sequence[tuple[Sequence[Geo], Box]]:
    """Each ring with the degrees that it lies between: west, south, east, north."""
    polygons = json.loads(LAND.read_text(encoding="utf-8"))["coordinates"]
    rings = [[(lon, lat) for lon, lat in ring] for polygon in polygons for ring in polygon]
    return [(ring, (*map(min, zip(*ring, strict=True)), *map(max, zip(*ring, strict=True)))) for ring in rings]


def _cut_to(frame: Frame, ring: Sequence[Geo]) -> list[Spot]:
    """Sutherland and Hodgman (1974): one edge of the frame after the other."""
    spots = [frame.spot(at) for at in ring]
    for axis, bound, keeps_less in (
        (0, -EDGE, False),
        (0, frame.width + EDGE, True),
        (1, -EDGE, False),
        (1, frame.height + EDGE, True),
    ):
        spots = list(_cut(spots, axis, float(bound), float.__le__ if keeps_less else float.__ge__))
    return spots


def _cut(spots: Sequence[Spot], axis: int, bound: float, inside: Callable[[float, float], bool]) -> Iterator[Spot]:
    for one, other in zip(spots, [*spots[1:], *spots[:1]], strict=True):
        if inside(one[axis], bound):
            yield one
        if inside(one[axis], bound) != inside(other[axis], bound):
            share = (bound - one[axis]) / (other[axis] - one[axis])
            yield one[0] + share * (other[0] - one[0]), one[1] + share * (other[1] - one[1])
