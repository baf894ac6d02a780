"""The picture of a front: its plans as lines on the land, and under the map what each costs, when it arrives and why it won."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import dist, hypot
from typing import Final

from app.core.money import priced
from app.core.text import pick
from app.flows.show_tracking import Ground
from app.network.route_schemas import RouteLabel, RouteLegShape, RouteOptionShape, RouteRequest, RoutesShape
from app.network.values import HubKind, Mode
from app.shipments.values import MODE_DISPLAY
from app.web.land import land_path
from app.web.map import (
    BOLD,
    DOT,
    LETTER,
    Box,
    Frame,
    Geo,
    Label,
    Paper,
    Place,
    Ride,
    Spot,
    around_dot,
    curved,
    dots_path,
    frame_around,
    label_box,
    lines_path,
    links_path,
    place_labels,
    text_width,
)
from app.web.words import KEPT, LABELS, WORDS, moment, weight

GAP: Final = 4.5
BADGE: Final = 9
NAME: Final = 13
MARGIN: Final = 20
HEAD: Final = 76
LEGEND: Final = 34
LINE: Final = 19
SIZE: Final = 14
TITLE: Final = 24
TITLE_LINE: Final = 30
SMALL: Final = 12
# A way and its reasons are told to the end; what is longer than this is not one of ours.
LINES_MAX: Final = 16
CORNER: Final = 12
CROWDED: Final = 14
NARROW: Final = 560
SPAN_DEGREES_MIN: Final = 0.3
Pair = tuple[tuple[int, int], tuple[int, int]]
# Where the letter of a plan stands, which plan, and the letter.
Badge = tuple[int, int, int, str]


@dataclass(frozen=True, slots=True)
class Stroke:
    """One ride of one plan, as path data."""

    plan: int
    mode: str
    path: str


@dataclass(frozen=True, slots=True)
class Chip:
    x: int
    width: int
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Card:
    """One plan in words, at its height under the map: chips, the three figures, the way, and the reasons."""

    plan: int
    letter: str
    y: int
    height: int
    chips: tuple[Chip, ...]
    figures: tuple[Label, ...]
    text_y: int
    way: tuple[str, ...]
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """All that the template lays out, in whole units. `modes`: mode, its name, and where its sample begins."""

    width: int
    height: int
    map_height: int
    title: str
    title_lines: tuple[str, ...]
    sublines: tuple[str, ...]
    subline_y: int
    sources: tuple[str, ...]
    map_y: int
    land: str
    links: str
    hubs: str
    strokes: tuple[Stroke, ...]
    stops: tuple[tuple[int, int, bool], ...]
    names: tuple[Label, ...]
    badges: tuple[Badge, ...]
    modes: tuple[tuple[str, str, int, int], ...]
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A ride on paper: which plan, by what mode, along which spots."""

    plan: int
    mode: str
    spots: tuple[Spot, ...]


def routes_picture(found: RoutesShape, asked: RouteRequest, ground: Ground, language: str, width: int) -> Picture:
    """The front as a picture of this width. Pure; bounded by the number of options and of hubs."""
    points = {code: (hub.lon, hub.lat) for code, hub in ground.hubs.items()}
    rides = [(plan, leg, _along(leg, ground.calls, points)) for plan, o in enumerate(found.options) for leg in o.legs]
    everything = [at for _, _, along in rides for at in along]
    frame = frame_around(everything, Paper(width, round(width * 0.5), round(width * 0.72), 46, SPAN_DEGREES_MIN))
    drawn = [
        Drawn(plan, leg.mode, tuple(frame.spot(at) for at in curved(Ride(along, 0, leg.mode is Mode.AIR))))
        for plan, leg, along in rides
    ]
    strokes = _strokes(drawn)
    ends = _ends(found, asked)
    spots = {code: frame.spot(points[code]) for code in ends}
    badges, names = _lettered(drawn, ends, spots, ground, language, frame)
    links = ((points[a], points[b]) for a, b in sorted(ground.links) if {a, b} <= points.keys())
    modes = _modes(found, width, language)
    sublines = [*_goods(found, asked, language, width), *_timing(found, asked, language, width)]
    ends_told = (f"{_name(ground, asked.from_, language)} ", f"→ {_name(ground, asked.to, language)}")
    title_lines = _wrapped(ends_told, width - 2 * MARGIN, TITLE, LETTER * BOLD)
    lower = TITLE_LINE * (len(title_lines) - 1)
    map_y = HEAD + lower + LINE * (len(sublines) - 1)
    sources = _joined(WORDS[language]["picture_source"].split(" · "), width, SMALL)
    top = map_y + frame.height + LEGEND * (1 + modes[-1][3])
    cards = list(_cards(found.options, ground, language, width, top))
    return Picture(
        width=width,
        height=cards[-1].y + cards[-1].height + LINE * len(sources) + CORNER,
        map_height=frame.height,
        title="".join(ends_told),
        title_lines=tuple(title_lines),
        sublines=tuple(sublines),
        subline_y=60 + lower,
        sources=tuple(sources),
        map_y=map_y,
        land=land_path(frame),
        links=links_path(frame, links),
        hubs=dots_path(frame, points.values()),
        strokes=tuple(strokes),
        # The ends of the whole are drawn last, so that no airport lies on its town.
        stops=tuple(
            (round(x), round(y), ends[code]) for code, (x, y) in sorted(spots.items(), key=lambda s: ends[s[0]])
        ),
        names=tuple(names),
        badges=tuple(badges),
        modes=tuple(modes),
        cards=tuple(cards),
    )


