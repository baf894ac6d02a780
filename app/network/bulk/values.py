"""The words of what carriers send in bulk: tables with faults by row and column, and a bus company's GTFS feed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple

FAULTS_MAX: Final = 100
SHEET_LENGTH_MAX: Final = 2_000_000
SHEET_ROWS_MAX: Final = 10_000
CELL_LENGTH_MAX: Final = 2_000
SERVICES_PER_IMPORT_MAX: Final = 500
ARCHIVE_BYTES_MAX: Final = 3_000_000
ARCHIVE_FILES_MAX: Final = 60
UNPACKED_BYTES_MAX: Final = 32_000_000
NEAREST_M_MAX: Final = 5_000
STARTS_PER_TRIP_MAX: Final = 1_500
TRIP_STOPS_MAX: Final = 300
CALENDAR_YEARS: Final = 2
SKIPPED_SHOWN_MAX: Final = 100

ROWS_MAX: Final[Mapping[str, int]] = {
    "agency.txt": 50,
    "stops.txt": 20_000,
    "routes.txt": 2_000,
    "trips.txt": 20_000,
    "stop_times.txt": 200_000,
    "calendar.txt": 2_000,
    "calendar_dates.txt": 50_000,
    "frequencies.txt": 5_000,
}
"""The files of a feed that matter here, with the rows that each may have; what else is in it is left alone."""

NEEDED: Final = ("agency.txt", "stops.txt", "routes.txt", "trips.txt", "stop_times.txt")
# Without daylight saving, so that a local week is always the same week in UTC.
UTC_OFFSETS_H: Final[Mapping[str, int]] = {
    "Asia/Shanghai": 8,
    "Asia/Chongqing": 8,
    "Asia/Harbin": 8,
    "PRC": 8,
    "Asia/Urumqi": 6,
    "Asia/Kashgar": 6,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong in what was sent. Row 1 is the header; without row or column it is about the whole."""

    detail: Mapping[str, str]
    file: str | None = None
    row: int | None = None
    column: str | None = None


@dataclass(slots=True)
class Faults:
    """The first faults that were found, and how many more there were."""

    kept: list[Fault] = field(default_factory=list)
    left_off: int = 0

    def add(
        self, en: str, zh: str, *, file: str | None = None, row: int | None = None, column: str | None = None
    ) -> None:
        """Note one more."""
        self.put(Fault({"en": en, "zh-Hans": zh}, file, row, column))

    def put(self, fault: Fault) -> None:
        if len(self.kept) < FAULTS_MAX:
            self.kept.append(fault)
        else:
            self.left_off += 1

    def in_order(self) -> list[Fault]:
        """By row, those of the whole first; of feeds file by file, as they were read."""
        files = {each.file: place for place, each in reversed([*enumerate(self.kept)])}
        return sorted(self.kept, key=lambda each: (files[each.file], each.row or 0))

    def __bool__(self) -> bool:
        return bool(self.kept)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table by column; `number` counts as a spreadsheet does, the header is 1."""

    number: int
    cells: Mapping[str, str]

    def get(self, column: str) -> str:
        return self.cells.get(column, "")


class FeedStop(NamedTuple):
    """Where a bus stops; a position may be missing, the station that it belongs to usually is."""

    lat: float | None
    lon: float | None
    parent: str | None


class Call(NamedTuple):
    """A stop of a trip, in seconds after the local midnight of its service day: past 24:00 when it is after midnight."""

    stop: str
    arrives_s: int
    departs_s: int


@dataclass(frozen=True, slots=True)
class Trip:
    """One row of `trips.txt` with its calls. `starts_s` are the departures from its first call: one, or those of its headways."""

    id: str
    route: str
    calendar: str
    calls: tuple[Call, ...]
    starts_s: tuple[int, ...]
    row: int


@dataclass(frozen=True, slots=True)
class Feed:
    """What a feed says, checked. `days` are the service days of each calendar, within the years that are read."""

    utc_offset_h: int
    stops: Mapping[str, FeedStop]
    routes: Mapping[str, str]
    days: Mapping[str, frozenset[date]]
    trips: tuple[Trip, ...]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A trip that carries nothing, because it calls at fewer than two hubs."""

    trip: str
    row: int
