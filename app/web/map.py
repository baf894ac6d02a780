"""Small maps: the network as faint ground, rides done and to come, places with names that do not collide."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import cos, dist, radians
from typing import Final

WIDTH: Final = 360
HEIGHT_MIN: Final = 190
HEIGHT_MAX: Final = 340
MARGIN: Final = 34
SPAN_DEGREES_MIN: Final = 2.0
TEXT: Final = 12
LETTER: Final = 0.55
HANZI: Final = 1.0
# Letters of a bold or half-bold text, against those of a plain one.
BOLD: Final = 1.23
LINE: Final = 14 / 12
APART: Final = 5
DOT: Final = 5
MARKER: Final = 9
LINK_MIN: Final = 7
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
    land: str
    links: str
    hubs: str
    done: str
    ahead: str
    places: tuple[tuple[int, int, bool], ...]
    labels: tuple[Label, ...]
    here: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Paper:
    """How large a drawing may be, how far from its edge its points stay, and how many degrees it shows at least."""

    width: int = WIDTH
    height_min: int = HEIGHT_MIN
    height_max: int = HEIGHT_MAX
    margin: int = MARGIN
    span_min: float = SPAN_DEGREES_MIN


PHONE: Final = Paper()


@dataclass(frozen=True, slots=True)
class Frame:
    """Equirectangular: degrees of longitude shrunk by the cosine of the middle latitude, so that shapes look right."""

    shrink: float
    scale: float
    middle: Geo
    height: int
    width: int = WIDTH

    def spot(self, at: Geo) -> Spot:
        x = (at[0] * self.shrink - self.middle[0]) * self.scale + self.width / 2
        return x, (self.middle[1] - at[1]) * self.scale + self.height / 2

    def bounds(self, edge: int = 0) -> Box:
        """The degrees that it shows, with so many units beyond its edges: west, south, east, north."""
        wide, high = (self.width / 2 + edge) / self.scale, (self.height / 2 + edge) / self.scale
        x, y = self.middle
        return (x - wide) / self.shrink, y - high, (x + wide) / self.shrink, y + high

    def shows(self, one: Spot, other: Spot) -> bool:
        """Whether a line between the two could be seen."""
        return (
            max(one[0], other[0]) > 0
            and min(one[0], other[0]) < self.width
            and max(one[1], other[1]) > 0
            and min(one[1], other[1]) < self.height
        )


def frame_around(points: Sequence[Geo], paper: Paper = PHONE) -> Frame:
    """The frame that shows all of these points with a margin for their names."""
    lats = [lat for _, lat in points]
    middle_lat = (min(lats) + max(lats)) / 2
    shrink = cos(radians(middle_lat))
    across = [lon * shrink for lon, _ in points]
    wide = max(max(across) - min(across), paper.span_min)
    high = max(max(lats) - min(lats), paper.span_min)
    height = min(max(paper.width * high / wide, paper.height_min), paper.height_max)
    scale = min((paper.width - 2 * paper.margin) / wide, (height - 2 * paper.margin) / high)
    return Frame(shrink, scale, ((min(across) + max(across)) / 2, middle_lat), round(height), paper.width)


def draw(
    rides: Sequence[Ride],
    places: Sequence[Place],
    here: Geo | None,
    *,
    links: Iterable[tuple[Geo, Geo]],
    hubs: Iterable[Geo],
    land: Callable[[Frame], str],
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
        land=land(frame),
        links=links_path(frame, links),
        hubs=dots_path(frame, hubs),
        done=lines_path(done),
        ahead=lines_path(ahead),
        places=tuple((*rounded(spot), place.passed) for place, spot in zip(places, spots, strict=True)),
        labels=tuple(
            place_labels(frame, places, spots, [*done, *ahead], [around_dot(marker, MARKER)] if marker else [])
        ),
        here=rounded(marker) if marker else None,
    )


def point_on(ride: Ride) -> Geo:
    """Where on a ride the goods are."""
    return halves(ride)[0][-1]


def halves(ride: Ride) -> tuple[list[Geo], list[Geo]]:
    """The line of a ride behind the goods and the line before them; one point where there is nothing of it."""
    return _cut(curved(ride), ride.travelled)


def links_path(frame: Frame, links: Iterable[tuple[Geo, Geo]]) -> str:
    """Those of these links that can be seen: inside the frame, long enough, and not drawn already."""
    return lines_path(dict.fromkeys(ends for ends in _seen(frame, links) if dist(*ends) >= LINK_MIN))


def dots_path(frame: Frame, hubs: Iterable[Geo]) -> str:
    """Those of these hubs that can be seen, one in each little square, as lines without length that round ends make visible."""
    spots = (rounded(spot) for spot in map(frame.spot, hubs) if frame.shows(spot, spot))
    seen = {(x // DOT, y // DOT): (x, y) for x, y in spots}
    return "".join(f"M{x} {y}h0" for x, y in seen.values())


def _seen(frame: Frame, links: Iterable[tuple[Geo, Geo]]) -> Iterator[tuple[Spot, Spot]]:
    for one, other in links:
        ends = frame.spot(one), frame.spot(other)
        if frame.shows(*ends):
            yield rounded(ends[0]), rounded(ends[1])


def _routes(frame: Frame, rides: Sequence[Ride]) -> tuple[list[list[Spot]], list[list[Spot]]]:
    """The lines behind the goods and the lines before them."""
    done: list[list[Spot]] = []
    ahead: list[list[Spot]] = []
    for ride in rides:
        behind, before = halves(ride)
        if len(behind) > 1:
            done.append([frame.spot(at) for at in behind])
        if len(before) > 1:
            ahead.append([frame.spot(at) for at in before])
    return done, ahead


def curved(ride: Ride) -> list[Geo]:
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


def place_labels(
    frame: Frame,
    places: Sequence[Place],
    spots: Sequence[Spot],
    routes: Sequence[Sequence[Spot]],
    taken: Sequence[Box],
    text: int = TEXT,
) -> Iterator[Label]:
    """A name beside each place where there is room for it; the weighty places choose first, and always get one."""
    boxes = list(taken)
    dots = [around_dot(spot, DOT) for spot in spots]
    order = sorted(range(len(places)), key=lambda i: not places[i].weighty)
    for i in order:
        others = [*boxes, *dots[:i], *dots[i + 1 :]]
        best = min(_around(spots[i], places[i].name, text), key=lambda c: _trouble(frame, c[1], others, routes))
        label, box = best
        if places[i].weighty or not _collides(frame, box, others):
            boxes.append(box)
            yield label


def text_width(words: str, size: float, letter: float = LETTER) -> float:
    """About how wide a text is in a font without serifs; a little more rather than less."""
    return size * sum(HANZI if ord(each) > 0x2E80 else letter for each in words)


def around_dot(spot: Spot, radius: int) -> Box:
    return spot[0] - radius, spot[1] - radius, spot[0] + radius, spot[1] + radius


def label_box(label: Label, text: int) -> Box:
    """The room that a name takes on the map, with half of what parts two names in one row."""
    wide = text_width(label.text, text, LETTER * BOLD)
    left = label.x - {"start": 0, "middle": wide / 2, "end": wide}[label.anchor]
    return left - APART / 2, label.y - LINE * text + 3, left + wide + APART / 2, label.y + 3


def _around(spot: Spot, name: str, text: int) -> Iterator[tuple[Label, Box]]:
    """The eight positions around a dot, the most readable first."""
    x, y = spot
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
        label = Label(round(x + across), round(y + down), anchor, name)
        yield label, label_box(label, text)


def _trouble(frame: Frame, box: Box, others: Sequence[Box], routes: Sequence[Sequence[Spot]]) -> tuple[bool, int, int]:
    """How bad a position is: out of the picture, over other things, across the route."""
    crossed = sum(_crosses(box, one, other) for line in routes for one, other in pairwise(line))
    return _outside(frame, box), sum(_overlap(box, other) for other in others), crossed


def _collides(frame: Frame, box: Box, others: Sequence[Box]) -> bool:
    return _outside(frame, box) or any(_overlap(box, other) for other in others)


def _outside(frame: Frame, box: Box) -> bool:
    left, top, right, bottom = box
    return left < 2 or top < 2 or right > frame.width - 2 or bottom > frame.height - 2


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


def lines_path(lines: Iterable[Sequence[Spot]]) -> str:
    """Path data in whole units, each step relative to the one before."""
    parts: list[str] = []
    for line in lines:
        spots = [rounded(spot) for spot in line]
        steps = [(x2 - x1, y2 - y1) for (x1, y1), (x2, y2) in pairwise(spots)]
        moves = "".join(f"l{x} {y}" for x, y in steps if (x, y) != (0, 0))
        if moves:
            parts.append(f"M{_whole(line[0])}{moves}")
    return "".join(parts)


def rounded(spot: Spot) -> tuple[int, int]:
    return round(spot[0]), round(spot[1])


def _whole(spot: Spot) -> str:
    return "{} {}".format(*rounded(spot))