def _name(ground: Ground, code: str, language: str) -> str:
    """The name of a hub; an airport's without its codes, and without a word that all of them have."""
    hub = ground.hubs.get(code)
    name = pick(hub.name, language).partition(" (")[0] if hub else code
    return name.replace(" International Airport", " Airport").replace("国际机场", "机场")


def _lettered(
    drawn: Sequence[Drawn],
    ends: Mapping[str, bool],
    spots: Mapping[str, Spot],
    ground: Ground,
    language: str,
    frame: Frame,
) -> tuple[list[Badge], list[Label]]:
    """The letters of the plans and the names of places: the two ends are named first, then letters, then who has room."""
    named = _uncrowded(ends, spots, ground)
    lines = [each.spots for each in drawn]

    def placed(codes: Sequence[str], taken: Sequence[Box]) -> list[Label]:
        others = [around_dot(spot, DOT) for code, spot in spots.items() if code not in codes]
        places = [Place(_name(ground, code, language), (0, 0), passed=False, weighty=ends[code]) for code in codes]
        return list(place_labels(frame, places, [spots[code] for code in codes], lines, [*taken, *others], NAME))

    first = placed([code for code in named if ends[code]], [])
    taken = [label_box(label, NAME) for label in first]
    badges = list(_badges(drawn, list(spots.values()), taken, frame))
    taken += [around_dot((x, y), BADGE + 1) for x, y, _, _ in badges]
    return badges, first + placed([code for code in named if not ends[code]], taken)


def _uncrowded(ends: Mapping[str, bool], spots: Mapping[str, Spot], ground: Ground) -> list[str]:
    """The places that get a name on the map, the first to choose first: beside one that has it, others do without.

    An airport gives way to its town: the cards name it.
    """
    named: list[str] = []
    for code in sorted(ends, key=lambda c: (not ends[c], c in ground.hubs and ground.hubs[c].kind is HubKind.AIRPORT)):
        if ends[code] or all(dist(spots[code], spots[other]) >= CROWDED for other in named):
            named.append(code)
    return named


def _along(leg: RouteLegShape, calls: Mapping[str, tuple[str, ...]], points: Mapping[str, Geo]) -> tuple[Geo, ...]:
    """The stops that a ride goes by, in their order; only its two ends when its service is not known any more."""
    stops = calls.get(leg.service, ())
    pairs = (
        (board, alight)
        for board, code in enumerate(stops)
        if code == leg.from_
        for alight in range(board + 1, len(stops))
        if stops[alight] == leg.to
    )
    board, alight = next(pairs, (0, 0))
    codes = stops[board : alight + 1] if alight else (leg.from_, leg.to)
    return tuple(points[code] for code in codes if code in points)


def _ends(found: RoutesShape, asked: RouteRequest) -> dict[str, bool]:
    """Where rides begin and end; the beginning and the end of the whole are the weighty ones."""
    codes = [code for option in found.options for leg in option.legs for code in (leg.from_, leg.to)]
    return {code: code in {asked.from_, asked.to} for code in dict.fromkeys([asked.from_, asked.to, *codes])}


def _pair(one: Spot, other: Spot) -> Pair:
    a, b = (round(one[0]), round(one[1])), (round(other[0]), round(other[1]))
    return min(a, b), max(a, b)


