"""A small map of one journey: the network as faint ground, rides done and to come, places with names that do not collide."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import cos, dist, radians
from typing import Final

WIDTH: Final = 360
HEIGHT_MIN: Final = 190
HEIGHT_MAX: Final = 340
MARGIN: Final = 34
SPAN_DEGREES_MIN: Final = 2.0
LETTER: Final = 6.6
HANZI: Final = 12.0
LINE: Final = 14
DOT: Final = 5
MARKER: Final = 9
ARC: Final = 0.14
ARC_STEPS: Final = 12

Geo = tuple[float, float]
"""Longitude and latitude, in degrees."""
Spot = tuple[float, float]
"""A place in the drawing: to the right and down."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(frozen=True, slots=True)
class Ride:
    """One ride along its stops; `travelled` is the share that lies behind the goods, 0 to 1."""

    along: tuple[Geo, ...]
    travelled: float
    by_air: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A hub of the journey. The `weighty` ones get their name first."""

    name: str
    at: Geo
    passed: bool
    weighty: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    x: int
    y: int
    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """What the page draws: path data in whole units of the view box, places and their labels, and where the goods are."""

    height: int
    links: str
    hubs: str
    done: str
    ahead: str
    places: tuple[tuple[int, int, bool], ...]
    labels: tuple[Label, ...]
    here: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Frame:
    """Equirectangular: degrees of longitude shrunk by the cosine of the middle latitude, so that shapes look right."""

    shrink: float
    scale: float
    middle: Geo
    height: int

    def spot(self, at: Geo) -> Spot:
        x = (at[0] * self.shrink - self.middle[0]) * self.scale + WIDTH / 2
        return x, (self.middle[1] - at[1]) * self.scale + self.height / 2

    def shows(self, one: Spot, other: Spot) -> bool:
        """Whether a line between the two could be seen."""
        return (
            max(one[0], other[0]) > 0
            and min(one[0], other[0]) < WIDTH
            and max(one[1], other[1]) > 0
            and min(one[1], other[1]) < self.height
        )


def frame_around(points: Sequence[Geo]) -> Frame:
    """The frame that shows all of these points with a margin for their names."""
    lats = [lat for _, lat in points]
    middle_lat = (min(lats) + max(lats)) / 2
    shrink = cos(radians(middle_lat))
    across = [lon * shrink for lon, _ in points]
    wide = max(max(across) - min(across), SPAN_DEGREES_MIN)
    high = max(max(lats) - min(lats), SPAN_DEGREES_MIN)
    height = min(max(WIDTH * high / wide, HEIGHT_MIN), HEIGHT_MAX)
    scale = min((WIDTH - 2 * MARGIN) / wide, (height - 2 * MARGIN) / high)
    return Frame(shrink, scale, ((min(across) + max(across)) / 2, middle_lat), round(height))


def draw(
    rides: Sequence[Ride],
    places: Sequence[Place],
    here: Geo | None,
    *,
    links: Iterable[tuple[Geo, Geo]],
    hubs: Iterable[Geo],
) -> Drawing | None:
    """The map of a journey; None when there is nothing to be seen on it."""
    points = [*(at for ride in rides for at in ride.along), *(place.at for place in places), *([here] if here else [])]
    if not points:
        return None
    frame = frame_around(points)
    done, ahead = _routes(frame, rides)
    spots = [frame.spot(place.at) for place in places]
    marker = frame.spot(here) if here else None
    return Drawing(
        height=frame.height,
        links=_lines(_seen(frame, links)),
        hubs="".join(f"M{_whole(frame.spot(at))}h0" for at in hubs if frame.shows(frame.spot(at), frame.spot(at))),
        done=_lines(done),
        ahead=_lines(ahead),
        places=tuple((*_rounded(spot), place.passed) for place, spot in zip(places, spots, strict=True)),
        labels=tuple(_labels(frame, places, spots, [*done, *ahead], marker)),
        here=_rounded(marker) if marker else None,
    )


def point_on(ride: Ride) -> Geo:
    """Where on a ride the goods are."""
    line = _curved(ride)
    return _cut(line, ride.travelled)[0][-1]


def _seen(frame: Frame, links: Iterable[tuple[Geo, Geo]]) -> Iterator[list[Spot]]:
    for one, other in links:
        ends = [frame.spot(one), frame.spot(other)]
        if frame.shows(*ends):
            yield ends


def _routes(frame: Frame, rides: Sequence[Ride]) -> tuple[list[list[Spot]], list[list[Spot]]]:
    """The lines behind the goods and the lines before them."""
    done: list[list[Spot]] = []
    ahead: list[list[Spot]] = []
    for ride in rides:
        behind, before = _cut(_curved(ride), ride.travelled)
        if len(behind) > 1:
            done.append([frame.spot(at) for at in behind])
        if len(before) > 1:
            ahead.append([frame.spot(at) for at in before])
    return done, ahead


def _curved(ride: Ride) -> list[Geo]:
    """A ride as a line: a flight rises in an arc, everything else goes from stop to stop."""
    if not ride.by_air or len(ride.along) < 2:
        return list(ride.along)
    (x1, y1), (x2, y2) = ride.along[0], ride.along[-1]
    top = (x1 + x2) / 2 - ARC * (y2 - y1), (y1 + y2) / 2 + ARC * abs(x2 - x1)
    steps = [step / ARC_STEPS for step in range(ARC_STEPS + 1)]
    return [
        (
            (1 - t) ** 2 * x1 + 2 * t * (1 - t) * top[0] + t**2 * x2,
            (1 - t) ** 2 * y1 + 2 * t * (1 - t) * top[1] + t**2 * y2,
        )
        for t in steps
    ]


def _cut(line: Sequence[Geo], share: float) -> tuple[list[Geo], list[Geo]]:
    """A line in two: the given share of its length, and the rest."""
    lengths = [dist(one, other) for one, other in pairwise(line)]
    left = sum(lengths) * min(max(share, 0), 1)
    for i, length in enumerate(lengths):
        if left < length:
            (x1, y1), (x2, y2) = line[i], line[i + 1]
            at = (x1 + (x2 - x1) * left / length, y1 + (y2 - y1) * left / length)
            return [*line[: i + 1], at], [at, *line[i + 1 :]]
        left -= length
    return list(line), list(line[-1:])


def _labels(
    frame: Frame,
    places: Sequence[Place],
    spots: Sequence[Spot],
    routes: Sequence[Sequence[Spot]],
    marker: Spot | None,
) -> Iterator[Label]:
    """A name beside each place where there is room for it; the weighty places choose first, and always get one."""
    taken: list[Box] = [_around_dot(marker, MARKER)] if marker else []
    dots = [_around_dot(spot, DOT) for spot in spots]
    order = sorted(range(len(places)), key=lambda i: not places[i].weighty)
    for i in order:
        others = [*taken, *dots[:i], *dots[i + 1 :]]
        best = min(_around(spots[i], places[i].name), key=lambda choice: _trouble(frame, choice[1], others, routes))
        label, box = best
        if places[i].weighty or not _collides(frame, box, others):
            taken.append(box)
            yield label


def _around_dot(spot: Spot, radius: int) -> Box:
    return spot[0] - radius, spot[1] - radius, spot[0] + radius, spot[1] + radius


def _around(spot: Spot, name: str) -> Iterator[tuple[Label, Box]]:
    """The eight positions around a dot, the most readable first."""
    x, y = spot
    wide = sum(HANZI if ord(letter) > 0x2E80 else LETTER for letter in name)
    for across, down, anchor in (
        (11, 4, "start"),
        (-11, 4, "end"),
        (0, -11, "middle"),
        (0, 20, "middle"),
        (8, -8, "start"),
        (-8, -8, "end"),
        (8, 17, "start"),
        (-8, 17, "end"),
    ):
        left = x + across - {"start": 0, "middle": wide / 2, "end": wide}[anchor]
        base = y + down
        yield Label(round(x + across), round(base), anchor, name), (left, base - LINE + 3, left + wide, base + 3)


def _trouble(frame: Frame, box: Box, others: Sequence[Box], routes: Sequence[Sequence[Spot]]) -> tuple[bool, int, int]:
    """How bad a position is: out of the picture, over other things, across the route."""
    crossed = sum(_crosses(box, one, other) for line in routes for one, other in pairwise(line))
    return _outside(frame, box), sum(_overlap(box, other) for other in others), crossed


def _collides(frame: Frame, box: Box, others: Sequence[Box]) -> bool:
    return _outside(frame, box) or any(_overlap(box, other) for other in others)


def _outside(frame: Frame, box: Box) -> bool:
    left, top, right, bottom = box
    return left < 2 or top < 2 or right > WIDTH - 2 or bottom > frame.height - 2


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _crosses(box: Box, one: Spot, other: Spot) -> bool:
    """Whether a line goes through a box: tried at points a few units apart, which is enough for a label."""
    steps = max(2, int(dist(one, other) // 4))
    return any(
        box[0] <= one[0] + (other[0] - one[0]) * t / steps <= box[2]
        and box[1] <= one[1] + (other[1] - one[1]) * t / steps <= box[3]
        for t in range(steps + 1)
    )


def _lines(lines: Iterable[Sequence[Spot]]) -> str:
    """Path data in whole units, each step relative to the one before."""
    parts: list[str] = []
    for line in lines:
        spots = [_rounded(spot) for spot in line]
        steps = [(x2 - x1, y2 - y1) for (x1, y1), (x2, y2) in pairwise(spots)]
        moves = "".join(f"l{x} {y}" for x, y in steps if (x, y) != (0, 0))
        if moves:
            parts.append(f"M{_whole(line[0])}{moves}")
    return "".join(parts)


def _rounded(spot: Spot) -> tuple[int, int]:
    return round(spot[0]), round(spot[1])


def _whole(spot: Spot) -> str:
    return "{} {}".format(*_rounded(spot))
