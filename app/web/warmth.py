"""How warm the goods were, as the tracking page shows it: the latest reading, a small curve against the band, and when it was left. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Final

from app.shipments.seen import Band, Curve, Excursion, Measured
from app.web.map import Spot, lines_path
from app.web.words import WORDS, moment, short_moment

WIDTH: Final = 360
HEIGHT: Final = 96
# What stays free for the figures at the left, and for times at the foot.
LEFT: Final = 44
RIGHT: Final = 8
TOP: Final = 10
FOOT: Final = 22
POINTS_MAX: Final = 160
DEGREES_MIN: Final = Decimal(4)
EXCURSIONS_SHOWN_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class Tick:
    y: int
    text: str


@dataclass(frozen=True, slots=True)
class Warmth:
    """`band` is the top and the height of what is allowed; `outside` draws over the curve where it was left. `alarm`: it is left now."""

    latest: str
    latest_when: str
    verdict: str
    alarm: bool
    excursions: tuple[str, ...]
    path: str
    outside: str
    last: tuple[int, int]
    band: tuple[int, int] | None
    ticks: tuple[Tick, ...]
    first_when: str
    last_when: str
    text: str


def warmth_of(curve: Curve, language: str) -> Warmth | None:
    """None while nothing was measured."""
    if not curve.measured:
        return None
    words, latest = WORDS[language], curve.measured[-1]
    warmest = max(each.celsius for each in curve.measured)
    coldest = min(each.celsius for each in curve.measured)
    shown = list(_thinned(curve.measured))
    low, high = _scale(coldest, warmest, curve.band)
    spots = [_spot(each, shown, low, high) for each in shown]
    band = curve.band
    return Warmth(
        latest=degrees(latest.celsius),
        latest_when=moment(latest.at, language),
        verdict=_verdict(curve, language),
        alarm=band is not None and not band.holds(latest.celsius),
        excursions=tuple(_told(each, language) for each in curve.excursions[-EXCURSIONS_SHOWN_MAX:]),
        path=lines_path([spots]),
        outside=lines_path(_outside(shown, spots, band)) if band else "",
        last=(round(spots[-1][0]), round(spots[-1][1])),
        band=_band(band, low, high),
        ticks=tuple(Tick(round(_y(each, low, high)), degrees(each)) for each in _marked(coldest, warmest, band)),
        first_when=short_moment(curve.measured[0].at, language),
        last_when=short_moment(latest.at, language),
        text=words["curve"].format(count=len(curve.measured), low=degrees(coldest), high=degrees(warmest)),
    )


def degrees(celsius: Decimal) -> str:
    """`4.1 °C`, with a minus that is as wide as it is read: `−18 °C`."""
    return f"{celsius:f}".removesuffix(".0").replace("-", "−") + " °C"


def _verdict(curve: Curve, language: str) -> str:
    words, band = WORDS[language], curve.band
    if band is None:
        return ""
    if band.low is not None and band.high is not None:
        asked = words["band"].format(low=degrees(band.low), high=degrees(band.high))
    elif band.high is not None:
        asked = words["band_to"].format(degrees=degrees(band.high))
    elif band.low is not None:
        asked = words["band_from"].format(degrees=degrees(band.low))
    else:
        return ""
    return words["band_left" if curve.excursions else "band_kept"].format(asked=asked)


def _told(excursion: Excursion, language: str) -> str:
    words, worst = WORDS[language], degrees(excursion.worst)
    began = short_moment(excursion.began_at, language)
    if excursion.ended_at is None:
        return words["excursion_open"].format(began=began, worst=worst)
    return words["excursion"].format(began=began, ended=short_moment(excursion.ended_at, language), worst=worst)


def _thinned(measured: Sequence[Measured]) -> Iterator[Measured]:
    """Few enough to be drawn: of each stretch its coldest and its warmest, so that no peak is lost."""
    if len(measured) <= POINTS_MAX:
        yield from measured
        return
    step = -(-len(measured) // (POINTS_MAX // 2))
    for first in range(0, len(measured), step):
        stretch = measured[first : first + step]
        ends = {min(stretch, key=lambda each: each.celsius), max(stretch, key=lambda each: each.celsius)}
        yield from sorted(ends | ({measured[-1]} if first + step >= len(measured) else set()), key=lambda each: each.at)


def _scale(coldest: Decimal, warmest: Decimal, band: Band | None) -> tuple[Decimal, Decimal]:
    """From where to where the drawing reaches: all that was measured, and the bounds of the band."""
    bounds = [each for each in (band.low, band.high) if each is not None] if band else []
    low, high = min([coldest, *bounds]), max([warmest, *bounds])
    short = max(DEGREES_MIN - (high - low), Decimal(0)) / 2
    return low - short, high + short


def _marked(coldest: Decimal, warmest: Decimal, band: Band | None) -> list[Decimal]:
    """What is written at the edge: the bounds of the band, else the coldest and the warmest."""
    bounds = [each for each in (band.low, band.high) if each is not None] if band else []
    return bounds or sorted({coldest, warmest})


def _y(celsius: Decimal, low: Decimal, high: Decimal) -> float:
    return TOP + float((high - celsius) / (high - low)) * (HEIGHT - TOP - FOOT)


def _spot(each: Measured, shown: Sequence[Measured], low: Decimal, high: Decimal) -> Spot:
    first, last = shown[0].at, shown[-1].at
    share = (each.at - first) / (last - first) if last > first else 0.5
    return LEFT + share * (WIDTH - LEFT - RIGHT), _y(each.celsius, low, high)


def _band(band: Band | None, low: Decimal, high: Decimal) -> tuple[int, int] | None:
    if band is None or (band.low is None and band.high is None):
        return None
    top = _y(band.high, low, high) if band.high is not None else 0.0
    foot = _y(band.low, low, high) if band.low is not None else float(HEIGHT - FOOT + TOP)
    return round(top), max(round(foot) - round(top), 1)


def _outside(shown: Sequence[Measured], spots: Sequence[Spot], band: Band) -> Iterator[list[Spot]]:
    """Every stretch to or from a reading outside the band."""
    line: list[Spot] = []
    for (one, spot), (other, next_spot) in pairwise(zip(shown, spots, strict=True)):
        if band.holds(one.celsius) and band.holds(other.celsius):
            if line:
                yield line
            line = []
        else:
            line = [*(line or [spot]), next_spot]
    if line:
        yield line
