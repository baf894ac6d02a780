"""From a local timetable with calendars to weekly patterns in UTC, and from a bus's stops to hubs. Pure."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from hashlib import blake2b
from typing import Final

from app.network.bulk.values import Call, Feed, FeedStop, Skipped
from app.network.rules import DAY_S, HOUR_S
from app.network.values import DEPARTURES_PER_DAY_MAX, HubKind, Positioned
from app.routing import Stop, Weekly

EARTH_RADIUS_M: Final = 6_371_009
TIME: Final = re.compile(r"^([0-9]{1,3}):([0-5][0-9]):([0-5][0-9])$")
# A tenth of a degree, in which a nearest hub is looked for: wider than the bound up to the latitude of 63 degrees.
CELLS_PER_DEGREE: Final = 10
BUS_KINDS: Final = frozenset(
    {HubKind.HUB, HubKind.CITY, HubKind.BUYER_CITY, HubKind.COUNTY, HubKind.TOWNSHIP, HubKind.VILLAGE_POINT}
)
ID_LENGTH_MAX: Final = 40
SLUG_LENGTH_MAX: Final = 12


def time_s(text: str) -> int | None:
    """Seconds of a GTFS time `H:MM:SS` after midnight, past 24:00 too; None when it is not one."""
    match = TIME.fullmatch(text)
    return int(match[1]) * HOUR_S + int(match[2]) * 60 + int(match[3]) if match else None


def in_utc(day: date, local_s: int, utc_offset_h: int) -> tuple[date, int]:
    """The UTC date and second of the day of a local time that may lie past 24:00 of its service day."""
    days, second = divmod(local_s - utc_offset_h * HOUR_S, DAY_S)
    return day + timedelta(days=days), second


def weekly_patterns(starts: Mapping[int, Iterable[date]]) -> list[Weekly]:
    """Weekly patterns that start exactly at these seconds on these dates, in a fixed order. The reverse of `expand`."""
    seconds_on: dict[frozenset[date], list[int]] = {}
    for second, days in sorted(starts.items()):
        seconds_on.setdefault(frozenset(days), []).append(second)
    patterns = [
        Weekly(weekdays, tuple(some), since, until)
        for days, seconds in seconds_on.items()
        for weekdays, since, until in _windows(days)
        for some in _chunks(seconds)
    ]
    return sorted(patterns, key=lambda each: (each.valid_from or date.min, each.weekdays, each.seconds_of_day))


def _chunks(seconds: Sequence[int]) -> Iterator[list[int]]:
    for first in range(0, len(seconds), DEPARTURES_PER_DAY_MAX):
        yield list(seconds[first : first + DEPARTURES_PER_DAY_MAX])


def expand(patterns: Iterable[Weekly]) -> dict[int, set[date]]:
    """The dates on which runs start at each second of the day; the patterns need both of their dates."""
    starts: dict[int, set[date]] = {}
    for pattern in patterns:
        assert pattern.valid_from
        assert pattern.valid_until
        for number in range((pattern.valid_until - pattern.valid_from).days + 1):
            day = pattern.valid_from + timedelta(days=number)
            if day.weekday() in pattern.weekdays:
                for second in pattern.seconds_of_day:
                    starts.setdefault(second, set()).add(day)
    return starts


@dataclass(slots=True)
class _Window:
    """The same weekdays in each week between two dates; `is_cut` when its last week ends early."""

    weekdays: list[int]
    since: date
    until: date
    weeks: int = 1
    is_cut: bool = False


def _windows(days: Iterable[date]) -> Iterator[tuple[tuple[int, ...], date, date]]:
    """Weekdays between two dates that together are exactly these days. A first or a last week may be cut short."""
    weeks: dict[date, list[int]] = {}
    for day in sorted(days):
        weeks.setdefault(_monday(day), []).append(day.weekday())
    windows: list[_Window] = []
    for monday, week in weeks.items():
        until = monday + timedelta(days=week[-1])
        if windows and _goes_on(windows[-1], monday, week):
            last = windows[-1]
            last.weekdays = max(last.weekdays, week, key=len)
            last.until, last.weeks, last.is_cut = until, last.weeks + 1, len(week) < len(last.weekdays)
        else:
            windows.append(_Window(week, monday + timedelta(days=week[0]), until))
    for each in windows:
        yield tuple(each.weekdays), each.since, each.until


def _goes_on(window: _Window, monday: date, week: list[int]) -> bool:
    if window.is_cut or _monday(window.until) + timedelta(days=7) != monday:
        return False
    begins = window.weeks == 1 and window.weekdays == [day for day in week if day >= window.weekdays[0]]
    ends = week == [day for day in window.weekdays if day <= week[-1]]
    return begins or ends


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def metres_between(lat: float, lon: float, other_lat: float, other_lon: float) -> int:
    """Great circle (haversine, on a sphere), in whole metres."""
    phi, phi2, step = math.radians(lat), math.radians(other_lat), math.radians(other_lon - lon)
    half = math.sin((phi2 - phi) / 2) ** 2 + math.cos(phi) * math.cos(phi2) * math.sin(step / 2) ** 2
    return round(2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, half))))


def match_stops(
    stops: Mapping[str, FeedStop], hubs: Iterable[Positioned], named: Mapping[str, str], nearest_m: int
) -> dict[str, str]:
    """The hub of each stop that has one: as it is named, else the nearest that a bus can serve within the bound, else its station's.

    Of two hubs as near the first by code.
    """
    cells: dict[tuple[int, int], list[Positioned]] = {}
    for hub in hubs:
        if hub.kind in BUS_KINDS:
            cells.setdefault(_cell(hub.lat, hub.lon), []).append(hub)
    found = dict(named)
    for code, stop in stops.items():
        if code not in found and nearest_m and (hub_code := _nearest(stop, cells, nearest_m)):
            found[code] = hub_code
    return found | {
        code: found[stop.parent]
        for code, stop in stops.items()
        if code not in found and stop.parent is not None and stop.parent in found
    }


def _cell(lat: float, lon: float) -> tuple[int, int]:
    return math.floor(lat * CELLS_PER_DEGREE), math.floor(lon * CELLS_PER_DEGREE)


def _nearest(stop: FeedStop, cells: Mapping[tuple[int, int], Sequence[Positioned]], within_m: int) -> str | None:
    if stop.lat is None or stop.lon is None:
        return None
    row, column = _cell(stop.lat, stop.lon)
    around = [cells.get((row + down, column + right), ()) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    far = [(metres_between(stop.lat, stop.lon, hub.lat, hub.lon), hub.code) for each in around for hub in each]
    metres, code = min(far, default=(within_m + 1, ""))
    return code if metres <= within_m else None


@dataclass(frozen=True, slots=True)
class Pattern:
    """What becomes one service: a route's way between hubs, the same for each run, and the UTC seconds and dates of its runs."""

    route: str
    stops: tuple[Stop, ...]
    departures: tuple[Weekly, ...]

    def service_id(self, carrier: str, feed: str) -> str:
        """The same for the same way of the same route, so that a feed that comes again changes it in place."""
        words = repr((carrier, self.route, [(s.place, s.arrive_offset_s, s.depart_offset_s) for s in self.stops]))
        slug = re.sub(r"[^A-Za-z0-9]+", "", self.route)[:SLUG_LENGTH_MAX]
        digest = blake2b(words.encode(), digest_size=5).hexdigest()
        return "-".join(part for part in (feed, slug, digest) if part)[:ID_LENGTH_MAX]


