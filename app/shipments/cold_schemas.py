"""Shapes of what instruments told on the way: curves, the bands that they count against, and where they left them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import ConfigDict, Field

from app.core.quantity import as_text
from app.core.schema import Shape, Time
from app.core.text import pick
from app.shipments.cold_chain import (
    UNITS,
    Band,
    Excursion,
    Measured,
    bands_of,
    downsampled,
    excursions_of,
    outside_share,
    readings_of,
)
from app.shipments.exception_values import EXCEPTION_DISPLAY, ExceptionKind, Terms
from app.shipments.values import Journey, JourneyEvent, ReadingKind
from app.shipments.watching import hands_of

# Points of a curve: on the page that anyone may see, and for those whom it concerns.
PUBLIC_POINTS_MAX: Final = 96
POINTS_MAX: Final = 1_000
# Of an estimated arrival.
BETWEEN: Final = "Between these two it arrives, eight times in ten or more, by how late its rides were before"
_COLD_CHAIN: Final = {
    "bands": [{"kind": "temperature", "unit": "CEL", "low": "0", "high": "4", "source": "listing"}],
    "curves": [
        {
            "kind": "temperature",
            "unit": "CEL",
            "readings": 3,
            "points": [
                {"at": "2026-03-02T10:00:00Z", "value": "3.1"},
                {"at": "2026-03-02T10:30:00Z", "value": "5.2"},
                {"at": "2026-03-02T11:00:00Z", "value": "3.9"},
            ],
        }
    ],
    "excursions": [
        {
            "kind": "temperature_above",
            "kind_text": "Too warm",
            "began_at": "2026-03-02T10:30:00Z",
            "ended_at": "2026-03-02T11:00:00Z",
            "duration_s": 1800,
            "unit": "CEL",
            "limit": "4",
            "worst": "5.2",
            "worst_at": "2026-03-02T10:30:00Z",
            "carrier": "KUNLUN",
        }
    ],
    "outside_s": 1800,
    "measured_s": 3600,
}
_HOURS: Final = {
    "loaded_at": "2026-03-02T10:00:00Z",
    "aboard_s": 36000,
    "limit_s": 104400,
    "rest_s": 86400,
    "warned_after_s": 83520,
    "over_at": "2026-03-03T15:00:00Z",
}


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [value]})


class BandShape(Shape):
    """What readings of a kind may lie between, both ends included; an end that is null is open."""

    kind: ReadingKind
    unit: str
    low: str | None
    high: str | None
    source: Annotated[
        Literal["listing", "class"],
        Field(description="Whose word it is: the listing's, when the goods were ordered, or the temperature class's"),
    ]


class PointShape(Shape):
    at: Time
    value: str


class CurveShape(Shape):
    """Readings of one kind in one unit. Of many, the lowest and the highest one of each stretch of time: no peak is lost."""

    kind: ReadingKind
    unit: str
    readings: Annotated[int, Field(description="How many there are; `points` are some of them")]
    points: list[PointShape]


class ExcursionShape(Shape):
    """A stay outside the band. `ended_at` null: it goes on; `duration_s` is what was seen of it.

    Where nobody measured for hours afterwards, it ends with the last reading outside.
    """

    kind: ExceptionKind
    kind_text: str
    began_at: Time
    ended_at: Time | None
    duration_s: int
    unit: str
    limit: str
    worst: str
    worst_at: Time
    carrier: Annotated[str | None, Field(description="In whose hands the goods were when it began")]


class ColdChainShape(Shape):
    """What instruments told. `outside_s` of `measured_s` is the cold-chain break ratio."""

    model_config: ClassVar[ConfigDict] = _example(_COLD_CHAIN)

    bands: list[BandShape]
    curves: list[CurveShape]
    excursions: list[ExcursionShape]
    outside_s: int
    measured_s: int


class HoursAboardShape(Shape):
    """How long animals have been on board since they were loaded or rested last, against what their species bears.

    `over_at` is when they will have been for too long, unless they arrive or rest before; null before they are loaded, and once they
    have arrived.
    """

    model_config: ClassVar[ConfigDict] = _example(_HOURS)

    loaded_at: Time | None
    aboard_s: int
    limit_s: int
    rest_s: Annotated[int, Field(description="The rest after which they may travel on")]
    warned_after_s: int
    over_at: Time | None


class ConsignmentColdChain(ColdChainShape):
    """The cold chain of one consignment; of animals, their hours on board too."""

    model_config: ClassVar[ConfigDict] = _example(
        {
            "consignment": "con_01jd0000000000000000000000",
            "tracking_number": "CM3141592653589",
            "temperature": "chilled",
            "livestock": None,
        }
        | _COLD_CHAIN
    )

    consignment: str
    tracking_number: str
    temperature: str
    livestock: HoursAboardShape | None


def cold_chain_shape(
    journey: Journey, events: Sequence[JourneyEvent], terms: Terms, language: str, points_max: int
) -> ColdChainShape | None:
    """The cold chain from all events of a journey; None while nothing was measured. Pure."""
    if not any(event.readings for event in events):
        return None
    readings = readings_of(events, journey.ended_at)
    bands = bands_of(journey.storage, journey.temperature, terms)
    excursions = excursions_of(readings, bands, terms, journey.ended_at)
    outside, measured = outside_share(readings, excursions)
    return ColdChainShape(
        bands=[_band(band) for band in bands],
        curves=[curve for kind in ReadingKind if (curve := _curve(kind, readings, points_max))],
        excursions=[_excursion(journey, each, language) for each in excursions],
        outside_s=_seconds(outside),
        measured_s=_seconds(measured),
    )


def _band(band: Band) -> BandShape:
    low, high = (None if end is None else as_text(end) for end in (band.low, band.high))
    return BandShape(kind=band.kind, unit=UNITS[band.kind], low=low, high=high, source=band.source)


def _curve(kind: ReadingKind, readings: Sequence[Measured], points_max: int) -> CurveShape | None:
    series = [each for each in readings if each.kind is kind]
    if not series:
        return None
    points = [PointShape(at=each.at, value=as_text(each.value)) for each in downsampled(series, points_max)]
    return CurveShape(kind=kind, unit=UNITS[kind], readings=len(series), points=points)


def _excursion(journey: Journey, each: Excursion, language: str) -> ExcursionShape:
    above_or_below = (ExceptionKind.TEMPERATURE_ABOVE, ExceptionKind.TEMPERATURE_BELOW)
    kind = ReadingKind.TEMPERATURE if each.kind in above_or_below else ReadingKind.RELATIVE_HUMIDITY
    leg = hands_of(journey.legs, each.began_at)
    return ExcursionShape(
        kind=each.kind,
        kind_text=pick(EXCEPTION_DISPLAY[each.kind], language),
        began_at=each.began_at,
        ended_at=each.ended_at,
        duration_s=_seconds(each.lasted),
        unit=UNITS[kind],
        limit=as_text(each.limit),
        worst=as_text(each.worst),
        worst_at=each.worst_at,
        carrier=leg.carrier if leg else None,
    )


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())