def _users(drawn: Iterable[Drawn]) -> dict[Pair, list[int]]:
    """Which plans go along each stretch."""
    users: dict[Pair, list[int]] = {}
    for ride in drawn:
        for one, other in pairwise(ride.spots):
            plans = users.setdefault(_pair(one, other), [])
            if ride.plan not in plans:
                plans.append(ride.plan)
    return users


def _strokes(drawn: Sequence[Drawn]) -> Iterator[Stroke]:
    """The rides, side by side where several plans go the same way."""
    users = _users(drawn)
    for ride in drawn:
        line: list[Spot] = []
        # Where two stretches meet, the line goes through the middle of their ends.
        for one, other in pairwise(ride.spots):
            pair = _pair(one, other)
            plans = users[pair]
            aside = (plans.index(ride.plan) - (len(plans) - 1) / 2) * GAP
            across = _across(pair)
            begin, end = ((x + across[0] * aside, y + across[1] * aside) for x, y in (one, other))
            line[-1:] = [((line[-1][0] + begin[0]) / 2, (line[-1][1] + begin[1]) / 2)] if line else [begin]
            line.append(end)
        yield Stroke(ride.plan, ride.mode, lines_path([line]) if line else "")


def _across(pair: Pair) -> Spot:
    """A step of one unit to the side of a stretch, the same one in both directions."""
    (x1, y1), (x2, y2) = pair
    length = hypot(x2 - x1, y2 - y1) or 1
    return -(y2 - y1) / length, (x2 - x1) / length


def _badges(drawn: Sequence[Drawn], dots: Sequence[Spot], names: Sequence[Box], frame: Frame) -> Iterator[Badge]:
    """A letter on each plan's line: where it goes alone if there is such a stretch, clear of dots, names and other letters."""
    users, placed = _users(drawn), list(dots)
    for plan in sorted({ride.plan for ride in drawn}):
        stretches = [pair for ride in drawn if ride.plan == plan for pair in map(_pair, ride.spots, ride.spots[1:])]
        spots = [
            (len(users[(a, b)]), (a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t))
            for a, b in stretches
            for t in (0.5, 0.35, 0.65)
        ]

        def trouble(spot: tuple[int, Spot]) -> tuple[int, int, bool]:
            near = min((dist(spot[1], other) for other in placed), default=frame.width)
            x, y = spot[1]
            inside = BADGE < x < frame.width - BADGE and BADGE < y < frame.height - BADGE
            covers = any(
                a - BADGE - 1 < x < c + BADGE + 1 and b - BADGE - 1 < y < d + BADGE + 1 for a, b, c, d in names
            )
            return 3 * (not inside) + 2 * (near < 2 * BADGE) + covers, spot[0], near < 3.5 * BADGE

        if spots:
            _, (x, y) = min(spots, key=trouble)
            placed.append((x, y))
            yield round(x), round(y), plan, letter_of(plan)


def letter_of(plan: int) -> str:
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[plan % 26]


def _modes(found: RoutesShape, width: int, language: str) -> list[tuple[str, str, int, int]]:
    """The modes that occur, each with its sample of a line: name, where it begins, in which row."""
    used = {leg.mode for option in found.options for leg in option.legs}
    samples, x, row = [], MARGIN, 0
    for mode in (mode for mode in Mode if mode in used):
        name = pick(MODE_DISPLAY[mode], language)
        wide = round(44 + text_width(name, NAME) + 22)
        if x + wide > width and x > MARGIN:
            x, row = MARGIN, row + 1
        samples.append((mode.value, name, x, row))
        x += wide
    return samples


def _goods(found: RoutesShape, asked: RouteRequest, language: str, width: int) -> list[str]:
    """What goes, from when on, and how many ways there are, in lines that fit."""
    words, ways = WORDS[language], len(found.options)
    parts = [weight(asked.weight_g, language), pick(KEPT[asked.temperature], language)]
    if asked.depart_after:
        parts.append(words["picture_from"].format(when=moment(asked.depart_after, language)))
    return _joined([*parts, words["picture_ways" if ways > 1 else "picture_way"].format(count=ways)], width)


def _timing(found: RoutesShape, asked: RouteRequest, language: str, width: int) -> list[str]:
    """Until when to hand in so that it is there by when; nothing when nobody asked for that."""
    if asked.arrive_by is None or found.hand_in_by is None:
        return []
    times = (("picture_hand_in", found.hand_in_by), ("picture_by", asked.arrive_by))
    return _joined([WORDS[language][words].format(when=moment(at, language)) for words, at in times], width)