def patterns_of(feed: Feed, hub_of: Mapping[str, str], road_factor: float) -> tuple[list[Pattern], list[Skipped]]:
    """The services that a feed makes, by route and way, and the trips that make none. Between stops, great circles times `road_factor`."""
    runs: dict[tuple[str, tuple[Stop, ...]], dict[int, set[date]]] = {}
    skipped: list[Skipped] = []
    for trip in feed.trips:
        stops, later_s = _way(trip.calls, hub_of, feed.stops, road_factor)
        if len(stops) < 2:
            skipped.append(Skipped(trip.id, trip.row))
            continue
        starts = runs.setdefault((trip.route, stops), {})
        for at in trip.starts_s:
            for day in feed.days[trip.calendar]:
                utc_day, second = in_utc(day, at + later_s, feed.utc_offset_h)
                starts.setdefault(second, set()).add(utc_day)
    patterns = [
        Pattern(route, stops, tuple(weekly_patterns(starts))) for (route, stops), starts in runs.items() if starts
    ]
    return sorted(
        patterns, key=lambda each: (each.route, [stop.place for stop in each.stops], each.stops[-1].arrive_offset_s)
    ), skipped


def _way(
    calls: Sequence[Call], hub_of: Mapping[str, str], stops: Mapping[str, FeedStop], road_factor: float
) -> tuple[tuple[Stop, ...], int]:
    """The calls at hubs, from the first of them on, and how long after the first call of the trip that one departs.

    Calls at one hub in a row are one. Where a feed's minutes leave no time for a ride, it lasts a second.
    """
    way: list[Stop] = []
    travelled_m, begins_s = 0.0, 0
    position: FeedStop | None = None
    for call in calls:
        travelled_m += _hop_m(position, stops[call.stop]) * road_factor
        position = stops[call.stop] if stops[call.stop].lat is not None else position
        hub = hub_of.get(call.stop)
        if hub is None:
            continue
        if way and way[-1].place == hub:
            later_s = max(way[-1].depart_offset_s, call.departs_s - begins_s) if len(way) > 1 else 0
            begins_s = call.departs_s if len(way) == 1 else begins_s
            travelled_m = 0.0 if len(way) == 1 else travelled_m
            way[-1] = replace(way[-1], depart_offset_s=later_s)
        elif not way:
            begins_s, travelled_m = call.departs_s, 0.0
            way.append(Stop(hub, 0, 0, 0))
        else:
            arrives_s = max(call.arrives_s - begins_s, way[-1].depart_offset_s + 1)
            metres = max(round(travelled_m), way[-1].distance_m + 1)
            way.append(Stop(hub, arrives_s, max(arrives_s, call.departs_s - begins_s), metres))
    if len(way) > 1:
        way[-1] = replace(way[-1], depart_offset_s=way[-1].arrive_offset_s)
    return tuple(way), begins_s - calls[0].departs_s


def _hop_m(one: FeedStop | None, other: FeedStop) -> int:
    if one is None or one.lat is None or one.lon is None or other.lat is None or other.lon is None:
        return 0
    return metres_between(one.lat, one.lon, other.lat, other.lon)
