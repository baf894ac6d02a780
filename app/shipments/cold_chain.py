"""Readings against the band that goods bear: one curve from whatever instruments told, and where it left the band. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

from app.shipments.exception_values import ExceptionKind, Terms
from app.shipments.rules import standing_of_versions, story_of
from app.shipments.values import JourneyEvent, ReadingKind

_HUNDREDTH: Final = Decimal("0.01")
_ICE_K: Final = Decimal("273.15")
# The unit in which each kind is judged (UNECE Recommendation 20).
UNITS: Final[Mapping[ReadingKind, str]] = {ReadingKind.TEMPERATURE: "CEL", ReadingKind.RELATIVE_HUMIDITY: "P1"}
SIDES: Final[Mapping[tuple[ReadingKind, bool], ExceptionKind]] = {
    (ReadingKind.TEMPERATURE, True): ExceptionKind.TEMPERATURE_ABOVE,
    (ReadingKind.TEMPERATURE, False): ExceptionKind.TEMPERATURE_BELOW,
    (ReadingKind.RELATIVE_HUMIDITY, True): ExceptionKind.HUMIDITY_ABOVE,
    (ReadingKind.RELATIVE_HUMIDITY, False): ExceptionKind.HUMIDITY_BELOW,
}


@dataclass(frozen=True, slots=True)
class Band:
    """What one kind of reading may lie between, both ends included; None is open. `source` says who set it."""

    kind: ReadingKind
    low: Decimal | None
    high: Decimal | None
    source: str

    def is_above(self, value: Decimal) -> bool | None:
        """On which side of the band a value lies; None when within."""
        if self.high is not None and value > self.high:
            return True
        return False if self.low is not None and value < self.low else None


@dataclass(frozen=True, slots=True, order=True)
class Measured:
    """A reading in the unit of its kind."""

    at: datetime
    kind: ReadingKind
    value: Decimal


@dataclass(frozen=True, slots=True)
class Excursion:
    """A stay outside the band: from the first reading there to the first one back within. `ended_at` None: the last reading is outside.

    Where nobody measured for too long afterwards, it ends with the last reading outside: what nobody saw is not claimed. `last_at` is
    that reading.
    """

    kind: ExceptionKind
    began_at: datetime
    last_at: datetime
    ended_at: datetime | None
    worst: Decimal
    worst_at: datetime
    limit: Decimal

    @property
    def lasted(self) -> timedelta:
        """As far as anybody has seen."""
        return (self.ended_at or self.last_at) - self.began_at


LISTING: Final = "listing"
CLASS: Final = "class"


def bands_of(storage: Mapping[str, Any] | None, temperature: str, terms: Terms) -> tuple[Band, ...]:
    """What the goods were ordered with goes before the table of their temperature class, kind by kind."""
    told, table = storage or {}, terms.bands.get(temperature, {})
    bands = []
    for kind, low, high in (
        (ReadingKind.TEMPERATURE, "min_c", "max_c"),
        (ReadingKind.RELATIVE_HUMIDITY, "min_rh_pct", "max_rh_pct"),
    ):
        for source, said in ((LISTING, told), (CLASS, table)):
            ends = [None if said.get(name) is None else Decimal(said[name]) for name in (low, high)]
            if ends != [None, None]:
                bands.append(Band(kind, ends[0], ends[1], source))
                break
    return tuple(bands)


def converted(kind: ReadingKind, value: Decimal, unit: str) -> Decimal:
    """A reading in the unit of its kind, to a hundredth: what instruments show is no finer."""
    if unit == "FAH":
        value = (value - 32) * 5 / 9
    elif unit == "KEL":
        value -= _ICE_K
    else:
        assert unit == UNITS[kind]
    return value.quantize(_HUNDREDTH)


def readings_of(events: Iterable[JourneyEvent], until: datetime | None = None) -> list[Measured]:
    """The readings of all events that stand, each once, in the order of their times; those after `until` are nobody's who carried the goods.

    Whatever the order in which events came, and however often; a corrected, superseded or retracted event takes its readings along.
    """
    standing = standing_of_versions(events)
    kept = (standing[scan.key] for scan in story_of(event.scan for event in standing.values()))
    read = {_measured(each) for event in kept for each in event.readings or ()}
    return sorted(each for each in read if until is None or each.at <= until)


def _measured(reading: Mapping[str, Any]) -> Measured:
    kind = ReadingKind(reading["kind"])
    return Measured(
        datetime.fromisoformat(reading["at"]), kind, converted(kind, Decimal(reading["value"]), reading["unit"])
    )


def excursions_of(
    readings: Sequence[Measured], bands: Iterable[Band], terms: Terms, ended_at: datetime | None = None
) -> list[Excursion]:
    """Where sorted readings left the bands, in the order in which that began. `ended_at`: when the goods were handed over."""
    found: list[Excursion] = []
    for band in bands:
        series = [each for each in readings if each.kind is band.kind]
        for above in (True, False):
            found += _outside(series, band, terms, ended_at, above=above)
    return sorted(found, key=lambda each: (each.began_at, each.kind))


def _outside(
    series: Sequence[Measured], band: Band, terms: Terms, ended_at: datetime | None, *, above: bool
) -> list[Excursion]:
    """The excursions to one side. A reading within that is followed too soon by another one outside ends nothing."""
    stays: list[list[Measured]] = []
    back: datetime | None = None
    for at, together in groupby(series, key=lambda each: each.at):
        # Of several instruments at one moment the worst one counts.
        out = [each for each in together if band.is_above(each.value) is above]
        if not out:
            back = back or at
            continue
        worst = max(out) if above else min(out)
        last = stays[-1][-1].at if stays else None
        seen = last is not None and at - last <= terms.gap
        joined = seen and last is not None and (back is None or at - back < terms.merge)
        if joined:
            stays[-1].append(worst)
        else:
            stays.append([worst])
        back = None
    return [_excursion(stay, series, band, terms, ended_at, above=above) for stay in stays]


def _excursion(
    stay: Sequence[Measured],
    series: Sequence[Measured],
    band: Band,
    terms: Terms,
    ended_at: datetime | None,
    *,
    above: bool,
) -> Excursion:
    last = stay[-1].at
    following = next((each.at for each in series if each.at > last), None)
    if following is None:
        end = None if ended_at is None else last
    else:
        end = following if following - last <= terms.gap else last
    limit = band.high if above else band.low
    assert limit is not None
    extreme = max(each.value for each in stay) if above else min(each.value for each in stay)
    first = next(each for each in stay if each.value == extreme)
    return Excursion(SIDES[band.kind, above], stay[0].at, last, end, extreme, first.at, limit)


def downsampled(readings: Sequence[Measured], most: int) -> list[Measured]:
    """At most `most` of the sorted readings of one kind: of each stretch of time the lowest and the highest one, so that no peak is lost."""
    if len(readings) <= most:
        return list(readings)
    stretches = max(most // 2, 1)
    begin, span = readings[0].at, readings[-1].at - readings[0].at
    width = span / stretches
    kept = []
    for _, group in groupby(
        readings, key=lambda each: min(int((each.at - begin) / width), stretches - 1) if width else 0
    ):
        stretch = list(group)
        ends = {min(stretch, key=lambda each: each.value), max(stretch, key=lambda each: each.value)}
        kept += sorted(ends)
    return kept


def outside_share(readings: Sequence[Measured], excursions: Iterable[Excursion]) -> tuple[timedelta, timedelta]:
    """How long the goods were outside, of how long anything was measured: the cold-chain break ratio has these two parts."""
    if not readings:
        return timedelta(), timedelta()
    return sum((each.lasted for each in excursions), start=timedelta()), readings[-1].at - readings[0].at
