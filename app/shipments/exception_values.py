"""The words of exceptions: what may go otherwise than it should, and the table that says when it does and who is told. Pure."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

TABLE: Final = Path(__file__).with_name("seed") / "exceptions.toml"


class ExceptionKind(StrEnum):
    """`SILENT`: something should have happened, and nobody says anything. `LATE`: expected later than promised."""

    TEMPERATURE_ABOVE = "temperature_above"
    TEMPERATURE_BELOW = "temperature_below"
    HUMIDITY_ABOVE = "humidity_above"
    HUMIDITY_BELOW = "humidity_below"
    JOURNEY_WARNING = "journey_warning"
    JOURNEY_OVER = "journey_over"
    SILENT = "silent"
    LATE = "late"


class Audience(StrEnum):
    PRODUCER = "producer"
    BUYER = "buyer"
    OPERATOR = "operator"


EXCURSIONS: Final = frozenset(
    {
        ExceptionKind.TEMPERATURE_ABOVE,
        ExceptionKind.TEMPERATURE_BELOW,
        ExceptionKind.HUMIDITY_ABOVE,
        ExceptionKind.HUMIDITY_BELOW,
    }
)
# Found by looking at the clock, not by an event.
WATCHED: Final = frozenset(ExceptionKind) - EXCURSIONS
EXCEPTION_DISPLAY: Final[Mapping[ExceptionKind, Mapping[str, str]]] = {
    ExceptionKind.TEMPERATURE_ABOVE: {"en": "Too warm", "zh-Hans": "温度过高"},
    ExceptionKind.TEMPERATURE_BELOW: {"en": "Too cold", "zh-Hans": "温度过低"},
    ExceptionKind.HUMIDITY_ABOVE: {"en": "Too moist", "zh-Hans": "湿度过高"},
    ExceptionKind.HUMIDITY_BELOW: {"en": "Too dry", "zh-Hans": "湿度过低"},
    ExceptionKind.JOURNEY_WARNING: {"en": "Animals need rest soon", "zh-Hans": "活畜即将达到运输时限"},
    ExceptionKind.JOURNEY_OVER: {"en": "Animals are on board for too long", "zh-Hans": "活畜运输超时"},
    ExceptionKind.SILENT: {"en": "No word from the carrier", "zh-Hans": "物流信息中断"},
    ExceptionKind.LATE: {"en": "Will arrive late", "zh-Hans": "预计晚到"},
}


@dataclass(frozen=True, slots=True)
class Spread:
    """By what a ride deviates from its timetable: seconds of its departure, thousandths of the planned time on the way."""

    departs_low_s: int
    departs_high_s: int
    takes_low_pml: int
    takes_high_pml: int

    def hull(self, other: "Spread") -> "Spread":
        """What holds both."""
        return Spread(
            min(self.departs_low_s, other.departs_low_s),
            max(self.departs_high_s, other.departs_high_s),
            min(self.takes_low_pml, other.takes_low_pml),
            max(self.takes_high_pml, other.takes_high_pml),
        )


@dataclass(frozen=True, slots=True)
class Terms:
    """The table as the rules read it. `bands` by temperature class, `silence` by mode (`hand_in` before the first ride)."""

    version: str
    merge: timedelta
    gap: timedelta
    bands: Mapping[str, Mapping[str, str]]
    warn_bps: int
    silence: Mapping[str, timedelta]
    late: timedelta
    audience: Mapping[ExceptionKind, frozenset[Audience]]
    spreads: Mapping[str, Spread]

    def spread_for(self, mode: str) -> Spread:
        """What nobody has watched yet may deviate by."""
        return self.spreads.get(mode) or self.spreads["road"]


@dataclass(frozen=True, slots=True)
class Raised:
    """Something that is not as it should be, since when, and in whose hands the goods were or are.

    `reason` says it in words. `worst` and `limit` are of an excursion, in the unit of its kind; of a journey, hours. `ended_at` None:
    it goes on.
    """

    consignment_id: str
    kind: ExceptionKind
    began_at: datetime
    ended_at: datetime | None
    carrier: str
    hub: str | None
    reason: Mapping[str, str]
    worst: Decimal | None = None
    worst_at: datetime | None = None
    limit: Decimal | None = None


@lru_cache(maxsize=1)
def exception_terms() -> Terms:
    """The table (`seed/exceptions.toml`), read once."""
    return read_terms(tomllib.loads(TABLE.read_text(encoding="utf-8")))


def read_terms(table: Mapping[str, Any]) -> Terms:
    """A table as it is written. A kind of exception that nobody is told of is only listed."""
    told: dict[ExceptionKind, frozenset[Audience]] = dict.fromkeys(ExceptionKind, frozenset())
    for row in table["tell"]:
        told |= dict.fromkeys(map(ExceptionKind, row["kinds"]), frozenset(map(Audience, row["who"])))
    cold = table["cold_chain"]
    return Terms(
        version=table["version"],
        merge=timedelta(minutes=cold["merge_min"]),
        gap=timedelta(minutes=cold["gap_min"]),
        bands={row["temperature"]: row for row in cold["band"]},
        warn_bps=table["livestock"]["warn_bps"],
        silence={name.removesuffix("_min"): timedelta(minutes=value) for name, value in table["silence"].items()},
        late=timedelta(minutes=table["late"]["after_min"]),
        audience=told,
        spreads={
            row["mode"]: Spread(
                row["departs_low_s"], row["departs_high_s"], row["takes_low_pml"], row["takes_high_pml"]
            )
            for row in table["lateness"]
        },
    )