def _joined(parts: Sequence[str], width: int, size: int = SIZE) -> list[str]:
    return _wrapped([*(f"{part} · " for part in parts[:-1]), parts[-1]], width - 2 * MARGIN, size)


def _cards(options: Sequence[RouteOptionShape], ground: Ground, language: str, width: int, top: int) -> Iterator[Card]:
    room, y = width - 2 * MARGIN - 2 * 22, top
    for plan, option in enumerate(options):
        way = _wrapped(_way(option, ground, language), room)
        why = [line for label in option.labels for line in _wrapped([_because(option, label, language)], room)]
        figures = _figures(option, width, language)
        text_y = figures[-1].y + LINE + 5
        height = text_y - LINE + LINE * (len(way) + len(why)) + 14
        yield Card(
            plan=plan,
            letter=letter_of(plan),
            y=y,
            height=height,
            chips=tuple(_chips(option, language)),
            figures=figures,
            text_y=text_y,
            way=tuple(way),
            why=tuple(why),
        )
        y += height + 10


def _figures(option: RouteOptionShape, width: int, language: str) -> tuple[Label, ...]:
    """Arrival, price and CO2e: in one row, or in two on a narrow picture; beside the letter when there are no chips."""
    inside, y = width - 2 * MARGIN, 62 if option.labels else 31
    start = 22 if option.labels else 46
    arrives = moment(option.arrives_at, language)
    price = priced(option.price)
    co2e = WORDS[language]["co2e"].format(amount=weight(option.co2e_g.total, language))
    if width < NARROW:
        return (
            Label(start, y, "start", arrives),
            Label(22, y + 26, "start", price),
            Label(inside - 22, y + 26, "end", co2e),
        )
    return (
        Label(start, y, "start", arrives),
        Label(round(inside * 0.62), y, "end", price),
        Label(inside - 22, y, "end", co2e),
    )


def _because(option: RouteOptionShape, label: RouteLabel, language: str) -> str:
    return WORDS[language]["because"].format(label=LABELS[label][language], why=option.why[label])


def _chips(option: RouteOptionShape, language: str) -> Iterator[Chip]:
    x = 0
    for label in option.labels:
        text = LABELS[label][language]
        wide = round(text_width(text, NAME, LETTER * BOLD)) + 26
        yield Chip(x, wide, label, text)
        x += wide + 6


def _way(option: RouteOptionShape, ground: Ground, language: str) -> list[str]:
    """The rides in their order: by what, to where."""
    start = [_name(ground, leg.from_, language) for leg in option.legs[:1]]
    rides = [f"{pick(MODE_DISPLAY[leg.mode], language)} → {_name(ground, leg.to, language)}" for leg in option.legs]
    return [f"{part} · " for part in [*start, *rides[:-1]]] + rides[-1:]


def _wrapped(parts: Iterable[str], room: float, size: int = SIZE, letter: float = LETTER) -> list[str]:
    """The parts in lines that fit, broken inside only when too long; what would be a line too many ends in an ellipsis.

    A part that is too long begins a line. No line begins or ends in the mark that stands between two parts.
    """
    lines = [""]
    for part in parts:
        fits = text_width(_bare(part), size, letter) <= room
        if lines[-1] and not fits:
            lines.append("")
        for piece in [part] if fits else _pieces(part):
            if lines[-1] and text_width(lines[-1] + _bare(piece), size, letter) > room:
                lines.append("")
            lines[-1] += piece if lines[-1] else piece.lstrip()
    if len(lines) > LINES_MAX:
        lines = [*lines[: LINES_MAX - 1], lines[LINES_MAX - 1].rstrip()[:-1] + "…"]
    return [_bare(line) for line in lines]


def _bare(part: str) -> str:
    return part.rstrip().removesuffix(" ·")


def _pieces(text: str) -> Iterator[str]:
    """Words with the space behind them; a Chinese character is a word of its own, and keeps the mark that follows it.

    A figure keeps its unit.
    """
    piece = ""
    for letter, following in zip(text, [*text[1:], " "], strict=True):
        is_break = letter == " " and following != "·" and not piece[-1:].isdigit()
        piece += letter
        if is_break or (ord(letter) > 0x2E80 and following not in "，。；、：）·"):
            yield piece
            piece = ""
    yield piece
