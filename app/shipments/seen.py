"""What those who wait for goods are shown beside the journey itself: how its way changed, how warm it was, which version it is. Pure."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from app.shipments.values import JourneyEvent, ReadingKind

_TENTH: Final = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class FormerLeg:
    """Between which hubs a ride was to go that was given up."""

    from_hub: str
    to_hub: str
    mode: str


@dataclass(frozen=True, slots=True)
class Rerouting:
    """The last change of a way: from which hub on, which legs were given up, and by when the goods were promised before any change."""

    hub: str
    made_at: datetime
    former_legs: tuple[FormerLeg, ...]
    promised_by_at_first: datetime


@dataclass(frozen=True, slots=True)
class Band:
    """What the goods are to be kept between, in degrees Celsius; None is open on that side."""

    low: Decimal | None = None
    high: Decimal | None = None

    def holds(self, celsius: Decimal) -> bool:
        return (self.low is None or celsius >= self.low) and (self.high is None or celsius <= self.high)


@dataclass(frozen=True, slots=True)
class Measured:
    at: datetime
    celsius: Decimal


@dataclass(frozen=True, slots=True)
class Excursion:
    """From the first reading outside the band to the next one inside it; `ended_at` None: the last reading was outside. `worst` is the farthest outside."""

    began_at: datetime
    ended_at: datetime | None
    worst: Decimal


@dataclass(frozen=True, slots=True)
class Curve:
    """The temperature of the goods as it was measured, in the order of time, against what was asked for; `band` None: nobody asked for one."""

    measured: tuple[Measured, ...] = ()
    band: Band | None = None
    excursions: tuple[Excursion, ...] = ()


def version_of(row_version: str, events: int) -> str:
    """Names the state of a consignment: its row as it was written last, and how many events there are, which are only ever added."""
    return hashlib.blake2b(f"{row_version}:{events}".encode(), digest_size=8).hexdigest()


def curve_of(events: Iterable[JourneyEvent], band: Band | None = None) -> Curve:
    """What instruments showed in these events, each time once; of two readings at one time the warmer one is kept."""
    by_time: dict[datetime, Decimal] = {}
    for event in events:
        for reading in event.readings:
            if reading["kind"] == ReadingKind.TEMPERATURE:
                at = datetime.fromisoformat(str(reading["at"]))
                celsius = to_celsius(Decimal(str(reading["value"])), str(reading["unit"]))
                by_time[at] = max(celsius, by_time.get(at, celsius))
    measured = tuple(Measured(at, by_time[at]) for at in sorted(by_time))
    return Curve(measured, band, tuple(excursions_of(measured, band)) if band else ())


def to_celsius(value: Decimal, unit: str) -> Decimal:
    """From the units of UNECE Recommendation 20 that a temperature is told in, to a tenth of a degree."""
    celsius = {"CEL": value, "FAH": (value - 32) * 5 / 9, "KEL": value - Decimal("273.15")}[unit]
    return celsius.quantize(_TENTH)


def excursions_of(measured: Sequence[Measured], band: Band) -> Iterator[Excursion]:
    """Each stretch of readings outside the band, one after the other."""
    began_at, worst = None, Decimal(0)
    for each in measured:
        if band.holds(each.celsius):
            if began_at is not None:
                yield Excursion(began_at, each.at, worst)
            began_at = None
        elif began_at is None:
            began_at, worst = each.at, each.celsius
        else:
            worst = max(worst, each.celsius, key=lambda celsius: outside_by(celsius, band))
    if began_at is not None:
        yield Excursion(began_at, None, worst)


def outside_by(celsius: Decimal, band: Band) -> Decimal:
    """By how many degrees a reading lies outside the band; 0 inside."""
    above = celsius - band.high if band.high is not None else Decimal(0)
    below = band.low - celsius if band.low is not None else Decimal(0)
    return max(above, below, Decimal(0))
