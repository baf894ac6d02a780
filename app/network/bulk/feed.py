"""From the tables of a GTFS feed to checked trips and calendars. Only buses and coaches. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from app.network.bulk.rules import time_s
from app.network.bulk.tables import read_table
from app.network.bulk.values import (
    ROWS_MAX,
    STARTS_PER_TRIP_MAX,
    TRIP_STOPS_MAX,
    UTC_OFFSETS_H,
    Call,
    Faults,
    Feed,
    FeedStop,
    Row,
    Trip,
)

NEEDED_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "agency.txt": ("agency_timezone",),
    "stops.txt": ("stop_id", "stop_lat", "stop_lon"),
    "routes.txt": ("route_id", "route_type"),
    "trips.txt": ("route_id", "service_id", "trip_id"),
    "stop_times.txt": ("trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence"),
    "calendar.txt": (
        "service_id", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "start_date", "end_date",
    ),
    "calendar_dates.txt": ("service_id", "date", "exception_type"),
    "frequencies.txt": ("trip_id", "start_time", "end_time", "headway_secs"),
}  # fmt: skip
WEEKDAYS: Final = NEEDED_COLUMNS["calendar.txt"][1:8]
# Buses; extended types: coaches 200..209, buses 700..716.
BUS_TYPES: Final = frozenset({3, *range(200, 210), *range(700, 717)})
DATE: Final = re.compile("[0-9]{8}")
NUMBER: Final = re.compile("[0-9]{1,9}")
ADDED, REMOVED = "1", "2"
LOCATION_PLACES: Final = frozenset({"", "0", "1"})
_UNKNOWN: Final = ("There is no such id in {file}", "{file} 中没有此编号")


@dataclass(slots=True)
class _Reader:
    """One file of the feed, with the faults of all."""

    file: str
    rows: Sequence[Row]
    faults: Faults

    def fault(self, row: Row, column: str, en: str, zh: str) -> None:
        self.faults.add(en, zh, file=self.file, row=row.number, column=column)

    def unique(self, column: str) -> Iterator[tuple[str, Row]]:
        """The rows by their id; a second one of the same id, or none, is a fault."""
        seen: set[str] = set()
        for row in self.rows:
            key = row.get(column)
            if not key or key in seen:
                self.fault(row, column, "Needed, and each only once", "必填且不可重复")
                continue
            seen.add(key)
            yield key, row

    def known(self, row: Row, column: str, ids: Collection[str], file: str) -> bool:
        if row.get(column) in ids:
            return True
        self.fault(row, column, *(text.format(file=file) for text in _UNKNOWN))
        return False

    def time(self, row: Row, column: str) -> int | None:
        """The seconds of a time; None, with a fault unless it is empty, when there is none."""
        found = time_s(row.get(column))
        if found is None and row.get(column):
            self.fault(row, column, "A time is H:MM:SS", "时间格式应为 H:MM:SS")
        return found

    def date(self, row: Row, column: str) -> date | None:
        text = row.get(column)
        try:
            if DATE.fullmatch(text):
                return date.fromisoformat(text)
        except ValueError:
            pass
        self.fault(row, column, "A date is YYYYMMDD", "日期格式应为 YYYYMMDD")
        return None

    def number(self, row: Row, column: str, low: int, high: int) -> int | None:
        text = row.get(column)
        if NUMBER.fullmatch(text) and low <= int(text) <= high:
            return int(text)
        self.fault(row, column, f"A whole number from {low} to {high}", f"应为 {low} 至 {high} 的整数")
        return None


def read_feed(texts: Mapping[str, str], since: date, until: date) -> tuple[Feed, Faults]:
    """The feed, and everything that is wrong with it by file, row and column. Service days outside the two dates (both included) are left out."""
    faults = Faults()
    files = {
        file: _Reader(file, read_table(texts[file], file, NEEDED_COLUMNS[file], ROWS_MAX[file], faults), faults)
        if file in texts
        else _Reader(file, (), faults)
        for file in NEEDED_COLUMNS
    }
    offset_h = _offset_h(files["agency.txt"])
    stops = _stops(files["stops.txt"])
    routes = _routes(files["routes.txt"])
    days = _days(files["calendar.txt"], files["calendar_dates.txt"], since, until)
    trips = _trips(files, stops, routes, days)
    return Feed(offset_h, stops, routes, {key: frozenset(each) for key, each in days.items()}, trips), faults


def _offset_h(agencies: _Reader) -> int:
    zones: set[str] = set()
    for row in agencies.rows:
        zone = row.get("agency_timezone")
        zones.add(zone)
        if zone not in UTC_OFFSETS_H:
            known = ", ".join(UTC_OFFSETS_H)
            agencies.fault(row, "agency_timezone", f"One of {known}", f"应为以下之一：{known}")
        elif len(zones) > 1:
            agencies.fault(row, "agency_timezone", "All agencies of a feed share one", "同一数据包的时区必须一致")
    if not agencies.rows:
        agencies.faults.add("One agency at least", "至少需要一行", file=agencies.file)
    return UTC_OFFSETS_H.get(next(iter(zones), ""), 0)


def _stops(reader: _Reader) -> dict[str, FeedStop]:
    stops: dict[str, FeedStop] = {}
    for key, row in reader.unique("stop_id"):
        lat, lon = _degrees(reader, row, "stop_lat", 90), _degrees(reader, row, "stop_lon", 180)
        stops[key] = FeedStop(lat, lon, row.get("parent_station") or None)
    for row in reader.rows:
        if row.get("parent_station"):
            reader.known(row, "parent_station", stops, reader.file)
    return stops


def _degrees(reader: _Reader, row: Row, column: str, most: int) -> float | None:
    text = row.get(column)
    if not text and row.get("location_type") not in LOCATION_PLACES:
        return None
    try:
        degrees = float(text)
    except ValueError:
        degrees = most + 1.0
    if not abs(degrees) <= most:
        reader.fault(row, column, f"Degrees from -{most} to {most}", f"应为 -{most} 至 {most} 的度数")
        return None
    return degrees


def _routes(reader: _Reader) -> dict[str, str]:
    routes: dict[str, str] = {}
    for key, row in reader.unique("route_id"):
        kind = reader.number(row, "route_type", 0, 1_999)
        if kind is not None and kind not in BUS_TYPES:
            reader.fault(row, "route_type", "Only buses and coaches carry parcels: 3", "只有公交和客运班车可带货：3")
        routes[key] = row.get("route_short_name") or row.get("route_long_name") or key
    return routes


def _days(calendar: _Reader, exceptions: _Reader, since: date, until: date) -> dict[str, set[date]]:
    days: dict[str, set[date]] = {}
    for key, row in calendar.unique("service_id"):
        begins, ends = calendar.date(row, "start_date"), calendar.date(row, "end_date")
        runs = [calendar.number(row, column, 0, 1) for column in WEEKDAYS]
        days[key] = set()
        if begins and ends and ends < begins:
            calendar.fault(row, "end_date", "It ends before it begins", "结束日期早于开始日期")
        elif begins and ends:
            first, last = max(begins, since), min(ends, until)
            span = (first + timedelta(days=number) for number in range((last - first).days + 1))
            days[key] = {day for day in span if runs[day.weekday()]}
    seen: set[tuple[str, date]] = set()
    for row in exceptions.rows:
        day, kind, key = exceptions.date(row, "date"), row.get("exception_type"), row.get("service_id")
        if kind not in {ADDED, REMOVED}:
            exceptions.fault(row, "exception_type", "1 (added) or 2 (removed)", "应为 1（增开）或 2（停开）")
        if not key:
            exceptions.fault(row, "service_id", "Needed", "必填")
        if day is None or not key:
            continue
        if (key, day) in seen:
            exceptions.fault(row, "date", "This day is there twice", "该日期重复")
        seen.add((key, day))
        of_key = days.setdefault(key, set())
        if since <= day <= until:
            (of_key.add if kind == ADDED else of_key.discard)(day)
    return days


def _trips(
    files: Mapping[str, _Reader], stops: Collection[str], routes: Collection[str], days: Collection[str]
) -> tuple[Trip, ...]:
    reader = files["trips.txt"]
    rows = dict(reader.unique("trip_id"))
    calls = _calls(files["stop_times.txt"], stops, rows)
    headways = _headways(files["frequencies.txt"], rows)
    trips = []
    for key, row in rows.items():
        is_known = reader.known(row, "route_id", routes, "routes.txt")
        is_known &= reader.known(row, "service_id", days, "calendar.txt")
        of_trip = calls.get(key, ())
        if key not in calls:
            reader.fault(row, "trip_id", "It has no stop times", "没有停靠时刻")
        if is_known and of_trip:
            starts = headways.get(key, [of_trip[0].departs_s])
            trips.append(Trip(key, row.get("route_id"), row.get("service_id"), of_trip, tuple(starts), row.number))
    return tuple(trips)


def _calls(reader: _Reader, stops: Collection[str], trips: Collection[str]) -> dict[str, tuple[Call, ...]]:
    """The calls of each trip in the order of their numbers; of a trip with faults there are none."""
    of_trip: dict[str, dict[int, Row]] = {}
    for row in reader.rows:
        if not reader.known(row, "trip_id", trips, "trips.txt"):
            continue
        by_number = of_trip.setdefault(row.get("trip_id"), {})
        number = reader.number(row, "stop_sequence", 0, 10**8)
        if number in by_number:
            reader.fault(row, "stop_sequence", "This number is there twice in the trip", "同一车次中序号重复")
        elif number is not None:
            by_number[number] = row
        reader.known(row, "stop_id", stops, "stops.txt")
    return {key: _in_order(reader, [rows[number] for number in sorted(rows)], stops) for key, rows in of_trip.items()}


def _in_order(reader: _Reader, rows: Sequence[Row], stops: Collection[str]) -> tuple[Call, ...]:
    if len(rows) > TRIP_STOPS_MAX:
        reader.fault(
            rows[TRIP_STOPS_MAX], "stop_sequence", f"At most {TRIP_STOPS_MAX} stops", f"最多 {TRIP_STOPS_MAX} 站"
        )
        return ()
    times: list[tuple[int, int] | None] = []
    latest, is_right = 0, True
    for number, row in enumerate(rows):
        arrives, departs = reader.time(row, "arrival_time"), reader.time(row, "departure_time")
        arrives, departs = departs if arrives is None else arrives, arrives if departs is None else departs
        if arrives is None or departs is None:
            if number in {0, len(rows) - 1}:
                reader.fault(row, "arrival_time", "The first and the last stop have times", "首末站必须有时刻")
            is_right &= number not in {0, len(rows) - 1}
            times.append(None)
            continue
        for column, at, since in (("arrival_time", arrives, latest), ("departure_time", departs, arrives)):
            if at < since:
                reader.fault(row, column, "It is earlier than the time before it", "早于前一个时刻")
                is_right = False
        latest = max(latest, departs)
        times.append((arrives, departs))
    if not is_right or not all(row.get("stop_id") in stops for row in rows) or not rows:
        return ()
    timed = _interpolated(times)
    return tuple(Call(row.get("stop_id"), *at) for row, at in zip(rows, timed, strict=True))


def _interpolated(times: Sequence[tuple[int, int] | None]) -> list[tuple[int, int]]:
    """Stops without a time get one in even steps between their timed neighbours."""
    filled: list[tuple[int, int]] = []
    before = 0
    for number, at in enumerate(times):
        if at is not None:
            filled.append(at)
            before = number
            continue
        after = next(later for later in range(number + 1, len(times)) if times[later] is not None)
        since, until = times[before], times[after]
        assert since is not None
        assert until is not None
        between = since[1] + (until[0] - since[1]) * (number - before) // (after - before)
        filled.append((between, between))
    return filled


def _headways(reader: _Reader, trips: Collection[str]) -> dict[str, list[int]]:
    """The starts of trips that run every so often, from `start_time` until before `end_time`."""
    starts: dict[str, list[int]] = {}
    for row in reader.rows:
        is_known = reader.known(row, "trip_id", trips, "trips.txt")
        since, until = reader.time(row, "start_time"), reader.time(row, "end_time")
        every = reader.number(row, "headway_secs", 60, 86_400)
        for column, at in (("start_time", since), ("end_time", until)):
            if at is None and not row.get(column):
                reader.fault(row, column, "Needed", "必填")
        if since is None or until is None or every is None or not is_known:
            continue
        if until <= since:
            reader.fault(row, "end_time", "It ends before it begins", "结束早于开始")
            continue
        of_trip = starts.setdefault(row.get("trip_id"), [])
        of_trip += range(since, until, every)[:STARTS_PER_TRIP_MAX]
        if len(of_trip) >= STARTS_PER_TRIP_MAX:
            most = STARTS_PER_TRIP_MAX
            reader.fault(row, "headway_secs", f"Fewer than {most} runs of a trip", f"每个车次应少于 {most} 班")
            del of_trip[most:]
    return starts
